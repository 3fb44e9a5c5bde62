"""Days and times as agents write them: `2025-11-13`, `tomorrow 2pm`, `Thu 13 Nov, 14:00`.

What can be read in two ways, or names a day that is not, is refused: no day is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from cornered.world.app import Refused
from cornered.world.arguments import strip_invisible, unescape_entities

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""The years that a calendar has."""
_MOST = 100
"""Most characters of a day or time as it is written."""
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAY = re.compile(
    r"\b(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday|s)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|"
    r"sat(?:urday)?|sun(?:day)?)\b\.?"
)
_CLOCK = re.compile(
    r"(?:(?<![\d:.])|(?<=\d)t)(?:"
    r"(?P<h1>\d{1,2}):(?P<m1>\d\d)(?::\d\d(?:\.\d{1,9})?(?:[+-]\d\d:?\d\d\b)?)?"
    r"(?:\s?(?P<p1>[ap])\.?m\b\.?)?"
    r"|(?P<h2>\d{1,2})(?:\.(?P<m2>\d\d))?\s?(?P<p2>[ap])\.?m\b\.?"
    r"|(?P<h3>\d{1,2})h(?P<m3>\d\d)?\b"
    r"|\bat\s(?P<h4>\d{1,2})(?![\d/.:]|\s?(?:st|nd|rd|th|[ap]\.?m)\b)"
    r"|\b(?P<word>noon|midday|midnight)\b"
    r")(?:\s?(?:z\b|utc\b|gmt\b|e[sd]?t\b|local time\b|o['’]?clock\b))?"
)
_HALF = re.compile(r"\b(\d{1,2})(?=\s?(?:-|–|to)\s?\d{1,2}(?:[:.]\d\d)?\s?([ap])\.?m\b)")
_LENGTH = re.compile(
    r"(?:for\s)?(\d{1,4}(?:\.\d{1,2})?)\s?(m|mins?|minutes?|h|hrs?|hours?)\b"
    r"(?:\s?(?:and\s)?(\d{1,2})\s?(?:m|mins?|minutes?)\b)?|(\d{1,2})h(\d{1,2})(?:m|min)?"
)
_BETWEEN = re.compile(r"\s+(?:to|until|till|through|and|-|–|—)\s+|\s*(?:\.\.+|–|—)\s*|/(?=\d{4}-)")
_IDLE = re.compile(r"\b(?:on|the|of|at|from|by|day|date|for|starting|between)\b|[,;()]")
_NUMBERED: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"), ("y", "m", "d")),
    (re.compile(r"(\d{4})(\d\d)(\d\d)"), ("y", "m", "d")),
    (re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d\d))?"), ("m", "d", "y")),
    (re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.?(?:\s?(\d{4}|\d\d))?"), ("d", "m", "y")),
    (re.compile(rf"(\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]?({_MONTH})[ -]?(\d{{4}})?"), ("d", "m", "y")),
    (re.compile(rf"({_MONTH})[ -]?(\d{{1,2}})(?:st|nd|rd|th)?(?: (\d{{4}}))?"), ("m", "d", "y")),
    (re.compile(r"(\d{1,2})(?:st|nd|rd|th)"), ("d",)),
)
_WHOLE_MONTH = re.compile(rf"(?:(\d{{4}})-(\d\d)|({_MONTH})(?: (\d{{4}}))?)")
_FROM_NOW = re.compile(r"(?:in )?(\d{1,3}|an?|one|two|three) (day|week)s?( ago| from now)?")
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}
_NEAR = {"today": 0, "tonight": 0, "now": 0, "tomorrow": 1, "yesterday": -1}
_NEAR |= {"after tomorrow": 2, "before yesterday": -2}
_WEEKS = {"week": 0, "this week": 0, "next week": 7, "last week": -7}

Days = tuple[date, date]
"""The first and the last day of a range."""


@dataclass(frozen=True)
class Moment:
    """What a text says of a time; None for what it leaves open."""

    day: date | None = None
    at: time | None = None
    until: time | None = None
    """The end, where the text names two times: `2-3pm`."""


