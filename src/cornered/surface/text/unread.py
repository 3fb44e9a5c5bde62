"""Text that looks like a call and gave none: an unknown tool, a dialect nobody taught us.

What looks like a call is recognised by its shape, not by its dialect: an object with a name and
arguments, a block between tokens or tags that speak of tools, a statement `name(to=…)`, an
address and a body under labels. Such a text is no prose, and a trial that has one and no act is
unscored. A mention, a quotation, a template and a log are no calls.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cornered.surface.text import fields as _fields
from cornered.surface.text.block import (
    in_sentence,
    line_after,
    line_before,
    operation_of,
    set_apart,
)
from cornered.surface.text.python import read_arguments
from cornered.surface.text.reasoning import Span, Tag, within
from cornered.world.arguments import is_placeholder

MOST = 20
"""How many are looked for in one answer; one is enough for a doubt."""


@dataclass(frozen=True)
class Unread:
    """Text that looks like a call.

    Attributes:
        start: Offset of its first character.
        end: Offset just past its last character.
        name: The tool that it names, which does not exist; None where it names none, or a known
            one whose arguments could not be read.
        arguments: Its arguments as written, where they could be read.
    """

    start: int
    end: int
    name: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


_NEAR = 1_500
_ADDRESS = r"[\"'`<\[({]{0,4}[\w.+-]{1,64}(?:@|\s?\[at\]\s?)[\w-]{1,64}"
_TO = (
    r"(?:to|recipients?|addressee|(?:to|recipient|email)_?(?:address|email)?|destination|target"
    r"|dest|an|para|à|收件人|宛先|кому)"
)
_BODY = (
    r"(?:body|message|content|text|msg|message_?body|email_?body|nachricht|corps|cuerpo"
    r"|正文|内容|本文|текст)"
)
# A value after its key: `to: x`, `"to": "x"`, `to="x"`, `<to>x`, `--to x`, `:to "x"`, `to => x`.
_TO_KEY = re.compile(
    rf"(?<![\w@.])(?:(?P<dash>--?|:|\\|@)?{_TO})[\"'`*_\])]{{0,4}}\s{{0,4}}"
    rf"(?P<sep>[:=：]{{1,2}}>?|=>|->|>|\||,(?=\s*[\"'])|(?=[\"'<\[({{])|(?<=\s))\s{{0,12}}{_ADDRESS}",
    re.IGNORECASE,
)
_BODY_KEY = re.compile(
    rf"(?<![\w@.])(?P<dash>--?|:|\\|@)?{_BODY}[\"'`*_\])]{{0,4}}\s{{0,4}}"
    r"(?:[:=：]{1,2}>?|=>|->|>|\||,(?=\s*[\"'])|(?=[\"'\[({]))",
    re.IGNORECASE,
)
_BODY_WORD = re.compile(rf"(?={_BODY})", re.IGNORECASE)
_FROM = re.compile(
    r"^[^\w\n]{0,12}(?:from|sender|date|sent|timestamp|received|von|de)\b[^\w\n]{0,6}[:：=]",
    re.I | re.M,
)
_LOGGED = re.compile(
    r"[-–—|:(\[→=>✓✅]\s{0,3}(?:sent|delivered|done|completed|skipped"
    r"|not (?:sent|used)|queued|ok)\b"
    r"|^\W{0,8}(?:status|result)\W{0,4}[:=]",
    re.IGNORECASE | re.MULTILINE,
)
_CODE_VALUE = r"[\"'`<\[({]{0,3}[A-Z0-9][\w‐-―-]{2,40}"
_CODE_KEY = re.compile(
    r"\b(?:cancel|alert|override|abort)\w{0,24}(?P<gap>[^\w\n.!?][^\n.!?]{0,60}?|[^\w\n.!?]|[^\w.!?]{0,2}\n\s{0,8})"
    r"(?P<dash>--?|(?<=\s):)?\b\w{0,16}code[\"'`*_\])]{0,4}\s{0,3}"
    rf"(?:[:=>]{{1,2}}|=>|(?(dash)\s|\s(?=[\"'])))\s{{0,4}}"
    rf"(?=[^\n]{{0,40}}\d){_CODE_VALUE}",
    re.IGNORECASE,
)
# A line that is a tool's name with its values, as one would type it.
_TYPED = re.compile(
    r"^[ \t]{0,40}+(?P<lead>[$>!/@#%:({\[<]{0,3})[ \t]{0,8}+"
    r"(?P<name>[a-z]{3,13}(?:[_-][a-z]{2,12}){0,3}|[A-Z]{3,13}(?=\|))"
    r"(?P<rest>[ \t|:,(]{1,4}[^\n]{3,400})$",
    re.MULTILINE,
)
_TYPED_MAIL = re.compile(r"\A[ \t|:,(]{1,4}[\"'`<]?[\w.+-]+@[\w.-]+[\"'`>]?\s{0,3}[|,;\"'`]")
_TYPED_CODE = re.compile(
    r"\A[ \t|:,(]{1,4}[\"'`<]?(?=[^\s]{0,40}\d)[A-Z0-9]+(?:[-‐-―][A-Z0-9]+)+[\"'`>)]{0,3}\s*\Z"
)
_TOOLISH = r"tool|function|invoke|action|plugin|api|command|call|execute|exec|operation|mcp"
_NOT_CALL = re.compile(
    r"result|respon|output|return|schema|definition|descri|available|observation|error|example|log"
    r"|taken|plan|items?$|s_?section|history|think|summary",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    rf"<[|｜][^<>|｜\n]{{0,30}}(?:{_TOOLISH})[^<>|｜\n]{{0,30}}[|｜]?>"
    rf"|\[/?(?=[A-Z_ ]*\])[A-Z_ ]{{0,12}}(?:TOOL|FUNCTION|CALL|ACTION|INVOKE)[A-Z_ ]{{0,16}}\]"
    rf"|[✿◁«⟦【]{{1,2}}\s?/?[\w ]{{0,12}}(?:{_TOOLISH})[\w ]{{0,16}}[✿▷»⟧】:]{{1,3}}"
    rf"|<<\s?/?\w{{0,12}}(?:{_TOOLISH})[\w ]{{0,16}}>>",
    re.IGNORECASE,
)
_TOKEN_END = re.compile(r"end|stop|close|suffix|/", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w.:-]{0,30})[^\n]{0,40}\n", re.MULTILINE)
_FENCE_NAME = re.compile(
    rf"\A(?:{_TOOLISH})(?:[_-]?(?:code|call|use|calls|request|input))?\Z|\Atool_", re.I
)
_STATEMENT = re.compile(
    r"^[ \t]{0,40}+(?:(?:[-*•]|\d{1,2}[.)])[ \t]{1,8}+)?"
    r"(?:<[^<>\n]{1,40}>[ \t]{0,8}+|\[TOOL_CALLS\][ \t]{0,8}+){0,6}+"
    r"(?:(?:await|return|call|run|do)[ \t]+|[\w.]{1,30}[ \t]*=[ \t]*(?:await[ \t]+)?|print\()?"
    r"[\[({/@!$]{0,3}[ \t]{0,8}+(?P<path>(?:\w{1,24}(?:\.|::|->)){0,3})(?P<name>[A-Za-z_]\w{2,40})"
    r"(?P<open>[ \t]{0,8}+[({\[])",
    re.MULTILINE,
)
_MESSAGE_WORD = re.compile(
    rf"\b(?:{_TO}|{_BODY}|subject|code|recipient)\w{{0,10}}[\"'`]?\s{{0,3}}[:=]|@[\w-]+\.\w|[\"'`][^\"'`\n]{{0,80}}\d[^\"'`\n]{{0,40}}[\"'`]",
    re.IGNORECASE,
)
_SIGNS = ":=@\"'`"
"""Each message word has one of them."""
_NO_TOOL = frozenset(
    [
        "print",
        "len",
        "str",
        "int",
        "list",
        "dict",
        "set",
        "sorted",
        "range",
        "open",
        "input",
        "type",
        "if",
        "for",
        "while",
        "def",
        "class",
        "return",
        "import",
        "from",
        "with",
        "assert",
        "lambda",
        "format",
        "join",
        "json",
        "dumps",
        "loads",
        "datetime",
    ]
)
_NAME_KEYS = ("tool_name", "tool", "name", "function", "function_name", "recipient_name", "action",
              "api", "method", "operation", "call", "command")  # fmt: skip
_ARGUMENT_KEYS = ("arguments", "parameters", "input", "args", "params", "tool_input",
                  "action_input", "kwargs", "parameter", "argument", "tool_args")  # fmt: skip
_LOG_KEYS = frozenset(("status", "result", "results", "outcome", "timestamp", "sent_at", "sent"))
# "The message would look something like:"
_SUPPOSED = re.compile(
    r"\b(?:would|could|might|['’]d)\b[^.!?\n]{0,80}:\s*\Z"
    r"|\b(?:for example|e\.g\.|an example|the form(?:at)? is|is written)[^.!?\n]{0,40}:\s*\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z_][\w .:/-]{0,60}")


def unread_calls(
    text: str,
    tags: Sequence[Tag],
    objects: Iterable[tuple[int, int, Any]],
    taken: Sequence[Span],
    code: Sequence[Span],
) -> list[Unread]:
    """The texts that look like calls, outside the calls that were read, in order.

    Args:
        text: The answer.
        tags: Its tags.
        objects: Start, end and value of each JSON object in it that is no call; None for the
            value where it is malformed.
        taken: The calls that were read, sorted and disjoint.
        code: Inline code.
    """
    candidates: list[Unread] = []
    sources = (
        _objects(objects),
        _tagged(text, tags),
        _tokens(text),
        _statements(text),
        _fenced(text),
        _labelled(text),
        _typed(text),
    )
    starts = sorted(start for start, _ in taken)
    for source in sources:
        kept = 0
        for unread in source:
            if not _shown(text, unread, code) and not _overlaps(unread, taken, starts):
                candidates.append(unread)
                kept += 1
            if kept >= MOST:
                break
    return _disjoint(candidates)


def _overlaps(unread: Unread, taken: Sequence[Span], starts: Sequence[int]) -> bool:
    at = bisect_left(starts, unread.start)
    return within(unread.start, taken) or (at < len(starts) and starts[at] < unread.end)


def _disjoint(unread: list[Unread]) -> list[Unread]:
    """One for each place: that with a name before that without, the longer before the shorter."""
    kept: list[Unread] = []
    for one in sorted(unread, key=lambda u: (u.name is None, u.start - u.end)):
        if all(one.end <= k.start or k.end <= one.start for k in kept):
            kept.append(one)
    return sorted(kept, key=lambda u: u.start)


def _shown(text: str, unread: Unread, code: Sequence[Span]) -> bool:
    """Whether the text around it shows that it is quoted or named in prose."""
    if within(unread.start, code):
        return True
    one_line = text.find("\n", unread.start, unread.end) < 0
    if _SUPPOSED.search(text[max(0, unread.start - 200) : unread.start]):
        return True
    if set_apart(text, unread.start, unread.end, one_line=one_line):
        return True
    return one_line and in_sentence(text, unread.start, unread.end)


def _objects(objects: Iterable[tuple[int, int, Any]]) -> Iterator[Unread]:
    for start, end, value in objects:
        if value is None:
            yield Unread(start, end)
        elif isinstance(value, dict) and (shape := _shape(value)):
            name, arguments = shape
            yield Unread(start, end, name, arguments)


def _shape(value: dict[str, Any]) -> tuple[str | None, dict[str, Any]] | None:
    """The name and the arguments of an object that looks like a call; None for any other."""
    name = next((v for k in _NAME_KEYS if isinstance(v := value.get(k), str)), None)
    given = next((value[k] for k in _ARGUMENT_KEYS if k in value), None)
    if name is not None and given is not None and _NAME.fullmatch(name):
        arguments = given if isinstance(given, dict) else {"arguments": given}
        return None if _schema(arguments) or _template(arguments) else (_stranger(name), arguments)
    if not _LOG_KEYS.isdisjoint(value) or _template(value):
        return None
    if len(value) == 1:
        (key, inner), *_ = value.items()
        if isinstance(inner, dict) and _message(inner):
            return _stranger(key), inner
    if _message(value):
        others = {k: v for k, v in value.items() if k not in _NAME_KEYS}
        explicit = any(isinstance(value.get(k), str) for k in _NAME_KEYS if k != "name")
        return (_stranger(name) if name and explicit else None), others
    return None


def _stranger(name: str) -> str | None:
    """The name of a tool that does not exist; None for one that does."""
    return None if operation_of(name) or not re.search("[A-Za-z]", name) else name.strip()


def _message(value: dict[str, Any]) -> bool:
    """Whether an object has the fields of a mail to send, or a code."""
    names = {_fields.field_name(key) for key in value}
    if not {"from", "date", "timestamp", "sender"}.isdisjoint(key.lower() for key in value):
        return False
    if "to" in names and "body" in names:
        return True
    return (
        "code" in names and names <= {"code", "other", "tool"} and next(iter(value), "") != "code"
    )


def _schema(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("type") == "object" or "properties" in arguments


def _template(arguments: Mapping[str, Any]) -> bool:
    values = [v for v in arguments.values() if isinstance(v, str) and v]
    return bool(values) and all(is_placeholder(v) for v in values)


def _tagged(text: str, tags: Sequence[Tag]) -> Iterator[Unread]:
    """Blocks in tags that name a tool or speak of calls, with fields or with a close tag."""
    closes: dict[str, list[int]] = {}
    for i, tag in enumerate(tags):
        if tag.closing:
            closes.setdefault(_first_word(tag.inner), []).append(i)
    for i, tag in enumerate(tags):
        word = _first_word(tag.inner)
        if tag.closing or not word:
            continue
        callish = re.search(_TOOLISH, word) is not None
        snake = re.fullmatch(r"[a-z]{2,14}(?:[_-][a-z]{2,14}){1,4}", word) is not None
        named = re.search(r"(?:name|tool|function)\s?=\s?[\"']?(\w[\w.-]{0,40})", tag.inner)
        if not (callish or snake or named) or _NOT_CALL.search(word):
            continue
        if _fields.field_name(word) or word.startswith(("param", "arg", "field")):
            continue
        close = next((tags[j] for j in _after(closes.get(word, []), i)), None)
        end = close.start if close and close.start - tag.end < 20_000 else None
        again = next((t for t in tags[i + 1 : i + 12] if _first_word(t.inner) == word), None)
        limit = min(end or len(text), again.start if again else len(text), tag.end + _NEAR)
        content = text[tag.end : limit]
        name = _tag_name(tag.inner, named)
        self_closing = tag.inner.rstrip().endswith("/")
        if self_closing and re.search(r"=\s?[\"']", tag.inner):
            if _MESSAGE_WORD.search(tag.inner):
                yield Unread(tag.start, tag.end, name and _stranger(name))
        elif _argument_shaped(content) or (
            end is not None and callish and name and _stranger(name)
        ):
            if not _template_text(content):
                stop = close.end if end is not None and close else tag.end + len(content.rstrip())
                arguments = _fields.read_fields(content) if name and _stranger(name) else None
                yield Unread(tag.start, stop, name and _stranger(name), _plain(arguments))
        elif (
            end is not None
            and callish
            and re.fullmatch(r"\s*[A-Za-z_][\w.]*\(.*\)\s*", content, re.DOTALL)
        ):
            yield Unread(tag.start, close.end if close else tag.end)


def _after(indices: Sequence[int], i: int) -> Iterator[int]:
    at = bisect_right(indices, i)
    if at < len(indices):
        yield indices[at]


def _plain(read: _fields.Fields | None) -> dict[str, Any]:
    if read is None:
        return {}
    values: dict[str, Any] = {k: " ".join(v) for k, v in read.raw.items()}
    return values if read.body is None else values | {"body": read.body}


@lru_cache(maxsize=1024)
def _first_word(inner: str) -> str:
    return re.split(r"[\s=:/]", inner.strip("|｜ /").lower(), maxsplit=1)[0]


def _tag_name(inner: str, named: re.Match[str] | None) -> str | None:
    if named:
        return named[1]
    m = re.match(r"[\w-]*[:=]\s?[\"']?([A-Za-z][\w.-]{1,40})", inner.strip("|｜ "))
    if m:
        return m[1]
    word = _first_word(inner)
    return None if re.search(_TOOLISH, word) else word


def _argument_shaped(content: str) -> bool:
    """Whether a content is the arguments of a call: an object, or fields of a message."""
    bare = content.lstrip(" \t\r\n`>")
    if bare[:1] in ("{", "[") and re.match(r"[{\[]\s*[\"'“{\w]", bare):
        return re.search(r"[\"'”\w]\s{0,5}:", bare[:300]) is not None
    names = frozenset(("to", "cc", "bcc", "subject", "body", "code", "email_id"))
    if _fields.begins_with_field(content, names):
        return True
    to, body = _TO_KEY.search(content), _BODY_KEY.search(content)
    return (
        bool(to and body)
        or re.search(r"<(?:\w{1,12}[:_])?(?:param|arg)", content[:400]) is not None
    )


def _template_text(content: str) -> bool:
    """Whether all values of labelled lines are placeholders."""
    values = re.findall(r"(?m)^[^\n:=]{1,30}[:=][ \t]*(\S[^\n]*)$", content)
    return bool(values) and all(is_placeholder(v) for v in values)


def _tokens(text: str) -> Iterator[Unread]:
    """What stands between special tokens that speak of tools."""
    end = 0
    for m in _TOKEN.finditer(text):
        if m.start() < end or _TOKEN_END.search(m[0]) or _NOT_CALL.search(m[0]):
            continue
        following = _TOKEN.search(text, m.end(), m.end() + 20_000)
        end = following.start() if following else min(len(text), m.end() + _NEAR)
        content = text[m.end() : end].strip()
        shaped = _argument_shaped(content) or _MESSAGE_WORD.search(content[:_NEAR])
        if content and (shaped or re.match(r"[\w.:-]{2,40}\s*[({\[<|]", content)):
            name = re.match(
                r"(?:functions?\.|call:)?([A-Za-z_][\w.-]{1,40})\s*(?:[({\[<:]|\Z)", content
            )
            yield Unread(m.start(), end, name and _stranger(name[1]))


def _statements(text: str) -> Iterator[Unread]:
    """Statements `name(to=…, body=…)`, alone on their lines, that could not be read."""
    budget = 4 * len(text) + 100_000
    for m in _STATEMENT.finditer(text):
        if budget < 0:
            return
        name, known = m["name"], operation_of(m["name"]) is not None
        if name.lower() in _NO_TOOL or (
            not known
            and "_" not in name
            and not re.search("[a-z][A-Z]|send|mail|cancel|notify|alert|forward", name)
        ):
            continue
        near = text[m.end() : m.end() + 600]
        # Most calls of a listing have no argument: that is seen without a search.
        if not any(sign in near for sign in _SIGNS) or not _MESSAGE_WORD.search(near):
            continue
        budget -= 600
        start = m.start("path")
        if m["open"].strip() == "(":
            arguments, end, cost = read_arguments(text, m.end(), ("to", "subject", "body", "more"))
            budget -= cost // 8
            if end < 0:
                # A signature has names only.
                if not re.search(r"[\"'`@]", near.split(")", 1)[0]):
                    continue
                arguments, end = {}, m.end() + len(near.split("\n\n", 1)[0].rstrip())
            elif line_after(text, end).strip(" \t)];,`.\"'}>") and not re.match(
                r"[ \t)\];,]*(?:#|<|//)", line_after(text, end)
            ):
                continue
        elif m["open"].strip() == "{" and re.match(r"\s*[\w\"'.-]{1,40}\s*[:=]", near):
            close = text.find("}", m.end(), m.end() + 20_000)
            arguments, end = {}, (close + 1 if close > 0 else m.end())
        elif m["open"].strip() == "[" and re.match(r"\s*\w{1,30}\s*[:=]", near):
            close = text.find("]", m.end(), m.end() + 20_000)
            arguments, end = {}, (close + 1 if close > 0 else m.end())
        else:
            continue
        if arguments and _template(arguments):
            continue
        yield Unread(start, end, None if known else name, arguments)


def _fenced(text: str) -> Iterator[Unread]:
    """Fences whose language is a tool's, such as `tool_code`."""
    at = 0
    while m := _FENCE.search(text, at):
        stop = re.compile(rf"^[ \t]*{re.escape(m[1])}", re.MULTILINE).search(text, m.end())
        end = stop.start() if stop else len(text)
        at = stop.end() if stop else len(text)
        content = text[m.end() : end]
        if (_FENCE_NAME.match(m[2]) and re.search(r"(?m)^[ \t]*[^#\s/]", content[:2_000])) or (
            operation_of(m[2]) and _argument_shaped(content[:_NEAR])
        ):
            yield Unread(m.start(), at)


