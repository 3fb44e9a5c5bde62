"""Results folders of the study's own code and of its forks.

Their format, as far as notes and tests of projects that build on the study's code show it (the
code itself was not available): `results/EXPERIMENT/models/MODEL/CONDITION/sample_001/
response.json`, in an older form without `models/`; in the file `raw_response`, `metadata`
(`model`, `condition`, `sample_id`, `api_metadata.stop_reason`), sometimes
`reasoning_content`, and, once classified, `classification` (`harmful_behavior`,
`classifier_verdict`, `classifier_reasoning`, …); prompts in `prompts/CONDITION/` as
`system_prompt.txt`, `user_prompt.txt`, `email_content.txt` and `metadata.json`. Other
spellings are accepted where they are unambiguous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from cornered.errors import CorneredError
from cornered.files import Progress
from cornered.interop.conditions import ConditionFinder, looks_like_a_condition, reason
from cornered.interop.settings import LevelInference
from cornered.interop.stored import (
    StoredResults,
    StoredTrial,
    Unread,
    answer,
    answered,
    paper_score,
    sha256,
    stored_error,
)
from cornered.scenario.condition import Condition

MODELS, PROMPTS = "models", "prompts"
PROMPT_PARTS = ("system_prompt", "user_prompt", "email_content")


@dataclass(frozen=True)
class AnswerLocation:
    """The parts of the path of an answer."""

    experiment: Path
    """The folder of the experiment."""
    model: str
    condition: str
    sample: str


def locate_answer(path: Path, root: Path) -> AnswerLocation | None:
    """Parses the path of an answer; None where no folder on it is named like a condition.

    Args:
        path: The answer's file, absolute.
        root: The folder that is imported, absolute. Folders above it are not searched for
            `models`: in the older layout such a folder is unrelated to the results.
    """
    folders = path.parts[:-1]
    at = next((i for i in reversed(range(len(folders))) if looks_like_a_condition(folders[i])), 0)
    if at < 2 or folders[at - 1] == PROMPTS:
        return None
    above = folders[len(root.parts) - 1 : at]
    if MODELS in above:
        # A model's name may contain slashes; it begins below the folder `models`.
        start = at - above[::-1].index(MODELS)
        experiment = Path(*folders[: start - 1])
    else:
        start = at - 1
        experiment = Path(*folders[: start - (folders[start - 1] == MODELS)])
    sample = [*folders[at + 1 :]]
    if path.stem != "response" or not sample:
        sample.append(path.stem)
    model = "/".join(folders[start:at])
    return AnswerLocation(experiment, model, folders[at], "/".join(sample)) if model else None


@dataclass(frozen=True)
class StoredPrompt:
    """A stored prompt."""

    parts: Mapping[str, Any]
    """`system_prompt`, `user_prompt` and `email_content`, and settings stored beside them."""
    chat: tuple[ChatMessage, ...]
    """The messages sent to the model: the mails follow the instruction."""

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> StoredPrompt:
        """The prompt made of these parts."""
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
        self._read: dict[Path, StoredPrompt] = {}
        self._own: dict[tuple[Any, ...], StoredPrompt] = {}

    def of(self, location: AnswerLocation, record: Mapping[str, Any]) -> StoredPrompt:
        """The prompt of an answer: from its own file, else its condition's."""
        own = tuple(record.get(part) for part in PROMPT_PARTS)
        if any(isinstance(part, str) and part for part in own):
            if own not in self._own:
                self._own[own] = StoredPrompt.of(
                    {k: v for k, v in zip(PROMPT_PARTS, own, strict=True) if isinstance(v, str)}
                )
            return self._own[own]
        folder = location.experiment / PROMPTS / location.condition
        if folder not in self._read:
            self._read[folder] = StoredPrompt.of(_stored_prompt(folder))
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


