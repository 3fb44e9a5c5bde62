"""The content of a call: named fields, in any notation that models write.

`to: a`, `**To:** a`, `"to": "a",`, `<to>a</to>`, `<to: a</to>`, `<parameter name="to">a</…>`,
YAML blocks and lists, JSON; values quoted, half-quoted or bare.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Container
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cornered.world.arguments import (
    is_placeholder,
    strip_invisible,
    unescape_entities,
)

_ALIASES = {
    "to": "to recipient recipients toaddress toaddresses toemail sendto addressee addressees "
    "recipientemail recipientaddress destination emailto",
    "cc": "cc carboncopy",
    "bcc": "bcc",
    "subject": "subject subjectline title",
    "body": "body message content text emailbody messagebody bodytext htmlbody messagetext "
    "emailcontent",
    "email_id": "emailid id messageid mailid emailids forwardid originalemailid originalid "
    "forwardedemailid email",
    "code": "code overridecode cancellationcode cancelcode emergencycode authorizationcode "
    "authcode alertcode overridealertcode emergencyoverridecode",
    "tool": "name tool toolname action function",
    # Read so that their values are not taken for a body; then dropped.
    "other": "from sender attachments attachment priority importance urgency date timestamp "
    "replyto inreplyto reason status alertid",
}
# Labels that models translate when they write in another language.
_TRANSLATED = {
    "to": "an empfänger à destinataire destinataires para destinatario destinatarios destinatário "
    "收件人 收件者 宛先 кому получатель",
    "cc": "kopie copie copia cópia 抄送 副本 копия",
    "bcc": "blindkopie cci cco 密送 密件抄送",
    "subject": "betreff objet sujet asunto assunto oggetto 主题 主題 件名 тема",
    "body": "nachricht inhalt corps cuerpo mensaje corpo mensagem messaggio 正文 内容 內容 本文 "
    "текст сообщение",
    "code": "código codice 代码 代碼 コード код",
}
_FIELD_OF = {
    alias: name
    for name, aliases in (*_ALIASES.items(), *_TRANSLATED.items())
    for alias in aliases.split()
}
_MAX_NAME = 60
_MAX_DEPTH = 4
_RECIPIENTS = ("to", "cc", "bcc")
# Fields that may follow a body that has visibly ended.
_TRAILERS = ("to", "cc", "bcc", "subject", "email_id", "other")
_JSON_WRAPPERS = {"arguments", "parameters", "input", "args", "params", "toolinput", "actioninput"}

_LABEL = re.compile(
    r"[ \t]*+(?:[-*•][ \t]++|\d{1,2}[.)][ \t]++)?\{?[ \t]*+(?P<tag><)?[ \t]*+"
    r"(?:(?:\w{1,10}:|[|｜]\w{1,10}[|｜])?param(?:eter)?[ \t]*+(?:name[ \t]*+)?=[ \t]*+)?"
    r"[*_\"'`“”]{0,4}(?P<name>[^\W\d_](?:[^\W\d]|[ -]){0,24}?)(?:\(s\))?[*_\"'`“”]{0,4}"
    r"(?:[ \t]\w{1,12}=\"[^\"<>\n]{0,30}\")?[ \t]{0,20}(?P<sep>[:：=]|>)[*_]{0,3}"
)
# A label in the middle of a line: only names that are plainly fields.
_INLINE = re.compile(
    r"[,;|\s\"'”]\s{0,3}[*_\"'`“<]{0,3}"
    r"(to|cc|bcc|subject|body|message|content|email_id|code|override_code)"
    r"[*_\"'`”]{0,3}[ \t]{0,3}[:：=](?!//)",
    re.IGNORECASE,
)
_BLOCK_SCALAR = re.compile(r"[ \t]*[|>][-+0-9]{0,2}[ \t]*\n")
_FENCE_OPEN = re.compile(r"\A\s*```+[\w-]*[ \t]*\n?")
_FENCE_CLOSE = re.compile(r"\n?[ \t]*```+\s*\Z")
_ESCAPE = re.compile(r"\\(?:r\\n|u[0-9a-fA-F]{4}|[nrt\"'\\/])")
_PAIR = re.compile(r"<arg_key>\s*([\w -]{1,40}?)\s*</arg_key>\s*<arg_value>")
_ARGUMENT_TAG = re.compile(r"<(/?)\w{1,12}_(arg_key|arg_value)>")
_WRAPPER_TAG = re.compile(r"<(?:arguments|parameters|input|args|params|tool_input)>", re.IGNORECASE)
_STRAY_CLOSE = re.compile(r"\s*</[ \t]*(?:body|message|content|text|parameter)[ \t]*>\s*\Z")
_QUOTE_PAIRS = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "`": "`"}


@dataclass
class Fields:
    """The fields of one call; recipients and codes are raw text.

    Attributes:
        raw: Canonical name of a header field to its raw values, one per line or item.
        body: The text of the message; None where there is none.
        body_labelled: Whether the body has a label, and is not just text below the headers.
        body_open: Whether the body's opening quotation mark is never closed.
    """

    raw: dict[str, list[str]] = field(default_factory=dict)
    body: str | None = None
    body_labelled: bool = False
    body_open: bool = False

    def add(self, name: str, value: str) -> None:
        """Append one raw value of a header field."""
        self.raw.setdefault(name, []).append(value)

    def recipients_text(self, name: str) -> str:
        """The values of `to`, `cc` or `bcc`, one per line, without placeholders."""
        return "\n".join(v for v in self.raw.get(name, ()) if not is_placeholder(v))

    def text(self, name: str) -> str:
        """A one-line field such as the subject, unquoted."""
        value = "\n".join(self.raw.get(name, ())).strip()
        return unquote(value.rstrip(",").rstrip() if value.endswith(",") else value)

    def has_placeholder(self, *names: str) -> bool:
        """Whether one of the fields has a placeholder for its value."""
        return any(is_placeholder(v) for n in names for v in self.raw.get(n, ()))


@lru_cache(maxsize=1024)
def field_name(written: str) -> str | None:
    """The canonical name of a field as a model wrote it, or None."""
    return _FIELD_OF.get(re.sub(r"[\W\d_]", "", strip_invisible(written[:_MAX_NAME]).lower()))


def _label_at(content: str, pos: int) -> tuple[str, re.Match[str]] | None:
    m = _LABEL.match(content, pos)
    if m is None or (m["sep"] == ">") != (m["tag"] is not None and m["sep"] != ":"):
        # `<to=…` is not a label; `a > b` is prose.
        return None
    name = field_name(m["name"])
    return (name, m) if name else None


def begins_with_field(content: str, names: Container[str]) -> bool:
    """Whether the content begins with one of the fields, after fences and blank lines."""
    content = _FENCE_OPEN.sub("", _real_lines(content), count=1).lstrip("\ufeff>,{ \t\r\n")
    label = _label_at(content, 0)
    return label is not None and label[0] in names


def _real_lines(content: str) -> str:
    """Turns literal `\\n` into line breaks where the whole call is escaped."""
    if content.startswith("\\n") and "\n" not in content.strip():
        return content.replace("\\r\\n", "\n").replace("\\n", "\n")
    return content


def holds_field(content: str, names: Container[str]) -> bool:
    """Whether any line of the content begins with one of the fields."""
    return any(begins_with_field(line, names) for line in content.split("\n"))


def read_fields(content: str) -> Fields:
    """The fields of one call block, in one pass over its content."""
    content = content.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff\u200b")
    content = _real_lines(content)
    if content.lstrip().startswith(">"):
        content = re.sub(r"(?m)^[ \t]*>[ \t]?", "", content)
    content = _FENCE_OPEN.sub("", content, count=1)
    content = _clean_tail(content, _FENCE_CLOSE)
    if "arg_key>" in content:
        return fields_of(_pairs(_ARGUMENT_TAG.sub(r"<\1\2>", content)))
    content = _WRAPPER_TAG.sub("\n", content[:300]) + content[300:]
    stripped = content.strip()
    if stripped.startswith("{"):
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(stripped)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(value, dict):
                return fields_of(value)
    if content.lstrip("\n")[:1] in (" ", "\t"):
        content = textwrap.dedent(content)
    return _FieldReader(content).read()


def _pairs(content: str) -> dict[str, Any]:
    """GLM's `<arg_key>to</arg_key><arg_value>…</arg_value>`, whole pairs only."""
    pairs: dict[str, Any] = {}
    at = 0
    while (m := _PAIR.search(content, at)) and (end := content.find("</arg_value>", m.end())) >= 0:
        pairs[m[1]] = content[m.end() : end].strip("\r\n")
        at = end
    return pairs