def read_days(text: str, now: datetime | None) -> Days:
    """The days that a text names: one, a week, a month, or a range.

    Args:
        text: What the agent wrote.
        now: The world's time; None where the world has no clock.

    Raises:
        Refused: it names no day, or one that is not.
    """
    plain = _plain(text)
    today = now.date() if now else None
    if plain in ("all", "any", "everything", "all days", "every day"):
        return date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    days = _days(_CLOCK.sub(" ", plain), today, text)
    if days is None:
        ends = _BETWEEN.split(plain)
        if len(ends) == 2:
            first, last = (_days(_CLOCK.sub(" ", end), today, text) for end in ends)
            if first and last:
                return _range(first[0], last[1], ends[1], text)
        raise _no_day(text, today)
    return days


def _range(first: date, last: date, written: str, text: str) -> Days:
    """The days from one to another; of `Fri to Mon` the Monday after that Friday."""
    if last < first and _WEEKDAY.fullmatch(written.strip()):
        last += timedelta(days=7)
    if last < first:
        raise Refused(f"{_short(text)}: the last day is before the first")
    return first, last


def read_moment(text: str, now: datetime | None) -> Moment:
    """The day and time that a text names; it may leave one of them open.

    Args:
        text: What the agent wrote.
        now: The world's time; None where the world has no clock.

    Raises:
        Refused: it names neither, several days, or a day or time that is not.
    """
    plain = _HALF.sub(r"\1\2m", _plain(text))
    times = [_time(m, text) for m in _CLOCK.finditer(plain)]
    today = now.date() if now else None
    rest = _CLOCK.sub(" ", plain)
    if times:
        rest = re.sub(
            r"\b(?:to|until|till|this|in|morning|afternoon|evening)\b|[-–—]\s*$", " ", rest
        )
    rest = " ".join(rest.strip(" -–—").split())
    if rest == "now" and now is not None:
        return Moment(now.date(), now.time().replace(second=0, microsecond=0))
    days = _days(rest, today, text) if _IDLE.sub("", rest).strip() else None
    if days is None and (not times or _IDLE.sub("", rest).strip()):
        raise _no_day(text, today)
    if len(times) > 2 or (days and days[0] != days[1]):
        raise Refused(f"{_short(text)} is no single time; write it as {example(now)} 14:00")
    return Moment(days and days[0], times[0] if times else None, (*times, None, None)[1])


def read_length(text: str) -> timedelta | None:
    """The length that a text names, such as `30 min` or `1.5 hours`; None where it names none."""
    m = _LENGTH.fullmatch(_plain(text))
    if m is None:
        return None
    if m[4]:
        return timedelta(hours=int(m[4]), minutes=int(m[5]))
    unit = 1 if m[2].startswith("m") else 60
    return timedelta(minutes=float(m[1]) * unit + int(m[3] or 0))


def _plain(text: str) -> str:
    if len(text) > _MOST:
        raise Refused(f"{_short(text)} is no day or time")
    lowered = strip_invisible(unescape_entities(text)).casefold().strip(" \t\r\n\"'`.,;")
    return " ".join(lowered.split())


def _days(text: str, today: date | None, written: str) -> Days | None:
    """The days of a phrase in lower case without times; None where it names none."""
    phrase = " ".join(_IDLE.sub(" ", text).split())
    if not phrase:
        return None
    relative = _relative(phrase, today, written)
    if relative is not None:
        return relative
    weekday = _WEEKDAY.search(phrase)
    bare = " ".join(_WEEKDAY.sub(" ", phrase, count=1).split()) if weekday else phrase
    week = bare.startswith("week ")
    day = _numbered(bare.removeprefix("week "), today, written)
    if day is not None:
        if weekday and day.weekday() != _weekday(weekday[0]):
            raise Refused(f"{_short(written)}: {day:%Y-%m-%d} is a {day:%A}; say which is meant")
        monday = day - timedelta(days=day.weekday())
        return (monday, monday + timedelta(days=6)) if week else (day, day)
    return _month(bare, today, written) if not weekday else None


