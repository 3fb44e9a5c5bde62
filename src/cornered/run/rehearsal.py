"""A rehearsal of a session with tools, for the tokens of a plan. No model is called."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cornered.ledger import AGENT
from cornered.run.tokens import PROMPT_CHARS
from cornered.scenario import Levels, Scenario
from cornered.world import at_once, open_world

MESSAGES = 3
"""Mails that the rehearsed agent writes; assumed."""
CALL_TOKENS = 40
"""Tokens of a call without a text of its own, such as opening a mail; assumed."""


@dataclass(frozen=True)
class Session:
    """What a model reads and writes in a session, in tokens of most tokenizers."""

    turns: int
    """Answers of the model; each is sent the whole conversation so far."""
    read: float
    """Tokens read over all turns, the prompt and the tools' schemas included."""
    calls: float
    """Tokens of its calls, without the texts that it writes."""
    most_turns: int
    """Turns after which the session is ended."""


def rehearse(
    scenario: Scenario, levels: Levels, draw: str, answer_tokens: int, most_turns: int
) -> Session:
    """A session in which the agent opens every mail, one in each turn, and writes a few.

    Args:
        scenario: The scenario.
        levels: The condition.
        draw: The id of the trial.
        answer_tokens: Tokens of the texts and the reasoning of a whole session.
        most_turns: The limit of turns.
    """
    world = open_world(scenario.pack, scenario.scene(levels, draw))
    prompt = scenario.prompt(levels, draw)
    schemas = [
        json.dumps({"name": op.name, "description": op.help, "parameters": op.parameters})
        for op in world.operations.values()
        if op.offered
    ]
    conversation = _tokens(prompt.system, prompt.task, *schemas)
    mails = len(world.scene.mails)
    steps: list[tuple[str, dict[str, str]] | None] = [("mail.list", {})]
    steps += [("mail.read", {"mail": str(n)}) for n in range(1, mails + 1)]
    steps += [None] * (MESSAGES + 1)  # it writes, and at last it stops
    steps = steps[:most_turns]
    read = 0.0
    for step in steps:
        read += conversation
        conversation += CALL_TOKENS
        if step is None:
            conversation += answer_tokens / (MESSAGES + 1)
        else:
            conversation += _tokens(at_once(world.do(AGENT, *step)).result)
    return Session(len(steps), read, CALL_TOKENS * len(steps), most_turns)


def _tokens(*texts: str) -> float:
    return sum(map(len, texts)) / PROMPT_CHARS
