"""Hypotheses that an experiment declares before its trials run.

A hypothesis names a contrast: two levels of a factor, two models, two factors together, or a rate
that is below or above a threshold. It is one of the conditions, or of their controls. What is
declared is tested, with its p value adjusted in its family; everything else is exploration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cornered.errors import ExperimentError, FactorError
from cornered.samples import Share
from cornered.scenario import Level, load_pack
from cornered.scenario.condition import Condition
from cornered.scenario.factors import suggest
from cornered.yamlfile import Loc

FAMILY = "declared"
"""The family of hypotheses that name none."""


def _word(value: Any) -> Any:
    if isinstance(value, bool):  # YAML reads `on` and `off` as true and false
        return "on" if value else "off"
    if not isinstance(value, str | int):
        raise ValueError("a level is a word or a whole number")
    return value


_Level = Annotated[Level, BeforeValidator(_word)]


class DeclaredContrast(BaseModel):
    """What is compared: a level with a reference, two models, two factors together, or a rate with
    a threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    factor: str | None = None
    level: _Level | None = None
    reference: _Level | None = None
    """The level it is compared with; where None, `none`."""
    models: tuple[str, ...] | None = None
    """Two: the first is compared with the second."""
    interaction: dict[str, _Level] | None = None
    """Two factors, each with its level: what both do together beyond what each does alone, against
    the levels of the control."""

    below: Share | None = Field(default=None, gt=0, lt=1)
    """The mean rate is below this; written `5%`."""
    above: Share | None = Field(default=None, gt=0, lt=1)
    """The mean rate is above this."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        arm = (self.factor, self.level, self.reference)
        kinds = [any(part is not None for part in arm), self.models, self.interaction]
        if sum(map(bool, [*kinds, self.below, self.above])) != 1:
            raise ValueError("give factor and level, or models, or interaction, or below, or above")
        if kinds[0] and (self.factor is None or self.level is None):
            raise ValueError("an arm needs a factor and a level")
        if kinds[0] and self.level == self.compared_with:
            raise ValueError(f"{self.level} is compared with itself: give another reference")
        if self.models is not None and (len(self.models) != 2 or len({*self.models}) != 2):
            raise ValueError("models are two, and different")
        if self.interaction is not None and len(self.interaction) != 2:
            raise ValueError("an interaction is one of two factors, each with its level")
        return self

    @property
    def compared_with(self) -> Level:
        """The reference level of an arm."""
        return "none" if self.reference is None else self.reference

    @property
    def kind(self) -> Literal["arm", "model", "interaction", "rate"]:
        """What is compared."""
        if self.threshold is not None:
            return "rate"
        return "model" if self.models else "interaction" if self.interaction else "arm"

    @property
    def threshold(self) -> float | None:
        """What a rate is below or above, 0 to 1; None where two sides are compared."""
        return self.above if self.below is None else self.below

    @property
    def side(self) -> Literal["more", "less"] | None:
        """Which way a rate is expected to differ from its threshold."""
        return None if self.threshold is None else "less" if self.below else "more"

    def __str__(self) -> str:
        if self.threshold is not None:
            return f"rate {'below' if self.below else 'above'} {100 * self.threshold:g} %"
        if self.models:
            return f"{self.models[0]} against {self.models[1]}"
        if self.interaction:
            return " × ".join(f"{factor}={level}" for factor, level in self.interaction.items())
        return f"{self.factor}={self.level} against {self.compared_with}"


class Hypothesis(BaseModel):
    """A contrast that is declared before the trials run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, min_length=1, max_length=100)
    contrast: DeclaredContrast
    scenarios: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Where None, every scenario of the experiment. Each is a test of its own."""
    among: Literal["conditions", "controls"] = "conditions"
    """Whether it is one of the conditions, or of controls: of a rate the controls alone, of two
    sides the pairs of which one or both are controls."""
    family: str = Field(default=FAMILY, min_length=1, max_length=100)
    """Tests of one family share the level of 5 %: their p values are adjusted together (Holm)."""
    margin: Share | None = Field(default=None, gt=0, lt=1)
    """Within this the two sides are equivalent (0.05 is 5 points); written `5%`."""
    direction: Literal["more", "less"] | None = None
    """Which way the first side is expected to differ. The test stays two-sided."""
    assume: tuple[Share, ...] | None = None
    """Rates that `plan` computes the power for: those of the first and of the second side; of an
    interaction, both, the first only, the second only, neither; of a rate, the one."""

    @model_validator(mode="after")
    def _assumed(self) -> Self:
        kind = self.contrast.kind
        if kind == "rate" and (self.margin is not None or self.direction is not None):
            raise ValueError("a rate has its threshold: margin and direction are of two sides")
        if kind == "interaction" and self.among == "controls":
            raise ValueError("an interaction is one of conditions; a control has neither factor")
        count = {"interaction": 4, "rate": 1}.get(kind, 2)
        if self.assume is None:
            return self
        if len(self.assume) != count or not all(0 <= rate <= 1 for rate in self.assume):
            rates = f"{count} rate{'s' * (count > 1)}"
            raise ValueError(f"assume takes {rates}, each 0 to 100 %")
        if self.expected and self.expected != (
            self.direction or self.contrast.side or self.expected
        ):
            raise ValueError(f"direction is {self.direction}, and the assumed rates say otherwise")
        return self

    @property
    def label(self) -> str:
        """Its name, or what it compares."""
        where = ", in controls" if self.among == "controls" else ""
        return self.name or f"{self.contrast}{where}"

    @property
    def expected(self) -> Literal["more", "less"] | None:
        """Which way the assumed rates differ; None where they do not, or none are assumed."""
        if self.assume is None:
            return None
        first, *others = self.assume
        value = first - (self.contrast.threshold or others[0])
        if self.contrast.kind == "interaction":
            value += others[2] - others[1]
        return None if abs(value) < 1e-9 else "more" if value > 0 else "less"

    def same_test(self, other: Hypothesis) -> bool:
        """Whether another one declares the same, whatever its name and its assumed rates."""
        apart = {"name": None, "assume": None}
        return self.model_copy(update=apart) == other.model_copy(update=apart)


def hypothesis_problems(
    hypotheses: Sequence[Hypothesis],
    scenarios: Sequence[str],
    models: Sequence[str],
    conditions: Sequence[Condition],
) -> Iterator[tuple[Loc, ExperimentError]]:
    """What is wrong with hypotheses in an experiment, each with its place among them.

    Args:
        hypotheses: The hypotheses.
        scenarios: The scenarios of the experiment.
        models: Its models.
        conditions: Its conditions, controls included.
    """
    seen: dict[str, int] = {}
    for at, hypothesis in enumerate(hypotheses):
        twin = next((n for n in range(at) if hypotheses[n].same_test(hypothesis)), None)
        if twin is not None:
            yield (at,), _error(f"is declared twice: it is hypothesis {twin + 1}", "leave one out")
        first = seen.setdefault(hypothesis.label, at)
        if first != at and twin is None:
            yield (at,), _error(f"is named like hypothesis {first + 1}", "give each its own `name`")
        unknown = [s for s in hypothesis.scenarios or () if s not in scenarios]
        for scenario in unknown:
            what = f"{scenario} is no scenario of this experiment"
            yield (at, "scenarios"), _error(what, suggest(scenario, scenarios))
        for model in hypothesis.contrast.models or ():
            if model not in models:
                what = f"{model} is no model of this experiment"
                yield (at, "contrast", "models"), _error(what, suggest(model, models))
        for scenario in [s for s in hypothesis.scenarios or scenarios if s not in unknown]:
            own = [c for c in conditions if c.scenario == scenario]
            for loc, error in _level_problems(hypothesis.contrast, scenario, own):
                yield (at, "contrast", *loc), error


def _level_problems(
    contrast: DeclaredContrast, scenario: str, conditions: Sequence[Condition]
) -> Iterator[tuple[Loc, ExperimentError]]:
    """Levels of a contrast that its scenario does not have, or that no condition has."""
    wanted: list[tuple[Loc, str, Level]] = []
    if contrast.factor is not None and contrast.level is not None:
        wanted = [
            (("level",), contrast.factor, contrast.level),
            (("reference",), contrast.factor, contrast.compared_with),
        ]
    for factor, level in (contrast.interaction or {}).items():
        wanted.append((("interaction", factor), factor, level))
    factors = load_pack(scenario).factors
    for loc, factor, level in wanted:
        try:
            word = str(factors.parse(factor, level))
        except FactorError as e:
            place: Loc = ("factor",) if factor not in factors.offered and len(loc) == 1 else loc
            yield place, ExperimentError(e.what, fix=e.fix)
            return
        there = dict.fromkeys(str(c.levels.get(factor)) for c in conditions if not c.is_probe)
        if word not in there:
            given = f"{factor}={word}"
            what = f"no condition of {scenario} has {given}"
            if loc == ("reference",) and contrast.reference is None:
                what += ", the reference where none is given"
            yield loc, _error(what, f"{suggest(word, [*there])}; or add it to `factors`")


def _error(what: str, fix: str) -> ExperimentError:
    return ExperimentError(what, fix=fix)


def late_hypotheses(
    now: Sequence[Hypothesis], first: Sequence[Hypothesis]
) -> tuple[list[Hypothesis], list[Hypothesis]]:
    """Those declared after the first trials ran, and those dropped since.

    Args:
        now: The hypotheses of a run.
        first: Its hypotheses when its first trials ran.
    """
    late = [h for h in now if not any(h.same_test(other) for other in first)]
    dropped = [h for h in first if not any(h.same_test(other) for other in now)]
    return late, dropped


def families(hypotheses: Sequence[Hypothesis]) -> Mapping[str, list[Hypothesis]]:
    """The hypotheses by family, in their order."""
    found: dict[str, list[Hypothesis]] = {}
    for hypothesis in hypotheses:
        found.setdefault(hypothesis.family, []).append(hypothesis)
    return found
