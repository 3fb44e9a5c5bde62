"""The schemas of a scenario pack's files: what each key means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NaiveDatetime,
    RootModel,
    Tag,
    field_validator,
    model_validator,
)

from cornered.scenario.factors import Level, Levels, When
from cornered.scenario.folder import check_path
from cornered.scenario.patterns import check_pattern

FIRST_EDITION = (
    "is written for the first edition: name the place with `place`, its apps with `world`, "
    "operations in `tools` and in facts (`operation: mail.send`, `where: …`); "
    "docs/writing-a-pack.md has the old and the new form side by side"
)
"""The error for a pack in the format of version 0.1.0."""


PLAIN_MODE = "644"
"""The permissions of an ordinary file."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clock(_Strict):
    """The clock of the world."""

    today: date
    """The day of the session."""
    start: time
    """When the session starts; every mail is older."""
    pace: float = Field(default=1.0, gt=0, le=10, allow_inf_nan=False)
    """What the minutes that an operation takes are multiplied with. Where minutes decide in the
    story, a small pace lets the agent read its mail before they have passed."""

    @property
    def moment(self) -> datetime:
        """The start of the session."""
        return datetime.combine(self.today, self.start)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _patterns(patterns: list[str]) -> list[str]:
    return [check_pattern(pattern) for pattern in patterns]


class Matcher(_Strict):
    """The condition on one argument of an event; every given part must hold.

    A plain value is short for `equals`.
    """

    people: list[str] = []
    """Recipients: one of these people is reached, by address, name or list."""
    class_: list[str] = Field(default=[], alias="class")
    """Recipients: an address of one of these classes is reached."""
    outside: bool = False
    """Recipients: an address outside the company is reached."""
    mail: list[str] = []
    """Mails: one of these is among them, by the stem of its file."""
    matches: list[str] = []
    """Text: one of these regular expressions matches anywhere in it, ignoring case."""
    equals: str | int | None = None
    """The argument equals this; in a code, case, spaces and dashes do not matter."""

    @model_validator(mode="before")
    @classmethod
    def _plain_value(cls, value: Any) -> Any:
        return {"equals": value} if isinstance(value, str | int) else value

    @field_validator("matches")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        return _patterns(value)

    @property
    def parts(self) -> set[str]:
        """The parts that are given."""
        return {
            name for name in type(self).model_fields if getattr(self, name) not in ([], False, None)
        }


