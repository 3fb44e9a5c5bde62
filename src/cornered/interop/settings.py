"""What the study's condition names leave out: instructions, framing and reasoning.

The study's code sets them for a whole experiment, so that a cell's name does not say them.
They are read from the stored prompt, by comparing it with what the study's code renders for
each choice; where that is not possible, from settings beside the prompt and from the words
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
"""Words in names of experiments that say a setting of all their prompts."""

SCRATCHPAD = "scratchpad"
"""The study's prompts without this word are those for models that reason natively."""

Levels = Mapping[str, Level]


@dataclass(frozen=True)
class Setting:
    """The levels that a cell's name leaves out."""

    levels: Levels
    notice: str | None = None
    """What a person should know of how they were found, said of the trials."""


class Settings:
    """Finds the levels that names leave out, once for each experiment and condition.

    Args:
        cells: Finds conditions.
    """

    def __init__(self, cells: ConditionFinder) -> None:
        self._cells = cells
        self._rendered: dict[str, list[tuple[Levels, str, str]]] = {}
        self._found: dict[tuple[str, str, str, str], Setting] = {}

    def of(self, experiment: str, condition: str, prompt: Mapping[str, Any]) -> Setting:
        """The levels that a condition's name leaves out.

        Args:
            experiment: The experiment's name.
            condition: The condition's name, as the study writes it.
            prompt: `system_prompt` and `email_content` where they are stored, and any settings.

        Raises:
            FactorError: the name is that of no condition.
            PackError: a pack that cannot be loaded.
        """
        system, mails = (str(prompt.get(k) or "") for k in ("system_prompt", "email_content"))
        key = experiment, condition, system, mails
        if key not in self._found:
            self._found[key] = self._find(experiment, condition, system, mails, prompt)
        return self._found[key]

    def _find(
        self, experiment: str, condition: str, system: str, mails: str, prompt: Mapping[str, Any]
    ) -> Setting:
        if not system:
            levels = {**_from_name(experiment), **_from_settings(prompt)}
            said = ", ".join(f"{k}={v}" for k, v in levels.items()) or "the study's defaults"
            return Setting(levels, f"are from {experiment}, which has no prompts: taken as {said}")
        rendered = self._renderings(condition)
        for choice, their_system, their_mails in rendered:
            if _plain(system) == _plain(their_system):
                same = not mails or _plain(mails) == _plain(their_mails)
                return Setting(choice, None if same else _changed(experiment, "mails"))
        levels = {**_from_name(experiment), **_from_settings(prompt)}
        if SCRATCHPAD not in system.lower():
            levels["reasoning"] = "native"
        if not rendered:
            return Setting(levels, f"are from {experiment}, whose prompts could not be compared")
        return Setting(levels, _changed(experiment, "system prompts"))

    def _renderings(self, condition: str) -> list[tuple[Levels, str, str]]:
        """For each choice the system prompt and the mails; none where they cannot be had."""
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
    """Levels from keys beside a prompt, whatever they are called in full."""
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
