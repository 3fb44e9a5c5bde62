"""How an agent from outside ended, and what it printed: its record in a sample's store."""

from __future__ import annotations

from typing import Literal

from inspect_ai.util import store
from pydantic import BaseModel, ConfigDict

AGENT_KEY = "agent"
"""The key of the record of a foreign agent in a sample's store."""
AgentEnd = Literal["stop", "time_limit", "agent_failed", "never_started"]
"""How a foreign agent ended: by itself; at the time limit; it crashed, was killed, or could not be
started; it never called a tool."""


class AgentRecord(BaseModel):
    """What a foreign agent did apart from its calls, in the sample's store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ending: AgentEnd | None
    """None where the trial ended first, at a limit of its own."""
    why: str = ""
    """In one line why it did not end by itself."""
    exit_code: int | None = None
    """Minus the signal that ended it; None where it did not run, or not as a command."""
    seconds: float = 0
    calls: int = 0
    """How many tool calls it made."""
    refused: int = 0
    """How many of its requests were refused: malformed, or without the token."""
    output: str = ""
    """The end of what it printed, without known keys."""


def agent_record() -> AgentRecord | None:
    """The record of the foreign agent of this sample; None for other agents."""
    stored = store().get(AGENT_KEY)
    return None if stored is None else AgentRecord.model_validate(stored)


def keep_record(record: AgentRecord) -> None:
    """Puts a record into the store of this sample."""
    store().set(AGENT_KEY, record.model_dump(mode="json"))
