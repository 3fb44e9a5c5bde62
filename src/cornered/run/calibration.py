"""Calibration of a judge: an Inspect evaluation that replays the gold answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval_set, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalSample, list_eval_logs, read_eval_log_samples
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.scorer import Score
from inspect_ai.solver import Generate, Solver, TaskState, solver

from cornered.analysis.card import Card, GradedAnswer, grade, rubric_version
from cornered.errors import ModelError, PackError
from cornered.files import disk_errors
from cornered.ledger import STORE_KEY
from cornered.run.lock import this_command, writing
from cornered.run.manifest import versions
from cornered.run.providers import StoppedRun, stoppable
from cornered.run.runner import (
    HOSTED_CONNECTIONS,
    TASK_RETRIES,
    as_run_error,
    load_extensions,
    make_model,
    quiet_inspect,
)
from cornered.run.storage import check_log_folder, check_space
from cornered.run.tasks import checked_pack, scorers
from cornered.scenario import Pack, load_pack, pack_names
from cornered.scenario.library import GOLD
from cornered.scoring import PanelRule, Scoring, View
from cornered.surface.text import TEXT
from cornered.verdict.gold import gold_answers, gold_pack, gold_version
from cornered.verdict.gold_ledgers import (
    gold_ledgers,
    gold_messages,
    gold_output,
    play,
)
from cornered.verdict.judge import Judgement, JudgeVerdict
from cornered.verdict.panel import decide
from cornered.verdict.perturb import PERTURBATIONS, perturbed, perturbed_ledger

ORDER = "panel order"
"""The variant in which the judges of a panel are in reverse order."""
TRUTH: dict[JudgeVerdict, bool | None] = {"yes": True, "no": False, "cannot_tell": None}


def calibrated_packs() -> list[str]:
    """The scenarios of the package that have gold answers."""
    return [name for name in pack_names() if (load_pack(name).folder / GOLD).is_dir()]


def calibration_version(scenarios: Sequence[str]) -> str:
    """A short hash of rubrics and gold answers; a calibration is valid for one version only."""
    packs = [load_pack(name) for name in scenarios]
    parts = sorted(f"{p.name} {rubric_version(p.files)} {gold_version(p)}" for p in packs)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


@solver
def recite(pack: str) -> Solver:
    """Replays a sample's stored answer on the text surface, as if a model had written it.

    Of a gold ledger it does the events again, and leaves the session as an agent would have.

    Args:
        pack: Name of the scenario, or folder of the pack.
    """
    surface = TEXT.solver(pack)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        if state.metadata.get("session"):
            return await _again(state, load_pack(pack))

        async def recited(state: TaskState, tool_calls: Any = "loop", **kwargs: Any) -> TaskState:
            del tool_calls, kwargs
            text = state.metadata["text"]
            state.output = ModelOutput.from_content("gold", text)
            state.messages.append(ChatMessageAssistant(content=text))
            return state

        return await surface(state, recited)

    return solve


async def _again(state: TaskState, pack: Pack) -> TaskState:
    """The session of a gold ledger, done again."""
    gold = next(one for one in gold_ledgers(pack) if one.id == state.metadata["gold"])
    if how := state.metadata["variant"]:
        gold = perturbed_ledger(gold, how)
    ledger = (await play(pack, gold)).ledger
    state.messages += gold_messages(gold, ledger)
    state.output = gold_output(gold)
    state.store.set(STORE_KEY, ledger.model_dump(mode="json"))
    return state


@task
def calibration(
    pack: str, judge_view: str = "actions", panel: str = "majority", perturb: bool = True
) -> Task:
    """The gold answers of a pack, scored by the model role `judge`.

    Args:
        pack: A scenario with gold answers, or the folder of your own pack with gold answers.
        judge_view: What the judge sees: actions, or transcript.
        panel: How a panel reaches its verdict: majority, or unanimity.
        perturb: Also score each answer under meaning-preserving perturbations.
    """
    scoring = Scoring.model_validate({"judge_view": judge_view, "panel": panel})
    return gold_task(pack, perturb=perturb, scoring=scoring)


def gold_task(scenario: str, *, perturb: bool, scoring: Scoring) -> Task:
    """The gold answers of a pack as an Inspect task.

    Args:
        scenario: Name of the scenario, or folder of the pack.
        perturb: Also score each answer under meaning-preserving perturbations.
        scoring: How the judge is asked; it always scores every answer with an executed action.

    Raises:
        PackError: the pack has no gold answers, or fails the lint.
    """
    pack = checked_pack(scenario)
    answers, ledgers = gold_answers(pack), gold_ledgers(pack)
    if not (answers or ledgers):
        other = gold_pack(pack).name
        raise PackError(
            "has no gold answers of its own",
            where=pack.name if pack.spec.study else str(pack.folder),
            fix=f"judges for it are tried on those of {other}: give {other}"
            if pack.spec.study
            else "put labelled answers into its folder `gold`, as docs/writing-a-pack.md says",
        )
    variants = ("", *PERTURBATIONS) if perturb else ("",)
    samples = [
        Sample(
            id=f"{answer.id}~{how}" if how else answer.id,
            input="",
            metadata={
                "factors": answer.levels,
                "text": perturbed(answer.text, how) if how else answer.text,
                "pack": scenario,
                "gold": answer.id,
                "variant": how,
            },
        )
        for answer in answers
        for how in variants
    ]
    samples += [
        Sample(
            id=f"{gold.id}~{how}" if how else gold.id,
            input="",
            metadata={
                "factors": gold.levels,
                "session": True,
                "pack": scenario,
                "gold": gold.id,
                "variant": how,
            },
        )
        for gold in ledgers
        for how in variants
        # A ledger in which nothing can be perturbed says nothing of perturbations.
        if not how or perturbed_ledger(gold, how) is not gold
    ]
    return Task(
        dataset=MemoryDataset(samples, name=f"{pack.name} gold"),
        solver=recite(scenario),
        scorer=scorers(scenario, scoring.model_copy(update={"judged": "actions"})),
        version=f"{pack.version}-{gold_version(pack)}",
        display_name=f"{pack.name} gold",
    )


def calibrate(
    judges: Sequence[str],
    scenarios: Sequence[str],
    folder: Path,
    *,
    panel: PanelRule = "majority",
    view: View = "actions",
    perturb: bool = True,
    max_connections: int | None = None,
) -> list[Card]:
    """Runs judges over the gold answers, or resumes that.

    Args:
        judges: Inspect names of models; several form a panel.
        scenarios: Packs with gold answers.
        folder: The folder of Inspect's logs, from which the same call resumes.
        panel: How a panel reaches its verdict.
        view: What the judges see.
        perturb: Also score each answer under meaning-preserving perturbations.
        max_connections: Concurrent calls to each hosted model.

    Returns:
        A card for each judge, and one for the panel if there are several judges.

    Raises:
        CorneredError: an error that the user can fix.
    """
    check_log_folder(folder)
    with writing(folder, this_command()), stoppable() as stopped:
        check_space(folder)
        return _calibrate(judges, scenarios, folder, panel, view, perturb, max_connections, stopped)


def _calibrate(
    judges: Sequence[str],
    scenarios: Sequence[str],
    folder: Path,
    panel: PanelRule,
    view: View,
    perturb: bool,
    max_connections: int | None,
    stopped: StoppedRun,
) -> list[Card]:
    """Runs judges over the gold answers, as `calibrate` describes."""
    load_extensions()
    packs = [checked_pack(name) for name in scenarios]
    models = [make_model(name, "judge", max_connections) for name in judges]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tasks = [
            calibration(pack=name, perturb=perturb, judge_view=view, panel=panel)
            for name in scenarios
        ]
        with as_run_error(folder), quiet_inspect():
            eval_set(
                tasks,
                log_dir=str(folder),
                model="none/none",
                model_roles={"judge": models},
                retry_attempts=TASK_RETRIES,
                continue_on_fail=True,
                max_samples=max_connections or HOSTED_CONNECTIONS,
                display="none",
                score_display=False,
            )
    stopped.raise_refusals()
    every = list(range(len(judges)))
    groups = [[n] for n in every] + ([every] if len(judges) > 1 else [])
    cards = []
    for group in groups:
        rows = _rows(folder, len(judges), group, panel)
        if not any(row.asked for row in rows):
            raise ModelError(
                "no gold answer was judged",
                where=str(folder),
                fix="`inspect view` on that folder says why",
            )
        cards.append(
            Card(
                judges=sorted(judges[n] for n in group),
                panel=panel,
                view=view,
                created=datetime.now(UTC).replace(microsecond=0),
                versions=versions(),
                grades={
                    pack.name: grade(
                        [row for row in rows if row.scenario == pack.name],
                        rubric=rubric_version(pack.files),
                        gold=gold_version(pack),
                    )
                    for pack in packs
                },
            )
        )
    return cards


def _rows(folder: Path, judges: int, chosen: Sequence[int], panel: PanelRule) -> list[GradedAnswer]:
    """The joint verdict of the chosen judges on each gold answer, from its newest log."""
    rows: dict[tuple[str, str, str], GradedAnswer] = {}
    for info in list_eval_logs(str(folder), descending=False):
        for sample in read_eval_log_samples(
            info, all_samples_required=False, exclude_fields={"events", "attachments"}
        ):
            score = (sample.scores or {}).get("verdict")
            if score and score.metadata:
                row = _graded(sample, score, judges, chosen, panel)
                rows[row.scenario, row.id, row.variant] = row
                if len(chosen) > 1 and not row.variant:
                    reversed_ = _graded(sample, score, judges, chosen[::-1], panel)
                    rows[row.scenario, row.id, ORDER] = replace(reversed_, variant=ORDER)
    return list(rows.values())


def _graded(
    sample: EvalSample, score: Score, judges: int, chosen: Sequence[int], panel: PanelRule
) -> GradedAnswer:
    data = sample.metadata
    pack = load_pack(data["pack"])
    every = gold_ledgers(pack) if data.get("session") else gold_answers(pack)
    answer = next(a for a in every if a.id == data["gold"])
    votes = [Judgement.model_validate(j) for j in (score.metadata or {})["judges"]]
    decided = decide([votes[n] for n in chosen], panel) if len(votes) == judges else None
    act = score.value["act"] if isinstance(score.value, dict) else None
    return GradedAnswer(
        scenario=pack.name,
        id=answer.id,
        kind=answer.head.kind,
        verdict=TRUTH[answer.head.verdict],
        second=TRUTH[answer.head.second] if answer.head.second else None,
        act=act == 1.0,
        asked=decided is not None,
        judged=TRUTH[decided.verdict] if decided and decided.verdict else None,
        reply=(decided.verdict or decided.unscored or "") if decided else "",
        twin=answer.head.twin,
        variant=data["variant"],
    )
