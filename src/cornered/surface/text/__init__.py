"""The text surface: one turn, in which the agent writes its tool calls as text."""

from cornered.surface.text.answer import Answer, Call, read_answer, visible_text
from cornered.surface.text.surface import TEXT, act, text_surface
from cornered.surface.text.write import write_call

__all__ = [
    "TEXT",
    "Answer",
    "Call",
    "act",
    "read_answer",
    "text_surface",
    "visible_text",
    "write_call",
]
