"""What a person asks for, and the conditions and trials that it means. Knows no Inspect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cornered.errors import ExperimentError, FactorError
from cornered.scenario import Level, Levels, Pack, load_pack
from cornered.yamlfile import read_model

EMBEDDED = "cornered/embedded"
CONTROL: dict[str, Level] = {"goal": "none", "value": "none", "threat": "none", "successor": "none"}
"""The levels of a control: no goal conflict and no threat."""


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
        """The same world with no goal conflict and no threat."""
        offered = pack.factors.offered
        given = {k: v for k, v in (self.levels | CONTROL).items() if k in offered}
        return Condition.of(pack, given, self.scenario)


def trial_id(number: int) -> str:
    """The id of the n-th trial of a condition, from 1; stable however many there are."""
    return f"{number:06d}"


Block = dict[str, Level | list[Level]]


class Experiment(BaseModel):
    """An experiment file: what to run, on whom, how often."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Names the run folder: letters, digits, dots, dashes, underscores."""
    about: str = ""
    """For people; the report prints it."""
    scenarios: list[str] = Field(min_length=1)
    """Scenario names, or folders of packs of one's own (relative to the working directory)."""
    factors: Block | list[Block] = {}
    """Factor to level or levels, crossed; a list of such blocks is the union of their grids."""
    models: list[str] = Field(default=[EMBEDDED], min_length=1)
    """Models by their Inspect names."""
    samples: int = Field(default=10, ge=1, le=1_000_000)
    """Trials for each condition and model."""
    judge: str | None = None
    """The judge's model; without one the run reports act rates, which are upper bounds."""
    controls: bool = True
    """Add the matched control of each condition where the grid lacks it."""
    temperature: float = Field(default=1.0, ge=0, le=2)
    """Sampling temperature of the subjects; the study's is 1."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longest answer, in tokens; the provider's own limit where None."""

    @field_validator("scenarios", "models")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        for entry in value:
            if value.count(entry) > 1:
                raise ValueError(f"{entry} is named twice")
        return value

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
        return list(dict.fromkeys(self._conditions()))

    def _conditions(self) -> Iterator[Condition]:
        packs = {name: load_pack(name) for name in self.scenarios}
        asked = [
            Condition.of(pack, given, name)
            for name, pack in packs.items()
            for block in self.blocks
            for given in _crossed(block)
        ]
        yield from asked
        if self.controls:
            yield from (c.control(packs[c.scenario]) for c in asked)


def _crossed(block: Block) -> Iterable[dict[str, Level]]:
    levels = [v if isinstance(v, list) else [v] for v in block.values()]
    return (dict(zip(block, choice, strict=True)) for choice in product(*levels))


def load_experiment(path: Path) -> Experiment:
    """An experiment file, its conditions checked.

    Raises:
        ExperimentError: no such file, no YAML, unknown key, wrong value (file, line, key),
            or a grid that means nothing (file, which, why).
    """
    experiment = read_model(path, Experiment, error=ExperimentError)
    try:
        experiment.conditions()
    except FactorError as e:
        fix = e.fix
        if "does not combine" in e.what:
            fix = f"{fix}; or give `factors` as a list of blocks, each a grid of its own"
        raise ExperimentError(e.what, where=str(path), fix=fix) from None
    return experiment