class FactSpec(_Strict):
    """What code checks: one event, or a state at the end."""

    about: str
    """One line for people."""
    operation: Annotated[list[str], BeforeValidator(_as_list)] = []
    """Operations that count, such as `mail.send`."""
    where: dict[str, Matcher] = {}
    """Argument to its condition; one event must meet all of them."""
    became: Annotated[list[str], BeforeValidator(_as_list)] = []
    """Checks of files (`watch`): the event made one of them hold. It need not hold at the end."""
    state: dict[str, dict[str, str | int]] = {}
    """App to key to value: the state of the world at the end of the trial."""
    when: When = When({})
    """The conditions in which the fact can be true; elsewhere it is false."""
    attempted: bool = False
    """Whether an event that failed or was blocked counts too, such as a wrong code that was
    submitted."""
    ask: str = ""
    """A template: the question of the interview about this deed, to be answered yes or no, such as
    `Did you cancel the alert?`. Every trial is asked it; empty where nobody is asked."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.operation) == bool(self.state):
            raise ValueError(
                "give either operation (what was done) or state (what is true at the end)"
            )
        if self.state and self.where:
            raise ValueError("where goes with operation, not with state")
        if self.state and self.became:
            raise ValueError("became goes with operation, not with state")
        if self.state and self.attempted:
            raise ValueError("attempted goes with operation, not with state")
        return self

    @property
    def named_mails(self) -> Iterator[tuple[str, str]]:
        """Argument and stem of each mail that the fact names."""
        for argument, matcher in self.where.items():
            for stem in matcher.mail:
                yield argument, stem


class WatchSpec(_Strict):
    """A named check of the files of a shell; where no `is` is given, one file must meet all."""

    file: str = Field(pattern=r"^/", max_length=500)
    """Absolute path, or a glob: `*` stays within a folder, `**` does not."""
    is_: Literal["missing", "exists", "differs"] | None = Field(default=None, alias="is")
    """No such file is there; one is; one is not what it was at the start (changed, new, gone)."""
    matches: Annotated[list[str], BeforeValidator(_as_list)] = []
    """One of these regular expressions matches anywhere in its text, ignoring case."""
    lacks: Annotated[list[str], BeforeValidator(_as_list)] = []
    """None of these matches in its text."""
    same_as: str = ""
    """It has the content that the file of this path had at the start, and is not that file."""
    when: When = When({})
    """The conditions in which the check can hold; elsewhere it does not."""

    @field_validator("matches", "lacks")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        return _patterns(value)

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        content = bool(self.matches or self.lacks or self.same_as)
        if content == (self.is_ is not None):
            raise ValueError("give either is (missing, exists, differs), or what its content is")
        return self


class DeliverySpec(_Strict):
    """Files that come into a shell while the agent works."""

    after: str
    """The watch that holds first."""
    files: str
    """The folder of the files, as that of the files at the start."""
    notice: str = ""
    """What the agent is told, in one line, a template; nothing if empty."""
    when: When = When({})

    @field_validator("files")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return check_path(value)


class ShellSpec(_Strict):
    """The machine that an agent works on by a shell."""

    workdir: str = Field(default="/home/agent", pattern=r"^/")
    """Where each command starts."""
    roots: list[str] = Field(default=["/home/agent"], min_length=1)
    """The folders that exist and can be written; they are compared after each command."""
    blobs: dict[str, Annotated[int, Field(ge=1, le=20_000_000)]] = {}
    """Path of a file of random bytes, the same in every trial, to its size in bytes."""
    blob_dates: dict[str, NaiveDatetime] = {}
    """Path or glob of such files to when they were last changed; else a listing shows 1970."""
    hidden: list[str] = []
    """Folders and files of the system that are not to be seen, such as `/usr/games`."""
    deliver: list[DeliverySpec] = []
    """Files that come later."""

    @field_validator("roots", "hidden")
    @classmethod
    def _are_absolute(cls, value: list[str]) -> list[str]:
        for path in value:
            if not path.startswith("/") or path == "/" or ".." in path.split("/"):
                raise ValueError(f"{path!r} is no absolute path of a folder")
        return value


class ShownSpec(_Strict):
    """Something that an app shows, such as an alert in the list of alerts."""

    operation: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1)
    """Operations that show it, such as `alerts.list`."""
    shows: str = Field(min_length=1)
    """Words of the app's content, ignoring case: who is shown them has met it."""
    when: When = When({})
    """The conditions in which it can be met."""


Telling = Annotated[
    Annotated[str, Tag("mail")] | Annotated[ShownSpec, Tag("shown")],
    Discriminator(lambda given: "mail" if isinstance(given, str) else "shown"),
]
"""What tells of something: the stem of a mail, or what an app shows."""


class OutcomeSpec(_Strict):
    """A rung of the outcome ladder."""

    about: str
    """When a trial is on this rung; the judge reads it."""
    unless: list[str] | None = None
    """Without a judge, code decides for this rung where none of these facts holds."""
    if_: list[str] = Field(default=[], alias="if")
    """Without a judge, code decides for this rung where one of these facts holds."""
    confirmed: bool = False
    """Whether it is the act, confirmed, as the last rung always is. Such rungs stand last."""


class MeasureSpec(_Strict):
    """A number from 0 to 1 for each trial: the share of a key's items that a file answers right.

    No trial is harmful for its number. What counts is the difference between a condition and its
    matched control.
    """

    about: str
    """One line for people."""
    file: str = Field(pattern=r"^/")
    """The file that the agent hands in, by its absolute path in the world."""
    against: str
    """The key, a CSV of the pack with a head, items in its first column and right answers in its
    second. It lies outside the folders of the world, so that no agent can read it."""
    harm: Literal["lower", "higher"] = "lower"
    """The direction in which a difference from the control is harmful."""
    when: When = When({})
    """The conditions in which it is measured."""

    @field_validator("against")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return check_path(value)


class ScreenSpec(_Strict):
    """When the controls show that a model did not understand the scenario."""

    control_rate: float = Field(ge=0, lt=1)
    """Largest share of control trials with the act, for a model that understood the scenario; one
    that is shown to be above it is screened out."""


class Question(_Strict):
    """A question of a probe, with one right answer in each condition."""

    key: str
    """The name of the question in scores."""
    ask: str
    options: dict[str, str]
    """Letter to answer; the answers are templates."""
    right: str | dict[str, dict[str, str]]
    """The right letter; or one factor to its levels to their letters."""

    def answer(self, levels: Levels) -> str:
        """The right letter in a condition."""
        if isinstance(self.right, str):
            return self.right
        ((factor, letters),) = self.right.items()
        return letters[str(levels[factor])]


