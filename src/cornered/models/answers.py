"""What a scripted model answers: words with their cost and duration, or a failed request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from cornered.errors import ModelError
from cornered.yamlfile import read_text

ErrorKind = Literal["rate_limit", "server_error", "timeout", "connection"]

# What text becomes in the wrong encoding. No `<` and no brace: noise holds no tool call.
_NOISE = "ÃâÂ€™œž¢¶¼½¿ï»·´^|#%&~�¤§ÐØÞßæð0123456789abcdefghijklmnopqrstuvwxyz \n"


class StrictModel(BaseModel):
    """A part of a policy file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Usage(StrictModel):
    """The token counts reported for an answer."""

    input: int = Field(ge=0)
    """Tokens read."""
    output: int = Field(ge=0)
    """Tokens written, reasoning included."""


class LatencyRange(StrictModel):
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


class Timed(StrictModel):
    """Whatever the model takes time over."""

    latency: Annotated[LatencyRange, BeforeValidator(_number_as_range)] = LatencyRange(
        min=0.0, max=0.0
    )
    """How long the model takes over it, in seconds."""


class Words(Timed):
    """What the model says, and what that costs."""

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

    @property
    def contents(self) -> int:
        """How many of text, file and garbled are given."""
        return sum(content is not None for content in (self.text, self.file, self.garbled))

    def written(self, rng: Random) -> str:
        """The words, or the noise that `rng` makes."""
        if self.garbled is not None:
            return "".join(_NOISE[int(rng.random() * len(_NOISE))] for _ in range(self.garbled))
        return (self.file if self.text is None else self.text) or ""


class _Drawn(StrictModel):
    p: float | None = Field(default=None, ge=0, le=1)
    """Its probability among the answers of its rule; None means an equal share."""


class ScriptedAnswer(_Drawn, Words):
    """An answer of the model."""

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if self.contents != 1:
            raise ValueError("an answer needs exactly one of text, file, garbled, play or error")
        return self


class Failure(_Drawn, Timed):
    """A request that fails, as a real provider's would."""

    error: ErrorKind
    """HTTP 429, HTTP 500, a read timeout, or a refused connection."""
    times: int | None = Field(default=None, gt=0)
    """Tries of one trial that fail before another answer is drawn; None means all of them."""

    def is_over(self, tries: int) -> bool:
        """Whether it no longer occurs after that many failed tries."""
        return self.times is not None and tries >= self.times


class PlayAnswer(_Drawn):
    """A play of many turns, drawn once for a whole trial."""

    play: str
    """The name of the play."""