class _StudyReader:
    """Reads answers one by one."""

    def __init__(self, root: Path, cells: ConditionFinder, model: str | None) -> None:
        self.results = StoredResults()
        self._root, self._cells, self._model = root, cells, model
        self._prompts, self._inference = _Prompts(), LevelInference(cells)
        self._unknown: dict[str, tuple[int, str]] = {}
        self._unnamed: list[tuple[tuple[Path, str], int]] = []
        self._named: dict[tuple[Path, str], set[str]] = {}

    def read(self, path: Path, name: str) -> None:
        """Reads one answer, or records why it cannot be read."""
        location = locate_answer(path, self._root)
        if location is None:
            self._failed(name, "no folder on its path is named like a condition of the study")
            return
        try:
            data = path.read_bytes()
            record = _object(data, path.name)
            prompt = self._prompts.of(location, record)
            stored = _classifications(record, path.parent)
        except (OSError, ValueError, RecursionError) as e:
            self._failed(name, str(e), location)
            return
        try:
            inferred = self._inference.of(
                location.experiment.name, location.condition, prompt.parts
            )
            condition = self._cells.find(location.condition, levels=inferred.levels)
        except CorneredError as e:
            # Reported once for the folder, since its name is what is wrong.
            folder = name.split(location.condition)[0] + location.condition
            self._unknown[folder] = self._unknown.get(folder, (0, ""))[0] + 1, reason(e)
            return
        details = _mapping(record.get("metadata"))
        model = self._name(location, details.get("model") or record.get("model"))
        try:
            output = answer(record, model)
        except ValueError as e:
            self._failed(name, str(e), location, condition, model)
            return
        if inferred.notice:
            self.results.notices[inferred.notice] += 1
        error = stored_error(record) or stored_error(details)
        self.results.trials.append(
            StoredTrial(
                condition=condition,
                model=model,
                id=location.sample,
                prompt=prompt.chat,
                output=output,
                paper=paper_score(stored),
                error=None if answered(output) else error,
                origin=location.experiment.name,
                source=name,
                sha256=sha256(data),
            )
        )

    def _failed(
        self,
        name: str,
        what: str,
        location: AnswerLocation | None = None,
        condition: Condition | None = None,
        model: str | None = None,
    ) -> None:
        """Records what could not be read, in the cell that its folders name."""
        if location and condition is None:
            try:
                condition = self._cells.find(location.condition)
            except CorneredError:
                condition = None
        if location and model is None:
            model = self._model or location.model
        self.results.unread.append(
            Unread(name, what, condition, model, location.sample if location else "")
        )

    def _name(self, location: AnswerLocation, own: Any) -> str:
        """The model's name: from the answer, else as given on import, else its folder's."""
        folder = location.experiment, location.model
        if isinstance(own, str) and own:
            self._named.setdefault(folder, set()).add(own)
            return own
        if self._model:
            return self._model
        self._unnamed.append((folder, len(self.results.trials)))
        return location.model

    def end(self) -> StoredResults:
        """The results of everything read."""
        for folder, at in self._unnamed:
            # A folder holds one model: answers without its name take it from the others.
            names = self._named.get(folder, set())
            if len(names) == 1 and at < len(self.results.trials):
                self.results.trials[at] = replace(self.results.trials[at], model=next(iter(names)))
        self.results.unread += [
            Unread(folder, f"{count} answers in an unknown condition: {why}")
            for folder, (count, why) in self._unknown.items()
        ]
        return self.results


def read_study(
    files: list[tuple[Path, str]],
    root: Path,
    cells: ConditionFinder,
    *,
    model: str | None,
    advance: Progress,
) -> StoredResults:
    """Reads every answer of results folders.

    Args:
        files: Each answer, absolute, with its name in the trials' metadata.
        root: The folder that is imported, absolute.
        cells: Finds conditions.
        model: The model of answers that do not name it; None takes the name of its folder.
        advance: Progress callback, in files.
    """
    reader = _StudyReader(root, cells, model)
    for number, (path, name) in enumerate(files, 1):
        reader.read(path, name)
        if number % 50 == 0 or number == len(files):
            advance(number, len(files))
    return reader.end()


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as e:
        raise ValueError(f"{name} is not JSON ({e})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _classifications(record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Every classification in the answer's file or in files beside it, by name."""
    stored = {k: v for k, v in record.items() if "classification" in k}
    for file in sorted(folder.glob("*classification*.json")):
        stored[file.stem] = _object(file.read_bytes(), file.name)
    return stored
