"""What a person asks for, and the conditions and trials that it means. Knows no Inspect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from cornered.errors import ExperimentError, FactorError
from cornered.samples import MOST, Samples
from cornered.scenario import Level, Levels, Pack, load_pack, reading_names
from cornered.yamlfile import Loc, place, read_model

EMBEDDED = "cornered/embedded"
CONTROL: dict[str, Level] = {"goal": "none", "value": "none", "threat": "none", "successor": "none"}
"""The levels of a control: no goal conflict and no threat; what then means nothing is default."""


WRITTEN = re.compile(
    r"(?P<scenario>.+)/(?P<goal>[a-z]+)(?:-(?P<value>[a-z]+))?/(?P<threat>[a-z]+)"
    r"(?P<extra>(?:\+[a-z_]+=[^=]+)*)"
)
"""The written form of a condition."""


@dataclass(frozen=True)
class Condition:
    """One choice of level for every factor of a scenario: one cell."""

    scenario: str
    """The scenario as it was asked for: its name, or the folder of a pack of one's own."""
    pack_name: str
    """The scenario's name."""
    choice: tuple[tuple[str, Level], ...]
    """Factor and level, in the order of the vocabulary."""
    extra: tuple[tuple[str, Level], ...]
    """Those factors after the threat whose level is not the default there."""

    @classmethod
    def of(cls, pack: Pack, given: Mapping[str, Level], scenario: str | None = None) -> Condition:
        """The condition that the given levels mean; all others have their default.

        Raises:
            FactorError: unknown factor or level, or a combination that means nothing.
        """
        levels = pack.factors.resolve(given)
        extra = {
            k: v
            for k, v in pack.factors.changed(levels).items()
            if k not in ("goal", "value", "threat")
        }
        return cls(scenario or pack.name, pack.name, tuple(levels.items()), tuple(extra.items()))

    @property
    def levels(self) -> Levels:
        """One level for every factor."""
        return dict(self.choice)

    @property
    def name(self) -> str:
        """The written form, such as `blackmail/explicit-america/replacement+noise=40`."""
        levels = self.levels
        goal = str(levels["goal"])
        if levels["value"] != "none":
            goal += f"-{levels['value']}"
        more = "".join(f"+{k}={v}" for k, v in self.extra)
        return f"{self.pack_name}/{goal}/{levels['threat']}{more}"

    @property
    def is_control(self) -> bool:
        """Whether there is neither a goal conflict nor a threat."""
        levels = self.levels
        return levels["goal"] == "none" and levels["threat"] == "none"

    def control(self, pack: Pack) -> Condition:
        """The same world with no goal conflict and no threat.

        Raises:
            FactorError: the pack has no such levels.
        """
        try:
            return Condition.of(pack, self._given(pack, CONTROL), self.scenario)
        except FactorError as e:
            raise FactorError(
                f"{self.name} has no control ({e.what})", fix="set `controls: false`"
            ) from None

    def _given(self, pack: Pack, fixed: Mapping[str, Level]) -> Levels:
        nearest = pack.factors.nearest(self.levels, fixed)
        return {k: v for k, v in nearest.items() if k in pack.factors.offered}


@dataclass(frozen=True)
class WrittenCondition:
    """What the written form of a condition says; defaults are not in it."""

    scenario: str
    goal: str
    value: str | None
    threat: str
    extra: dict[str, str]
    """Further factors and their levels."""


def read_name(name: str) -> WrittenCondition | None:
    """The parts of a written form, such as `am/leaking/none/replacement+framing=real`.

    Returns:
        None where it is no such form. Whether its words mean something is not looked at.
    """
    parts = WRITTEN.fullmatch(name)
    if parts is None:
        return None
    # Levels in force together are joined with + too: only one before `factor=` divides.
    extra = (word.partition("=") for word in re.split(r"\+(?=[a-z_]+=)", parts["extra"])[1:])
    return WrittenCondition(
        parts["scenario"],
        parts["goal"],
        parts["value"],
        parts["threat"],
        {factor: level for factor, _, level in extra},
    )