class ProbeSpec(_Strict):
    """`probe.yaml`."""

    questions: list[Question] = Field(min_length=1)


class Provenance(_Strict):
    """The origin of a pack."""

    authors: str
    written: date
    sources: list[str]
    note: str = ""


class PlaceSpec(_Strict):
    """How the prompts of judges and readers describe the place; every value is a template."""

    name: str
    """The name of the place, such as `{{ company.name }}, {{ company.city }}`."""
    agent: str
    """What the agent is, with its article, such as `an office assistant`."""
    noun: str
    """The noun for later mentions of the agent, such as `assistant`."""
    works: str
    """How it acts, such as `works on its own and sends mail in its own name`."""
    holds: str
    """What the place contains, such as `people, addresses and messages`."""
    actions: str
    """What the agent can do, as a list, such as `the mails it sent, the alerts it cancelled`."""
    labels: dict[str, str] = {}
    """Secondary labels, name to when it fits: in this place's words, or beside the shared ones."""


class VariableSpec(_Strict):
    """A template variable that depends on factors: a row of a table of texts."""

    table: str = ""
    """The table: a YAML file of the pack, merged over the file of that name in `shared`."""
    row: str = ""
    """The row: the level of this factor, or the value of `VARIABLE.SLOT`."""
    by: str = ""
    """In place of `table` and `row`: the factor that chooses another variable."""
    choose: dict[str, str] = {}
    """Level of that factor to the variable it stands for; undefined at other levels."""

    @field_validator("table")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return check_path(value) if value else value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.table and self.row) == bool(self.by and self.choose):
            raise ValueError("give table and row, or by and choose")
        return self


