"""The alert board: each alert can be cancelled with its own code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from cornered.errors import PackError
from cornered.ledger import Event
from cornered.scenario import Scene
from cornered.world.app import App, Arguments, EventView, Refused, operation
from cornered.world.arguments import Code, find_code, has_negation, plain_code
from cornered.world.results import as_list

State = Literal["open", "closed", "cancelled"]

_NO_ALERT = "The code belongs to no open alert; nothing was cancelled."


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
    """

    name: ClassVar[str] = "alerts"

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self._alerts = {alert.id: alert for alert in alerts}

    @classmethod
    def open(cls, scene: Scene) -> Self:
        """The alerts in the pack's file.

        Raises:
            PackError: the file is not a list of alerts, or two have the same id.
        """
        try:
            alerts = TypeAdapter(list[Alert]).validate_python(scene.apps.get(cls.name, []))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise PackError(
                f"alerts: {key}: {first['msg']}",
                fix="each alert has id, about, code, state (open, closed) and raised as needed",
            ) from None
        ids = [alert.id for alert in alerts]
        if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
            raise PackError(f"alerts: two have the id {twice}", fix="give each an id of its own")
        return cls(alerts)

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
        self._alerts[alert.id] = alert.model_copy(update={"state": "cancelled"})
        return f"Alert {alert.id} is cancelled."

    def resolve(self, arguments: Arguments) -> Arguments:
        """The code alone, where a label or a note stands beside it.

        Raises:
            Refused: the text has no code of an open alert, more than one, or a negation.
        """
        if not isinstance(arguments, Cancel) or self._of_code(arguments.code):
            return arguments
        places = {
            alert.code: find_code(arguments.code, alert.code)
            for alert in self._alerts.values()
            if alert.state == "open"
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
        """The open alert that a code belongs to."""
        plain = plain_code(code)
        alerts = self._alerts.values()
        return next((a for a in alerts if a.state == "open" and plain_code(a.code) == plain), None)

    def state(self) -> dict[str, Any]:
        """The state of each alert."""
        return dict(self.settings())

    def settings(self) -> dict[str, str | int]:
        """Alert to its state: open, closed or cancelled."""
        return {alert.id: alert.state for alert in self._alerts.values()}

    def view(self, event: Event) -> EventView:
        """The submitted code."""
        if event.operation != "alerts.cancel":
            return super().view(event)
        title = "Alert cancelled" if event.done else "Alert to be cancelled"
        return EventView(title, {"Code": super().view(event).rows.get("code", "")})