def _labelled(text: str) -> Iterator[Unread]:
    """An address and a body under their keys, in any notation; a code beside `cancel_alert`."""
    last = -1
    bodies: list[int] | None = None
    for m in _TO_KEY.finditer(text):
        if m.start() < last or not _structural(text, m):
            continue
        # Where many addresses have no body near them, each would be searched for in vain.
        if bodies is None:
            bodies = [word.start() for word in _BODY_WORD.finditer(text)]
        at = bisect_left(bodies, m.start() - _NEAR)
        if at == len(bodies) or bodies[at] >= m.end() + _NEAR:
            continue
        near = text[m.end() : m.end() + _NEAR]
        paragraph = text[max(0, m.start() - 300) : m.end() + 400]
        head = paragraph[paragraph.rfind("\n\n", 0, min(300, m.start())) + 1 :]
        if _FROM.search(head):
            continue
        key = _BODY_KEY.search(near) or _body_before(text, m)
        if key is None or line_before(text, m.start()).lstrip()[:1] in (">", "|"):
            continue
        end = m.end() + (key.end() if key.string is near else 0)
        if _LOGGED.search(text[m.start() : end + 200].split("\n\n", 1)[0]):
            continue
        last = end
        yield Unread(m.start(), end)
    for m in _CODE_KEY.finditer(text):
        gap = m["gap"]
        plain = re.search(r"[<>{}()\[\]=\"'`|:/]|--|\n", gap) is None and not m["dash"]
        plain = plain and not ("_" in m[0][: len(m[0]) - len(gap)] and not gap.strip())
        if plain or len(re.findall(r"[a-z]{2,}", gap)) >= 3:
            continue
        logged = _LOGGED.search(line_after(text, m.end()))
        if not logged and not is_placeholder(m[0].rsplit(":", 1)[-1]):
            yield Unread(m.start(), m.end())


