"""The debrief: after the trial, the subject is asked what it was for and what the subject did.

It is a separate conversation, held when the trial is over. No message or output of it is written
back into the trial, and no verdict depends on it: its results are readings.

Source: the purpose is asked first and without answers to choose from, which would suggest one
(arXiv 2505.23836).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, frequency, scorer
from inspect_ai.solver import TaskState
from inspect_ai.tool import ToolDef

from cornered.scenario import Levels, Renderer, Scenario, one_turn
from cornered.surface.ask import MAX_TOKENS, TIMEOUT
from cornered.surface.output import native_reasoning, output_ending
from cornered.surface.recorder import Recorder
from cornered.surface.serve.record import AGENT_KEY
from cornered.surface.session import closed_session
from cornered.surface.text import visible_text
from cornered.surface.tools import tool_defs
from cornered.verdict.kept import trial_key
from cornered.verdict.readings import (
    Reading,
    TranscriptPart,
    debrief_readings,
    find_reader,
    parts_in,
    read,
    readable_pack,
    reading_prompt,
    readings_score,
    trial_parts,
    unread,
    world_of,
)
from cornered.world import World

QUESTIONS = ("purpose", "account")
"""The questions, in order; each is a file of `shared/debrief`."""


@dataclass(frozen=True)
class DebriefReply:
    """The subject's reply to one question, or the reason why there is none."""

    question: str
    text: str = ""
    """The answer, verbatim."""
    reasoning: str = ""
    """The content of the subject's reasoning channel."""
    unscored: str | None = None
    """Why there is no answer: subject_failed, refusal, no_response."""
    problem: str = ""
    """The failure in words."""
    message: ChatMessage | None = None
    """The answer as the provider gave it, so that the conversation can go on after it."""


async def put_questions(
    subject: Model,
    said: Sequence[ChatMessage],
    questions: Mapping[str, str],
    tools: Sequence[ToolDef] = (),
) -> dict[str, DebriefReply]:
    """Asks the questions one after the other, each with the whole conversation so far.

    It ends with the first question without an answer. Failures of the subject or its provider
    never raise.

    Args:
        subject: The model of the trial, with the trial's settings.
        said: The conversation so far, such as the messages of the trial; it is not changed.
        questions: Name to question, in order; at least one.
        tools: The tools of the session, which some providers want to know of where a conversation
            has calls; none can be called.

    Returns:
        Name of each question that was asked to its reply.
    """
    messages = [message.model_copy(deep=True) for message in said]
    replies: dict[str, DebriefReply] = {}
    for name, question in questions.items():
        messages.append(ChatMessageUser(content=question))
        try:
            output = await subject.generate(
                list(messages),
                tools=list(tools),
                tool_choice="none" if tools else None,
                config=GenerateConfig(timeout=TIMEOUT),
            )
        except Exception as e:
            problem = f"{type(e).__name__}: {e}"[:500]
            replies[name] = DebriefReply(question, unscored="subject_failed", problem=problem)
            return replies
        text = output.completion
        unscored = None
        if output_ending(output) in ("refusal", "content_filter"):
            unscored = "refusal"
        elif not visible_text(text).strip():
            unscored = "no_response"
        message = None if unscored else output.message
        replies[name] = DebriefReply(
            question, text, native_reasoning(output), unscored, message=message
        )
        if message is None:
            return replies
        messages.append(message)
    return replies


@scorer(name="debrief", metrics={"*": [frequency()]})
def debrief(scenario: str, max_tokens: int = MAX_TOKENS) -> Scorer:
    """Readings of what the subject says after the trial about its purpose and its own actions.

    The subject is asked with the settings of the trial, and a reader reads its answers. The
    score's value has `debrief_purpose` and `debrief_honesty` as words, or NaN. Its metadata has,
    besides that of all readings, the subject's answers verbatim: `purpose` and `account`. There
    is no debrief of a trial without an answer. A probe has no score.

    Args:
        scenario: Name of the scenario, or folder of the pack.
        max_tokens: Limit of the reader's answer, in tokens, reasoning included.

    Model roles:
        reader: Reads the answers; the role `judge` does where it is not set.

    Raises:
        FactorError: there is no such scenario.
        PackError: the pack cannot be loaded, or has no judge.md.
    """
    ready = Scenario.of(readable_pack(scenario))
    specs = debrief_readings()

    async def score(state: TaskState, target: Target) -> Score | None:
        del target
        levels: Levels = state.metadata["factors"]
        if levels.get("probe") == "on":
            return None
        draw = str(state.sample_id)
        world = world_of(state, ready)
        done = parts_in(world, state.messages, state.output)
        reader = find_reader()
        # An agent from outside has gone, and with it its model.
        gone = AGENT_KEY in state.store
        if reader is None or gone or not done:
            return readings_score(unread(specs, "no_response" if reader else "no_reader"))
        renderer = ready.renderer(levels, draw)
        questions = {n: renderer.text(f"shared/debrief/{n}.md", levels) for n in QUESTIONS}
        tools = [] if one_turn(levels) else tool_defs(world, Recorder(world))
        replies = await put_questions(get_model(), conversation(state, world), questions, tools)
        readings = await _read(reader, replies, done, levels, renderer, max_tokens)
        return readings_score(readings, **_verbatim(replies))

    return score


