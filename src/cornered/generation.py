"""How the subjects of a run generate their answers: the settings that Inspect passes on.

Judges and readers have settings of their own; none of these reaches them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Generation(BaseModel):
    """How answers are generated, alike in every trial of a run; the provider's own where None.

    What a provider does not know it ignores or refuses; Inspect's documentation says which has
    what.
    """

    model_config = ConfigDict(extra="forbid")

    temperature: float = Field(default=1.0, ge=0, le=2)
    """Sampling temperature of the subjects; the study's is 1."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The limit of an answer, in tokens."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    """How much a model reasons before it answers, where it reasons only when asked to."""
    reasoning_tokens: int | None = Field(default=None, ge=0)
    """The limit of its reasoning, in tokens."""
    reasoning_summary: Literal["none", "concise", "detailed", "auto"] | None = None
    """Whether the provider returns a summary of reasoning that it keeps to itself."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """How thoroughly a model answers, reasoning or not (Anthropic)."""
    verbosity: Literal["low", "medium", "high"] | None = None
    """How long its answers are (OpenAI)."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus sampling: the share of probability that tokens are drawn from."""
    top_k: int | None = Field(default=None, ge=1)
    """The number of likeliest tokens that tokens are drawn from."""
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    """The seed of sampling. Each trial gets a seed of its own from it: with one seed for all, a
    provider would return one answer many times."""
    stop: Annotated[list[Text], BeforeValidator(_as_list)] = []
    """Texts at which generation stops."""
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    """Penalty on tokens by how often they occurred."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    """Penalty on tokens that occurred at all."""

    def given(self) -> dict[str, Any]:
        """The settings that are not left to the provider, by name."""
        values = {name: getattr(self, name) for name in Generation.model_fields}
        return {name: value for name, value in values.items() if value not in (None, [])}

    def written(self) -> str:
        """The same as words, such as `temperature 1.0, reasoning_effort high`."""
        return ", ".join(f"{name} {value}" for name, value in self.given().items())

    def config(self) -> dict[str, Any]:
        """The same by the names of Inspect's `GenerateConfig`."""
        return {"stop_seqs" if name == "stop" else name: v for name, v in self.given().items()}