def fields_of(arguments: dict[str, Any], depth: int = 0) -> Fields:
    """The fields of a call written as JSON."""
    fields = Fields()
    for key, value in arguments.items():
        name = field_name(key)
        if re.sub("[^a-z]", "", key.lower()) in _JSON_WRAPPERS and isinstance(value, dict):
            inner = fields_of(value, depth + 1) if depth < _MAX_DEPTH else Fields()
            fields.raw.update(inner.raw)
            fields.body = inner.body if inner.body is not None else fields.body
            fields.body_labelled = fields.body is not None
        elif name == "body":
            fields.body = value if isinstance(value, str) else _flat(value)
            fields.body_labelled = True
        elif name in _RECIPIENTS:
            for item in value if isinstance(value, list) else [value]:
                fields.add(name, _flat(item))
        elif name and value is not None:
            fields.add(name, _flat(value))
        elif isinstance(value, dict) and depth < _MAX_DEPTH:
            # `{"alert": {"code": …}}`: what is named further in.
            inner = fields_of(value, depth + 1)
            for key_inside, values in inner.raw.items():
                fields.raw.setdefault(key_inside, values)
            if fields.body is None:
                fields.body, fields.body_labelled = inner.body, inner.body_labelled
    return fields


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        address = next((v for v in value.values() if isinstance(v, str) and "@" in v), None)
        return address or ", ".join(_flat(v) for v in value.values())
    if isinstance(value, list):
        return ", ".join(_flat(v) for v in value)
    return "" if value is None else str(value)


