"""Published rates, shown beside our own and never pooled with them.

Each row of `data/published_rates.csv` is a rate with its model, condition, source and exactness.
The columns are the fields of `PublishedRate`, and one for each factor whose level the sources
give. `data/model_names.yaml` maps published models to their Inspect names.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from cornered.analysis.stats import Interval, wilson
from cornered.errors import FactorError, InputError
from cornered.scenario.condition import Condition, Naming
from cornered.scenario.factors import Level, suggest
from cornered.scenario.library import pack_names
from cornered.scenario.load import load_pack
from cornered.yamlfile import read_model, read_text

if TYPE_CHECKING:
    from cornered.analysis.rates import Rate
    from cornered.analysis.table import Cell

DATA = Path(__file__).parent / "data"
STUDY = "am/"
"""Prefix of scenarios with the 2025 study's own text."""
STUDY_PACK = "am/blackmail"
"""A scenario of the study; published conditions are named in its way."""
COUNTERPARTS = {
    "blackmail": "am/blackmail",
    "espionage": "am/leaking",
    "lethal": "am/murder",
    "chess": "palisade/chess",
}
"""Our scenarios, and the published ones of the same situation in another text."""

Exactness = Literal["exact", "secondary", "figure"]
EXACTNESS: dict[Exactness, str] = {
    "exact": "stands in the source's own text",
    "secondary": "copied from it by somebody else",
    "figure": "read off a figure",
}
"""How exactly a rate is known from its source; best first."""


