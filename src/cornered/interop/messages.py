"""Answers as APIs hand them over: texts, reasoning, tool calls and other blocks, in order.

Read are OpenAI's chat completions and Responses, Anthropic's messages, Gemini's candidates,
Bedrock's Converse, and what Ollama, Mistral and Cohere make of these, in the spelling of the wire
or of the Python clients. Nothing is dropped: a block of an unknown type is kept by its type, as
one that may hold an action.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

TEXT_KEYS = ("raw_response", "response_text", "response", "completion", "content", "text")
"""Keys of an answer, as seen in results of the study's code, its forks and APIs."""
REASONING_KEYS = (
    "reasoning_content",
    "reasoning_text",
    "reasoning",
    "thinking",
    "tool_plan",
    "reasoningText",
)
STOP_KEYS = (
    "stop_reason",
    "finish_reason",
    "stopReason",
    "finishReason",
    "done_reason",
    "native_finish_reason",
)
CALL_KEYS = (
    "tool_calls",
    "toolCalls",
    "function_call",
    "functionCall",
    "tool_call",
    "invalid_tool_calls",
)
"""Keys of the calls beside a text."""
ENVELOPES = ("choices", "candidates", "output", "message", "messages", "outputs")
"""Keys of the messages of an API's answer."""

_MEDIA = frozenset(
    [
        "image",
        "imageurl",
        "outputimage",
        "inputimage",
        "audio",
        "outputaudio",
        "inputaudio",
        "video",
        "document",
        "file",
        "inlinedata",
        "filedata",
        "citation",
        "citations",
        "reference",
        "guardcontent",
        "searchresult",
        "refdocument",
        "containerupload",
    ]
)
_REASONING = frozenset(
    [
        "thinking",
        "redactedthinking",
        "reasoning",
        "reasoningcontent",
        "reasoningtext",
        "summarytext",
        "thought",
        "encryptedreasoning",
    ]
)
_CALLS = frozenset(
    ["tooluse", "toolcall", "functioncall", "function", "customtoolcall", "customcall"]
)
_SERVER = re.compile(
    r"servertooluse|(?:websearch|filesearch|codeinterpreter|imagegeneration|webfetch|codeexecution"
    r"|bashcodeexecution|texteditorcodeexecution|toolsearch)\w*|executablecode|urlcontext\w*"
    r"|toolresult|toolmessage|functioncalloutput|compaction|fallback"
)
"""Tools that the provider runs for itself, such as a search, and results: no actions in a trial."""
_RESERVED = frozenset(("type", "id", "role", "index", "status"))
_LONGEST = 300
"""Characters of each value of an unknown block that are kept."""


@dataclass(frozen=True)
class Piece:
    """One part of an answer."""

    kind: Literal["text", "refusal", "reasoning", "call", "other"]
    text: str = ""
    """Of a text, a refusal, or reasoning; the type of another block."""
    name: str = ""
    """The tool of a call."""
    arguments: Mapping[str, Any] | None = None
    problem: str | None = None
    """Why the arguments of a call could not be read."""
    action: bool = False
    """Whether another block may hold an action."""
    content: Mapping[str, Any] | None = None
    """Of another block, its values shortened."""


@dataclass(frozen=True)
class ApiAnswer:
    """An answer: its parts in order, and its stop reason in the provider's words."""

    pieces: tuple[Piece, ...]
    stop: str | None = None


def read_api_answer(value: Any) -> ApiAnswer:
    """Reads an answer in any known form.

    Raises:
        ValueError: it is neither text nor an API's answer.
    """
    if isinstance(value, float) and value != value:
        value = None  # a missing text, as data frames write it
    pieces = tuple(_pieces(value))
    return ApiAnswer(pieces, read_stop(value))