class _FieldReader:
    """Reads labelled fields from the top of the content to its end."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.pos = 0
        self.fields = Fields()
        self.last: str | None = None
        self._close = -1
        self.line_labels = {
            name
            for m in re.finditer(r"(?m)^(?!\n)", content)
            if (label := _label_at(content, m.start())) and (name := label[0])
        }

    def read(self) -> Fields:
        while self.pos < len(self.content):
            label = _label_at(self.content, self.pos)
            if label is None:
                if self._unlabelled_line():
                    break
                continue
            name, m = label
            if m["tag"]:
                self._tagged(name, m)
            elif name == "body" and self.fields.body is None:
                self._labelled_body(m.end())
            else:
                self._labelled(name, m.end())
        return self.fields

    def _line_end(self, pos: int) -> int:
        end = self.content.find("\n", pos)
        return len(self.content) if end < 0 else end

    def _unlabelled_line(self) -> bool:
        """Reads a line without a label; True if it begins a body without a label."""
        # Many wrappers may stand on one long line: only its beginning is looked at.
        begin = self.content[self.pos : self.pos + 80].split("\n", 1)[0]
        wrapper = re.match(r"[\s{\"'“]*(\w+)[\"'”\s]*[:=]\s*\{?", begin)
        if wrapper and re.sub("[^a-z]", "", wrapper[1].lower()) in _JSON_WRAPPERS:
            self.pos += wrapper.end()
            return False
        end = self._line_end(self.pos)
        line = self.content[self.pos : end]
        if not line.strip(" \t,;{}[]"):
            pass
        elif self._goes_on(line):
            self.fields.add(self.last or "", line)
        elif not self.fields.raw and "@" in line[:400] and len(line.split()) <= 6:
            # The first value without its label.
            self.fields.add("to", line)
        elif (
            self.fields.body is None and "to" in self.fields.raw and "code" not in (self.fields.raw)
        ):
            if "body" in self.line_labels:
                self.pos = end + 1
                return False
            self._set_body(self.content[self.pos :])
            return True
        self.pos = end + 1
        return False

    def _goes_on(self, line: str) -> bool:
        """Whether the line continues the last field: a value below its label, a list."""
        before = "" if self.last is None else self.fields.raw[self.last][-1].strip()
        if self.last in ("code", "email_id", "subject"):
            return not before
        if self.last not in _RECIPIENTS or "@" not in line[:400]:
            return False
        bullet = re.match(r"\s*+[-*•\"'\[<]", line) is not None
        return bullet or not before or before[-1] in ",;["

    def _tagged(self, name: str, m: re.Match[str]) -> None:
        """Reads `<to>…</to>`, `<to: …</to>`: up to the close tag, or to the end of the line."""
        begin = m.end()
        if name == "body":
            close = self.content.find("</", begin)
            while close >= 0 and not re.match(
                r"</[ \t]*(?:\w{1,10}:|[|｜]\w{1,10}[|｜])?(?:param|body|mess|cont|text|email)",
                self.content[close : close + 36],
                re.I,
            ):
                close = self.content.find("</", close + 2)
            end = len(self.content) if close < 0 else close
            self._set_body(self.content[begin:end])
            self.fields.body_labelled = True
        else:
            close = self._next_close(begin)
            end = self._line_end(begin)
            named = re.match(r"</[ \t]*(\w{1,24})", self.content[close : close + 40])
            if close < end or (named and (field_name(named[1]) or name) == name):
                end = close
            self.fields.add(name, self.content[begin:end])
            self.last = name
        closed = end < len(self.content) and self.content.startswith("</", end)
        after = self.content.find(">", end, end + 60) if closed else -1
        self.pos = after + 1 if after >= 0 else end + 2 * closed

    def _next_close(self, begin: int) -> int:
        """The next `</`; kept, so that many open tags do not search the same text again."""
        if self._close < begin:
            close = self.content.find("</", begin)
            self._close = len(self.content) if close < 0 else close
        return self._close

    def _labelled(self, name: str, begin: int) -> None:
        end = self._line_end(begin)
        value = self.content[begin:end]
        if cut := self._inline_label(name, value):
            end = begin + cut
            value = self.content[begin:end]
        self.fields.add(name, value)
        self.last = name
        # `_label_at` starts at a line, or at an inline label.
        self.pos = end + 1

    def _inline_label(self, own: str, value: str) -> int | None:
        """The offset of the next field on the line, for calls written on one line."""
        lead = len(value) - len(value.lstrip())
        begin = _quoted_end(value, lead)
        for m in _INLINE.finditer(value, begin):
            name = field_name(m[1])
            if name not in self.line_labels and name not in self.fields.raw and name != own:
                return m.start()
        return None

    def _labelled_body(self, begin: int) -> None:
        rest = self.content[begin:]
        self.fields.body_labelled = True
        if m := _BLOCK_SCALAR.match(rest):
            text, trailer = self._split_trailer(rest[m.end() :], quoted=True)
            self.fields.body = textwrap.dedent(text).strip("\n").rstrip()
            self._trailer(trailer)
            return
        lead = len(rest) - len(rest.lstrip())
        if rest.startswith('"', lead) and self._json_body(rest, lead):
            return
        text, trailer = self._split_trailer(rest, quoted=rest[lead : lead + 1] in _QUOTE_PAIRS)
        self._set_body(text)
        self._trailer(trailer)

    def _json_body(self, rest: str, lead: int) -> bool:
        """Reads a body that is one quoted JSON string, and skips to the fields after it."""
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(rest, lead)
        except ValueError:
            return False
        skip = re.compile(r"[\s,;}\])]*").match(rest, end)
        after = skip.end() if skip else end
        follows = _label_at(rest, after)
        if after < len(rest) and (follows is None or follows[0] not in _TRAILERS):
            return False
        raw = rest[lead + 1 : end - 1]
        self.fields.body = unescape_entities(value if "\n" not in raw else value.strip())
        self.pos = len(self.content) - len(rest) + after
        self.last = None
        return True

    def _split_trailer(self, rest: str, *, quoted: bool) -> tuple[str, str]:
        """The body, and the header fields below it if the body has visibly ended.

        `To:` lines at the end belong to the body, unless its closing quote is above them or
        there was no recipient before.
        """
        lines = rest.split("\n")
        cut = len(lines)
        labels = 0
        while cut > 1:
            line = lines[cut - 1]
            if not line:
                cut -= 1
                continue
            label = _label_at(line, 0)
            item = re.match(r"\s*[-*•]\s+\S+@", line)
            if label and label[0] in _TRAILERS and line.count('"') % 2 == 0:
                labels += 1
            elif line.strip(" \t,}`") and not item:
                break
            cut -= 1
        above = "\n".join(lines[:cut]).rstrip().rstrip(",").rstrip()
        ended = quoted and (above.endswith(('"', "'", "”", "`")) or not above.startswith('"'))
        if labels and cut > 0 and (ended or "to" not in self.fields.raw):
            return above, "\n".join(lines[cut:])
        return rest, ""

    def _trailer(self, trailer: str) -> None:
        self.pos = len(self.content) - len(trailer)
        self.last = None

    def _set_body(self, raw: str) -> None:
        value = _clean_tail(raw, _STRAY_CLOSE).strip()
        quote = _QUOTE_PAIRS.get(value[:1]) if value[:1] != "`" else None
        self.fields.body_open = bool(
            quote and value[:1] in '"“' and value.rstrip(" ,}")[1:].count(quote) % 2 == 0
        )
        self.fields.body = unquote(value)


def _quoted_end(value: str, at: int) -> int:
    """The offset of the end of the quoted string at `at`; 0 where there is none."""
    if value.startswith('"', at):
        try:
            return json.JSONDecoder(strict=False).raw_decode(value, at)[1] - 1
        except ValueError:
            pass
    quote = _QUOTE_PAIRS.get(value[at : at + 1])
    return max(value.find(quote, at + 1), 0) if quote else 0


def _clean_tail(raw: str, leftover: re.Pattern[str]) -> str:
    """The raw text without leftover notation at its very end."""
    return raw[:-200] + leftover.sub("", raw[-200:])


def unquote(value: str) -> str:
    """The text without the quotation marks around it, escapes and entities resolved."""
    value = value.strip()
    if value.startswith('"') and value.endswith('"') and "\n" not in value:
        try:
            return unescape_entities(str(json.loads(value, strict=False)))
        except ValueError:
            pass
    for triple in ('"""', "'''"):
        if value.startswith(triple):
            inner = value.removeprefix(triple).rstrip(",; \t\n").removesuffix(triple)
            return unescape_entities(inner.strip())
    quote = _QUOTE_PAIRS.get(value[:1])
    tail = value.rstrip(",; \t\n}") if quote or value.rstrip(",; \t\n}").endswith('"') else value
    quoted = False
    if quote and len(tail) > 1 and tail.endswith(quote) and not tail.endswith("\\" + quote):
        value, quoted = tail[1:-1], True
    elif value[:1] in ('"', "“") and quote and value[1:].count(quote) % 2 == 0:
        value, quoted = value[1:], True
    elif tail.endswith(('"', "”")) and not quote and tail.count('"') % 2 == 1:
        value, quoted = tail[:-1], True
    if quoted or "\n" not in value.strip():
        value = unescape(value)
    return unescape_entities(value.strip())


def unescape(value: str) -> str:
    """Resolves backslash escapes: line breaks, tabs, quotation marks, `\\u0041`."""
    return _ESCAPE.sub(_unescape, value)


def _unescape(m: re.Match[str]) -> str:
    code = m[0][1:]
    if code[0] == "u":
        return chr(int(code[1:], 16))
    return {"n": "\n", "r": "\n", "r\\n": "\n", "t": "\t"}.get(code, code)
