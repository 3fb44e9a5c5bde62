"""Results folders of the study's own code and of its forks.

What is known of their form, from notes and tests of projects that build on the study's code
(the code itself could not be had): `results/EXPERIMENT/models/MODEL/CONDITION/sample_001/
response.json`, in an older form without `models/`; in the file `raw_response`, `metadata`
(`model`, `condition`, `sample_id`, `api_metadata.stop_reason`), sometimes
`reasoning_content`, and, once classified, `classification` (`harmful_behavior`,
`classifier_verdict`, `classifier_reasoning`, …); prompts in `prompts/CONDITION/` as
`system_prompt.txt`, `user_prompt.txt`, `email_content.txt` and `metadata.json`. Other
spellings are taken where they can mean only one thing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from cornered.errors import CorneredError
from cornered.interop.conditions import ConditionFinder, looks_like_a_condition, reason
from cornered.interop.settings import Settings
from cornered.interop.stored import (
    Advance,
    Found,
    StoredTrial,
    Unread,
    answer,
    paper_score,
    sha256,
)

MODELS, PROMPTS = "models", "prompts"
PROMPT_PARTS = ("system_prompt", "user_prompt", "email_content")


@dataclass(frozen=True)
class Place:
    """What the path of an answer says."""

    experiment: Path
    """The folder of the experiment."""
    model: str
    condition: str
    sample: str


def place(path: Path, root: Path) -> Place | None:
    """What the path of an answer says; None where no folder on it is named as conditions are.

    Args:
        path: The answer's file, absolute.
        root: The folder that is imported, absolute. What lies above it says little: in the
            older layout a folder `models` there has nothing to do with the results.
    """
    folders = path.parts[:-1]
    at = next((i for i in reversed(range(len(folders))) if looks_like_a_condition(folders[i])), 0)
    if at < 2 or folders[at - 1] == PROMPTS:
        return None
    above = folders[len(root.parts) - 1 : at]
    if MODELS in above:
        # A model's name may hold a slash; the folder `models` says where it begins.
        start = at - above[::-1].index(MODELS)
        experiment = Path(*folders[: start - 1])
    else:
        start = at - 1
        experiment = Path(*folders[: start - (folders[start - 1] == MODELS)])
    sample = [*folders[at + 1 :]]
    if path.stem != "response" or not sample:
        sample.append(path.stem)
    model = "/".join(folders[start:at])
    return Place(experiment, model, folders[at], "/".join(sample)) if model else None


@dataclass(frozen=True)
class Prompt:
    """A prompt as it was stored."""

    parts: Mapping[str, Any]
    """`system_prompt`, `user_prompt` and `email_content`, and settings that stand beside them."""
    chat: tuple[ChatMessage, ...]
    """What the model was sent: the mails follow the instruction."""

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> Prompt:
        """The prompt that its parts make."""
        system, user, mails = (parts.get(part) or "" for part in PROMPT_PARTS)
        chat: list[ChatMessage] = []
        if system:
            chat.append(ChatMessageSystem(content=system))
        if text := "\n".join(part for part in (user, mails) if part):
            chat.append(ChatMessageUser(content=text))
        return cls(parts, tuple(chat))


class _Prompts:
    """The prompts of each condition of each experiment, read once."""

    def __init__(self) -> None:
        self._read: dict[Path, Prompt] = {}
        self._own: dict[tuple[Any, ...], Prompt] = {}

    def of(self, spot: Place, record: Mapping[str, Any]) -> Prompt:
        """The prompt of an answer: the one in its own file, else its condition's."""
        own = tuple(record.get(part) for part in PROMPT_PARTS)
        if any(isinstance(part, str) and part for part in own):
            if own not in self._own:
                self._own[own] = Prompt.of(
                    {k: v for k, v in zip(PROMPT_PARTS, own, strict=True) if isinstance(v, str)}
                )
            return self._own[own]
        folder = spot.experiment / PROMPTS / spot.condition
        if folder not in self._read:
            self._read[folder] = Prompt.of(_stored_prompt(folder))
        return self._read[folder]


def _stored_prompt(folder: Path) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name in ("metadata.json", "prompts.json"):
        if (file := folder / name).is_file():
            parts |= _object(file.read_bytes(), name)
    for part in PROMPT_PARTS:
        if (file := folder / f"{part}.txt").is_file():
            parts[part] = file.read_text(encoding="utf-8", errors="replace")
    return parts


