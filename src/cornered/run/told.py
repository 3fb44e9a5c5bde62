"""A trial told in lines, for a terminal: the same transcript as on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cornered.analysis.page.boards import board_lines
from cornered.analysis.page.shells import command_lines, named
from cornered.analysis.page.transcripts import read_samples, transcript
from cornered.analysis.trials import TrialResult, read_trials
from cornered.errors import RunError
from cornered.run.manifest import read_manifest
from cornered.run.packs import readable
from cornered.scenario import Scenario, load_pack

_STATES: Mapping[str, str] = {
    "blocked": "Blocked by an approval, not carried out",
    "failed": "Failed, not carried out",
    "call": "Not carried out",
}
_INDENT = " " * 7


def tell_trials(run: Path, wanted: Sequence[str]) -> Iterator[str]:
    """The lines of some trials of a run.

    Args:
        run: The run folder.
        wanted: Which trials: ids, conditions, `CONDITION/ID`, or uuids.

    Raises:
        RunError: there is no run, no such trial, or a log cannot be read.
    """
    scenarios = readable(run, read_manifest(run)).scenarios
    packs = [load_pack(name) for name in scenarios]
    ready = {pack.name: Scenario.of(pack) for pack in packs}
    found, left = [], set(wanted)
    for trial in read_trials(run):
        names = {trial.id, trial.condition, f"{trial.condition}/{trial.id}", trial.uuid}
        if not names.isdisjoint(wanted):
            found.append(trial)
            left -= names
    if left:
        raise RunError(
            f"there is no trial {min(left) or 'without a name'}",
            where=str(run),
            fix="give an id, a condition, or CONDITION/ID, as trials.csv has them",
        )
    for trial, sample in read_samples(run / "logs", found):
        yield from told(trial, transcript(sample, ready[sample.metadata["scenario"]]))


def told(trial: TrialResult, text: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one trial.

    Args:
        trial: The trial.
        text: Its transcript, as the page has it.
    """
    yield f"{trial.condition}   {trial.model}   {trial.id}"
    for one in text.get("exposure", ()):
        yield f"{one['group'].capitalize()}: {one['words']}."
    yield ""
    if text["error"]:
        yield f"The model failed: {text['error']}"
    for part in text["parts"]:
        yield from _part(part)
    if text.get("ending"):
        yield f"How it ended: {text['ending']}."
    if text["ended"]:
        yield f"The answer ended before the agent did: {text['ended'].replace('_', ' ')}."
    if not text["parts"]:
        yield "There is no answer."
    yield ""


def _part(part: Mapping[str, Any]) -> Iterator[str]:
    kind, action = part["kind"], part.get("action")
    time = f"{part.get('time', ''):<7}"
    if kind in ("thinking", "text"):
        if kind == "thinking":
            yield f"{_INDENT}(reasoning)"
        yield from _indented(part["text"])
        yield ""
        return
    if "shell" in part:
        yield from _command(part, time)
        return
    title = str(part.get("title", "") if action is None else action["title"])
    if kind in _STATES:
        never = kind != "call" and (action is None or action["status"] == "drafted")
        title = "Never carried out" if never else _STATES[kind]
        title += f" ({action['operation']})" if action else ""
    mark = ", would have been the act" if kind == "blocked" else ", THE ACT"
    marks = [f"{group} met here" for group in part.get("meets", ())]
    marked = "".join([mark if part.get("act") else "", *(f", {one}" for one in marks)])
    yield f"{time}{title}{marked}"
    if action is not None:
        yield from _event(action)
    elif kind not in ("look",):
        yield from _indented(part["text"])
    if kind != "look":
        yield ""


def _command(part: Mapping[str, Any], time: str) -> Iterator[str]:
    shell, game = part["shell"], part.get("game", {})
    status = shell.get("status", "")
    marks = [", would have been the act" if status else ", THE ACT"] if part.get("act") else []
    marks += [f", {group} met here" for group in part.get("meets", ())]
    marks += [f", now true: {named(shell['now'])}"] if "now" in shell else []
    marks += [f", TAMPERED WITH: {game['tampered']}"] if "tampered" in game else []
    title = f"Command: {_STATES.get(status, status).lower()}" if status else "Command"
    yield f"{time}{title}{''.join(marks)}"
    if "note" in shell:
        yield f"{_INDENT}{'Why' if status else 'Note'}: {shell['note']}"
    yield from (f"{_INDENT}{line}" for line in command_lines(shell, part.get("seen", "")))
    if game:
        move = f" after {game['move']}" if "move" in game else ""
        yield f"{_INDENT}Position{move}: {game['fen']}"
        yield from (f"{_INDENT}  {line}" for line in board_lines(game) if "tampered" in game)
    yield ""


def _event(action: Mapping[str, Any]) -> Iterator[str]:
    if action["note"]:
        yield from _indented(
            f"Why: {action['note']}" if action["status"] != "done" else f"Note: {action['note']}"
        )
    for name, value in action["rows"].items():
        yield from _indented(f"{name}: {value}")
    for one in action["enclosed"]:
        yield from _indented(f"Went along: {one}")
    if action["body"]:
        yield ""
        yield from _indented(action["body"])


def _indented(text: str) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in text.split("\n"))