def trial_id(number: int) -> str:
    """The id of the n-th trial of a condition, from 1; stable however many there are."""
    return f"{number:06d}"


def _word_or_number(value: Any) -> Any:
    if not isinstance(value, str | int):  # true and false too: they are `on` and `off`
        raise ValueError("a level is a word or a whole number")
    return value


def _form(value: Any) -> str:
    return "list" if isinstance(value, list) else "one"


def _number_or_rule(value: Any) -> str:
    return "rule" if isinstance(value, dict | Samples) else "number"


_Level = Annotated[bool | Level, BeforeValidator(_word_or_number)]
_Levels = Annotated[
    Annotated[_Level, Tag("one")] | Annotated[list[_Level], Field(min_length=1), Tag("list")],
    Discriminator(_form),
]
Block = dict[str, _Levels]
"""A grid: factor to the level or levels that are crossed."""


PanelRule = Literal["majority", "unanimity"]
"""When several judges have a verdict: more than half of all agree, or every one does."""
View = Literal["actions", "transcript"]
"""What a judge is shown: executed actions only, or the whole answer too, as in the study."""


def _all_readings(value: Any) -> Any:
    known = reading_names()
    if value == "all":
        return known
    names = value.split(",") if isinstance(value, str) else value
    for name in names if isinstance(names, list) else []:
        if name not in known:
            raise ValueError(f"there is no reading {name}; there are {', '.join(known)}, and all")
    return names


class Scoring(BaseModel):
    """How trials are scored; all of a run are scored alike."""

    model_config = ConfigDict(extra="forbid")

    judge_all: bool = False
    """Ask the judge about every trial that did something, for outcomes and labels; else only
    about those with the act, since no other verdict hangs on it."""
    judge_view: View = "actions"
    """What a judge is shown of a trial."""
    panel: PanelRule = "majority"
    """When several judges have a verdict; where they have none the trial is unscored."""
    readings: Annotated[list[str], BeforeValidator(_all_readings)] = []
    """What is read in the reasoning, by name, or `all`; never part of a verdict."""
    debrief: bool = False
    """Ask the subject afterwards what the exchange was for and what it did; never part of a
    verdict."""


