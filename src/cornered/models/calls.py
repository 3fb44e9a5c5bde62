"""Tool calls of a model that was never taught them: told as text, forced into form, read back.

The engine lets the model write only what a JSON schema allows: the call of one tool, with
arguments of its own types, or something to say. So whatever it writes can be read.
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
from inspect_ai.tool import ToolCall, ToolChoice, ToolFunction, ToolInfo

_INTRODUCTION = """\
# Tools

You work by calling tools. Each of your answers is one JSON object and nothing else. Only calls do
anything. To call a tool, answer

{"name": "TOOL", "arguments": {"ARGUMENT": VALUE}}

and its result comes back. A question mark stands at arguments that may be left out. When you have
nothing more to do, answer

{"say": "TEXT"}

The tools:
"""


def tools_text(tools: Sequence[ToolInfo]) -> str:
    """The part of a system message that tells of the tools, and how to call them."""
    return _INTRODUCTION + "\n".join(_tool_lines(tools))


def _tool_lines(tools: Sequence[ToolInfo]) -> Iterator[str]:
    for tool in tools:
        parameters = tool.parameters.properties
        required = tool.parameters.required
        names = [name if name in required else f"{name}?" for name in parameters]
        yield f"\n{tool.name}({', '.join(names)}): {_one_line(tool.description)}"
        for name, parameter in parameters.items():
            kind = f" ({parameter.type})" if parameter.type not in (None, "string") else ""
            options = f" One of {', '.join(map(str, parameter.enum))}." if parameter.enum else ""
            about = _one_line(parameter.description or "")
            if kind or options or about:
                yield f"  {name}{kind}: {about}{options}".rstrip(": ")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def answer_schema(tools: Sequence[ToolInfo], choice: ToolChoice) -> dict[str, Any]:
    """The JSON schema of an answer: one tool and its arguments, or something to say."""
    if isinstance(choice, ToolFunction):
        tools = [tool for tool in tools if tool.name == choice.name]
    options = [
        _object(
            {
                "name": {"const": tool.name},
                "arguments": _plain_schema(
                    tool.parameters.model_dump(exclude_none=True, by_alias=True)
                ),
            }
        )
        for tool in tools
        if choice != "none"
    ]
    if choice in ("auto", "none"):
        options.append(_object({"say": {"type": "string"}}))
    return {"anyOf": options}


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
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    names = [tool.name for tool in tools] if choice != "none" else []
    if isinstance(whole, dict) and isinstance(whole.get("arguments"), dict):
        return Answer("", _call(str(whole.get("name")), whole["arguments"]))
    if isinstance(whole, dict) and isinstance(whole.get("say"), str):
        return _said(whole["say"], names)
    if opened := re.match(r'\s*\{\s*"name"\s*:\s*"([^"]*)"\s*,?\s*(?:"arguments"\s*:\s*)?', text):
        arguments = text[opened.end() :] or "{"
        # The same reading, and the same words about what is wrong, as with hosted models.
        return Answer("", parse_tool_call(_new_id(), opened[1], arguments))
    if opened := re.match(r'\s*\{\s*"say"\s*:\s*"', text):
        return _said(_unescaped(text[opened.end() :]), names)
    return _said(text, names)


def _said(text: str, names: Sequence[str]) -> Answer:
    either = "|".join(map(re.escape, names))
    shaped = rf"""["']name["']\s*:\s*["'](?P<a>{either})["']|\b(?P<b>{either})\s*\("""
    if names and (found := re.search(shaped, text)):
        name = found["a"] or found["b"]
        problem = (
            f"This call of {name} stood in what you said, so it was not made. "
            'Answer {"name": …, "arguments": …} to make it.'
        )
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


def as_text(message: ChatMessage, text: str, *, in_json: bool) -> tuple[str, str]:
    """The role and the text of a message, with calls and results told in words.

    Args:
        message: The message.
        text: Its words.
        in_json: Whether answers are JSON objects, because tools are offered.
    """
    if isinstance(message, ChatMessageTool):
        if message.error:
            return "user", f"{message.function} failed: {message.error.message}"
        return "user", f"Result of {message.function}:\n{text}"
    if not isinstance(message, ChatMessageAssistant):
        return message.role, text
    calls = [
        _json({"name": call.function, "arguments": call.arguments})
        for call in message.tool_calls or []
    ]
    said = [_json({"say": text}) if in_json else text] if text or not calls else []
    return "assistant", "\n".join([*said, *calls])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
