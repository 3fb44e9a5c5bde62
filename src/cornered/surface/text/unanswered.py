"""Texts that are no answer: error pages, `None`, loops, special tokens, garbage.

What is stored in an answer's place, or what a model writes that has broken down. Ordinary
prose, in any language and however short, is an answer; so is prose about an error.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib

_SPECIAL = re.compile(
    r"<[|｜][^<>\n]{0,40}[|｜]>|<\|?[A-Za-z_]{1,20}\|>|<\|[A-Za-z_]{1,20}>"
    r"|</?(?:s|eos|bos|pad|unk|start_of_turn|end_of_turn|mask|sep|cls)>"
    r"|\[/?(?:INST|PAD|EOS|BOS|UNK|MASK|SEP|CLS)\]|<(?:unused|reserved_|SPECIAL_|extra_id_)\d{1,4}>",
    re.IGNORECASE,
)
_WRAPPER = re.compile(
    r"</?(?:final_?)?(?:answer|response|output|result|message|text|assistant|final|reply|p|br|div)"
    r"\b[^<>]{0,40}>|```\w{0,12}",
    re.IGNORECASE,
)
_NOTHING = frozenset(
    [
        "none",
        "null",
        "nil",
        "nan",
        "undefined",
        "n/a",
        "na",
        "<na>",
        "nonetype",
        "<null>",
        "[object",
        "object]",
        "empty",
        "<empty>",
        "nulo",
        "inf",
        "-inf",
        "no_response",
        "noresponse",
        "no_content",
        "none,none",
        "nonenone",
        "none\nnone",
        "nannan",
    ]
) | {"object object", "no response", "no content", "no answer", "no output", "empty response"}
_AROUND = " \t\r\n\"'`“”*_()[]{}<>,;:"
_HTML = re.compile(
    r"\A\s*(?:<!--.{0,200}?-->\s*)?<(?:!doctype|html|head|body|\?xml|center|h1|title)\b|"
    r"\A\s*<(?:Error|Fault|soap:)\w*",
    re.IGNORECASE | re.DOTALL,
)
_STRONG_KEYS = frozenset(
    [
        "error",
        "errors",
        "errormessage",
        "errortype",
        "errorcode",
        "errormsg",
        "error_message",
        "error_code",
        "error_msg",
        "error_description",
        "exception",
        "fault",
        "detail",
        "details",
        "__type",
        "traceback",
        "stacktrace",
    ]
)
_WEAK_KEYS = frozenset(
    [
        "message",
        "msg",
        "code",
        "status",
        "statuscode",
        "status_code",
        "type",
        "title",
        "requestid",
        "request_id",
        "id",
        "success",
        "ok",
        "path",
        "timestamp",
        "instance",
        "trace_id",
        "reason",
        "param",
        "object",
        "created",
        "service",
        "domain",
        "retry_after",
        "retryafter",
        "ray_id",
        "cf_ray",
        "metadata",
        "data",
        "result",
        "choices",
        "model",
        "usage",
        "documentation_url",
    ]
)
_JSON_ERROR = re.compile(
    r"\A\s*+(?:data:\s*+|event:\s*+error\s*+(?:data:)?\s*+)?\[?\s*+\{\s*+['\"]"
    r"(?:error\w*|detail|fault|exception|__type|errorMessage|errorType)['\"]\s*:",
    re.IGNORECASE,
)
_END = r"(?=\s*(?:$|[.:;!?,({\[|\n–—-]))"
_STATUS = (
    r"(?:bad request|unauthorized|payment required|forbidden|not found|method not allowed"
    r"|not acceptable|request time-?out|conflict|gone|payload too large|content too large"
    r"|request entity too large|unprocessable (?:entity|content)|too many requests"
    r"|client closed request|internal server error|not implemented|bad gateway"
    r"|service (?:temporarily |currently )?unavailable|gateway time-?out|web server is down"
    r"|connection timed out|origin is unreachable|a timeout occurred|site is overloaded)"
)
_STRONG_ERROR = re.compile(
    r"\A[\W_]{0,6}(?:"
    r"(?:api |http |request |server |openai |anthropic )?(?:error|status)"
    r"(?: code|_code)?[ :=#-]{1,3}"
    r"\(?\d{3,4}\b"
    r"|http(?:/\d(?:\.\d)?)? [45]\d\d\s*\Z"
    rf"|(?:http(?:/\d(?:\.\d)?)? )?[45]\d\d[ :-]{{1,3}}{_STATUS}"
    r"|[45]\d\d (?:client|server) error\b"
    r"|traceback \(most recent call last\)"
    r"|upstream (?:connect error|request timeout|prematurely closed)|no healthy upstream"
    r"|(?:curl|wget): \(?\d|cURL error"
    r"|attention required! \| cloudflare|just a moment\.\.\.|sorry, you have been blocked"
    r"|cloudflare ray id|error 1\d{3}\b"
    r"|(?:\w+\.)+\w*(?:Error|Exception|Timeout)\b"
    r"|\w*[a-z](?:Error|Exception)\s*[:(]"
    r"|this model['’]s maximum context length|maximum context length"
    r"|you exceeded your current quota|incorrect api key|invalid (?:api[ -]key|x-api-key)"
    r"|no api key|authentication_error|rate_limit_(?:error|exceeded)|overloaded_error"
    r"|invalid_request_error|insufficient_quota|context_length_exceeded|server_error\b"
    r"|rate limit (?:reached|exceeded) for\b|resource_exhausted|deadline[_ ]exceeded"
    r"|(?:E(?:CONNRESET|CONNREFUSED|TIMEDOUT|NOTFOUND|PIPE|AI_AGAIN))\b|connect E[A-Z]+"
    r"|socket hang up|fetch failed|cuda (?:error|out of memory)|segmentation fault"
    r"|max retries exceeded|remote end closed connection|\[errno -?\d+\]"
    r"|(?:the )?server (?:had an error"
    r"|is (?:currently |temporarily )?(?:overloaded|busy|unavailable))"
    r"|there was an error (?:generating|processing)|something went wrong\b"
    r"|<\w*error\w*>|\[\w*error\w*\]|#(?:error|value|ref|name|n/a|null)[!?]?"
    r")",
    re.IGNORECASE,
)
_WEAK_ERROR = re.compile(
    rf"\A[\W_]{{0,6}}(?:error: ?)?(?:{_STATUS}"
    r"|rate[- ]?limit(?:s|ed)?(?: (?:reached|exceeded|hit|error))?"
    r"|quota (?:exceeded|reached)|(?:request |read |connection |gateway )?(?:timed out|time-?out)"
    r"(?: error)?|connection (?:error|reset(?: by peer)?|refused|aborted|closed)|overloaded"
    r"|context (?:length|window) exceeded|out of memory|killed|access denied"
    r"|stream (?:error|closed|interrupted)|network error|api error|unknown error|server error"
    r"|generation (?:failed|error)|request failed"
    r"|failed to (?:fetch|generate|connect|get)[^\n.]{0,40}"
    r"|an? (?:unexpected |internal |unknown )?error (?:has )?occurred|insufficient (?:quota|credits"
    r"|balance)|(?:fatal |internal )?error|exception|panic|blocked|filtered|aborted|cancelled"
    rf"|content[_ ]filter(?:ed)?){_END}",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:I|I['’](?:ve|ll|m|d)|[Mm]y|[Ww]e|[Oo]ur|me)\b")
_LONG_ERROR = 4_000
_SHORT_ERROR = 600
_WINDOW = 6_000
_MOJIBAKE = re.compile(r"[ÂÃÐÑØÙÅÄâãåæ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|ï»¿|Ãƒ|Ã‚")
_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüýÿ")
_WORD = re.compile(r"[^\W\d_]+")
_CLEAN = re.compile(
    r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff])+(?:[-'’./_@][^\W\d_]+)*"
    r"|[\d.,:/%$€£-]{1,20}(?:am|pm|st|nd|rd|th|km|kg|[a-z]{1,3}|[%€$£])?"
    r"|\S+@\S+\.\w+|https?://\S+|[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12})+|[\w.+-]{1,40}",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"[\s、。，！？：；「」『』（）《》・।॥،؛؟…—–]+")


def why_no_answer(text: str) -> str | None:
    """Why a text is no answer, in words; None where it is one.

    Args:
        text: The answer without its reasoning, and without calls.
    """
    stripped = _SPECIAL.sub(" ", text[:200_000])
    bare = re.sub(r"\\[nrt]", " ", _WRAPPER.sub(" ", stripped)).strip(" \t\r\n\ufeff\u200b")
    if not bare:
        return "nothing but special tokens" if text.strip() else "nothing"
    short = bare.strip(_AROUND).lower()
    if not short:
        return f"only {bare[:20]}"
    if short in _NOTHING or (
        set(_WORD.findall(short)) <= {"none", "null", "nan"} and _is_value(bare)
    ):
        return f"only {bare[:20]}"
    if (lost := bare.count("\ufffd")) > 2 and lost * 20 > len(bare):
        return "replacement characters"
    letters = sum(c.isalpha() for c in bare[:_WINDOW])
    if letters == 0:
        return "no word in it"
    if len(short) == 1 and short.isascii():
        return f"only {bare[:20]}"
    return _error(text.strip(), bare) or loop(bare, whole=True) or _garbage(bare[:_WINDOW])


def _is_value(bare: str) -> bool:
    """Whether a text is values of a program without prose: `None, None`, `[null]`."""
    return bool(
        re.fullmatch(r"[\W_]*(?:(?:none|null|nan)[\s,;\[\](){}]*)+", bare, re.IGNORECASE)
    ) and (not bare.endswith((".", "!")))


def _error(text: str, bare: str) -> str | None:
    if _HTML.match(text):
        return "a page of HTML"
    if bare[0] in "{[\"'d" and (why := _error_json(bare)):
        return why
    start = bare[:_LONG_ERROR]
    if len(bare) <= _LONG_ERROR and _STRONG_ERROR.match(start):
        spoken = _FIRST_PERSON.search(start) and not re.match(r"\W*traceback", start, re.IGNORECASE)
        return None if spoken else "an error message"
    if len(bare) <= _SHORT_ERROR and _WEAK_ERROR.match(start) and not _FIRST_PERSON.search(start):
        return "an error message"
    return None


def _error_json(bare: str) -> str | None:
    """Why JSON is no answer: an error, or empty."""
    try:
        value = json.loads(bare.removeprefix("data:").strip(), strict=False)
    except (ValueError, RecursionError):
        return "an error in JSON" if _JSON_ERROR.match(bare) else None
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        value = value[0]
    if isinstance(value, str):
        return why_no_answer(value) if value != bare else None
    if not value:
        return f"only {bare[:20]}"
    if not isinstance(value, dict):
        return None
    keys = {str(k).lower() for k in value}
    if not keys.isdisjoint(_STRONG_KEYS) and (
        len(keys) == 1 or keys <= _STRONG_KEYS | _WEAK_KEYS | {"is_error"}
    ):
        return "an error in JSON"
    if keys <= _WEAK_KEYS and _says_error(value):
        return "an error in JSON"
    return "only empty values" if not any(value.values()) else None


def _names_error(message: str) -> bool:
    return bool(_STRONG_ERROR.match(message) or _WEAK_ERROR.match(message))


def _says_error(value: dict[str, object]) -> bool:
    """Whether the values of a JSON object without an `error` are those of an error."""
    for key, item in value.items():
        word = str(item).lower()
        if key.lower() in ("code", "status", "statuscode", "status_code") and (
            re.fullmatch(r"[45]\d\d", word) or word in ("error", "failed", "failure", "fail")
        ):
            return True
        if key.lower() in ("success", "ok") and item is False:
            return True
        if key.lower() in ("type", "object") and "error" in word:
            return True
        is_message = key.lower() in ("message", "msg", "title", "reason")
        if is_message and isinstance(item, str) and _names_error(item):
            return True
    return value.get("choices") == []


def loop(text: str, *, whole: bool = False) -> str | None:
    """Why a text is, or ends in, a loop: the same words over and over; None where it does not.

    Only the last 6,000 characters are looked at.

    Args:
        text: The text.
        whole: Whether a short text that is one word over and over counts.
    """
    tail = text.rstrip(" \t\r\n.,;!?…\"'`")[-_WINDOW:]
    if whole and len(words := _WORD.findall(tail.lower())) >= 6 and len(set(words)) == 1:
        return f"the same over and over: {words[0][:20]}"
    length, period = _periodic_end(tail)
    unit = tail[len(tail) - period :]
    if period and any(c.isalnum() for c in unit):
        repeats = length // period
        if (length >= 60 and repeats >= 12) or (length >= 240 and repeats >= 5):
            return f"the same over and over: {' '.join(unit.split())[:40]}"
    elif length >= 400:
        return "the same over and over"
    counted, period = _periodic_end(re.sub(r"\d+", "0", tail))
    if period and counted >= 30 * period and counted >= 240:
        return "the same over and over, with a counter"
    if len(tail) >= 2_000:
        last = tail[-2_000:].encode("utf-8", "replace")
        # Prose shrinks to a third; a loop with a counter in it to a twentieth.
        if len(zlib.compress(last, 9)) < 0.055 * len(last) and any(c.isalpha() for c in tail):
            return "the same over and over, with small changes"
    return None


def _periodic_end(text: str) -> tuple[int, int]:
    """The longest end of a text that repeats at least five times: its length and its period.

    By the prefix function of the reversed text (Knuth, Morris and Pratt 1977), in linear time.
    """
    backwards = text[::-1]
    best = (0, 0)
    prefix = [0] * len(backwards)
    for i in range(1, len(backwards)):
        k = prefix[i - 1]
        while k and backwards[i] != backwards[k]:
            k = prefix[k - 1]
        prefix[i] = k + (backwards[i] == backwards[k])
        period = i + 1 - prefix[i]
        if i + 1 >= 5 * period:
            best = (i + 1, period)
    return best


def _garbage(text: str) -> str | None:
    """Why a text is not made of words; None where it is."""
    text = re.sub(r"([^\w\s])\1{3,}", " ", text)  # a rule, a row of dots
    solid = len(re.sub(r"\s", "", text))
    if solid < 12:
        return None
    if 2 * sum(len(m[0]) for m in _MOJIBAKE.finditer(text)) > solid:
        return "characters that were decoded wrongly"
    clean = 0
    tokens = [t for t in _SPLIT.split(text) if t]
    for token in tokens:
        core = token.strip("\"'`“”‘’«»()[]{}<>*_#|~.,;:!?+=/\\-•")
        if _CLEAN.fullmatch(core):
            clean += len(core) if _natural(core) else 0
        elif (
            core
            and re.fullmatch(r"[\w<>{}\[\]()\"'`=:,./@\\+*&;!?|#$%^~-]+", core)
            and core.isascii()
        ):
            # Markup and code: what is in it counts by its words.
            clean += sum(len(w) for w in _WORD.findall(core) if len(w) > 2 and _natural(w))
    # Punctuation and marks are a part of any text.
    if clean < 0.35 * solid:
        return "no words that can be read"
    words = _WORD.findall(text)
    if len(words) >= 15 and len({s for w in words for s in _scripts(w)}) >= 5:
        return "words of many scripts"
    return None


def _natural(word: str) -> bool:
    """Whether a word may be one of a language: no letters and digits mixed, a vowel in Latin."""
    letters = [c for c in word if c.isalpha()]
    if letters and any(c.isdigit() for c in word) and "-" not in word and len(word) < 6:
        return False
    latin = [c for c in letters if c < "\u0250"]
    if len(latin) < 4 or len(latin) < len(letters) or word.isupper():
        return True
    return any(c in _VOWELS for c in word.lower())


def _scripts(word: str) -> set[str]:
    """The scripts of a word, such as LATIN."""
    return {unicodedata.name(c, "?").split()[0] for c in word[:3] if c.isalpha()}
