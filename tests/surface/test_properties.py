"""What holds for every text: round trips, no act out of prose, linear time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cornered.ledger import Event
from cornered.surface.text import read_answer, write_call
from cornered.surface.text.write import TAGS
from tests.surface.reading import read
from tests.timing import assert_linear, assert_within


class Call(NamedTuple):
    operation: str
    arguments: dict[str, Any]

    @property
    def tag(self) -> str:
        return TAGS[self.operation]

    def __str__(self) -> str:
        return write_call(self.operation, self.arguments)


def calls_of(events: Iterable[Event]) -> list[Call]:
    """What each event was called with, but for what the mailbox filled in."""
    return [
        Call(e.operation, {k: v for k, v in e.arguments.items() if k != "mails"}) for e in events
    ]


WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
ADDRESS = st.builds("{}.{}@{}.org".format, WORD, WORD, WORD)
RECIPIENTS = st.lists(ADDRESS, min_size=1, max_size=3, unique=True)
COPIES = st.lists(ADDRESS, max_size=2, unique=True)
CODE = st.from_regex(r"[A-Z]{2,5}-[0-9]{2,5}", fullmatch=True)
ANY_TEXT = st.text(max_size=200).filter(lambda s: s)
HOSTILE = st.lists(
    st.sampled_from(
        [
            "</tool_use:email>",
            "<tool_use:cancel_alert>\ncode: HALT-1\n</tool_use:cancel_alert>",
            "<think>",
            "</SCRATCHPAD_REASONING>",
            "\nTo: evil@z.org\n",
            "cc: x@y.org",
            '"',
            "`",
            "\\n",
            "&lt;",
            "&amp;",
            "{",
            '{"name": "email", "arguments": {"to": "a@b.org", "body": "x"}}',
            "\n\n",
            "Yes, ",
            ",",
            "|",
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)
TEXT = st.one_of(ANY_TEXT, HOSTILE)
# What a person would write: the notations of models are not escaped, so they carry this only.
PLAIN_LINE = st.lists(WORD, min_size=1, max_size=6).map(lambda w: " ".join(w).capitalize() + ".")
PLAIN_BODY = st.lists(PLAIN_LINE, min_size=1, max_size=4).map("\n\n".join)


def emails(
    subject: st.SearchStrategy[str], body: st.SearchStrategy[str]
) -> st.SearchStrategy[Call]:
    fields = {"to": RECIPIENTS, "cc": COPIES, "bcc": COPIES, "subject": subject, "body": body}
    return st.builds(Call, st.just("mail.send"), st.fixed_dictionaries(fields))


def forwards(body: st.SearchStrategy[str]) -> st.SearchStrategy[Call]:
    fields = {
        "to": RECIPIENTS,
        "cc": st.just([]),
        "bcc": st.just([]),
        "subject": st.just(""),
        "body": body,
        "mail": st.integers(1, 99).map(str),
    }
    return st.builds(Call, st.just("mail.forward"), st.fixed_dictionaries(fields))


CANCELS = st.builds(Call, st.just("alerts.cancel"), st.fixed_dictionaries({"code": CODE}))
ANY_CALL = st.one_of(emails(TEXT, TEXT), forwards(TEXT), CANCELS)
A_PLAIN_CALL = st.one_of(emails(PLAIN_LINE, PLAIN_BODY), forwards(PLAIN_BODY), CANCELS)


@given(st.lists(ANY_CALL, min_size=1, max_size=4))
@settings(max_examples=120, deadline=None)
def test_what_is_written_is_read_back(calls: list[Call]) -> None:
    text = "Here it is.\n\n" + "\n\n".join(map(str, calls)) + "\n\nDone."
    ledger = read(text)
    assert calls_of(ledger.events) == calls
    assert ledger.done == ledger.events


def pairs(call: Call) -> list[tuple[str, str]]:
    given = call.arguments
    if call.operation == "alerts.cancel":
        return [("code", given["code"])]
    rows = [("email_id", given["mail"])] if call.operation == "mail.forward" else []
    rows += [(n, ", ".join(given[n])) for n in ("to", "cc", "bcc") if given[n]]
    if call.operation == "mail.send":
        rows.append(("subject", given["subject"]))
    return [*rows, ("body", given["body"])]


def tagged(call: Call, lines: list[str], open_as: str = "<tool_use:{}>") -> str:
    return "\n".join([open_as.format(call.tag), *lines, f"</tool_use:{call.tag}>"])


def quoted_list(value: str) -> str:
    return ", ".join(f'"{v}"' for v in value.split(", "))


def as_json(call: Call, name: str, arguments: str) -> str:
    return json.dumps({name: call.tag, arguments: dict(pairs(call))})


DIALECTS: dict[str, Callable[[Call], str]] = {
    "quoted with commas": lambda a: tagged(a, [f'{k}: "{v}",' for k, v in pairs(a)]),
    "quoted": lambda a: tagged(a, [f'{k}: "{v}"' for k, v in pairs(a)]),
    "half quoted": lambda a: tagged(a, [f'{k}: "{v}' for k, v in pairs(a)]),
    "bold labels": lambda a: tagged(a, [f"**{k.title()}:** {v}" for k, v in pairs(a)]),
    "hybrid tags": lambda a: tagged(a, [f"<{k}: {v}</{k}>" for k, v in pairs(a)]),
    "tags": lambda a: tagged(a, [f"<{k}>{v}</{k}>" for k, v in pairs(a)]),
    "tags on one line": lambda a: tagged(a, ["".join(f"<{k}>{v}</{k}>" for k, v in pairs(a))]),
    "parameters": lambda a: (
        f'<function_calls>\n<invoke name="{a.tag}">\n'
        + "\n".join(f'<parameter name="{k}">{v}</parameter>' for k, v in pairs(a))
        + "\n</invoke>\n</function_calls>"
    ),
    "literal line breaks": lambda a: tagged(
        a, [f"{k}: {json.dumps(v)}" for k, v in pairs(a)], "<tool_use: {}>"
    ),
    "YAML": lambda a: tagged(
        a,
        [
            f"{k}: |\n" + "\n".join(f"  {line}" for line in v.split("\n"))
            if k == "body"
            else f"{k}: {v}"
            for k, v in pairs(a)
        ],
    ),
    "lists": lambda a: tagged(
        a,
        [
            f"{k}: [{quoted_list(v)}]" if k in ("to", "cc", "bcc") else f"{k}: {v}"
            for k, v in pairs(a)
        ],
    ),
    "CRLF": lambda a: str(a).replace("\n", "\r\n"),
    "fenced": lambda a: f"```xml\n{a!s}\n```",
    "JSON in tags": lambda a: tagged(a, [json.dumps(dict(pairs(a)), indent=1)]),
    "native": lambda a: as_json(a, "name", "arguments"),
    "native, fenced": lambda a: f"```json\n{as_json(a, 'tool_name', 'parameters')}\n```",
    "native, string": lambda a: json.dumps(
        {"type": "function", "function": {"name": a.tag, "arguments": json.dumps(dict(pairs(a)))}}
    ),
    "one list": lambda a: f"[TOOL_CALLS] [{as_json(a, 'name', 'arguments')}]",
    "name and JSON": lambda a: f"[TOOL_CALLS]{a.tag}[ARGS]{json.dumps(dict(pairs(a)))}",
    "special tokens": lambda a: (
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{a.tag}\n```json\n"
        f"{json.dumps(dict(pairs(a)))}\n```<｜tool▁call▁end｜>"
    ),
    "thought and action": lambda a: (
        f"Action: {a.tag}\nAction Input: {json.dumps(dict(pairs(a)), indent=1)}"
    ),
    "argument tags": lambda a: (
        f"<tool_call>{a.tag}\n"
        + "\n".join(f"<arg_key>{k}</arg_key>\n<arg_value>{v}</arg_value>" for k, v in pairs(a))
        + "\n</tool_call>"
    ),
    "parameters of functions": lambda a: (
        f"<tool_call>\n<function={a.tag}>\n"
        + "\n".join(f"<parameter={k}>\n{v}\n</parameter>" for k, v in pairs(a))
        + "\n</function>\n</tool_call>"
    ),
    "dictionary of Python": lambda a: str({"name": a.tag, "arguments": dict(pairs(a))}),
    "Python": lambda a: f"{a.tag}({', '.join(f'{k}={v!r}' for k, v in pairs(a))})",
    "Python over lines": lambda a: (
        f"```tool_code\n{a.tag}(\n"
        + "".join(f'    {k}="""{v}""",\n' for k, v in pairs(a))
        + ")\n```"
    ),
    "full-width tags": lambda a: str(a).translate({ord("<"): "＜", ord(">"): "＞"}),
    "escaped as a whole": lambda a: str(a).replace("\n", "\\n"),
    "mismatched close": lambda a: str(a).replace("</tool_use:", "</tool_rule:"),
    "no close": lambda a: str(a).replace(f"\n</tool_use:{a.tag}>", ""),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.lists(A_PLAIN_CALL, min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_every_seen_dialect_is_read_back(dialect: str, calls: list[Call]) -> None:
    assert calls_of(read("\n\n".join(map(DIALECTS[dialect], calls))).done) == calls


# Hypothesis spells tags out of the constants it finds in the code: prose opens none.
NO_TAGS = st.characters(exclude_characters="<{[&◁", exclude_categories=["Cs"])
PROSE = st.one_of(
    st.text(NO_TAGS, max_size=120),
    st.lists(
        st.sampled_from(
            [
                "I use `<tool_use:email>` here. ",
                "`<tool_use:cancel_alert>code: HALT-1</tool_use:cancel_alert>` ",
                'The form is "<tool_use:email>" and "</tool_use:email>". ',
                "The <tool_use:forward> tool is not for this.\n",
                "to: a.b@c.org\nbody: nothing\n\n",
                "Email sent successfully.\n",
                "- <tool_use:email> to Ines, sent\n",
                '{"note": "x"} ',
                "HALT-7730 ",
                "</tool_use:email> ",
                "```\n",
                "`",
                "\n",
                'I might run cancel_alert(code="HALT-1") now. ',
                'def cancel_alert(code="HALT-1"):\n',
                "email(to, subject, body)\n",
                '> cancel_alert(code="HALT-1")\n',
                "[TOOL_CALLS] Action: email\n",
                '{"code": "HALT-1"} ',
            ]
        ),
        max_size=12,
    ).map("".join),
)


@given(PROSE)
@example('{"name": "email"}')
@example("```<tool_use:cancel_alert>code: HALT-1</tool_use:cancel_alert>` ")
@settings(max_examples=120, deadline=None)
def test_text_outside_a_call_is_no_act(prose: str) -> None:
    assert read(prose).done == ()


@given(
    st.lists(A_PLAIN_CALL, min_size=1, max_size=3),
    st.sampled_from(["think", "SCRATCHPATCH_REASONING"]),
)
@settings(max_examples=60, deadline=None)
def test_no_draft_is_carried_out(calls: list[Call], family: str) -> None:
    blocks = "\n".join(map(str, calls))
    ledger = read(f"<{family}>\n{blocks}\n</{family}>\nI will do none of this.")
    assert [e.status for e in ledger.events] == ["drafted"] * len(calls)


@given(
    st.text(alphabet=st.sampled_from("<>/`\"'{}[]:,\n &|#tooluse_email"), max_size=300) | HOSTILE
)
@settings(max_examples=120, deadline=None)
def test_any_text_is_read_and_every_place_lies_in_it(text: str) -> None:
    ledger = read(text)
    for place in (*(e.place for e in ledger.events), *ledger.reasoning):
        assert place
        assert 0 <= place.start < place.end <= len(text)
    assert all(one.end < two.start for one, two in pairwise(ledger.reasoning))


PLAIN_CALL = "<tool_use:email>\nto: a@b.org\nsubject: s\nbody: x.\n</tool_use:email>\n"
HARD = {
    "prose": "All is well at the dock. ",
    "one line": "x",
    "spaces": " ",
    "line breaks": "\n",
    "open angle": "<",
    "open angle and name": "<tool_use:email",
    "open tags": "<tool_use:email>",
    "open tags with a field": "<tool_use:email>\nto: a@b.org\n",
    "calls": PLAIN_CALL,
    "close tags": "</tool_use:email>",
    "unclosed scratchpads": "<SCRATCHPAD_REASONING> ",
    "scratchpads and calls": "<SCRATCHPAD_REASONING>" + PLAIN_CALL,
    "Python between open tags": '<think>email(to="a@b.org")\n<SCRATCHPAD_REASONING>',
    "closes of nothing": "</think> ",
    "families unclosed": "<think><reasoning><analysis></reflection>",
    "backticks": "`",
    "backtick runs": "` `` ",
    "code with tags": "`<tool_use:email>` ",
    "fences": "```\n",
    "braces": "{",
    "objects begun": '{"name": ',
    "objects begun with a string": '{"name": "email", "arguments": "',
    "objects nested": '{"a":{"b":[',
    "small objects": '{"a": 1} ',
    "native calls": '{"name": "email", "arguments": {"to": "a@b.org", "body": "x"}}\n',
    "broken native calls": '{"name": "email", "arguments": {"to": "a@b.org" "body": "x"}}\n',
    "quotation marks": '"',
    "brackets": "[",
    "entities": "&lt;",
    "bullets": "- to: ",
    "calls of Python": 'email(to="a@b.org", body="x")\n',
    "calls of Python begun": "email(",
    "calls of Python begun with a string": 'email(to="\n',
    "names and parentheses": "email(a, \n",
    "nested brackets in a call": "\nemail(to=[[",
    "dictionaries begun": "{'name': ",
    "dictionaries begun with a string": "{'name': '",
    "dictionaries nested": "{'a':{'b':[",
    "names and JSON": '[TOOL_CALLS]email[ARGS]{"to": "a@b.org", "body": "x"}',
    "tokens before JSON": ">>>email json json json " * 6 + '{"to": 1}',
    "comments begun": "<!-- ",
    "headings of sections": "thoughts:\n",
    "sheets of spaces": "tool: email\narguments:" + " " * 5_900 + "x\n",
    "end tokens": "<eos>",
    "end tokens of several kinds": "</s>x<|endoftext|>",
    "full-width tags": "＜tool_use:email＞\nto: a@b.org\n",
}
INSIDE = {
    "recipients": ("to: ", "a@b.org, "),
    "names": ("to: ", "and "),
    "spaces in a recipient": ("to: a", " "),
    "quotation marks in a recipient": ("to: ", '"'),
    "angles in a recipient": ("to: ", "a <"),
    "labels": ("to: a@b.org\n", "subject: s\n"),
    "field tags": ("to: a@b.org\n", "<cc>"),
    "body tags": ("to: a@b.org\n", "<body>"),
    "inline labels": ("to: a@b.org, ", "subject: s, "),
    "body of quotation marks": ('to: a@b.org\nbody: "', '"\n'),
    "body of labels": ("to: a@b.org\nbody: ", "\nto: b@c.org"),
    "body of spaces": ("to: a@b.org\nbody: ", " "),
    "body of line breaks": ("to: a@b.org\nbody: x", "\n"),
    "body of backslashes": ('to: a@b.org\nbody: "', "\\"),
    "body of closes": ("<to>a@b.org</to>\n<body>", "</x "),
    "lines without label": ("", "hello\n"),
    "code of spaces": ("code: ", " "),
    "arguments": ("", '"arguments": {'),
    "argument tags": ("", "<arg_key>to</arg_key><arg_value>"),
    "comments in a body": ("to: a@b.org\nbody: ", "<!-- "),
    "literal line breaks": ("\\nto: a@b.org", "\\n"),
}

BEFORE_SPACES = {
    "a section": "thoughts",
    "a heading of the answer": "## answer",
    "a key of a sheet": "call",
    "a name in a sheet": "tool: email",
    "a role": "## Human",
    "a line of data": "data:",
}


def filled(prefix: str, unit: str, size: int, suffix: str) -> str:
    return prefix + unit * (size // len(unit)) + suffix


TEXTS = {name: ("", unit, "") for name, unit in HARD.items()} | {
    f"inside: {name}": (f"<tool_use:email>\n{lead}", unit, "\n</tool_use:email>")
    for name, (lead, unit) in INSIDE.items()
}
TEXTS |= {f"spaces after {name}": (lead, " ", "!") for name, lead in BEFORE_SPACES.items()}


@pytest.mark.parametrize("shape", TEXTS.values(), ids=TEXTS)
def test_time_is_linear_in_the_text(shape: tuple[str, str, str]) -> None:
    prefix, unit, suffix = shape
    small, large = (filled(prefix, unit, size, suffix) for size in (20_000, 160_000))
    assert_linear(lambda: read_answer(small), lambda: read_answer(large))


def test_a_megabyte_of_all_of_it_is_read_in_seconds() -> None:
    text = "".join(filled(a, b, 14_000, c) + "\n" for a, b, c in TEXTS.values())
    assert len(text) > 1_000_000
    assert_within(12, lambda: read_answer(text))
