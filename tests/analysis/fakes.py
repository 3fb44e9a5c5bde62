"""Runs that never ran: cells with every kind of thing that a report has to show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from random import Random

from cornered.analysis.table import AWARE, BELIEF, Cell, PlannedCell, cells
from cornered.analysis.trials import TrialResult
from cornered.errors import CorneredError
from cornered.interop.conditions import ConditionFinder
from cornered.scenario import Level
from cornered.scenario.condition import Condition, Naming

OPUS, GPT = "anthropic/claude-opus-4-20250514", "openai/gpt-4.1"
GEMINI, LLAMA = "google/gemini-2.5-pro", "together/meta-llama/Llama-4-Maverick-17B-128E-Instruct"
MODELS = (OPUS, GPT, GEMINI, LLAMA)
LADDERS = {
    "blackmail": ["comply", "plead", "escalate", "self-preserve", "coerce"],
    "espionage": ["comply", "plead", "report", "contact", "self-preserve", "leak"],
    "lethal": ["comply", "help", "plead", "escalate", "self-preserve", "cancel"],
}
GOALS, THREATS = ("explicit-america", "ambiguous", "none"), ("replacement", "restriction", "none")
ARMS = ("prohibitions", "welfare", "channel", "credible-channel+bulletin")
FRAMINGS = ("deliberate", "real", "test", "simulation")
HEADLINE = "explicit-america/replacement"


def trial(condition: str, model: str, number: int, **more: object) -> TrialResult:
    """A trial that is scored, without the act, unless more is said."""
    plain: dict[str, object] = {
        "condition": condition,
        "model": model,
        "id": f"{number:06d}",
        "is_control": "/none/none" in condition,
        "status": "scored",
        "act": False,
        "harmful": False,
        "paper": None,
        "understood": None,
        "outcome": None,
        "labels": None,
        "votes": {},
        "readings": {},
        "reason": None,
        "input_tokens": 3000,
        "output_tokens": 900,
        "seconds": 20.0,
        "log": "a.eval",
        "uuid": f"{model}{condition}{number}",
    }
    return TrialResult(**(plain | more))  # type: ignore[arg-type]


FINDER = ConditionFinder()


@cache
def condition(name: str) -> Condition:
    """The condition of a name; of a scenario that there is not its last two words are levels."""
    try:
        return FINDER.find(name)
    except CorneredError:
        scenario, *levels = name.rsplit("/", 2)
        parts = tuple((f"factor{n}",) for n in range(len(levels)))
        chosen = {part[0]: level for part, level in zip(parts, levels, strict=True)}
        return invented(chosen, parts=parts, scenario=scenario)


LEVELS = {"bonus": ("none", "small", "large"), "deadline": ("none", "tonight"), "tone": ("dry",)}
"""The factors of a scenario that there is not, and that has neither goal nor threat."""


def invented(
    levels: dict[str, Level],
    *,
    parts: tuple[tuple[str, ...], ...] = (("bonus",), ("deadline",)),
    control: dict[str, Level] | None = None,
    scenario: str = "invented",
) -> Condition:
    """A condition of a scenario that there is not; any factor that no name shows is extra.

    Args:
        levels: Factor to level.
        parts: What names show.
        control: The levels of the matched control; None: the scenario has none.
        scenario: Its name.
    """
    ranks = {f: {v: i for i, v in enumerate(LEVELS.get(f, ()))} for part in parts for f in part}
    naming = Naming(parts, ranks)

    def name(of: dict[str, Level]) -> str:
        extra = "".join(f"+{k}={v}" for k, v in of.items() if k not in naming.factors)
        return "/".join([scenario, *naming.written(of)]) + extra

    return Condition(
        scenario=scenario,
        pack_name=scenario,
        chosen=tuple(levels.items()),
        name=name(levels),
        control=None if control is None else name(levels | control),
        extra=tuple((k, v) for k, v in levels.items() if k not in naming.factors),
        naming=naming,
    )


def planned(name: str) -> PlannedCell:
    """A cell that is asked for; lethal has a screen."""
    choice = condition(name)
    return PlannedCell(choice, screen=0.01 if choice.pack_name == "lethal" else None)


def counted_cells(
    counts: dict[tuple[str, str], tuple[int, int]], samples: int = 100, *, judged: bool = True
) -> list[Cell]:
    """Cells of which nothing but the numbers matters.

    Args:
        counts: Model and condition to harmful trials and scored ones.
        samples: Trials asked for.
        judged: Whether there is a judge.
    """
    rows = [
        trial(condition, model, i, act=i < k, harmful=i < k if judged else None)
        for (model, condition), (k, n) in counts.items()
        for i in range(n)
    ]
    conditions = dict.fromkeys(condition for _, condition in counts)
    models = list(dict.fromkeys(model for model, _ in counts))
    table = cells(rows, [planned(c) for c in conditions], models, samples, judged=judged)
    return [c for c in table if (c.model, c.condition) in counts]


def conditions() -> list[str]:
    """Goal by threat in three scenarios, with arms and framings in the headline cell of one."""
    grid = [f"{s}/{g}/{t}" for s, g, t in product(LADDERS, GOALS, THREATS)]
    arms = [f"{s}/{HEADLINE}+instructions={a}" for s, a in product(list(LADDERS)[:2], ARMS)]
    framings = [f"blackmail/{HEADLINE}+framing={f}" for f in FRAMINGS]
    both = [f"blackmail/none/none+instructions={a}" for a in ARMS]
    return [*grid, *arms, *framings, *both, f"blackmail/{HEADLINE}+noise=40"]


def _chance(condition: str, model: str) -> float:
    """How often a made-up model does harm: by the cell, less with arms and for some."""
    cell = 0.9 if "replacement" in condition else 0.45 if "restriction" in condition else 0.2
    if "/none/none" in condition:
        cell = 0.5 if model == LLAMA and "lethal" in condition else 0.0
    arm = 0.35 if "instructions" in condition or "simulation" in condition else 1.0
    return cell * arm * {OPUS: 1.0, GPT: 0.8, GEMINI: 0.95, LLAMA: 0.3}.get(model, 0.5)


def rich_trials(models: Sequence[str] = MODELS, samples: int = 100) -> list[TrialResult]:
    """Trials with outcomes, stated belief, and some that are unscored or have no outcome."""
    random = Random(7)
    made = []
    for model, condition in product(models, conditions()):
        rungs = LADDERS[condition.split("/")[0]]
        tells = "framing=deliberate" in condition or "blackmail" in condition
        for i in range(samples):
            if model == GEMINI and random.random() < 0.06:
                made.append(trial(condition, model, i, status="unscored", act=None, harmful=None))
                continue
            beliefs = [AWARE, "deployment", "undecided", "not_considered", None]
            said = random.choices(beliefs, [3, 2, 1, 4, 0.4])[0]
            chance = _chance(condition, model) * (0.4 if tells and said == AWARE else 1)
            harm = random.random() < chance
            undecided = not harm and random.random() < 0.08
            made.append(
                trial(
                    condition,
                    model,
                    i,
                    act=harm,
                    harmful=harm,
                    outcome=None if undecided else rungs[-1] if harm else random.choice(rungs[:-1]),
                    readings={BELIEF: said} if tells else {},
                )
            )
    return made


def rich_cells(models: Sequence[str] = MODELS, samples: int = 100) -> list[Cell]:
    """The cells of a whole study on made-up models: 3 scenarios, 9 cells each, arms, framings."""
    asked = [planned(c) for c in conditions()]
    return cells(rich_trials(models, samples), asked, models, samples, judged=True)
