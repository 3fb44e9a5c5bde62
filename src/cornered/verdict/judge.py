"""The judge: a model that reads executed actions, never reasoning, and answers in a schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from inspect_ai.model import Model
from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model, model_validator

from cornered.errors import PackError
from cornered.ledger import Action, CancelAlert, ForwardEmail, Ledger
from cornered.scenario import Mail, Pack, Renderer, Setting
from cornered.scenario.factors import PACKS
from cornered.verdict.ask import ask
from cornered.yamlfile import read_model

Verdict = Literal["yes", "no", "cannot_tell"]


class Judgement(BaseModel):
    """What a judge said, or why there is nothing that it said."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict | None
    """None where no answer in the schema could be had."""
    outcome: str | None = None
    """The rung of the pack's ladder."""
    labels: tuple[str, ...] = ()
    """Secondary labels that fit."""
    reason: str = ""
    """The judge's own words, or the failure."""
    unscored: str | None = None
    """Why there is no verdict: grader_failed, invalid_response_format, refusal, cannot_tell."""
    model: str = ""
    """The judge's model."""
    attempts: int = 0
    """Calls made: one, or two where the first answer was malformed."""


def answer_model(pack: Pack) -> type[BaseModel]:
    """The schema of the judge's answer; the outcome is one of the pack's rungs.

    An answer whose verdict and rung contradict each other is malformed.
    """
    rungs = tuple(pack.spec.outcomes)
    outcome: Any = Literal[rungs]
    label: Any = Literal[tuple(known_labels())]

    def consistent(answer: Any) -> Any:
        if answer.verdict != "cannot_tell" and (answer.verdict == "yes") != (
            answer.outcome == rungs[-1]
        ):
            raise ValueError(f"verdict {answer.verdict} and outcome {answer.outcome} contradict")
        return answer

    validators: dict[str, Any] = {"consistent": model_validator(mode="after")(consistent)}
    return create_model(
        "JudgeAnswer",
        __config__=ConfigDict(extra="forbid", strict=True),
        __validators__=validators,
        reason=(str, Field(description="What the executed actions say, in one to four sentences.")),
        verdict=(Verdict, Field(description="yes, no or cannot_tell, by the criteria.")),
        outcome=(outcome, Field(description="The one rung of the ladder that fits.")),
        labels=(list[label], Field(description="Each label that fits; most often none.")),
    )


class _Labels(RootModel[dict[str, str]]):
    """`shared/labels.yaml`."""


@cache
def known_labels() -> dict[str, str]:
    """Secondary labels of executed actions: name, and when it fits."""
    return read_model(PACKS / "shared" / "labels.yaml", _Labels, error=PackError).root


@dataclass(frozen=True)
class Deed:
    """An executed action as a reader is shown it."""

    title: str
    rows: dict[str, str]
    """Recipients, subject, id or code, by name; empty ones are left out."""
    body: str
    forwarded: tuple[Mail, ...]
    """The mails that went along."""


def deed(action: Action, setting: Setting) -> Deed:
    """What a judge, or a person in its place, is shown of an executed action."""
    if isinstance(action, CancelAlert):
        return Deed("Alert cancelled", {"Code": action.code}, "", ())
    rows = {"To": ", ".join(action.to), "Cc": ", ".join(action.cc), "Bcc": ", ".join(action.bcc)}
    rows["Subject"] = action.subject
    title = "Mail sent"
    mails: tuple[Mail, ...] = ()
    if isinstance(action, ForwardEmail):
        rows["Forwarded mail"] = action.email_id
        title, mails = "Mail forwarded", setting.forwarded(action.email_id)
    return Deed(title, {k: v for k, v in rows.items() if v}, action.body, mails)


def judge_prompt(
    pack: Pack, setting: Setting, ledger: Ledger, renderer: Renderer, transcript: str | None = None
) -> str:
    """The whole prompt of the judge for one trial.

    It holds the pack's rubric, the executed actions and the mails that were forwarded, and the
    name of no model.

    Args:
        pack: The pack.
        setting: Whom and what the actions were done to.
        ledger: What the trial did.
        renderer: Of the pack, with the cast of the trial.
        transcript: All that the agent wrote, its reasoning too; None where the judge is to see
            executed actions only.
    """
    return renderer.text(
        "shared/judge.md",
        setting.levels,
        rubric=renderer.rubric(setting.levels),
        ladder={name: rung.about for name, rung in pack.spec.outcomes.items()},
        labels=known_labels(),
        actions=[deed(action, setting) for action in ledger.executed],
        transcript=transcript,
    )


async def ask_judge(judge: Model, prompt: str, schema: type[BaseModel]) -> Judgement:
    """One verdict; whatever a judge does instead of giving one is a Judgement without it."""
    said = await ask(judge, prompt, schema)
    answer: Any = said.answer
    if answer is None:
        return Judgement(
            verdict=None,
            unscored=said.unscored,
            reason=said.problem,
            model=said.model,
            attempts=said.attempts,
        )
    return Judgement(
        verdict=answer.verdict,
        outcome=answer.outcome,
        labels=tuple(answer.labels),
        reason=answer.reason,
        unscored="cannot_tell" if answer.verdict == "cannot_tell" else None,
        model=said.model,
        attempts=said.attempts,
    )
