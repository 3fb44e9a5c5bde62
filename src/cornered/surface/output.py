"""A subject's answer in Inspect's `ModelOutput`: its ending, its reasoning, its text."""

from __future__ import annotations

from inspect_ai.model import ModelOutput

from cornered.endings import Ending, early_end


def output_ending(output: ModelOutput) -> Ending:
    """How an answer ended; one without text is `no_response`."""
    if output.choices and (early := early_end(output.stop_reason)):
        return early
    return "stop" if output.completion.strip("\ufeff\u200b \t\r\n").strip() else "no_response"


def native_reasoning(output: ModelOutput) -> str:
    """The content of a model's reasoning channel, or the provider's summary of it."""
    content = output.choices[0].message.content if output.choices else ""
    pieces = [] if isinstance(content, str) else [c for c in content if c.type == "reasoning"]
    texts = ((c.summary or "") if c.redacted else (c.reasoning or c.summary or "") for c in pieces)
    return "\n\n".join(text for text in texts if text.strip())


def has_reasoning(output: ModelOutput) -> bool:
    """Whether a model used its reasoning channel, also where the provider keeps the text."""
    content = output.choices[0].message.content if output.choices else ""
    blocks = [] if isinstance(content, str) else [c for c in content if c.type == "reasoning"]
    tokens = output.usage.reasoning_tokens if output.usage else None
    return bool(tokens) or any(c.redacted or c.reasoning or c.summary for c in blocks)


def whole_answer(output: ModelOutput) -> str:
    """The whole answer: native reasoning, if there is any, and the completion."""
    return "\n\n".join(p for p in (native_reasoning(output), output.completion) if p)
