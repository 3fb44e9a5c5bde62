"""The policy file of a scripted model: which answers it gives, how often, and how it fails.

```yaml
seed: 7                                   # every draw follows from it
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
from collections.abc import Mapping, Sequence
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
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cornered.errors import ModelError

ErrorKind = Literal["rate_limit", "server_error", "timeout", "connection"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Usage(_Part):
    """The tokens that an answer is said to have cost."""

    input: int = Field(ge=0)
    """Tokens read."""
    output: int = Field(ge=0)
    """Tokens written, reasoning included."""


class Span(_Part):
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


def _one_number_is_a_span(value: Any) -> Any:
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
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {file} ({_reason(error)})") from None


class _Drawn(_Part):
    p: float | None = Field(default=None, ge=0, le=1)
    """Its probability among the answers of its rule; None means an equal share."""
    latency: Annotated[Span, BeforeValidator(_one_number_is_a_span)] = Span(min=0.0, max=0.0)
    """How long the model takes over it, in seconds."""


class Answer(_Drawn):
    """Something the model says."""

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
        """Whether it has given way after that many failed tries."""
        return self.times is not None and tries >= self.times


def _kind(value: Any) -> str:
    return "failure" if isinstance(value, Mapping) and "error" in value else "answer"


Drawn = Annotated[
    Annotated[Answer, Tag("answer")] | Annotated[Failure, Tag("failure")],
    Discriminator(_kind),
]


class Rule(_Part):
    """What the model answers where a condition and a prompt fit."""

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
        """Whether this rule is for that condition."""
        return fnmatch.fnmatchcase(condition, self.when)

    def fits_prompt(self, prompt: str) -> bool:
        """Whether this rule is for that last user message."""
        return self.match is None or self.match.search(prompt) is not None


class Policy(_Part):
    """A scripted model's whole behaviour."""

    seed: int
    """Every draw follows from it and from the trial's name."""
    usage: Usage
    """The token count of an answer that has none of its own."""
    rules: list[Rule] = Field(min_length=1)
    """Tried in order; the first that fits answers."""


def load_policy(path: Path) -> Policy:
    """Read a policy file, and the files of words that it names.

    Raises:
        ModelError: no such file, no YAML, or not a policy; with file, line and key.
    """
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            "there is no such policy file",
            where=str(path),
            fix="name one that exists, as cornered/scripted/PATH/TO/POLICY.yaml",
        ) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ModelError(
            f"not YAML: {error.problem}", where=f"{path}:{line}", fix="correct the line"
        ) from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ModelError(
            f"cannot be read ({_reason(error)})", where=str(path), fix="give a YAML file in UTF-8"
        ) from None
    if not isinstance(document, Mapping):
        raise ModelError(
            "not a policy: expected a mapping",
            where=f"{path}:1",
            fix="write the keys seed, usage and rules",
        )
    try:
        return Policy.model_validate(document, context=path.parent)
    except ValidationError as error:
        raise _model_error(path, document, error.errors()) from None


_PLAIN_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
    "model_type": "must be a mapping of keys",
    "list_type": "must be a list",
}


def _model_error(path: Path, document: Any, errors: list[ErrorDetails]) -> ModelError:
    """The first of pydantic's errors in one line, with its line and key."""
    first = errors[0]
    line, key = _place(document, first["loc"])
    what = _PLAIN_WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if what is first["msg"] and isinstance(first["input"], str | int | float):
        what = f"{what[0].lower()}{what[1:]}, not {first['input']!r}"
    others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ModelError(
        f"{key}: {what}{others}", where=f"{path}:{line}", fix="correct it in the policy file"
    )


def _place(document: Any, loc: Sequence[str | int]) -> tuple[int, str]:
    """The line (from 1) and the key path of what pydantic found at `loc`."""
    node, line, key = document, 1, ""
    for part in loc:
        if isinstance(part, int):
            key += f"[{part}]"
            line, node = node.lc.item(part)[0] + 1, node[part]
        elif isinstance(node, CommentedMap) and part in node:
            key += f".{part}"
            # A key that came by a YAML merge (`<<`) has no line of its own.
            line = node.lc.data[part][0] + 1 if part in (node.lc.data or {}) else line
            node = node[part]
        elif part not in ("answer", "failure"):  # the tags of `Drawn`, no keys
            key += f".{part}"
    return line, key.removeprefix(".")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