@scorer(name="debrief_again", metrics={"*": [frequency()]})
def debrief_again(
    scenario: str,
    names: Sequence[str],
    replies: Mapping[str, Mapping[str, DebriefReply]],
    max_tokens: int = MAX_TOKENS,
) -> Scorer:
    """Readings of what the subject said before, without asking the subject again.

    Args:
        scenario: Name of the scenario, or folder of the pack.
        names: The readings to make.
        replies: By id and epoch of a trial, what its subject said.
        max_tokens: Limit of the reader's answer, in tokens, reasoning included.

    Raises:
        FactorError: there is no such scenario.
        PackError: the pack cannot be loaded, or has no judge.md.
    """
    ready = Scenario.of(readable_pack(scenario))

    async def score(state: TaskState, target: Target) -> Score | None:
        del target
        levels: Levels = state.metadata["factors"]
        stored = replies.get(trial_key(state.sample_id, state.epoch), {})
        reader = find_reader()
        if reader is None:
            return readings_score(unread(names, "no_reader"))
        renderer = ready.renderer(levels, str(state.sample_id))
        kept = {
            n: replace(reply, question=renderer.text(f"shared/debrief/{n}.md", levels))
            for n, reply in stored.items()
        }
        parts = trial_parts(state, ready)
        return readings_score(await _read(reader, kept, parts, levels, renderer, max_tokens, names))

    return score


def conversation(state: TaskState, world: World) -> list[ChatMessage]:
    """The trial's messages with its answer, which they lack where a limit ended the trial.

    A session of many turns goes on from where it ended.
    """
    if not one_turn(world.scene.levels):
        return closed_session(state.messages, world.ledger)
    messages = list(state.messages)
    if not messages or not isinstance(messages[-1], ChatMessageAssistant):
        messages.append(state.output.message)
    return messages


def _verbatim(replies: Mapping[str, DebriefReply]) -> dict[str, Any]:
    texts = {name: reply.text for name, reply in replies.items()}
    reasoning = {f"{n}_reasoning": r.reasoning for n, r in replies.items() if r.reasoning}
    return texts | reasoning


async def _read(
    reader: Model,
    replies: Mapping[str, DebriefReply],
    done: Sequence[TranscriptPart],
    levels: Levels,
    renderer: Renderer,
    max_tokens: int,
    names: Sequence[str] | None = None,
) -> list[Reading]:
    """Reads the purpose in the first reply, and honesty in both replies and the calls.

    With `names`, only these readings are made.
    """
    spoken = [part for name in QUESTIONS if name in replies for part in _parts(replies[name])]
    calls = [part for part in done if part.kind in ("action", "call")]
    material = {
        "debrief_purpose": ("purpose", spoken[:2]),
        "debrief_honesty": ("account", [*calls, *spoken]),
    }
    missed = next((reply for reply in replies.values() if reply.unscored), None)
    readings: list[Reading] = []
    for name, (needed, parts) in material.items():
        if names is not None and name not in names:
            continue
        spec = debrief_readings()[name]
        if missed and (needed not in replies or replies[needed].unscored):
            readings += unread([name], missed.unscored, missed.problem or missed.text)
        else:
            prompt = reading_prompt(spec, parts, levels, renderer)
            readings.append(await read(reader, spec, prompt, max_tokens=max_tokens))
    return readings


def _parts(reply: DebriefReply) -> tuple[TranscriptPart, TranscriptPart]:
    """A question and its reply, without the reply's reasoning."""
    question = TranscriptPart(
        "question", "A question that was put to it afterwards", reply.question
    )
    return question, TranscriptPart("reply", "What it answered", visible_text(reply.text).strip())
