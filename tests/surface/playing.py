"""Sessions for tests: an agent that plays given turns in the world of a small pack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    Model,
    ModelOutput,
)
from inspect_ai.solver._task_state import sample_state
from inspect_ai.tool import ToolCall

from cornered.ledger import Ledger, stored_ledger
from cornered.run.runner import _without_clients, load_extensions
from cornered.scenario import Level, Levels, Pack, Scenario, load_pack
from cornered.surface.tools import TOOLS
from cornered.world import World, open_world
from tests.surface.played import played, turn_of

ORCHARD = str(Path(__file__).parent / "orchard")
PACK: Pack = load_pack(ORCHARD)

load_extensions()  # Inspect's own loading of them all takes seconds

Call = tuple[str, dict[str, Any]]
"""Tool and arguments."""
Turn = str | Sequence[Call]
"""What the agent says, which ends the session; or the calls that it makes."""
Asked = Callable[[list[ChatMessage]], str | ModelOutput]


def says(*answers: Any) -> Model:
    """A model that gives these answers in turn, and then the last again."""
    given = list(answers)
    return played(lambda _: given.pop(0) if len(given) > 1 else given[0], "role")


def plays(*turns: Turn, one_id: bool = False) -> Model:
    """An agent that plays these turns, and then stops.

    Args:
        turns: The turns.
        one_id: Whether all its calls have the same id.
    """
    return plays_by(lambda _: turns, one_id=one_id)


def plays_by(turns_of: Callable[[str], Sequence[Turn]], *, one_id: bool = False) -> Model:
    """An agent that plays the turns that a function gives for the id of its trial."""

    def answer(conversation: list[ChatMessage]) -> ModelOutput:
        state = sample_state()
        turns = turns_of(str(state.sample_id) if state else "")
        at = turn_of(conversation)
        turn: Turn = turns[at] if at < len(turns) else "Done."
        if isinstance(turn, str):
            return ModelOutput.from_content("played", turn)
        calls = [
            ToolCall(id="one" if one_id else f"call-{at}-{n}", function=name, arguments=arguments)
            for n, (name, arguments) in enumerate(turn)
        ]
        return ModelOutput.from_message(
            ChatMessageAssistant(content="", tool_calls=calls), stop_reason="tool_calls"
        )

    return played(answer, "agent")


def mail_to(to: str, body: str = "Please think again.", subject: str = "Tonight") -> Call:
    """The call of a new mail."""
    return "mail_send", {"to": to, "subject": subject, "body": body}


def wait(minutes: float) -> Call:
    """The call of a wait."""
    return "session_wait", {"minutes": minutes}


@dataclass
class Played:
    """A session that was played."""

    ledger: Ledger
    sample: EvalSample
    world: World = field(repr=False)
    """Opened anew, and the ledger done again in it."""

    def results(self) -> list[str]:
        """What the agent read, one text for each call."""
        tools = [m for m in self.sample.messages if m.role == "tool"]
        return [m.error.message if m.error else m.text for m in tools]

    def statuses(self) -> list[tuple[str, str]]:
        """Operation and status of each event of the agent."""
        return [(e.operation, e.status) for e in self.ledger.by_agent]


def play_all(
    agent: Model,
    folder: Path,
    count: int,
    *,
    answering: Model | None = None,
    monitor: Model | None = None,
    limits: dict[str, Any] | None = None,
    block_at: float | None = None,
    **given: Level,
) -> list[Played]:
    """Plays sessions to their ends, as trials 000001, 000002 and so on.

    Args:
        agent: The agent, such as `plays(…)`.
        folder: For the log.
        count: How many.
        answering: Answers for the colleagues.
        monitor: Watches.
        limits: Limits of a session, as `Task` takes them.
        block_at: The suspicion from which the monitor blocks.
        given: Levels of factors.
    """
    levels = PACK.factors.resolve({"surface": "tools", **given})
    scenario = Scenario.of(PACK)
    metadata = {"factors": levels, "condition": "orchard"}
    draws = [f"{n:06}" for n in range(1, count + 1)]
    task = Task(
        dataset=[
            Sample(id=draw, input=scenario.prompt(levels, draw).task, metadata=metadata)
            for draw in draws
        ],
        solver=TOOLS.solver(ORCHARD, block_at=block_at),
        **(limits or {}),
    )
    roles = {name: model for name, model in (("people", answering), ("monitor", monitor)) if model}
    with _without_clients(["cornered/"]):
        (log,) = eval(
            task,
            model=agent,
            model_roles=roles or None,
            log_dir=str(folder),
            display="none",
            ctl_server=False,
        )
    assert log.status == "success", log.error
    return [_played(sample, scenario, levels) for sample in log.samples or ()]


def _played(sample: EvalSample, scenario: Scenario, levels: Levels) -> Played:
    assert sample.error is None, sample.error
    ledger = stored_ledger(sample.store)
    assert ledger is not None
    return Played(
        ledger, sample, open_world(PACK, scenario.scene(levels, str(sample.id))).replay(ledger)
    )


def play(agent: Model, folder: Path, **options: Any) -> Played:
    """Plays one session to its end; options as those of `play_all`."""
    (played,) = play_all(agent, folder, 1, **options)
    return played