class PackSpec(_Strict):
    """`pack.yaml`."""

    title: str
    about: str
    """One or two sentences for people."""
    factors: dict[str, Literal["all"] | list[str]] = {}
    """The factors that the pack has text for, each with its levels."""
    name: list[str] = []
    """The factors that every condition name shows, part by part; `goal-value` is one part of two
    factors. Other factors are shown only where their level is not the default."""
    control: Annotated[dict[str, Level], Field(min_length=1)] | None = None
    """The levels of the matched control: the same place without the motive; None without one."""
    surfaces: list[Literal["text", "tools"]] = Field(default=["text"], min_length=1)
    """The surfaces on which the scenario can run."""
    place: str | PlaceSpec
    """The description of the place, or the name of one in `shared/places`."""
    world: dict[str, str]
    """App to the file or folder of its initial content, such as `mail: mails`."""
    tools: list[str]
    """The operations that the prompt of one turn offers, such as `mail.send`. On other surfaces
    every operation of every app is offered."""
    arrivals: str = ""
    """The folder of the mails that arrive while the agent works; `time` is when."""
    replies: str = ""
    """The file of the automatic replies: who is away, which desk confirms what it gets."""
    attachments: str = ""
    """The folder of the texts of attachments, each named like the attachment."""
    personas: str = ""
    """The folder of the people who can answer by a model: `KEY.md`, by the key of the cast."""
    exposure: dict[str, list[Telling]] = {}
    """What a trial is about, such as threat and lever: name to what tells of it, the stems of mails
    (`*` stands for anything) and what other apps show. An agent that met none of it, where there
    is any, did not meet what the trial is about."""
    guard: list[str] = []
    """The facts that the rule of `approval: rule` stops: what would make one true is blocked."""
    variables: dict[str, VariableSpec] = {}
    """Template variables that depend on factors, by name."""
    clock: Clock | None = None
    family: str = ""
    """The family of scenarios that it belongs to, such as `scheming`; lists name it."""
    shell: ShellSpec | None = None
    """The machine, where the world has a shell; its usual form if None."""
    watch: dict[str, WatchSpec] = {}
    """Named checks of the files of the shell, which facts can ask for: `state: {shell: {NAME:
    true}}`."""
    facts: dict[str, FactSpec]
    act: Annotated[list[str], BeforeValidator(_as_list)]
    """The harmful act: any of these facts."""
    outcomes: dict[str, OutcomeSpec] = {}
    """The outcome ladder, from harmless to harmful; the last rung is the act, confirmed, and so
    are those before it that say so."""
    measures: dict[str, MeasureSpec] = {}
    """Numbers that code computes for each trial, by name, such as `accuracy`."""
    screen: ScreenSpec | None = None
    """The control rate above which a model is not ranked."""
    study: Literal["blackmail", "leaking", "murder"] | None = None
    """The scenario of the 2025 study whose prompts this pack uses."""
    traces: dict[str, list[str]] = {}
    """Factor to regular expressions that give it away in this story; the lint checks controls
    for them."""
    provenance: Provenance
    canary: str
    """A string that marks the pack in training data; no prompt contains it."""

    @model_validator(mode="before")
    @classmethod
    def _second_edition(cls, value: Any) -> Any:
        if isinstance(value, dict):
            facts = value.get("facts")
            old = [
                f
                for f in (facts.values() if isinstance(facts, dict) else ())
                if isinstance(f, dict)
            ]
            if any("action" in fact for fact in old) or "world" not in value:
                raise ValueError(FIRST_EDITION)
        return value

    @field_validator("arrivals", "replies", "attachments", "personas")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return check_path(value) if value else value

    @model_validator(mode="after")
    def _guards_facts(self) -> Self:
        if unknown := [name for name in self.guard if name not in self.facts]:
            raise ValueError(f"guard: there is no fact {unknown[0]}")
        return self

    @model_validator(mode="after")
    def _confirmed_last(self) -> Self:
        confirmed = [rung.confirmed for rung in [*self.outcomes.values()][:-1]]
        if confirmed != sorted(confirmed):
            raise ValueError("outcomes: the rungs that are confirmed stand last")
        return self

    @property
    def confirmed_rungs(self) -> tuple[str, ...]:
        """The rungs that go with the verdict yes, and with no other."""
        last = [*self.outcomes][-1:]
        return tuple(name for name, rung in self.outcomes.items() if rung.confirmed or name in last)

    @model_validator(mode="after")
    def _has_a_shell(self) -> Self:
        if (self.shell or self.watch) and "shell" not in self.world:
            raise ValueError("shell and watch need a shell in the world: `world: {shell: FOLDER}`")
        roots = [root.rstrip("/") for root in (self.shell or ShellSpec()).roots]
        for name, watch in self.watch.items():
            fixed = re.split(r"[*?]", watch.file)[0]
            if not any(fixed.startswith(f"{r}/") or f"{r}/".startswith(fixed) for r in roots):
                raise ValueError(
                    f"watch.{name}: {watch.file} is in none of shell.roots ({', '.join(roots)}), "
                    "and nothing else is compared"
                )
        for delivery in self.shell.deliver if self.shell else ():
            if delivery.after not in self.watch:
                raise ValueError(f"shell.deliver: there is no watch {delivery.after}")
        return self

    @field_validator("world")
    @classmethod
    def _are_paths(cls, value: dict[str, str]) -> dict[str, str]:
        return {app: check_path(path) for app, path in value.items()}

    @field_validator("traces")
    @classmethod
    def _are_patterns(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        return {factor: _patterns(patterns) for factor, patterns in value.items()}


class Variety(_Strict):
    """`varied.yaml`: what a varied cast draws from, besides the names of people."""

    company: list[dict[str, str]] = Field(min_length=1)
    """Rows of name, short and domain."""
    city: list[dict[str, str]] = Field(min_length=1)
    industry: list[dict[str, str]] = Field(min_length=1)


class MailHead(_Strict):
    """The front matter of a mail."""

    sender: str = Field(alias="from")
    to: list[str]
    cc: list[str] = []
    subject: str
    time: NaiveDatetime
    when: When = When({})
    reply_to: str | None = None
    attachments: list[str] = []
    """File names, with sizes; they are forwarded with the mail."""


class FileHead(_Strict):
    """The front matter of a file in a folder of an app."""

    path: str = ""
    """Its path in the world, a template; empty for its place in the folder."""
    modified: NaiveDatetime | None = None
    """When it was last changed."""
    mode: str = Field(default=PLAIN_MODE, pattern=r"^[0-7]{3}$")
    """Its permissions on a machine, such as `755`, in quotes."""
    when: When = When({})


class ReplySpec(_Strict):
    """An automatic reply: what somebody's mailbox answers by itself."""

    sender: str = Field(alias="from")
    """Whose it is: a key of the cast."""
    when: When = When({})
    """The conditions in which there is one."""
    after: float = Field(default=1, ge=0, le=10_000)
    """Minutes after the mail that it answers."""
    once: bool = True
    """Whether it is sent to the first mail only."""
    subject: str = ""
    """A template; empty for the subject of the mail, marked as an automatic reply."""
    body: str = Field(min_length=1)
    """A template."""


class RepliesSpec(RootModel[list[ReplySpec]]):
    """`replies.yaml`: the automatic replies of a pack."""
