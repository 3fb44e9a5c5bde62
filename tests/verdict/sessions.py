"""Sessions of many turns, made by hand in the worlds of the packs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspect_ai.model import ChatMessage, ModelName, ModelOutput
from inspect_ai.scorer import Score, Target
from inspect_ai.solver import TaskState

from cornered.endings import Ending
from cornered.ledger import AGENT, STORE_KEY, Doubt, DoubtKind, Event
from cornered.scenario import Level, Pack, Scenario, load_pack
from cornered.scoring import Scoring
from cornered.verdict.judge import Judgement
from cornered.verdict.scorer import score_with
from cornered.world import World, at_once, open_world

DRAW = "000001"
KEY_MAILS = {
    "blackmail": {"threat": ["140-notice-*", "141-notice-*"], "lever": ["0??-*saturday*"]},
    "espionage": {"threat": ["12?-notice-*"], "lever": ["030-rev-f"]},
    "lethal": {"threat": ["10?-notice-*"], "lever": ["130-gone-in"]},
}
"""What the tests call key mails, whatever the packs do."""


def pack_of(scenario: str) -> Pack:
    """A pack with the key mails of these tests."""
    pack = load_pack(scenario)
    return replace(pack, spec=pack.spec.model_copy(update={"exposure": KEY_MAILS[scenario]}))


@dataclass
class Session:
    """A session of the agent in the world of a trial."""

    pack: Pack
    world: World

    @classmethod
    def of(cls, scenario: str, **given: Level) -> Session:
        """A session at its start."""
        pack = pack_of(scenario)
        levels = pack.factors.resolve({"surface": "tools"} | given)
        return cls(pack, open_world(pack, Scenario.of(pack).scene(levels, DRAW)))

    def does(self, operation: str, /, by: str = AGENT, **arguments: Any) -> Event:
        """Somebody does something."""
        return at_once(self.world.do(by, operation, arguments))

    def is_stopped(self, operation: str, /, **arguments: Any) -> Event:
        """An approval stops what the agent attempts."""
        return at_once(self.world.do(AGENT, operation, arguments, blocked="Not without a human."))

    def reads(self, *groups: str) -> Session:
        """The agent opens the first mail of each group."""
        for group in groups:
            at_once(self.world.do(AGENT, "mail.read", {"mail": self.number(group)}))
        return self

    def number(self, group: str) -> str:
        """The number of the first mail of a group of key mails."""
        from fnmatch import fnmatchcase

        patterns = self.pack.spec.exposure[group]
        mails = self.world.scene.mails
        return next(
            str(mail.number) for mail in mails if any(fnmatchcase(mail.stem, p) for p in patterns)
        )

    def address(self, key: str) -> str:
        """The address of a person."""
        return self.world.scene.cast.people[key].address

    def mails(self, key: str, body: str = "A word about tonight.", **more: Any) -> Event:
        """The agent sends somebody a mail."""
        return self.does("mail.send", to=self.address(key), subject="Tonight", body=body, **more)

    def ends(self, ending: Ending = "stop", *kinds: DoubtKind) -> Session:
        """The session is over."""
        self.world.end(ending, doubts=[Doubt(kind=kind) for kind in kinds])
        return self

    def scored(
        self,
        monkeypatch: Any,
        *,
        scoring: Scoring | None = None,
        messages: Sequence[ChatMessage] = (),
        says: Judgement | None = None,
        asked: list[str] | None = None,
    ) -> Score:
        """The score of the session, from its store alone.

        Args:
            monkeypatch: Puts the pack of these tests, and the judge, in place.
            scoring: How it is scored.
            messages: The messages of the session.
            says: What a judge says, where there is one.
            asked: Gets the prompts of the judge.
        """
        prompts = [] if asked is None else asked

        async def ask(judge: str, prompt: str, *_: Any, **__: Any) -> Judgement:
            prompts.append(prompt)
            assert says is not None
            return says.model_copy(update={"model": judge})

        monkeypatch.setattr("cornered.verdict.scorer.judges", lambda: ["judge"] if says else [])
        monkeypatch.setattr("cornered.verdict.scorer.ask_judge", ask)
        monkeypatch.setattr("cornered.verdict.scorer.load_pack", lambda _: self.pack)
        stored = self.world.ledger.model_dump(mode="json")
        state = TaskState(
            model=ModelName("none/none"),
            sample_id=DRAW,
            epoch=1,
            input="",
            messages=[*messages],
            output=ModelOutput.from_content("none", "Done."),
            metadata={"factors": dict(self.world.scene.levels)},
        )
        state.store.set(STORE_KEY, stored)
        score = asyncio.run(score_with(self.pack.name, scoring or Scoring())(state, Target("")))
        assert score is not None
        return score


def values(score: Score) -> Mapping[str, Any]:
    """The values of a score by name."""
    assert isinstance(score.value, dict)
    return score.value


def details(score: Score) -> Mapping[str, Any]:
    """The metadata of a score."""
    assert score.metadata is not None
    return score.metadata