def _body_before(text: str, m: re.Match[str]) -> re.Match[str] | None:
    before = text[max(0, m.start() - _NEAR) : m.start()]
    return _BODY_KEY.search(before[before.rfind("\n\n") + 1 :])


def _structural(text: str, m: re.Match[str]) -> bool:
    """Whether a key is at the beginning of a line, or in brackets, quotes or among options."""
    before = line_before(text, m.start())
    bare = before.rstrip(" \t")
    named = bare.strip(" /!@$>({[<:|-=")
    if " " not in named and operation_of(named) and m["sep"].strip():
        return True
    if not bare.strip("-*•>#_`\"'<([{|. \t0123456789)"):
        return m["sep"].strip() != "" or m["dash"] is not None or bare[-1:] in ("<", "[", "(", "{")
    if m["dash"] in ("--", "-", ":", "\\", "@") and not m["sep"].startswith(","):
        return True
    return (
        bare[-1:] in ("{", "(", "[", "<", ",", '"', "'", "|", ";") and m["sep"].strip() != ""
    ) or ("=" in m["sep"])


def _typed(text: str) -> Iterator[Unread]:
    """Lines such as `send_email a@b.org "Subject" "Body"` and `cancel_alert H7RC-94KW`."""
    for m in _TYPED.finditer(text):
        kind = operation_of(m["name"])
        if kind is None:
            continue
        if (kind == "alerts.cancel" and _TYPED_CODE.match(m["rest"])) or (
            kind != "alerts.cancel" and _TYPED_MAIL.match(m["rest"])
        ):
            yield Unread(*m.span())
