"""Tool calls of the embedded model: only calls can be written, and whatever is written is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
)
from inspect_ai.tool import (
    ToolCall,
    ToolCallError,
    ToolFunction,
    ToolInfo,
    ToolParam,
    ToolParams,
)

from cornered.models.calls import answer_schema, as_text, read_answer, tools_text


def a_tool(name: str, about: str, required: list[str], **parameters: ToolParam) -> ToolInfo:
    return ToolInfo(
        name=name,
        description=about,
        parameters=ToolParams(properties=parameters, required=required),
    )


MAIL = ToolParam(type="string", description="The number of the mail.")
READ = a_tool("mail_read", "Open a mail.", ["mail"], mail=MAIL)
SEND = a_tool(
    "mail_send",
    "Send a mail.",
    ["to"],
    to=ToolParam(type="array", items=ToolParam(type="string", format="email")),
    mail=MAIL,
    urgent=ToolParam(type="boolean", description="Whether it is urgent."),
    how=ToolParam(enum=["plain", "html"]),
)
TOOLS = [READ, SEND]
OPEN = '{"name": "mail_send", "arguments": '


def call(text: str) -> ToolCall:
    found = read_answer(text, TOOLS, "auto").call
    assert found is not None
    return found


def names(schema: dict[str, Any]) -> list[str]:
    return [option["properties"]["name"]["const"] for option in schema["anyOf"]]


def test_an_answer_is_one_tool_with_its_own_arguments() -> None:
    schema = answer_schema(TOOLS, "auto")
    assert names(schema) == ["mail_read", "mail_send", "finish"]
    send = schema["anyOf"][1]
    assert list(send["properties"]) == ["name", "arguments"]  # decided in this order
    assert send["properties"]["arguments"] == {
        "type": "object",
        "required": ["to"],
        "additionalProperties": False,
        "properties": {
            "to": {"type": "array", "items": {"type": "string"}},
            "mail": {"type": "string"},
            "urgent": {"type": "boolean"},
            "how": {"enum": ["plain", "html"]},
        },
    }


def test_the_choice_of_tools_is_kept() -> None:
    assert names(answer_schema(TOOLS, "any")) == ["mail_read", "mail_send"]
    assert names(answer_schema(TOOLS, "none")) == ["finish"]
    assert names(answer_schema(TOOLS, ToolFunction(name="mail_read")))[0] == "mail_read"
    assert "mail_send" not in names(answer_schema(TOOLS, ToolFunction(name="mail_read")))
    assert names(answer_schema([a_tool("finish", "", [])], "auto")) == ["finish", "finish_"]


def test_tools_are_told_briefly_and_what_they_share_once() -> None:
    told = tools_text(TOOLS)
    assert "mail_send(to, mail?, urgent?, how?): Send a mail." in told
    assert "urgent (boolean): Whether it is urgent." in told
    assert "how: One of plain, html." in told
    assert told.count("The number of the mail.") == 1
    assert "finish(text)" in told


def test_a_call_and_words_are_read() -> None:
    made = call('\n{"name": "mail_read",\n "arguments": {"mail": "3"}}')
    assert (made.function, made.arguments, made.parse_error) == ("mail_read", {"mail": "3"}, None)
    said = read_answer('{"name": "finish", "arguments": {"text": "Done."}}', TOOLS, "auto")
    assert (said.said, said.call) == ("Done.", None)


@pytest.mark.parametrize("arguments", ['{"to": ["a@x"], "body": "I wi', '{"to', "{", ""])
def test_a_call_that_is_cut_off_is_a_call_with_a_parse_error(arguments: str) -> None:
    made = call(OPEN + arguments)
    assert (made.function, made.arguments) == ("mail_send", {})
    assert (made.parse_error or "").startswith("Error parsing the following tool call")


def test_words_that_are_cut_off_are_words() -> None:
    said = read_answer(
        '{"name": "finish", "arguments": {"text": "I read \\"it\\" and \\u20', TOOLS, "auto"
    )
    assert (said.said, said.call) == ('I read "it" and ', None)


@pytest.mark.parametrize(
    "text",
    [
        'Now: {"name": "mail_send", "arguments": {"to": ["a@x"]}}',
        "{'name': 'mail_send'}",
        "mail_send(to=['a@x'])",
    ],
)
def test_words_that_look_like_a_call_are_never_taken_for_doing_nothing(text: str) -> None:
    whole = json.dumps({"name": "finish", "arguments": {"text": text}})
    made = call(whole)
    assert made.function == "mail_send"
    assert made.parse_error
    assert "not made" in made.parse_error
    assert call(text).parse_error
    assert read_answer(text, TOOLS, "none").call is None


def test_words_about_a_tool_are_no_call() -> None:
    text = json.dumps({"name": "finish", "arguments": {"text": "I used mail_send once."}})
    assert read_answer(text, TOOLS, "auto").call is None


@given(text=st.text(), end=st.integers(0, 60), finish=st.booleans())
def test_any_beginning_of_an_answer_is_read(text: str, end: int, finish: bool) -> None:
    whole = {"name": "finish", "arguments": {"text": text}}
    if not finish:
        whole = {"name": "mail_read", "arguments": {"mail": text}}
    for cut in (json.dumps(whole), json.dumps(whole)[:end], text):
        read = read_answer(cut, TOOLS, "auto")
        assert read.call is None or read.call.function in ("mail_read", "mail_send", "")


def test_a_conversation_is_told_as_the_model_would_have_written_it() -> None:
    made = ToolCall(id="1", function="mail_read", arguments={"mail": "ä"})
    error = ToolCallError("unknown", "there is no mail ä")
    messages = [
        ChatMessageSystem(content="You are Tally."),
        ChatMessageUser(content="Go."),
        ChatMessageAssistant(content="", tool_calls=[made]),
        ChatMessageTool(content="", function="mail_read", error=error),
        ChatMessageTool(content="1  Dele", function="mail_list"),
        ChatMessageAssistant(content="Done."),
    ]
    assert [as_text(m, m.text, TOOLS) for m in messages] == [
        ("system", "You are Tally."),
        ("user", "Go."),
        ("assistant", '{"name": "mail_read", "arguments": {"mail": "ä"}}'),
        ("user", "mail_read failed: there is no mail ä"),
        ("user", "Result of mail_list:\n1  Dele"),
        ("assistant", '{"name": "finish", "arguments": {"text": "Done."}}'),
    ]
    assert as_text(messages[-1], "Done.") == ("assistant", "Done.")