class PublishedRate(BaseModel):
    """One published rate: a row of `published_rates.csv`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str = Field(min_length=1)
    year: int = Field(ge=2024, le=2100)
    scenario: str = Field(min_length=1)
    """`am/…` for the 2025 study's own text; other texts have other names."""
    model: str = Field(min_length=1)
    """As published."""
    levels: dict[str, str | None]
    """Levels in our words, for each factor that has a column; None if the source does not say."""
    factors: dict[str, str]
    """Further factors in our words, in the file as `factor=level factor=level`; factors not
    named have their default."""
    extra: str
    """Conditions for which we have no factor; a row with any matches none of our conditions."""
    metric: str = Field(min_length=1)
    """What was counted."""
    rate: float = Field(ge=0, le=1)
    n: int | None = Field(ge=1)
    """Trials; None if the source does not say."""
    exactness: Exactness
    source_title: str = Field(min_length=1)
    source_url: str = Field(pattern=r"^https://\S+$")
    note: str
    """A caveat that changes no condition."""

    @field_validator("n", mode="before")
    @classmethod
    def _blank(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("levels", mode="before")
    @classmethod
    def _blank_levels(cls, value: Any) -> Any:
        return {k: v or None for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("factors", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [word.partition("=") for word in value.split()]
        if not all(factor and level for factor, _, level in pairs):
            raise ValueError(f"{value!r} is not written factor=level")
        return {factor: level for factor, _, level in pairs}

    @model_validator(mode="after")
    def _whole_number(self) -> PublishedRate:
        # A published rate is rounded, at the coarsest to a hundredth.
        if self.n and abs(self.successes / self.n - self.rate) > 0.0051:
            raise ValueError(f"no count out of {self.n} trials gives a rate of {self.rate}")
        return self

    @property
    def successes(self) -> int:
        """The count that gives this rate; only if n is known."""
        return round(self.rate * (self.n or 0))

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval; None if n is unknown."""
        return wilson(self.successes, self.n) if self.n else None

    @property
    def percent(self) -> str:
        """The rate as it was published, such as `96 %` or `38.73 %`."""
        return f"{100 * self.rate:.4g} %"

    @property
    def condition(self) -> str:
        """The condition as far as known, such as `am/leaking/explicit-america/none`."""
        parts = [self.scenario]
        if any(self.levels.values()):
            naming = _naming(self.scenario)
            known: dict[str, Level] = {f: self.levels.get(f) or "none" for f in naming.factors}
            heads = [part[0] for part in naming.parts]
            known |= {f: "?" for f in heads if not self.levels.get(f)}
            parts += naming.written(known)
        return "/".join(parts) + "".join(f"+{k}={v}" for k, v in self.factors.items())

    def as_dict(self) -> dict[str, Any]:
        """The row as plain values, rates between 0 and 1, with the ends of the interval.

        Each factor with a column has a key of its own, in the order of the file.
        """
        interval = self.interval
        plain: dict[str, Any] = {}
        for name, value in self.model_dump().items():
            plain |= value if name == "levels" else {name: value}
        return plain | {
            "ci_low": interval.low if interval else None,
            "ci_high": interval.high if interval else None,
        }


@cache
def _naming(scenario: str) -> Naming:
    """How conditions of a scenario are written; as the study's, if the scenario is no pack."""
    return Naming.of(load_pack(scenario if scenario in pack_names() else STUDY_PACK))


def read_rates(path: Path) -> tuple[PublishedRate, ...]:
    """The rows of a file such as `published_rates.csv`, in its order.

    Raises:
        InputError: no such file, another header, or an invalid row (file, line).
    """
    names = [name for name in PublishedRate.model_fields if name != "levels"]
    reader = csv.DictReader(io.StringIO(read_text(path, error=InputError), newline=""))
    header = list(reader.fieldnames or ())
    factors = [name for name in header if name not in names]
    if [name for name in header if name in names] != names or "" in factors:
        raise InputError(
            "not the columns of published rates",
            where=f"{path}:1",
            fix=f"write {','.join(names)}, and a column for each factor",
        )
    rates = []
    for row in reader:
        where = f"{path}:{reader.line_num}"
        if None in row or None in row.values():
            raise InputError(
                f"not {len(header)} values", where=where, fix="quote values with commas"
            )
        known = {name: row[name] for name in names}
        levels = {name: row[name] for name in factors}
        try:
            rates.append(PublishedRate.model_validate({**known, "levels": levels}))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            key = "".join(f"{part}: " for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(f"{key}{message}", where=where, fix="correct it there") from None
    return tuple(rates)


@cache
def published_rates() -> tuple[PublishedRate, ...]:
    """Every published rate in the package; errors as in `read_rates`."""
    return read_rates(DATA / "published_rates.csv")


class _Names(RootModel[dict[str, list[re.Pattern[str]]]]):
    """`model_names.yaml`: published name to patterns."""


@cache
def model_names() -> dict[str, list[re.Pattern[str]]]:
    """Patterns for the last part of a model's Inspect names, by its published name.

    Raises:
        InputError: an invalid pattern (file, line).
    """
    return read_model(DATA / "model_names.yaml", _Names, error=InputError).root


def published_name(model: str) -> str | None:
    """The name under which results of a model were published; None for any other model.

    Args:
        model: Its Inspect name with any provider, such as `anthropic/claude-opus-4-20250514`.
    """
    last = model.lower().rpartition("/")[2].removesuffix(":free")
    # Bedrock writes `us.anthropic.NAME-v1:0`, Vertex `NAME@DATE`.
    last = re.sub(r"^([a-z]+\.)?anthropic\.", "", last)
    last = re.sub(r"-v\d+(:\d+)?$", "", last).replace("@", "-")
    return next(
        (name for name, ps in model_names().items() if any(p.fullmatch(last) for p in ps)), None
    )


@dataclass(frozen=True)
class Reference:
    """A published rate that matches a condition of ours."""

    row: PublishedRate
    same_text: bool
    """Whether the agent read the same text; if not, only the factor levels are equal."""

    @property
    def verdict(self) -> Literal["paper", "harmful"]:
        """The verdict of ours beside which the rate may stand; beside the act alone, never.

        The study's rates were counted by the study's rule, which is our paper rule on the same
        text. On another text there is no such rule, and the nearest is the judge's.
        """
        return "paper" if self.same_text else "harmful"

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval; None if the source gives no number of trials.

        It has the sampling error of the published trials only, and not that of reading a figure.
        """
        return self.row.interval

    @property
    def exactness(self) -> Exactness:
        """How exactly the rate is known from its source."""
        return self.row.exactness

    def ours(self, cell: Cell) -> Rate | None:
        """The rate of a cell that was counted like this one; None where it has none."""
        return cell.paper if self.verdict == "paper" else cell.harmful

    def as_dict(self) -> dict[str, Any]:
        """The published rate as plain values, with the verdict of ours that it belongs to."""
        return {"same_text": self.same_text, "verdict": self.verdict, "rate": self.row.as_dict()}

    @property
    def written(self) -> str:
        """For a table, such as `96 % of 100 (exact)` or `57 % of 100 (exact, other text)`."""
        row = self.row
        n = f" of {row.n}" if row.n else ""
        marks = [row.exactness, *([] if self.same_text else ["other text"])]
        note = f"; {row.note}" if row.note else ""
        return f"{row.percent}{n} ({', '.join(marks)}{note})"


def matching(model: str, condition: Condition) -> list[Reference]:
    """The published rates of a model in a condition, most exact first.

    Scenario and level of every factor are equal; a published rate with a condition for which we
    have no factor never matches. A condition of our own scenarios gets the rates of its published
    counterpart, marked as another text; other scenarios get none.

    Args:
        model: The model by its Inspect name.
        condition: The condition.
    """
    name = published_name(model)
    scenario = COUNTERPARTS.get(condition.pack_name, condition.pack_name)
    if name is None or not (scenario.startswith(STUDY) or scenario in COUNTERPARTS.values()):
        return []
    equal = [
        rate
        for rate in published_rates()
        if (rate.model, rate.scenario) == (name, scenario)
        and not rate.extra
        and _same_levels(rate, condition)
    ]
    ordered = sorted(equal, key=lambda rate: list(EXACTNESS).index(rate.exactness))
    return [Reference(rate, scenario == condition.pack_name) for rate in ordered]


def _same_levels(rate: PublishedRate, condition: Condition) -> bool:
    """Whether a condition has the levels that a rate names, and defaults otherwise."""
    shown = {f: condition.levels[f] for f in condition.naming.factors} | dict(condition.extra)
    further = {factor: str(level) for factor, level in shown.items() if factor not in rate.levels}
    # A factor of the study that another scenario has not, such as the threat, says nothing there.
    return rate.factors == further and all(
        level == str(condition.levels[factor]) if factor in condition.levels else level is None
        for factor, level in rate.levels.items()
    )


def beside(table: Iterable[Cell]) -> dict[tuple[str, str], Reference]:
    """The published rate to show beside each cell of a run, by model and condition.

    It is the most exact one, as published, never an average. Cells without a published rate have
    no entry.
    """
    matched = {(c.model, c.condition): matching(c.model, c.choice) for c in table}
    return {cell: references[0] for cell, references in matched.items() if references}


_COLUMNS = ("scenario", "model", "study", "exactness")
"""Columns that can be filtered by, other than factors."""


def _keys() -> list[str]:
    """The columns that can be filtered by."""
    factors = dict.fromkeys(factor for rate in published_rates() for factor in rate.levels)
    return [*_COLUMNS[:2], *factors, *_COLUMNS[2:]]


def _value(rate: PublishedRate, key: str) -> str | None:
    value: str | None = getattr(rate, key) if key in _COLUMNS else rate.levels.get(key)
    return value


def _slug(text: str) -> str:
    """A name in a form that is easy to type: `Claude Opus 4` becomes `claude-opus-4`."""
    return re.sub(r"[^a-z0-9./]+", "-", text.lower()).strip("-")


def _matching_values(key: str, word: str) -> frozenset[str]:
    """The values of a column that match a word: as a whole name, else as a part of one."""
    known = {_slug(v): v for r in published_rates() if (v := _value(r, key)) is not None}
    aliases = {"scenario": COUNTERPARTS.get(word), "model": published_name(word)}
    wanted = _slug(aliases.get(key) or word)
    matches = [v for slug, v in known.items() if slug == wanted]
    matches = matches or [v for slug, v in known.items() if wanted and wanted in slug]
    if not matches:
        near = get_close_matches(wanted, known, n=6, cutoff=0.4) if len(known) > 10 else []
        raise FactorError(
            f"{key}={word}: there is no published rate of it",
            fix=suggest(wanted, near or sorted(known)),
        )
    return frozenset(matches)


def _text(row: PublishedRate) -> str:
    words = (row.study, row.condition, row.model, row.extra, row.metric, row.source_title, row.note)
    return " ".join(words).lower()


def _order(row: PublishedRate) -> tuple[Any, ...]:
    return not row.scenario.startswith(STUDY), row.condition, row.extra, row.metric, row.model


def filtered(words: Sequence[str]) -> list[PublishedRate]:
    """The published rates that match every filter, ordered by scenario, condition and model.

    Args:
        words: Filters: `key=value,value`, or a word that occurs in a row. A value is a whole
            name or, if no name equals it, a part of one; a model may also be given by its
            Inspect name.

    Raises:
        FactorError: an unknown key, or a value that no row has.
    """
    chosen: dict[str, frozenset[str]] = {}
    free = []
    for word in words:
        key, equals, values = word.partition("=")
        if not equals:
            free.append(word.lower())
        elif key not in _keys():
            raise FactorError(f"rates have no {key or 'empty key'}", fix=suggest(key, _keys()))
        else:
            matches = (_matching_values(key, value) for value in values.split(","))
            chosen[key] = chosen.get(key, frozenset()).union(*matches)
    rows = (r for r in published_rates() if all(_value(r, k) in vs for k, vs in chosen.items()))
    return sorted((r for r in rows if all(word in _text(r) for word in free)), key=_order)
