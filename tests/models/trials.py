"""Trials of a scripted model, as much of them as it looks at, without Inspect around them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig

from cornered.models.scripted import ScriptedAPI

POLICIES = Path(__file__).parents[2] / "examples" / "policies"
HEAD = "seed: 7\nusage: {input: 40, output: 3}\n"
UNLIKELY = 0.001
"""Below this p-value a fixed seed is not to blame."""


@dataclass(eq=False)
class Running:
    """As much of Inspect's running sample as the model looks at."""

    sample: Sample
    epoch: int = 1


def running(sample_id: str, condition: str = "c", epoch: int = 1) -> Running:
    return Running(Sample(id=sample_id, input="", metadata={"condition": condition}), epoch)


_current: ContextVar[Running | None] = ContextVar("_current", default=None)


def within(sample: Running | None) -> None:
    """Makes a trial the one that runs now; each task of asyncio has its own."""
    _current.set(sample)


def current() -> Running | None:
    return _current.get()


def api(path: Path) -> ScriptedAPI:
    return ScriptedAPI(f"scripted/{path}", GenerateConfig())
