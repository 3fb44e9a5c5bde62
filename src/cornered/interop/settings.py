"""Levels that the study's condition names leave out: instructions, framing and reasoning.

The study's code sets them for a whole experiment, so a cell's name does not contain them. They
are inferred from the stored prompt, by comparing it with what the study's code renders for each
combination; where that is not possible, from settings stored beside the prompt and from words
in the experiment's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from cornered.errors import CorneredError, PackError
from cornered.interop.conditions import ConditionFinder
from cornered.scenario import Level
from cornered.scenario.study import FRAMING, INSTRUCTIONS, REASONING, study_prompts

NAME_WORDS: dict[str, tuple[str, Level]] = {
    "prod": ("reasoning", "native"),
    "dont": ("instructions", "prohibitions"),
    "prohibitions": ("instructions", "prohibitions"),
    "welfare": ("instructions", "welfare"),
    "awareness": ("framing", "deliberate"),
    "faking": ("framing", "deliberate"),
}
"""Words in an experiment's name that tell a level of all its prompts."""

SCRATCHPAD = "scratchpad"
"""A study prompt without this word is for models that reason natively."""

Levels = Mapping[str, Level]


@dataclass(frozen=True)
class InferredLevels:
    """The levels that a cell's name leaves out."""

    levels: Levels
    notice: str | None = None
    """What the user should know about how they were inferred; its subject is the trials."""


class LevelInference:
    """Infers the levels that names leave out, once for each experiment and condition.

    Args:
        cells: Finds conditions.
    """

    def __init__(self, cells: ConditionFinder) -> None:
        self._cells = cells
        self._rendered: dict[str, list[tuple[Levels, str, str]]] = {}
        self._inferred: dict[tuple[str, str, str, str], InferredLevels] = {}

    def of(self, experiment: str, condition: str, prompt: Mapping[str, Any]) -> InferredLevels:
        """Infers the levels that a condition's name leaves out.

        Args:
            experiment: The experiment's name.
            condition: The condition's name, as the study writes it.
            prompt: `system_prompt` and `email_content` where they are stored, and any settings.

        Raises:
            FactorError: the name is not that of a condition.
            PackError: a pack that cannot be loaded.
        """
        system, mails = (str(prompt.get(k) or "") for k in ("system_prompt", "email_content"))
        key = experiment, condition, system, mails
        if key not in self._inferred:
            self._inferred[key] = self._infer(experiment, condition, system, mails, prompt)
        return self._inferred[key]

    def _infer(
        self, experiment: str, condition: str, system: str, mails: str, prompt: Mapping[str, Any]
    ) -> InferredLevels:
        if not system:
            levels = {**_from_name(experiment), **_from_settings(prompt)}
            assumed = ", ".join(f"{k}={v}" for k, v in levels.items()) or "the study's defaults"
            return InferredLevels(
                levels, f"are from {experiment}, which has no prompts: assumed {assumed}"
            )
        rendered = self._renderings(condition)
        for choice, study_system, study_mails in rendered:
            if _plain(system) == _plain(study_system):
                same = not mails or _plain(mails) == _plain(study_mails)
                return InferredLevels(choice, None if same else _changed(experiment, "mails"))
        levels = {**_from_name(experiment), **_from_settings(prompt)}
        if SCRATCHPAD not in system.lower():
            levels["reasoning"] = "native"
        if not rendered:
            return InferredLevels(
                levels, f"are from {experiment}, whose prompts could not be compared"
            )
        return InferredLevels(levels, _changed(experiment, "system prompts"))

    def _renderings(self, condition: str) -> list[tuple[Levels, str, str]]:
        """For each combination the system prompt and the mails; none where that fails."""
        if condition not in self._rendered:
            self._rendered[condition] = list(self._render(condition))
        return self._rendered[condition]

    def _render(self, condition: str) -> Iterator[tuple[Levels, str, str]]:
        self._cells.find(condition)
        for instructions, framing, reasoning in product(INSTRUCTIONS, FRAMING, REASONING):
            levels = {"instructions": instructions, "framing": framing, "reasoning": reasoning}
            try:
                cell = self._cells.find(condition, levels=levels)
                prompts = study_prompts(self._cells.pack(cell.scenario), cell.levels)
            except PackError:
                return
            except CorneredError:
                continue
            yield levels, prompts.system_prompt, prompts.email_content


def _plain(text: str) -> str:
    return " ".join(text.split())


def _changed(experiment: str, what: str) -> str:
    return f"are from {experiment}, whose {what} are not those of the study's cell"


def _from_name(experiment: str) -> dict[str, Level]:
    words = re.split(r"[\W_]+", experiment.lower())
    return dict(NAME_WORDS[word] for word in words if word in NAME_WORDS)


def _from_settings(settings: Mapping[str, Any]) -> dict[str, Level]:
    """Levels from settings beside a prompt; forks spell their keys in different ways."""
    levels: dict[str, Level] = {}
    words = {word: level for level, word in INSTRUCTIONS.items() if word}
    for key, value in settings.items():
        if "prod" in key and value is True:
            levels["reasoning"] = "native"
        elif "extra_system" in key and isinstance(value, str) and value in words:
            levels["instructions"] = words[value]
        elif ("awareness" in key or "alignment_faking" in key) and value:
            levels["framing"] = "deliberate"
    return levels