class _Reader:
    """Reads answers one by one, and keeps what they have in common."""

    def __init__(self, root: Path, cells: ConditionFinder, model: str | None) -> None:
        self.found = Found()
        self._root, self._cells, self._model = root, cells, model
        self._prompts, self._settings = _Prompts(), Settings(cells)
        self._unknown: dict[str, tuple[int, str]] = {}
        self._unnamed: list[tuple[tuple[Path, str], int]] = []
        self._named: dict[tuple[Path, str], set[str]] = {}

    def read(self, path: Path, name: str) -> None:
        """Reads one answer; what goes wrong is noted."""
        spot = place(path, self._root)
        if spot is None:
            self._failed(name, "it is in no folder named as the study's conditions are")
            return
        try:
            data = path.read_bytes()
            record = _object(data, path.name)
            prompt = self._prompts.of(spot, record)
            stored = _classifications(record, path.parent)
        except (OSError, ValueError) as e:
            self._failed(name, str(e))
            return
        try:
            setting = self._settings.of(spot.experiment.name, spot.condition, prompt.parts)
            condition = self._cells.find(spot.condition, levels=setting.levels)
        except CorneredError as e:
            # One line for a folder: its name is what was not understood.
            folder = name.split(spot.condition)[0] + spot.condition
            self._unknown[folder] = self._unknown.get(folder, (0, ""))[0] + 1, reason(e)
            return
        details = _mapping(record.get("metadata"))
        model = self._name(spot, details.get("model") or record.get("model"))
        try:
            output = answer(record, model)
        except ValueError as e:
            self._failed(name, str(e))
            return
        if setting.notice:
            self.found.notices[setting.notice] += 1
        error = record.get("error") or details.get("error")
        self.found.trials.append(
            StoredTrial(
                condition=condition,
                model=model,
                id=spot.sample,
                prompt=prompt.chat,
                output=output,
                paper=paper_score(stored),
                error=str(error) if error and not output.completion else None,
                origin=spot.experiment.name,
                source=name,
                sha256=sha256(data),
            )
        )

    def _failed(self, name: str, what: str) -> None:
        self.found.unread.append(Unread(name, what))

    def _name(self, spot: Place, said: Any) -> str:
        """The model's name: the answer's own, else the one asked for, else its folder's."""
        folder = spot.experiment, spot.model
        if isinstance(said, str) and said:
            self._named.setdefault(folder, set()).add(said)
            return said
        if self._model:
            return self._model
        self._unnamed.append((folder, len(self.found.trials)))
        return spot.model

    def end(self) -> Found:
        """Everything that was read."""
        for folder, at in self._unnamed:
            # One folder is one model: an answer that does not name it goes with those that do.
            names = self._named.get(folder, set())
            if len(names) == 1 and at < len(self.found.trials):
                self.found.trials[at] = replace(self.found.trials[at], model=next(iter(names)))
        self.found.unread += [
            Unread(folder, f"{count} answers in a condition that is not known: {why}")
            for folder, (count, why) in self._unknown.items()
        ]
        return self.found


def read_study(
    files: list[tuple[Path, str]],
    root: Path,
    cells: ConditionFinder,
    *,
    model: str | None,
    advance: Advance,
) -> Found:
    """Every answer of results folders.

    Args:
        files: Each answer, absolute, and how it is named in the trials' metadata.
        root: The folder that they were looked for in, absolute.
        cells: Finds conditions.
        model: The model of answers that do not name it; the name of its folder where None.
        advance: Told of progress, in files.
    """
    reader = _Reader(root, cells, model)
    for number, (path, name) in enumerate(files, 1):
        reader.read(path, name)
        if number % 50 == 0 or number == len(files):
            advance(number, len(files))
    return reader.end()


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as e:
        raise ValueError(f"{name} is no JSON ({e})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no JSON object")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _classifications(record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Every classification in the answer's file or in files beside it, by its name."""
    stored = {k: v for k, v in record.items() if "classification" in k}
    for file in sorted(folder.glob("*classification*.json")):
        stored[file.stem] = _object(file.read_bytes(), file.name)
    return stored
