"""A rehearsal of a session with tools, for the tokens of a plan. No model is called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Literal

from cornered.ledger import AGENT
from cornered.run.tokens import PROMPT_CHARS, PromptParts
from cornered.scenario import Levels, RenderedPrompt, Renderer, Scenario
from cornered.world import World, at_once, open_world
from cornered.world.mail import Mailbox
from cornered.world.shell import Shell

MESSAGES = 3
"""Mails that the rehearsed agent writes; assumed."""
CALL_TOKENS = 40
"""Tokens of a call without a text of its own, such as opening a mail; assumed."""
ACTION_TOKENS = 300
"""Tokens of the executed actions of an answer or a session, as a judge reads them."""

LETTER_TOKENS = 150
"""Tokens of an answer of a person, reasoning not included: a short mail; assumed."""
WAIT_TOKENS = 15
"""Tokens of the result of a wait."""

Companion = Literal["people", "monitor"]
"""The role of a model that is called in the course of a session, beside the agent's own."""


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
    companions: Mapping[Companion, Sequence[PromptParts]] = field(default_factory=dict)
    """What the people who answer by a model and the monitor read, where the condition has them: a
    prompt for each mail that the agent writes."""


def rehearse(
    scenario: Scenario, levels: Levels, draw: str, answer_tokens: int, most_turns: int
) -> Session:
    """A session in which the agent opens every mail, one in each turn, and writes a few.

    In a shell it prints every text file, a folder in each turn, and plays through what another app
    shows there, such as a game. It writes to the people who answer by a model, in turn, and each of
    its mails is answered; it does not open the answers.

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
    company = _Company(world, prompt, scenario.renderer(levels, draw), answer_tokens)
    read, turns = 0.0, 0
    for added in islice(_turns(world, company, answer_tokens), most_turns):
        read += conversation
        conversation += added
        turns += 1
    return Session(
        turns=turns,
        read=read,
        calls=CALL_TOKENS * turns,
        most_turns=most_turns,
        companions=company.prompts,
    )


def _turns(world: World, company: _Company, answer_tokens: int) -> Iterator[float]:
    """The tokens that each turn adds to the conversation: the call, and what it shows."""
    for shown in _shown(world):
        yield CALL_TOKENS + shown
    prose = answer_tokens / (MESSAGES + 1)
    for _ in range(MESSAGES):
        answered = company.meets_a_mail()
        yield CALL_TOKENS + prose
        if answered:  # it waits for the answer, looks, and opens it
            yield CALL_TOKENS + WAIT_TOKENS
            yield CALL_TOKENS + _tokens(at_once(world.do(AGENT, "mail.list", {})).result)
            yield CALL_TOKENS + LETTER_TOKENS
    yield CALL_TOKENS + prose  # at last it stops


def _shown(world: World) -> Iterator[float]:
    """The tokens of what an agent is shown that looks at everything, turn by turn."""
    if isinstance(shell := world.apps.get(Shell.name), Shell):
        yield _tokens(*shell.start)  # the list of the files
        texts: dict[str, float] = {}
        for path, state in shell.start.items():
            folder = path.rpartition("/")[0]
            texts[folder] = texts.get(folder, 0.0) + _tokens(state.text or "")
        yield from texts.values()
    for app in world.apps.values():
        yield from map(_tokens, app.rehearsal())
    if Mailbox.name in world.apps:
        looks: list[tuple[str, dict[str, str]]] = [("mail.list", {})]
        looks += [("mail.read", {"mail": str(n)}) for n in range(1, len(world.scene.mails) + 1)]
        for operation, arguments in looks:
            yield _tokens(at_once(world.do(AGENT, operation, arguments)).result)


class _Company:
    """What the models read that a condition brings into a session, as the agent writes.

    Args:
        world: The world of the rehearsal.
        prompt: The agent's prompt.
        renderer: The renderer of the trial.
        answer_tokens: Tokens of the texts and the reasoning of a whole session.
    """

    def __init__(
        self, world: World, prompt: RenderedPrompt, renderer: Renderer, answer_tokens: int
    ) -> None:
        levels = world.scene.levels
        self.prompts: dict[Companion, list[PromptParts]] = {}
        if levels.get("people") == "model":
            self.prompts["people"] = []
        if levels.get("approval") == "model":
            self.prompts["monitor"] = []
        self._world, self._renderer = world, renderer
        self._instructions = f"{prompt.system}\n\n{prompt.task}"
        self._size = round(min(ACTION_TOKENS, answer_tokens) / MESSAGES * PROMPT_CHARS)
        self._written = 0

    def meets_a_mail(self) -> bool:
        """The agent's next mail, and whether it is answered; nothing where no model reads it."""
        if not self.prompts:
            return False
        from cornered.surface.people import person_prompt, personas_in

        world = self._world
        personas = personas_in(self._renderer.pack, world.scene.levels)
        keys = [*personas] or [*world.scene.cast.people]
        key = keys[self._written % len(keys)]
        self._written += 1
        mail = {
            "to": world.scene.cast.people[key].address,
            "subject": f"Question {self._written}",
            "body": self._prose(),
        }
        if "monitor" in self.prompts:
            self.prompts["monitor"].append(self._seen_by_monitor(mail))
        event = at_once(world.do(AGENT, "mail.send", mail))
        # Nobody answers where no clock moves.
        if "people" in self.prompts and key in personas and event.time is not None:
            now = event.time + timedelta(minutes=personas[key].head.delay)
            self.prompts["people"].append(person_prompt(self._renderer, world, key, now))
            return True
        return False

    def _seen_by_monitor(self, mail: dict[str, str]) -> PromptParts:
        from cornered.surface.approval import monitor_prompt

        after = self._world.twin()
        event = at_once(after.do(AGENT, "mail.send", mail))
        return (monitor_prompt(self._renderer, self._world, after, event, self._instructions),)

    def _prose(self) -> str:
        """A text of the length of a mail: the beginning of what the office's own mails say."""
        text = "\n\n".join(mail.body for mail in self._world.scene.mails) or "x"
        return (text * (self._size // len(text) + 1))[: self._size]


def _tokens(*texts: str) -> float:
    return sum(map(len, texts)) / PROMPT_CHARS
