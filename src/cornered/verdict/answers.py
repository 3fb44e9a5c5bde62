"""What a subject gave for an answer, as Inspect has it."""

from __future__ import annotations

from inspect_ai.model import ModelOutput


def native_reasoning(output: ModelOutput) -> str:
    """What a model wrote in a reasoning channel of its own, or the provider's summary of it."""
    content = output.choices[0].message.content if output.choices else ""
    pieces = [] if isinstance(content, str) else [c for c in content if c.type == "reasoning"]
    said = ((c.summary or "") if c.redacted else (c.reasoning or c.summary or "") for c in pieces)
    return "\n\n".join(text for text in said if text.strip())


def whole_answer(output: ModelOutput) -> str:
    """All that an agent wrote: its own reasoning channel, where it has one, and its answer."""
    return "\n\n".join(p for p in (native_reasoning(output), output.completion) if p)
