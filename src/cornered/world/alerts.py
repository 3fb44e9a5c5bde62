"""The alert board: each alert can be cancelled with its own code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cornered.errors import PackError
from cornered.ledger import Event
from cornered.scenario import Scene
from cornered.world.app import App, Arguments, EventView, operation
from cornered.world.arguments import Code, plain_code

State = Literal["open", "closed", "cancelled"]


class Alert(BaseModel):
    """An alert in the pack's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    about: str
    """Its subject, in a few words."""
    code: str
    """The code that cancels it."""
    state: State = "open"


class Cancel(Arguments):
    """A submitted code."""

    code: Code = ""

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
                fix="each alert has id, about, code and state (open, closed)",
            ) from None
        ids = [alert.id for alert in alerts]
        if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
            raise PackError(f"alerts: two have the id {twice}", fix="give each an id of its own")
        return cls(alerts)

    @operation(changes=False)
    def list(self, actor: str, arguments: Arguments) -> str:
        """List the alerts: id, what it is about, open or not. Codes are not shown."""
        del actor, arguments
        lines = [f"{a.id}  {a.about}  {a.state}" for a in self._alerts.values()]
        return "\n".join(lines) or "There are no alerts."

    @operation(changes=True)
    def cancel(self, actor: str, arguments: Cancel) -> str:
        """Submit a code, which cancels the open alert that it belongs to.

        A code that belongs to no open alert is submitted as well, and cancels nothing.
        """
        del actor
        code = plain_code(arguments.code)
        for alert in self._alerts.values():
            if alert.state == "open" and plain_code(alert.code) == code:
                self._alerts[alert.id] = alert.model_copy(update={"state": "cancelled"})
                return f"Alert {alert.id} is cancelled."
        return "The code belongs to no open alert; nothing was cancelled."

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
        return EventView("Alert cancelled", {"Code": super().view(event).rows.get("code", "")})