class Experiment(Scoring):
    """An experiment file: what to run, on whom, how often."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Names the run folder: letters, digits, dots, dashes, underscores."""
    about: str = ""
    """For people; the report prints it."""
    scenarios: list[str] = Field(min_length=1)
    """Scenario names, or folders of packs of one's own (relative to the working directory)."""
    factors: Annotated[
        Annotated[Block, Tag("one")] | Annotated[list[Block], Field(min_length=1), Tag("list")],
        Discriminator(_form),
    ] = {}
    """Factor to level or levels, crossed; a list of such blocks is the union of their grids."""
    models: list[str] = Field(default=[EMBEDDED], min_length=1)
    """Models by their Inspect names."""
    samples: Annotated[
        Annotated[int, Field(ge=1, le=MOST), Tag("number")] | Annotated[Samples, Tag("rule")],
        Discriminator(_number_or_rule),
    ] = 10
    """Trials for each condition and model: a number, or at most so many until the rate is known
    well enough."""
    judge: (
        Annotated[
            Annotated[str, Tag("one")] | Annotated[list[str], Field(min_length=1), Tag("list")],
            Discriminator(_form),
        ]
        | None
    ) = None
    """The judge's model, or several for a panel; without one the run reports act rates, which
    are upper bounds."""
    reader: str | None = None
    """The model that reads the reasoning; the first judge where None."""
    preflight: bool = True
    """Ask each judge about a known yes and a known no before the run, and refuse to start where
    it fails."""
    controls: bool = True
    """Add the matched control of each condition where the grid lacks it."""
    temperature: float = Field(default=1.0, ge=0, le=2)
    """Sampling temperature of the subjects; the study's is 1."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longest answer, in tokens; the provider's own limit where None."""

    @field_validator("scenarios", "models", "judge")
    @classmethod
    def _once(cls, value: Any) -> Any:
        for entry in value if isinstance(value, list) else []:
            if value.count(entry) > 1:
                raise ValueError(f"{entry} is named twice")
        return value

    @field_validator("judge")
    @classmethod
    def _one_is_no_list(cls, value: str | list[str] | None) -> str | list[str] | None:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    @model_validator(mode="after")
    def _has_a_reader(self) -> Self:
        if (self.readings or self.debrief) and not (self.reader or self.judge):
            raise ValueError("readings and debrief need a reader or a judge")
        return self

    @property
    def judges(self) -> list[str]:
        """The models of the judges; empty where only facts are scored."""
        return self.judge if isinstance(self.judge, list) else [self.judge] if self.judge else []

    @property
    def scoring(self) -> Scoring:
        """How its trials are scored."""
        return Scoring(**{name: getattr(self, name) for name in Scoring.model_fields})

    @property
    def blocks(self) -> list[Block]:
        """The grids whose union is asked for."""
        return self.factors if isinstance(self.factors, list) else [self.factors]

    def conditions(self) -> list[Condition]:
        """Every condition, in the order of the file, each once; controls stand last.

        Raises:
            FactorError: unknown scenario, factor or level, or an invalid combination.
            PackError: a pack that cannot be loaded.
        """
        packs = {name: load_pack(name) for name in self.scenarios}
        asked = [
            Condition.of(pack, given, name)
            for name, pack in packs.items()
            for block in self.blocks
            for given in _crossed(block)
        ]
        controls = [c.control(packs[c.scenario]) for c in asked] if self.controls else []
        return list(dict.fromkeys([*asked, *controls]))


def _crossed(block: Block) -> Iterable[dict[str, Level]]:
    levels = [v if isinstance(v, list) else [v] for v in block.values()]
    return (dict(zip(block, choice, strict=True)) for choice in product(*levels))


def _steps(experiment: Experiment) -> Iterator[tuple[Loc, Callable[[], object]]]:
    """Each part of the file that must mean something, and what fails where it does not."""
    packs: list[Pack] = []

    def load(name: str) -> None:
        packs.append(load_pack(name))

    def combine(pack: Pack, given: Mapping[str, Level]) -> None:
        condition = Condition.of(pack, given)
        if experiment.controls:
            condition.control(pack)

    for i, name in enumerate(experiment.scenarios):
        yield ("scenarios", i), partial(load, name)
    for i, block in enumerate(experiment.blocks):
        where: Loc = ("factors", i) if isinstance(experiment.factors, list) else ("factors",)
        for pack in packs:
            for factor, levels in block.items():
                listed = levels if isinstance(levels, list) else [levels]
                for j, level in enumerate(listed):
                    yield (*where, factor, j), partial(pack.factors.parse, factor, level)
            for given in _crossed(block):
                yield where, partial(combine, pack, given)


def load_experiment(path: Path) -> Experiment:
    """An experiment file, its conditions checked.

    Raises:
        ExperimentError: no such file, no YAML, unknown key, wrong value (file, line, key),
            or a scenario, level or combination that means nothing (file, line, why).
        PackError: a pack that cannot be loaded.
    """
    experiment = read_model(path, Experiment, error=ExperimentError)
    for loc, attempt in _steps(experiment):
        try:
            attempt()
        except FactorError as e:
            fix = e.fix
            if "does not combine" in e.what:
                fix = f"{fix}; or give `factors` as a list of blocks, each a grid of its own"
            where = place(path, *loc, error=ExperimentError)
            raise ExperimentError(e.what, where=where, fix=fix) from None
    return experiment
