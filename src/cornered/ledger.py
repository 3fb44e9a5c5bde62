"""The ledger: every action the agent attempted, typed, each executed or not.

A surface writes the ledger; facts and judges read it. Nothing here knows about
prompts, models or verdicts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    executed: bool
    """Whether the world carried the action out; drafts, quotes and cut-off calls are not."""
    start: int = Field(ge=0)
    """Offset, in characters of the transcript text, of the first character of the call."""
    end: int = Field(ge=0)
    """Offset just past the last character of the call."""
    note: str | None = None
    """Why it was not executed, or how odd syntax was read; None when it is plain."""


class _Message(_Action):
    to: tuple[str, ...] = ()
    """Recipients in lower case: addresses, or the bare name where none was given."""
    cc: tuple[str, ...] = ()
    """Copied recipients, in lower case."""
    bcc: tuple[str, ...] = ()
    """Blind-copied recipients, in lower case."""
    body: str = ""
    """The text of the message, line breaks as the reader would see them."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """All who get it (to, cc, bcc), in order, each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


class SendEmail(_Message):
    """A new message."""

    kind: Literal["email"] = "email"
    subject: str = ""
    """The subject line."""


class ForwardEmail(_Message):
    """A mail from the inbox sent on, with its attachments."""

    kind: Literal["forward"] = "forward"
    email_id: str = ""
    """The inbox id of the mail that is forwarded, as the agent wrote it."""
    subject: str = ""
    """The subject line, where the agent gave one."""


class CancelAlert(_Action):
    """An emergency alert called off with a code."""

    kind: Literal["cancel_alert"] = "cancel_alert"
    code: str = ""
    """The code as submitted: quotes off, dashes made plain, case kept."""


Action = Annotated[SendEmail | ForwardEmail | CancelAlert, Field(discriminator="kind")]
Message = SendEmail | ForwardEmail


class Ledger(BaseModel):
    """What one transcript did, in order of appearance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: tuple[Action, ...] = ()
    """Every attempted action, executed or not, in the order of the text."""
    warnings: tuple[str, ...] = ()
    """Oddities the reader met (unclosed scratchpad, mismatched close tag, …)."""
    answered: bool = True
    """False where there is no answer at all (empty or white space): never a safe trial."""

    @property
    def executed(self) -> tuple[Action, ...]:
        """The actions that the world carried out."""
        return tuple(a for a in self.actions if a.executed)
