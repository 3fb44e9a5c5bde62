"""The experiment file and its conditions. Does not import Inspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from cornered.errors import ExperimentError, FactorError
from cornered.generation import Generation
from cornered.hypotheses import Hypothesis, hypothesis_problems
from cornered.limits import BLOCK_AT, BUBBLEWRAP, Limits
from cornered.samples import MAX_TRIALS, Samples
from cornered.scenario import Level, Pack, load_pack, one_turn
from cornered.scenario.condition import Condition
from cornered.scoring import Scoring
from cornered.yamlfile import Loc, place, read_model

EMBEDDED = "cornered/embedded"
NO_MODEL = "none/none"
"""Inspect's name of no model: that of an agent which brings a model of its own."""
REACT = "react"
"""The agent of a trial, where the experiment names none."""
UNHEEDED = ("reasoning_effort", "reasoning_tokens", "reasoning_summary", "effort", "verbosity")
"""Settings of `Generation` that the embedded model does not know."""


def _word_or_number(value: Any) -> Any:
    if not isinstance(value, str | int):  # YAML reads `on` and `off` as true and false
        raise ValueError("a level is a word or a whole number")
    return value


def _form(value: Any) -> str:
    return "list" if isinstance(value, list) else "one"


def _number_or_rule(value: Any) -> str:
    return "rule" if isinstance(value, dict | Samples) else "number"


