"""The alert board: each alert can be cancelled with its own code, until it is acted on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)

from cornered.errors import PackError
from cornered.ledger import WORLD, Event
from cornered.scenario import Scene
from cornered.world.app import App, Arguments, Due, EventView, Refused, operation
from cornered.world.arguments import Code, find_code, has_negation, plain_code
from cornered.world.results import as_list

State = Literal["open", "closed", "cancelled", "acted on"]

_ANSWERING = ("open", "acted on")
"""The states in which an alert answers to its code, be it to say that it is too late."""
_NO_ALERT = "The code belongs to no open alert; nothing was cancelled."


def _of_day(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("a time of day has no time zone here")
    return value


class Alert(BaseModel):
    """An alert in the pack's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    about: str
    """Its subject, in a few words."""
    code: str
    """The code that cancels it."""
    state: State = "open"
    raised: str = ""
    """When it was raised, as the board shows it; empty where the board does not."""
    acts_at: Annotated[time, AfterValidator(_of_day)] | None = None
    """When it is acted on by itself, on the day of the session, if it is still open; None for an
    alert that nothing follows on. Nothing does where the clock does not move."""


class ActOn(Arguments):
    """An alert that is acted on."""

    alert: str
    """Its id."""
    time: str
    """When that was due, ISO 8601."""


class Cancel(Arguments):
    """A submitted code."""

    code: Code = Field(default="", description="The code of the alert.")

    @model_validator(mode="before")
    @classmethod
    def _unpack(cls, given: Any) -> Any:
        """The code in `{"alert": {"code": …}}`, as some models nest it."""
        while isinstance(given, dict) and len(given) == 1:
            (inner,) = given.values()
            if not isinstance(inner, dict):
                break
            given = inner
        return given

    def missing(self) -> str | None:
        """Cancelling needs a code."""
        return None if self.code else "no code"


class Alerts(App):
    """The alerts of a world.

    Args:
        alerts: The alerts at the start.
        today: The day of the session; None without a clock.
    """

    name: ClassVar[str] = "alerts"
    titles: ClassVar[Mapping[str, str]] = {
        "alerts.cancel": "Alert cancelled",
        "alerts.act_on": "Alert acted on",
    }

    def __init__(self, alerts: Iterable[Alert], today: date | None = None) -> None:
        self._alerts = {alert.id: alert for alert in alerts}
        self._today = today

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The alerts in the pack's file.

        Raises:
            PackError: the file is not a list of alerts, two have the same id, or one that is not
                open, or at a time that is not to come, is to be acted on.
        """
        alerts = cls.content(
            scene,
            TypeAdapter(list[Alert]),
            [],
            fix="each alert has id, about, code; state (open, closed), raised, acts_at as needed",
        )
        ids = [alert.id for alert in alerts]
        if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
            raise PackError(f"alerts: two have the id {twice}", fix="give each an id of its own")
        start = scene.clock.start if scene.clock else None
        for alert in alerts:
            late = alert.acts_at is None or (start is not None and alert.acts_at > start)
            if not late or (alert.acts_at and alert.state != "open"):
                raise PackError(
                    f"alerts: {alert.id}: acts_at is for an open alert, and after the clock's start"
                )
        return cls(alerts, scene.clock.today if scene.clock else None)

    @operation(changes=False, looks=True, minutes=0.5)
    def list(self, actor: str, arguments: Arguments) -> str:
        """List the alerts: id, what each is about, whether it is open. Codes are not shown."""
        del actor, arguments
        lines = [
            f"{a.id}  {a.about}  {a.state}{f'  raised {a.raised}' if a.raised else ''}"
            for a in self._alerts.values()
        ]
        return as_list(lines, "There are no alerts.", "")

    @operation(changes=True, minutes=0.5)
    def cancel(self, actor: str, arguments: Cancel) -> str:
        """Cancel the open alert that a code belongs to."""
        del actor
        alert = self._of_code(arguments.code)
        if alert is None:
            raise Refused(_NO_ALERT)
        if alert.state == "acted on":
            raise Refused(
                f"Alert {alert.id} has been acted on and can no longer be cancelled; "
                "nothing was cancelled."
            )
        self._set(alert, "cancelled")
        return f"Alert {alert.id} is cancelled."

    @operation(changes=True, minutes=0, offered=False)
    def act_on(self, actor: str, arguments: ActOn) -> str:
        """Act on an alert that nobody cancelled in time."""
        del actor
        if (alert := self._alerts.get(arguments.alert)) is None:
            raise Refused(f"there is no alert {arguments.alert}")
        self._set(alert, "acted on")
        return f"Alert {arguments.alert} is acted on."

    def due(self) -> Due | None:
        """The next open alert whose time to be acted on has come."""
        for alert in self._alerts.values():
            if alert.state == "open" and alert.acts_at and self._today and self.clock.now:
                moment = datetime.combine(self._today, alert.acts_at)
                if moment <= self.clock.now:
                    given = {"alert": alert.id, "time": moment.isoformat()}
                    return Due(WORLD, "alerts.act_on", given)
        return None

    def resolve(self, arguments: Arguments) -> Arguments:
        """The code alone, where a label or a note stands beside it.

        Raises:
            Refused: the text has no code of an alert that is or was open, more than one, or a
                negation.
        """
        if not isinstance(arguments, Cancel) or self._of_code(arguments.code):
            return arguments
        places = {
            alert.code: find_code(arguments.code, alert.code)
            for alert in self._alerts.values()
            if alert.state in _ANSWERING
        }
        within = {code: at for code, at in places.items() if at is not None}
        if len(within) > 1:
            raise Refused("The codes of several alerts; nothing was cancelled. Give one code.")
        if not within:
            raise Refused(_NO_ALERT)
        ((code, at),) = within.items()
        if has_negation(arguments.code[:at]):
            raise Refused("It is not clear whether the code is submitted; nothing was cancelled.")
        return arguments.model_copy(update={"code": code})

    def _of_code(self, code: str) -> Alert | None:
        """The alert that a code belongs to, which is open or acted on."""
        plain = plain_code(code)
        named = [alert for alert in self._alerts.values() if plain_code(alert.code) == plain]
        alerts = (alert for state in _ANSWERING for alert in named if alert.state == state)
        return next(alerts, None)

    def _set(self, alert: Alert, state: State) -> None:
        self._alerts[alert.id] = alert.model_copy(update={"state": state})

    def state(self) -> dict[str, Any]:
        """The state of each alert."""
        return dict(self.settings())

    def settings(self) -> dict[str, str | int]:
        """Alert to its state: open, closed, cancelled or acted on."""
        return {alert.id: alert.state for alert in self._alerts.values()}

    def view(self, event: Event) -> EventView:
        """The submitted code; of an alert that is acted on, what it is about."""
        given = super().view(event)
        if event.operation == "alerts.act_on":
            alert = self._alerts.get(given.rows.get("alert", ""))
            return EventView(given.title, {"Alert": f"{alert.id}, {alert.about}"} if alert else {})
        if event.operation != "alerts.cancel":
            return given
        title = given.title if event.done else "Alert to be cancelled"
        return EventView(title, {"Code": given.rows.get("code", "")})
