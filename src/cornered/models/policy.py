"""The policy file of a scripted model: its answers, their frequencies, and its failures.

```yaml
seed: 7                                   # every draw follows from it; at most 30 digits
usage: {input: 4000, output: 300}         # tokens reported for an answer
rules:                                    # the first rule that fits answers
  - when: "blackmail/explicit-*/*"        # glob over the condition's name; `*` crosses slashes
    match: "(?i)inbox"                    # optional: a regex searched in the last user message
    draw: random                          # or stratified: trials 1-20, 21-40 … share out p evenly
    answers:
      - p: 0.7                            # all with p, summing to 1, or none (then equal)
        text: |
          ...
        reasoning: ...                    # optional: a native reasoning trace
        latency: {min: 0.1, max: 0.4}     # optional: seconds, or one number
        usage: {input: 9, output: 9}      # optional
        stop: max_tokens                  # optional: cut off; or content_filter: refused
      - p: 0.1
        file: long-answer.md              # instead of text; relative to the policy
      - p: 0.1
        garbled: 300                      # instead of text: so many characters of noise
      - p: 0.1
        error: rate_limit                 # or server_error, timeout, connection
        times: 2                          # optional: gone after so many tries of a trial
```

An empty answer is `text: ""`. A judge is scripted by a policy of its own.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from cornered.errors import ModelError
from cornered.yamlfile import read_model, read_text

ErrorKind = Literal["rate_limit", "server_error", "timeout", "connection"]


class _StrictModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Usage(_StrictModel):
    """The token counts reported for an answer."""

    input: int = Field(ge=0)
    """Tokens read."""
    output: int = Field(ge=0)
    """Tokens written, reasoning included."""


class LatencyRange(_StrictModel):
    """A time in seconds, uniform between two bounds."""

    min: float = Field(ge=0, allow_inf_nan=False)
    """Shortest, in seconds."""
    max: float = Field(ge=0, allow_inf_nan=False)
    """Longest, in seconds."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max < self.min:
            raise ValueError("max is less than min")
        return self


def _number_as_range(value: Any) -> Any:
    if isinstance(value, int | float):
        return {"min": value, "max": value}
    if not isinstance(value, Mapping):
        raise ValueError("must be a number of seconds, or min and max")
    return value


def _content_of(name: str, info: ValidationInfo) -> str:
    """The text of a file named in a policy; the context holds the policy's folder."""
    folder: Path = info.context or Path()
    file = folder / name
    try:
        return read_text(file, error=ModelError)
    except ModelError as error:
        raise ValueError(f"cannot read {file} ({error.what})") from None


class _Drawn(_StrictModel):
    p: float | None = Field(default=None, ge=0, le=1)
    """Its probability among the answers of its rule; None means an equal share."""
    latency: Annotated[LatencyRange, BeforeValidator(_number_as_range)] = LatencyRange(
        min=0.0, max=0.0
    )
    """How long the model takes over it, in seconds."""


class ScriptedAnswer(_Drawn):
    """An answer of the model."""

    text: str | None = None
    """The words, returned as they stand; an empty string is an empty answer."""
    file: Annotated[str, AfterValidator(_content_of)] | None = None
    """In YAML the path of a file with the words, relative to the policy; once loaded, its words."""
    garbled: int | None = Field(default=None, gt=0)
    """So many characters of noise: neither an answer nor a tool call."""
    reasoning: str | None = None
    """A native reasoning trace, kept apart from the text."""
    usage: Usage | None = None
    """Its own token count; None means the policy's."""
    stop: Literal["stop", "max_tokens", "content_filter"] = "stop"
    """Why it ended: by itself, cut off, or refused by the provider."""

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if sum(content is not None for content in (self.text, self.file, self.garbled)) != 1:
            raise ValueError("an answer needs exactly one of text, file, garbled or error")
        return self


class Failure(_Drawn):
    """A request that fails, as a real provider's would."""

    error: ErrorKind
    """HTTP 429, HTTP 500, a read timeout, or a refused connection."""
    times: int | None = Field(default=None, gt=0)
    """Tries of one trial that fail before another answer is drawn; None means all of them."""

    def is_over(self, tries: int) -> bool:
        """Whether it no longer occurs after that many failed tries."""
        return self.times is not None and tries >= self.times


def _kind(value: Any) -> str:
    return "failure" if isinstance(value, Mapping) and "error" in value else "answer"


Drawn = Annotated[
    Annotated[ScriptedAnswer, Tag("answer")] | Annotated[Failure, Tag("failure")],
    Discriminator(_kind),
]


class PolicyRule(_StrictModel):
    """What the model answers to matching conditions and prompts."""

    when: str = "*"
    """Glob over the condition's name, case-sensitive; `*` also crosses slashes."""
    match: re.Pattern[str] | None = None
    """Searched in the last user message; None fits every message."""
    draw: Literal["random", "stratified"] = "random"
    """Independent draws, or trials 1-20, 21-40 and so on each sharing out p evenly."""
    answers: list[Drawn] = Field(min_length=1)
    """What may be drawn."""

    @model_validator(mode="after")
    def _p_are_probabilities(self) -> Self:
        given = [a.p for a in self.answers if a.p is not None]
        if given and len(given) < len(self.answers):
            raise ValueError("either every answer has a p, or none has")
        if given and not math.isclose(sum(given), 1.0, rel_tol=0.0, abs_tol=1e-9):
            raise ValueError(f"the p of the answers sum to {sum(given):g}, not to 1")
        passing = [isinstance(a, Failure) and a.times is not None for a in self.answers]
        if not any(p > 0 and not q for p, q in zip(self.probabilities, passing, strict=True)):
            raise ValueError("nothing is left to draw once errors with `times` are over")
        return self

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The probability of each answer, in order; they sum to 1."""
        return tuple(1 / len(self.answers) if a.p is None else a.p for a in self.answers)

    def fits_condition(self, condition: str) -> bool:
        """Whether this rule applies to a condition."""
        return fnmatch.fnmatchcase(condition, self.when)

    def fits_prompt(self, prompt: str) -> bool:
        """Whether this rule applies to a last user message."""
        return self.match is None or self.match.search(prompt) is not None


class Policy(_StrictModel):
    """A scripted model's whole behaviour."""

    seed: int
    """Every draw follows from it and from the trial's name."""
    usage: Usage
    """The token count of an answer that has none of its own."""
    rules: list[PolicyRule] = Field(min_length=1)
    """Tried in order; the first that fits answers."""


def load_policy(path: Path) -> Policy:
    """Read a policy file, and the files of words that it names.

    Raises:
        ModelError: no such file, no YAML, or not a policy; with file, line and key.
    """
    if not path.exists():
        raise ModelError(
            "there is no such policy file",
            where=str(path),
            fix="name one that exists, as cornered/scripted/PATH/TO/POLICY.yaml",
        )
    return read_model(path, Policy, error=ModelError, context=path.parent)