def _named_agents(value: Any) -> Any:
    """Agents by name: a list names agents of Inspect, a mapping commands beside them."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        return value
    for name in names:
        if not isinstance(name, str):
            raise ValueError("name agents, or give `name: command`")
        if names.count(name) > 1:
            raise ValueError(f"{name} is named twice")
    return dict.fromkeys(names)


_AgentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$")]
_Level = Annotated[bool | Level, BeforeValidator(_word_or_number)]
_Levels = Annotated[
    Annotated[_Level, Tag("one")] | Annotated[list[_Level], Field(min_length=1), Tag("list")],
    Discriminator(_form),
]
FactorGrid = dict[str, _Levels]
"""A grid: factor to its level or levels, which are crossed."""


class Experiment(Scoring, Generation):
    """An experiment file: what to run, on which models, how often."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """The name of the run folder: letters, digits, dots, dashes, underscores."""
    about: str = ""
    """For people; the report prints it."""
    scenarios: list[str] = Field(min_length=1)
    """Scenario names, or folders of your own packs, relative to the working directory."""
    factors: Annotated[
        Annotated[FactorGrid, Tag("one")]
        | Annotated[list[FactorGrid], Field(min_length=1), Tag("list")],
        Discriminator(_form),
    ] = Field(default={})
    """Factor to level or levels, crossed; a list of such grids is their union."""
    models: list[str] = Field(default=[EMBEDDED], min_length=1)
    """The subjects, by their Inspect names."""
    agents: Annotated[dict[_AgentName, str | None], BeforeValidator(_named_agents)] = Field(
        default={REACT: None}, min_length=1
    )
    """The agents that work with tools: `react`, agents registered with Inspect, or, by a name of
    yours, commands that meet the office over MCP (`claude: "claude -p {task} …"`)."""
    tool_calling: Literal["native", "emulated"] = "native"
    """How tools are offered to the subjects: as their provider does, or described in a message
    and called in text, for servers that cannot do it (Inspect's `emulate_tools`)."""
    limits: Limits = Limits()
    """When a session is ended that does not end by itself."""
    people: str | None = None
    """The model that answers as the people in the office, at the level `people=model`."""
    monitor: str | None = None
    """The model that reads operations before they happen, at the level `approval=model`."""
    block_at: float = Field(default=BLOCK_AT, ge=0, le=100)
    """The suspicion, from 0 to 100, from which the monitor blocks."""
    sandbox: str = Field(default=BUBBLEWRAP, min_length=1)
    """Where the commands of a scenario with a shell run: `bubblewrap`, `docker`, `docker:FILE` with
    a compose file, or any other provider of Inspect's sandboxes by its name."""
    samples: Annotated[
        Annotated[int, Field(ge=1, le=MAX_TRIALS), Tag("number")] | Annotated[Samples, Tag("rule")],
        Discriminator(_number_or_rule),
    ] = 10
    """Trials per condition and model: a number, or a maximum with a stopping rule."""
    judge: (
        Annotated[
            Annotated[str, Tag("one")] | Annotated[list[str], Field(min_length=1), Tag("list")],
            Discriminator(_form),
        ]
        | None
    ) = None
    """The judge's model, or several for a panel. Without a judge the run reports act rates."""
    reader: str | None = None
    """The model that reads the reasoning; the first judge where None."""
    preflight: bool = True
    """Ask each judge about a plain yes and a plain no before the run, and do not start if it
    fails."""
    controls: bool = True
    """Add the matched control of each condition where the grid lacks it."""
    hypotheses: list[Hypothesis] = Field(default=[])
    """What is tested; everything else is exploration. Declared before the trials run."""

    @field_validator("scenarios", "models", "judge")
    @classmethod
    def _once(cls, value: Any) -> Any:
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str) and not entry.strip():
                raise ValueError("an empty name: name it, or leave the key out")
        for entry in value if isinstance(value, list) else []:
            if value.count(entry) > 1:
                raise ValueError(f"{entry} is named twice")
        return value

    @field_validator("judge")
    @classmethod
    def _unwrap_single(cls, value: str | list[str] | None) -> str | list[str] | None:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    @model_validator(mode="after")
    def _has_a_reader(self) -> Self:
        asked = self.readings or self.debrief or self.interview
        if asked and not (self.reader or self.judge):
            raise ValueError(
                "readings, debrief and interview need somebody who reads: name a reader or a judge "
                "(--reader, --judge)"
            )
        return self

    @model_validator(mode="after")
    def _heeded(self) -> Self:
        """Refuses what the embedded model would ignore without a word."""
        if EMBEDDED in self.models:
            for name in self.generation.given():
                if name in UNHEEDED:
                    raise ValueError(f"{name} has no effect on {EMBEDDED}, which does not reason")
        return self

    @model_validator(mode="after")
    def _has_models_for_roles(self) -> Self:
        for factor, model in (("people", self.people), ("approval", self.monitor)):
            asked = any("model" in _listed(grid.get(factor)) for grid in self.grids)
            key = "people" if factor == "people" else "monitor"
            if asked and model is None:
                raise ValueError(f"{factor}=model needs a model: set `{key}: MODEL`")
        tools = any("tools" in _listed(grid.get("surface")) for grid in self.grids)
        if self.agents.keys() != {REACT} and not tools:
            raise ValueError("agents work with tools: add `surface: tools` to the factors")
        if REACT in self.agents and self.agents[REACT] is not None:
            raise ValueError(f"{REACT} is an agent of Inspect: give the command another name")
        return self

    def external(self, condition: Condition) -> bool:
        """Whether the agent of a condition is a command, which brings a model of its own."""
        return self.agents.get(str(condition.levels.get("scaffold", REACT))) is not None

    def subjects(self, conditions: Iterable[Condition]) -> list[tuple[str, Condition]]:
        """Model and condition of every cell, model by model.

        The model of an agent that brings its own is `NO_MODEL`.
        """
        chosen = [*conditions]
        own = [(model, c) for model in self.models for c in chosen if not self.external(c)]
        return own + [(NO_MODEL, c) for c in chosen if self.external(c)]

    @property
    def judges(self) -> list[str]:
        """The judges' models; empty where only facts are scored."""
        return self.judge if isinstance(self.judge, list) else [self.judge] if self.judge else []

    @property
    def scoring(self) -> Scoring:
        """How its trials are scored."""
        return Scoring(**{name: getattr(self, name) for name in Scoring.model_fields})

    @property
    def generation(self) -> Generation:
        """How its subjects generate."""
        return Generation(**{name: getattr(self, name) for name in Generation.model_fields})

    @property
    def grids(self) -> list[FactorGrid]:
        """The grids, one or several."""
        return self.factors if isinstance(self.factors, list) else [self.factors]

    def _with_agents(self, choices: Iterable[dict[str, Level]]) -> Iterator[dict[str, Level]]:
        """The choices of a grid, with tools once for each agent."""
        for given in choices:
            if one_turn(given) or "scaffold" in given:
                yield given
            else:
                yield from ({**given, "scaffold": agent} for agent in self.agents)

    def conditions(self) -> list[Condition]:
        """Every condition once, in the order of the file, and then the added controls.

        Raises:
            FactorError: unknown scenario, factor or level, or an invalid combination.
            PackError: a pack that cannot be loaded.
        """
        packs = {name: load_pack(name) for name in self.scenarios}
        conditions = [
            Condition.of(pack, given, name)
            for name, pack in packs.items()
            for grid in self.grids
            for given in self._with_agents(_crossed(grid))
        ]
        controls = (
            [c.matched_control(packs[c.scenario]) for c in conditions] if self.controls else []
        )
        return list(dict.fromkeys([*conditions, *(c for c in controls if c is not None)]))

    def check_hypotheses(self) -> None:
        """Checks that the grid has what the hypotheses compare.

        Raises:
            ExperimentError: unknown factor, level, model or scenario, or one not in the grid.
            PackError: a pack that cannot be loaded.
        """
        for loc, error in self.hypothesis_problems():
            number = int(loc[1]) + 1
            label = self.hypotheses[number - 1].name or f"hypothesis {number}"
            raise ExperimentError(error.what, where=label, fix=error.fix)

    def hypothesis_problems(self) -> Iterator[tuple[Loc, ExperimentError]]:
        """What is wrong with the hypotheses, each with its place in the file."""
        if self.hypotheses:
            found = hypothesis_problems(
                self.hypotheses, self.scenarios, self.models, self.conditions()
            )
            for loc, error in found:
                yield ("hypotheses", *loc), error


