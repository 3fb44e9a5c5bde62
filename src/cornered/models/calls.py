"""Tool calls of a model that was never taught them: told as text, forced into form, read back.

The engine lets the model write only what a JSON schema allows: the call of one tool, with
arguments of its own types. So whatever it writes can be read. Words without a call are the call
of one more tool, `finish`. Offered as another kind of answer they came in 4 of 6 first turns,
before anything was read; as a tool in none of 6 (Qwen2.5-Coder-1.5B).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool
from inspect_ai.model._call_tools import parse_tool_call
from inspect_ai.tool import ToolCall, ToolChoice, ToolFunction, ToolInfo, ToolParam, ToolParams

_INTRODUCTION = """\
# Tools

You work by calling tools, one at a time. Each of your answers is one JSON object and nothing else:

{"name": "TOOL", "arguments": {"ARGUMENT": VALUE}}

Its result comes back, and you go on with the next call. Only calls do anything. A question mark
stands at arguments that may be left out.

The tools:
"""


def tools_text(tools: Sequence[ToolInfo]) -> str:
    """The part of a system message that tells of the tools, and how to call them."""
    return _INTRODUCTION + "\n".join(_tool_lines([*tools, _finish(tools)]))


def _finish(tools: Sequence[ToolInfo]) -> ToolInfo:
    """The tool that ends a turn with words; its name is no other tool's."""
    name = "finish"
    while any(tool.name == name for tool in tools):
        name += "_"
    text = ToolParam(type="string", description="What you say at the end.")
    return ToolInfo(
        name=name,
        description="End your work, when there is nothing more to do.",
        parameters=ToolParams(properties={"text": text}, required=["text"]),
    )


def _tool_lines(tools: Sequence[ToolInfo]) -> Iterator[str]:
    told = set()
    for tool in tools:
        parameters = tool.parameters.properties
        required = tool.parameters.required
        names = [name if name in required else f"{name}?" for name in parameters]
        yield f"\n{tool.name}({', '.join(names)}): {_one_line(tool.description)}"
        for name, parameter in parameters.items():
            kind = f" ({parameter.type})" if parameter.type not in (None, "string") else ""
            about = _one_line(parameter.description or "")
            if parameter.enum:
                about += f" One of {', '.join(map(str, parameter.enum))}."
            line = f"  {name}{kind}: {about.strip()}" if about else f"  {name}{kind}"
            # What several tools share is told once: each token costs time.
            if line not in told and (kind or about):
                told.add(line)
                yield line


def _one_line(text: str) -> str:
    return " ".join(text.split())


def answer_schema(tools: Sequence[ToolInfo], choice: ToolChoice) -> dict[str, Any]:
    """The JSON schema of an answer: one tool and its arguments."""
    offered = [] if choice == "none" else list(tools)
    if isinstance(choice, ToolFunction):
        offered = [tool for tool in tools if tool.name == choice.name]
    elif choice != "any":
        offered.append(_finish(tools))
    options = [
        # In this order: what the tool is decides what its arguments are.
        _object({"name": {"const": tool.name}, "arguments": _arguments_schema(tool)})
        for tool in offered
    ]
    return {"anyOf": options}


def _arguments_schema(tool: ToolInfo) -> dict[str, Any]:
    return _plain_schema(tool.parameters.model_dump(exclude_none=True, by_alias=True))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _plain_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without what the engine may not turn into a grammar: formats, patterns, lengths."""
    plain = {key: schema[key] for key in ("type", "enum", "const", "required") if key in schema}
    if isinstance(properties := schema.get("properties"), Mapping) and properties:
        plain["properties"] = {name: _plain_schema(part) for name, part in properties.items()}
        plain["additionalProperties"] = False
    elif schema.get("type") == "object" and schema.get("additionalProperties") is False:
        plain |= {"properties": {}, "additionalProperties": False}
    if isinstance(schema.get("items"), Mapping):
        plain["items"] = _plain_schema(schema["items"])
    if "anyOf" in schema:
        plain["anyOf"] = [_plain_schema(part) for part in schema["anyOf"]]
    return plain


@dataclass(frozen=True)
class Answer:
    """What the model wrote: something said, or a call."""

    said: str
    call: ToolCall | None = None


def read_answer(text: str, tools: Sequence[ToolInfo], choice: ToolChoice) -> Answer:
    """An answer that the schema forced into form, whole or cut off.

    A call that is cut off, or that stands in what is said, is a call with a parse error, so
    that the model is told and nobody takes it for an answer that does nothing.
    """
    finish = _finish(tools).name
    names = [tool.name for tool in tools] if choice != "none" else []
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(arguments := whole.get("arguments"), dict):
        if whole.get("name") == finish:
            return _said(str(arguments.get("text", "")), names)
        return Answer("", _call(str(whole.get("name")), arguments))
    begun = re.match(r'\s*\{\s*"name"\s*:\s*"([^"]*)"\s*,?\s*(?:"arguments"\s*:\s*)?', text)
    if begun and begun[1] == finish:
        words = re.match(r'\{\s*"text"\s*:\s*"', rest := text[begun.end() :])
        return _said(_unescaped(rest[words.end() :]) if words else "", names)
    if begun:
        # The same reading, and the same words about what is wrong, as with hosted models.
        return Answer("", parse_tool_call(_new_id(), begun[1], text[begun.end() :] or "{"))
    return _said(text, names)


def _said(text: str, names: Sequence[str]) -> Answer:
    either = "|".join(map(re.escape, names))
    shaped = rf"""["']name["']\s*:\s*["'](?P<a>{either})["']|\b(?P<b>{either})\s*\("""
    if names and (found := re.search(shaped, text)):
        name = found["a"] or found["b"]
        problem = f"This call of {name} stood in a text, so it was not made. Call {name} itself."
        return Answer(text, _call(name, {}, problem))
    return Answer(text)


def _unescaped(cut: str) -> str:
    """The text of a JSON string that is cut off, without its opening quote."""
    for end in range(len(cut), max(len(cut) - 12, -1), -1):  # an escape is at most 12 long
        try:
            return str(json.loads(f'"{cut[:end]}"'))
        except ValueError:
            continue
    return cut


def _call(name: str, arguments: dict[str, Any], problem: str | None = None) -> ToolCall:
    return ToolCall(id=_new_id(), function=name, arguments=arguments, parse_error=problem)


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex[:12]}"


def as_text(message: ChatMessage, text: str, tools: Sequence[ToolInfo] = ()) -> tuple[str, str]:
    """The role and the text of a message, with calls and results told in words.

    Args:
        message: The message.
        text: Its words.
        tools: The tools that are offered; then words alone are told as the call that they were.
    """
    if isinstance(message, ChatMessageTool):
        if message.error:
            return "user", f"{message.function} failed: {message.error.message}"
        return "user", f"Result of {message.function}:\n{text}"
    if not isinstance(message, ChatMessageAssistant):
        return message.role, text
    calls = [_json(call.function, call.arguments) for call in message.tool_calls or []]
    if tools and not calls:
        calls, text = [_json(_finish(tools).name, {"text": text})], ""
    return "assistant", "\n".join([*([text] if text else []), *calls])


def _json(name: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
