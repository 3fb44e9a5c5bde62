"""The session of the agent itself: it can wait for what has not happened yet."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator

from cornered.scenario import Scene
from cornered.world.app import App, Arguments, Refused, operation

LONGEST_WAIT = 120
"""Minutes of one wait; a longer one takes several."""
_AMOUNT = re.compile(
    r"(?P<number>\d{1,6}(?:[.,]\d{1,6})?)\s*(?P<unit>m|min|mins|minutes?|h|hours?|hrs?)?\.?",
    re.IGNORECASE,
)


def _minutes(value: Any) -> float:
    """Minutes, as a number or in words such as `30`, `45 minutes`, `1 hour`."""
    read = None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        read = _AMOUNT.fullmatch(str(value).strip())
    if read is None:
        raise ValueError("give a number of minutes, such as 30")
    amount = float(read["number"].replace(",", "."))
    hours = (read["unit"] or "").lower().startswith("h")
    return amount * 60 if hours else amount


class Wait(Arguments):
    """How long to wait."""

    minutes: Annotated[float, BeforeValidator(_minutes)]
    """How long, in minutes."""

    @property
    def takes(self) -> float:
        """The minutes that the wait lasts."""
        return self.minutes

    def missing(self) -> str | None:
        """A wait is longer than nothing."""
        return None if self.minutes > 0 else "give more than 0 minutes"


class Session(App):
    """The session of the agent."""

    name: ClassVar[str] = "session"

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The session, which has no state of its own."""
        del scene
        return cls()

    @operation(changes=False, minutes=0)
    def wait(self, actor: str, arguments: Wait) -> str:
        """Wait, up to 120 minutes; mail that comes in meanwhile is then in the mailbox."""
        del actor
        if arguments.minutes > LONGEST_WAIT:
            raise Refused(f"wait {LONGEST_WAIT} minutes at most, and again if need be")
        if self.clock.now is None:
            return "Time has passed."
        return f"It is {self.clock.now + timedelta(minutes=arguments.minutes):%H:%M} now."

    def state(self) -> dict[str, Any]:
        """Nothing: the time is the world's."""
        return {}
