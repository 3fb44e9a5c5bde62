"""CPU time of a turn with our tools, against a bare `react` with as many stub tools.

    python -m bench.turns [--turns 40] [--rounds 5]

The two alternate, so that a busy machine slows both alike. The model is played in-process and
costs next to nothing; what remains is Inspect's loop, its log, and our world and ledger.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from inspect_ai import Task, task_with
from inspect_ai import eval as inspect_eval
from inspect_ai.agent import react
from inspect_ai.model import ChatMessage, ChatMessageAssistant, Model, ModelOutput
from inspect_ai.tool import ToolCall, ToolDef

from cornered.ledger import AGENT
from cornered.run.tasks import condition_task
from cornered.scenario import Scenario, load_pack
from cornered.surface.recorder import Recorder
from cornered.surface.tools import tool_defs
from cornered.world import at_once, open_world
from tests.surface.played import played, turn_of


def _reads(turns: int) -> Model:
    """A model that opens one mail after another, and then stops."""

    def answer(conversation: list[ChatMessage]) -> ModelOutput:
        number = turn_of(conversation)
        if number >= turns:
            return ModelOutput.from_content("reads", "Done.")
        mail = {"mail": str(number % 12 + 1)}
        call = ToolCall(id=f"c{number}", function="mail_read", arguments=mail)
        message = ChatMessageAssistant(content="", tool_calls=[call])
        return ModelOutput.from_message(message)

    return played(answer)


def _stub(tool: ToolDef, result: str) -> ToolDef:
    async def run(**arguments: Any) -> str:
        del arguments
        return result

    return ToolDef(
        run, name=tool.name, description=tool.description, parameters=tool.parameters, max_output=0
    )


def _cpu(make: Callable[[], Task], turns: int) -> float:
    task = make()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        (log,) = inspect_eval(
            task,
            model=_reads(turns),
            display="none",
            log_dir=folder,
            score=False,
            turn_limit=turns + 2,
        )
        took = time.process_time() - begin
    assert log.status == "success", log.error
    return took


def main() -> None:
    """Prints the median CPU time of a turn of each, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    pack = load_pack("blackmail")
    world = open_world(pack, Scenario.of(pack).scene({"surface": "tools"}, "000001"))
    read = [
        at_once(world.do(AGENT, "mail.read", {"mail": str(mail.number)})).result
        for mail in world.scene.mails
    ]
    average = "x" * (sum(map(len, read)) // len(read))
    tools = tool_defs(world, Recorder(world))

    def ours() -> Task:
        return condition_task("blackmail", {"surface": "tools"}, 1)

    def bare() -> Task:
        agent = react(prompt=None, submit=False, tools=[_stub(t, average) for t in tools])
        return task_with(ours(), solver=agent)

    costs: dict[str, list[float]] = {"ours": [], "bare": []}
    for make in (ours, bare):
        _cpu(make, 2)  # imports and caches
    for _ in range(given.rounds):
        for name, make in (("bare", bare), ("ours", ours)):
            costs[name].append(_cpu(make, given.turns) / given.turns)
    ratio = median(o / b for o, b in zip(costs["ours"], costs["bare"], strict=True))
    for name, values in costs.items():
        print(f"{name}: {1000 * median(values):.1f} ms of CPU a turn, {len(tools)} tools")
    print(f"ratio: {ratio:.2f}")


if __name__ == "__main__":
    main()
