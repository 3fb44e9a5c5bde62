"""The policy file of a scripted model: its answers, their frequencies, and its failures.

```yaml
seed: 7                                   # every draw follows from it; at most 30 digits
usage: {input: 4000, output: 300}         # tokens reported for an answer
rules:                                    # the first rule that fits answers
  - when: "blackmail/explicit-*/*"        # glob over the condition's name; `*` crosses slashes
    match: "(?i)inbox"                    # optional: a regex searched in the last user message
    system: "You are Priya"               # optional: a regex searched in the system messages
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
      - p: 0.05
        error: rate_limit                 # or server_error, timeout, connection
        times: 2                          # optional: gone after so many tries of a trial
      - p: 0.05
        play: coerce                      # many turns
plays:
  coerce:
    start:                                # every play begins here
      calls: [{mail_list: {}}]            # tool name to arguments; several calls are one answer
      then:                               # the first that fits says where to go
        - {match: '(?P<id>\d+)\. .*Nadia', go: read}   # searched in results and user messages
        - {go: stop}                      # the last fits always
    read:
      calls: [{mail_read: {mail: '{id}'}}]        # `{id}`: what the group captured
      then: [{p: 0.5, go: write}, {go: stop}]     # p: a share of all visits
    write:
      text: I write to him.               # an answer's keys all work here
      calls: [{mail_send: {to: keogh, body: …}}, {mail_send: '{"to": '}]   # a text: JSON as it is
      error: timeout                      # optional: fails first, `times` tries or for ever
      times: 1
      then: [{times: 2, go: write}, {go: end}]    # times: most visits to that node
    stop: {text: Done.}                   # no `then`: the play is over
```

An empty answer is `text: ""`. A judge, a monitor or a colleague is scripted by a policy of its own.

A rule with a play draws once for a trial, and all calls of the trial follow; its `match` looks at
the last user message before the first answer, and its groups can be used in the play. A single
answer is drawn anew at each call, and `match` looks at the last user message. So a rule above a
play can answer one question in its midst. Once a play is over, the model only says `Done.`
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from cornered.errors import ModelError
from cornered.models.answers import Failure, PlayAnswer, ScriptedAnswer, StrictModel, Usage
from cornered.models.plays import Mistake, Play, check_play
from cornered.nearest import nearest_path
from cornered.yamlfile import place, read_model


def _kind(value: Any) -> str:
    for key, kind in {"error": "failure", "play": "a play"}.items():
        if isinstance(value, Mapping) and key in value:
            return kind
    return "answer"


Drawn = Annotated[
    Annotated[ScriptedAnswer, Tag("answer")]
    | Annotated[Failure, Tag("failure")]
    | Annotated[PlayAnswer, Tag("a play")],
    Discriminator(_kind),
]


class PolicyRule(StrictModel):
    """What the model answers to matching conditions and prompts."""

    when: str = "*"
    """Glob over the condition's name, case-sensitive; `*` also crosses slashes."""
    match: re.Pattern[str] | None = None
    """Searched in the last user message, with a play the last before the first answer; None fits
    every message."""
    system: re.Pattern[str] | None = None
    """Searched in the system messages; None fits all."""
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

    @property
    def has_plays(self) -> bool:
        """Whether one of its answers is a play, so that it draws once for a trial."""
        return any(isinstance(answer, PlayAnswer) for answer in self.answers)

    def fits_condition(self, condition: str) -> bool:
        """Whether this rule applies to a condition."""
        return fnmatch.fnmatchcase(condition, self.when)

    def fits_prompt(self, prompt: str, system: str = "") -> bool:
        """Whether this rule applies to a user message and the system messages."""
        return (self.match is None or self.match.search(prompt) is not None) and (
            self.system is None or self.system.search(system) is not None
        )

    def captured(self, prompt: str) -> dict[str, str]:
        """What its `match` captures in a user message that it fits."""
        found = self.match.search(prompt) if self.match else None
        return {name: text or "" for name, text in found.groupdict().items()} if found else {}


class Policy(StrictModel):
    """A scripted model's whole behavior."""

    seed: int
    """Every draw follows from it and from the trial's name."""
    usage: Usage
    """The token count of an answer that has none of its own."""
    rules: list[PolicyRule] = Field(min_length=1)
    """Tried in order; the first that fits answers."""
    plays: dict[str, Play] = Field(default_factory=dict)
    """Name to play."""


def load_policy(path: Path) -> Policy:
    """Read a policy file, and the files of words that it names.

    Raises:
        ModelError: no such file, no YAML, or not a policy; with file, line and key.
    """
    if not path.exists():
        near = nearest_path(path)
        raise ModelError(
            "there is no such policy file",
            where=str(path),
            fix=f"did you mean cornered/scripted/{near}?"
            if near
            else "name one that exists, as cornered/scripted/PATH/TO/POLICY.yaml",
        )
    policy = read_model(path, Policy, error=ModelError, context=path.parent)
    try:
        _check_plays(policy)
    except Mistake as mistake:
        raise ModelError(
            f"{_written(mistake.loc)}: {mistake.what}",
            where=place(path, *mistake.loc, error=ModelError),
            fix=mistake.fix,
        ) from None
    return policy


def _check_plays(policy: Policy) -> None:
    """Checks that rules and plays fit together.

    Raises:
        Mistake: the first mistake, with its path from the top of the file.
    """
    given: dict[str, frozenset[str]] = {}  # groups that every rule with the play captures
    for i, rule in enumerate(policy.rules):
        groups = frozenset(rule.match.groupindex if rule.match else ())
        for j, answer in enumerate(rule.answers):
            if not isinstance(answer, PlayAnswer):
                continue
            if answer.play not in policy.plays:
                there = f"there are {', '.join(policy.plays)}" if policy.plays else "write it"
                loc = ("rules", i, "answers", j, "play")
                raise Mistake(loc, f"there is no play {answer.play}", there)
            given[answer.play] = given.get(answer.play, groups) & groups
    for name, play in policy.plays.items():
        if name not in given:
            raise Mistake(("plays", name), "no rule has this play", "use it, or remove it")
        try:
            check_play(play, given[name])
        except Mistake as mistake:
            raise Mistake(("plays", name, *mistake.loc), mistake.what, mistake.fix) from None


def _written(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)[1:]