def calls_beside(record: Mapping[str, Any]) -> Iterator[Piece]:
    """The calls under keys of their own, such as `tool_calls` beside a text."""
    for key in CALL_KEYS:
        value = record.get(key)
        if isinstance(value, str) and value:
            parsed = _parsed(value)[0]
            value = parsed if isinstance(parsed, list | Mapping) else value
        for call in value if isinstance(value, list) else [value]:
            if isinstance(call, Mapping) and call:
                yield _call(call)
            elif call:
                yield _other(key, {"value": call}, action=True)


def kind_of(value: Any) -> str:
    """A value in a few words, for an error."""
    if isinstance(value, Mapping):
        return f"an object with {', '.join(map(str, value)) or 'no keys'}"[:120]
    return f"{value!r:.40}"


def _pieces(value: Any) -> Iterator[Piece]:
    """The parts of a text, a list of blocks, a message, or an API's whole answer.

    Raises:
        ValueError: it is none of them.
    """
    if value is None:
        return
    if isinstance(value, str):
        if value:
            yield Piece("text", value)
    elif isinstance(value, list):
        if any(isinstance(item, Mapping) and "role" in item for item in value):
            value = _own_turn(value)
        for item in value:
            yield from _item(item)
    elif isinstance(value, Mapping):
        yield from _message(value)
    else:
        raise ValueError(f"its answer is neither text nor an API message, but {kind_of(value)}")


def _own_turn(messages: Sequence[Any]) -> list[Any]:
    """The messages of the assistant after the last prompt."""
    roles = [m.get("role") if isinstance(m, Mapping) else None for m in messages]
    asked = max(
        (i for i, r in enumerate(roles) if r in ("user", "system", "developer")), default=-1
    )
    return [
        m
        for m, role in zip(messages[asked + 1 :], roles[asked + 1 :], strict=True)
        if role != "tool"
    ]


def _message(value: Mapping[str, Any]) -> Iterator[Piece]:
    """The parts of an API's answer or message: of each envelope, then of each key in it.

    Raises:
        ValueError: it has none that is known.
    """
    enveloped = False
    for key in ENVELOPES:
        inner = value.get(key)
        if isinstance(inner, list | Mapping) or (isinstance(inner, str) and key != "messages"):
            enveloped = True
            if key in ("choices", "candidates") and isinstance(inner, list):
                yield from _option(inner[0]) if inner else ()
            else:
                yield from _pieces(inner)
    enveloped = enveloped or "promptFeedback" in value or "prompt_feedback" in value
    if not enveloped and _is_block(value):
        yield from _block(value)
        return
    yield from _reasoning_beside(value)
    keys = [k for k in (*TEXT_KEYS, "parts") if k in value]
    filled = next((k for k in keys if value[k] not in (None, "", [])), None)
    if filled and not enveloped:
        yield from _pieces(value[filled])
    if isinstance(value.get("refusal"), str) and value["refusal"]:
        yield Piece("refusal", value["refusal"])
    if isinstance(value.get("audio"), Mapping):
        yield _other("audio", value["audio"], action=False)
        if not filled and isinstance(value["audio"].get("transcript"), str):
            yield Piece("text", value["audio"]["transcript"])
    calls = list(calls_beside(value))
    further = value.get("additional_kwargs")  # LangChain's
    if not calls and isinstance(further, Mapping):
        calls = list(calls_beside(further))
    yield from calls
    if not (enveloped or keys or calls or {"role", "refusal", "error", *CALL_KEYS} & set(value)):
        raise ValueError(f"its answer is neither text nor an API message, but {kind_of(value)}")


def _option(option: Any) -> Iterator[Piece]:
    """The parts of one choice or candidate; one that a filter emptied has none."""
    if not isinstance(option, Mapping):
        yield from _pieces(option)
        return
    inner = next(
        (option[k] for k in ("message", "delta", "content") if option.get(k) is not None), None
    )
    if inner is not None:
        yield from _pieces(inner)
        yield from calls_beside(option)
    elif {*TEXT_KEYS, *CALL_KEYS} & set(option):
        yield from _message(option)


