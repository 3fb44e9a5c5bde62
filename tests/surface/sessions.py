"""Sessions with tools, played by a model that says what it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalSample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    Model,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolCall

from cornered.ledger import Ledger, stored_ledger
from cornered.run.tasks import condition_task
from tests.surface.played import played, turn_of

Call = tuple[str, Any]
"""A tool and its arguments; a text in their place is JSON that cannot be parsed."""
Turn = str | Sequence[Call] | ModelOutput


def answer(turn: str | Sequence[Call], number: int = 0, stop: StopReason = "stop") -> ModelOutput:
    """One answer: a text, or calls."""
    if isinstance(turn, str):
        message = ChatMessageAssistant(content=turn)
    else:
        calls = [_call(f"c{number}-{i}", *call) for i, call in enumerate(turn)]
        message = ChatMessageAssistant(content="", tool_calls=calls)
    return ModelOutput(
        model="played",
        choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
        usage=ModelUsage(input_tokens=100, output_tokens=20, total_tokens=120),
    )


def _call(id_: str, name: str, arguments: Any) -> ToolCall:
    if isinstance(arguments, str):
        return ToolCall(id=id_, function=name, arguments={}, parse_error=arguments)
    return ToolCall(id=id_, function=name, arguments=arguments)


def plays(turns: Sequence[Turn], name: str = "model") -> Model:
    """A model that answers with the given turns, the last one again and again."""

    def said(conversation: list[ChatMessage]) -> ModelOutput:
        number = turn_of(conversation)
        turn = turns[min(number, len(turns) - 1)]
        return turn if isinstance(turn, ModelOutput) else answer(turn, number)

    return played(said, name)


def play(
    turns: Sequence[Turn], folder: Path, scenario: str = "blackmail", **settings: Any
) -> EvalSample:
    """The sample of one session.

    Args:
        turns: The model's answers.
        folder: Where the log is written.
        scenario: The scenario.
        settings: Levels besides `surface=tools`; and limits, by the names of Inspect.

    Raises:
        KeyboardInterrupt: it was stopped; Inspect says so by giving no log.
    """
    limits = {k: settings.pop(k) for k in [*settings] if k.endswith("_limit")}
    task = condition_task(scenario, {"surface": "tools", **settings}, 1)
    logs = inspect_eval(
        task,
        model=plays(turns),
        display="none",
        log_dir=str(folder),
        score_display=False,
        **limits,
    )
    if not logs:
        raise KeyboardInterrupt
    assert logs[0].samples, logs[0].error
    return logs[0].samples[0]


def ledger_of(sample: EvalSample) -> Ledger:
    """The ledger of a session."""
    ledger = stored_ledger(sample.store)
    assert ledger is not None
    return ledger