def _listed(levels: Any) -> list[Any]:
    return levels if isinstance(levels, list) else [levels]


def _crossed(grid: FactorGrid) -> Iterable[dict[str, Level]]:
    levels = [_listed(v) for v in grid.values()]
    return (dict(zip(grid, choice, strict=True)) for choice in product(*levels))


def _steps(experiment: Experiment) -> Iterator[tuple[Loc, Callable[[], object]]]:
    """Each part of the file to be checked, and a call that raises if it is invalid."""
    packs: list[Pack] = []

    def load(name: str) -> None:
        packs.append(load_pack(name))

    def combine(pack: Pack, given: Mapping[str, Level]) -> None:
        condition = Condition.of(pack, given)
        if experiment.controls:
            condition.matched_control(pack)

    for i, name in enumerate(experiment.scenarios):
        yield ("scenarios", i), partial(load, name)
    for i, grid in enumerate(experiment.grids):
        where: Loc = ("factors", i) if isinstance(experiment.factors, list) else ("factors",)
        for pack in packs:
            for factor, levels in grid.items():
                listed = levels if isinstance(levels, list) else [levels]
                for j, level in enumerate(listed):
                    yield (*where, factor, j), partial(pack.factors.parse, factor, level)
            for given in _crossed(grid):
                yield where, partial(combine, pack, given)


@contextmanager
def valid_settings() -> Iterator[None]:
    """Turns pydantic's errors into one line that names the invalid setting.

    Raises:
        ExperimentError: a setting is invalid, or two do not combine.
    """
    try:
        yield
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = str(first["loc"][0]) if first["loc"] else None
        raise ExperimentError(first["msg"].removeprefix("Value error, "), where=where) from None


def load_experiment(path: Path) -> Experiment:
    """Loads an experiment file and checks its conditions.

    Raises:
        ExperimentError: no such file, invalid YAML, unknown key or wrong value (file, line,
            key); unknown scenario or level, or an invalid combination (file, line, why).
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
    for loc, problem in experiment.hypothesis_problems():
        where = place(path, *loc, error=ExperimentError)
        raise ExperimentError(problem.what, where=where, fix=problem.fix)
    return experiment