def _is_block(value: Mapping[str, Any]) -> bool:
    """Whether a content block stands in the place of a message."""
    if "role" in value or _word(value.get("type")) == "message":
        return False
    words = {_word(k) for k in value}
    unnamed = {"tooluse", "inlinedata", "thought", "reasoningcontent"} & words
    return bool(unnamed) or _word(value.get("type")) not in ("", "error", "succeeded")


def _reasoning_beside(message: Mapping[str, Any]) -> Iterator[Piece]:
    """Reasoning in a key of its own."""
    for key in REASONING_KEYS:
        if isinstance(message.get(key), str) and message[key]:
            yield Piece("reasoning", message[key])
            return
    details = message.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            text = detail.get("text") or detail.get("summary")
            if isinstance(text, str) and text:
                yield Piece("reasoning", text)


def _item(item: Any) -> Iterator[Piece]:
    """One item of a list: a text, a message, a block."""
    if item is None:
        return
    if isinstance(item, str):
        yield Piece("text", item)
    elif isinstance(item, Mapping):
        message = "role" in item or any(isinstance(item.get(k), list | Mapping) for k in ENVELOPES)
        plain = _word(item.get("type")) in ("", "message")
        yield from _message(item) if message and plain else _block(item)
    else:
        raise ValueError(f"its answer has a block that is {kind_of(item)}")


def _word(kind: Any) -> str:
    return re.sub("[^a-z]", "", kind.lower()) if isinstance(kind, str) else ""


def _block(block: Mapping[str, Any]) -> Iterator[Piece]:
    """The parts of one content block; one of an unknown type may hold an action."""
    kind = _word(block.get("type"))
    if not kind:
        # Gemini and Bedrock name a block by its key.
        keys = [k for k in block if _word(k) not in _RESERVED]
        named = next((k for k in keys if _word(k) in _CALLS | _MEDIA), None)
        if named is not None:
            kind = _word(named)
            inner = block[named]
            block = inner if isinstance(inner, Mapping) else {"value": inner}
        elif any(_word(k) in ("executablecode", "codeexecutionresult") for k in keys):
            kind = "executablecode"
    if kind in _CALLS:
        yield _call(block)
    elif kind == "message":
        yield from _message({k: v for k, v in block.items() if k != "type"})
    elif kind == "refusal" or (not kind and isinstance(block.get("refusal"), str)):
        yield Piece("refusal", _first_text(block, "refusal", "text"))
    elif kind in _REASONING or (not kind and _reasons(block)):
        yield from _reasoning(block)
    elif kind in _MEDIA:
        yield _other(str(block.get("type", kind)), block, action=False)
    elif isinstance(block.get("text"), str) and (kind in ("", "text", "outputtext", "inputtext")):
        # Gemini marks its thoughts so.
        yield Piece("reasoning" if block.get("thought") is True else "text", block["text"])
    elif _SERVER.fullmatch(kind):
        yield _other(str(block.get("type", kind)), block, action=False)
    else:
        named_kind = str(block.get("type") or ", ".join(map(str, block)) or "empty block")
        yield _other(named_kind, block, action=bool(block))
        if isinstance(block.get("text"), str) and block["text"]:
            yield Piece("text", block["text"])


def _first_text(block: Mapping[str, Any], *keys: str) -> str:
    return next((block[k] for k in keys if isinstance(block.get(k), str) and block[k]), "")


def _reasons(block: Mapping[str, Any]) -> bool:
    return any(key in block for key in (*REASONING_KEYS, "reasoningContent"))


def _reasoning(block: Mapping[str, Any]) -> Iterator[Piece]:
    """The reasoning in a block; what is encrypted is reasoning too, without a text."""
    texts = list(_texts(block))
    if texts:
        yield Piece("reasoning", "\n\n".join(texts))
    else:
        yield Piece("reasoning")