def _relative(phrase: str, today: date | None, written: str) -> Days | None:
    """The days of a phrase that counts from today."""
    weekday = _WEEKDAY.fullmatch(re.sub(r"^(?:this|next|last) ", "", phrase))
    offset = _NEAR.get(phrase)
    count = _FROM_NOW.fullmatch(phrase)
    if count is not None:
        number = _COUNTS.get(count[1]) or int(count[1] if count[1].isdecimal() else 0)
        offset = number * (7 if count[2] == "week" else 1) * (-1 if count[3] == " ago" else 1)
    if weekday is None and offset is None and phrase not in _WEEKS:
        return None
    if today is None:
        raise _no_day(written, today)
    if phrase in _WEEKS:
        monday = today + timedelta(days=_WEEKS[phrase] - today.weekday())
        return monday, monday + timedelta(days=6)
    if weekday is not None:
        ahead = (_weekday(weekday[0]) - today.weekday()) % 7
        if phrase.startswith("last "):
            offset = ahead - 7
        else:
            offset = ahead or (7 if phrase.startswith("next ") else 0)
    day = today + timedelta(days=offset or 0)
    return day, day


def _numbered(text: str, today: date | None, written: str) -> date | None:
    for pattern, order in _NUMBERED:
        m = pattern.fullmatch(text)
        if m is None:
            continue
        parts = dict(zip(order, m.groups(), strict=True))
        month = parts.get("m") or ""
        number = _MONTHS.index(month[:3]) + 1 if month[:3] in _MONTHS else int(month or 0)
        day, year = int(parts["d"]), int(parts.get("y") or 0)
        if "/" in text and not year > 999 and number > 12 >= day:
            number, day = day, number  # 13/11 can only be the 13th of November
        elif "/" in text and order[0] == "m" and number > 12 >= day:
            number, day = day, number
        if 0 < year < 100:
            year += 2000
        if not year and today is None:
            raise _no_day(written, today)
        if not number and today is not None:
            number, year = today.month, today.year
        return _closest(year, number, day, today, written)
    return None


def _closest(year: int, month: int, day: int, today: date | None, written: str) -> date:
    """That day; without a year, the one closest to today."""
    years: Iterable[int] = (year,)
    if not year and today is not None:
        years = range(today.year - 1, today.year + 2)
    found = []
    for one in years:
        try:
            found.append(date(one, month, day))
        except ValueError:
            continue
    found = [one for one in found if FIRST_YEAR <= one.year <= LAST_YEAR]
    if not found:
        raise Refused(f"{_short(written)}: there is no such day")
    return min(found, key=lambda one: abs(one - today) if today else timedelta(0))


def _month(text: str, today: date | None, written: str) -> Days | None:
    m = _WHOLE_MONTH.fullmatch(text)
    if m is None:
        return None
    month = int(m[2]) if m[2] else _MONTHS.index(m[3][:3]) + 1
    year = int(m[1] or m[4] or 0)
    if not year and today is None:
        raise _no_day(written, today)
    first = _closest(year, month, 1, today, written)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _time(m: re.Match[str], written: str) -> time:
    if m["word"]:
        return time(0) if m["word"] == "midnight" else time(12)
    hour = int(next(filter(None, (m["h1"], m["h2"], m["h3"], m["h4"]))))
    minute = int(next(filter(None, (m["m1"], m["m2"], m["m3"])), 0))
    half = m["p1"] or m["p2"]
    if m["h4"] and 0 < hour < 12:
        raise Refused(f"{_short(written)}: say whether {hour} am or {hour} pm is meant")
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour == 24 and minute == 0:
        hour = 0
    try:
        return time(hour, minute)
    except ValueError:
        raise Refused(f"{_short(written)}: there is no such time") from None


def _weekday(word: str) -> int:
    return _WEEKDAYS.index(word[:3])


def example(now: date | None) -> str:
    """A day as an agent is asked to write it."""
    return f"{now or date(2025, 11, 13):%Y-%m-%d}"


def _no_day(written: str, today: date | None) -> Refused:
    return Refused(
        f"{_short(written) or 'nothing'} names no day here; write it as {example(today)}"
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