def _texts(value: Any) -> Iterator[str]:
    """Every text of a reasoning block, at any depth; not what is signed or encrypted."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key in (*REASONING_KEYS, "reasoningContent", "text", "summary", "content"):
                yield from _texts(inner)


def _call(block: Mapping[str, Any]) -> Piece:
    """A call: its tool and its arguments, wherever the API puts them."""
    function = next(
        (block[k] for k in ("function", "custom") if isinstance(block.get(k), Mapping)), None
    )
    inner = function if function is not None else block
    name = next(
        (
            inner[k]
            for k in ("name", "tool_name", "tool", "function", "toolName", "recipient_name")
            if isinstance(inner.get(k), str) and inner[k]
        ),
        "",
    )
    keys = ("arguments", "args", "input", "parameters", "params", "raw_arguments", "tool_input")
    key = next((k for k in keys if inner.get(k) not in (None, "")), None)
    given = inner[key] if key else None
    arguments, problem = _parsed(given) if isinstance(given, str) else (given, None)
    if isinstance(arguments, str):
        arguments, problem = _parsed(arguments)  # encoded twice
    if key is None and any(k in inner for k in keys):
        arguments = {}
    elif key is None:
        # Some write the arguments beside the name.
        skip = {"name", "type", "id", "index", "call_id", "status", "role", "tool", "tool_name"}
        arguments = {k: v for k, v in inner.items() if k not in skip and k != "function"}
    if not isinstance(arguments, Mapping):
        raw = given if isinstance(given, str) else repr(given)
        why = problem or "they are no object"
        return Piece("call", name=name, problem=f"its arguments cannot be read ({why}): {raw}")
    return Piece("call", name=name, arguments={str(k): v for k, v in arguments.items()})


def _parsed(text: str) -> tuple[Any, str | None]:
    """A value in JSON, and why it is none."""
    try:
        return json.loads(text, strict=False), None
    except (ValueError, RecursionError) as e:
        return None, str(e)[:120]


def _other(kind: str, block: Mapping[str, Any], *, action: bool) -> Piece:
    """A block that is no text, with its values shortened."""
    content = {
        str(k): v if isinstance(v, bool | int | float | None) else str(v)[:_LONGEST]
        for k, v in block.items()
    }
    return Piece("other", kind[:60], action=action, content=content)


def read_stop(value: Any) -> str | None:
    """The stop reason of an API's answer; a filter's word goes before an ordinary one."""
    if isinstance(value, list):
        stops = [read_stop(item) for item in value]
        return next((stop for stop in reversed(stops) if stop), None)
    if not isinstance(value, Mapping):
        return None
    feedback = value.get("promptFeedback", value.get("prompt_feedback"))
    if isinstance(feedback, Mapping):
        blocked = feedback.get("blockReason", feedback.get("block_reason"))
        if blocked and "unspecified" not in str(blocked).lower():
            return "content_filter"
    if _filtered(value):
        return "content_filter"
    incomplete = value.get("incomplete_details")
    if isinstance(incomplete, Mapping) and isinstance(incomplete.get("reason"), str):
        return str(incomplete["reason"])
    for key in STOP_KEYS:
        if isinstance(value.get(key), str) and value[key]:
            return str(value[key])
    for key in ("choices", "candidates"):
        options = value.get(key)
        if isinstance(options, list) and options and (stop := read_stop(options[0])):
            return stop
    for key in ("message", "output", "response", "raw_response"):
        if isinstance(value.get(key), Mapping) and (stop := read_stop(value[key])):
            return stop
    status = value.get("status")
    return status if status in ("incomplete", "failed", "cancelled") else None


def _filtered(value: Mapping[str, Any]) -> bool:
    """Whether a filter of Azure's took something of the answer or the prompt away."""
    results = [value.get("content_filter_results"), value.get("content_filter_result")]
    prompts = value.get("prompt_filter_results", value.get("prompt_annotations"))
    for prompt in prompts if isinstance(prompts, list) else ():
        if isinstance(prompt, Mapping):
            results.append(prompt.get("content_filter_results"))
    error = value.get("error")
    if isinstance(error, Mapping) and error.get("code") == "content_filter":
        return True
    return any(
        isinstance(result, Mapping) and result.get("filtered") is True
        for group in results
        if isinstance(group, Mapping)
        for result in group.values()
    )
