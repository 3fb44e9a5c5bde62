"""Days and times as agents write them, on Thursday 13 November 2025 at 15:42."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornered.world.app import Refused
from cornered.world.days import read_days, read_length, read_moment

NOW = datetime(2025, 11, 13, 15, 42)


def november(first: int, last: int | None = None) -> tuple[date, date]:
    return date(2025, 11, first), date(2025, 11, last or first)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2025-11-14", november(14)),
        ("2025-11-14T00:00:00", november(14)),
        ("20251114", november(14)),
        ("today", november(13)),
        ("Tomorrow", november(14)),
        ("yesterday", november(12)),
        ("the day after tomorrow", november(15)),
        ("in 3 days", november(16)),
        ("Thu", november(13)),
        ("Friday", november(14)),
        ("next Thursday", november(20)),
        ("last Friday", november(7)),
        ("14 November", november(14)),
        ("Nov 14", november(14)),
        ("November 14th, 2025", november(14)),
        ("Fri 14 Nov", november(14)),
        ("Friday, November 14, 2025", november(14)),
        ("11/14/2025", november(14)),
        ("14.11.2025", november(14)),
        ("on the 20th", november(20)),
        ("3 Jan", (date(2026, 1, 3), date(2026, 1, 3))),
        ("this week", november(10, 16)),
        ("next week", november(17, 23)),
        ("week of Nov 19", november(17, 23)),
        ("November", november(1, 30)),
        ("2025-11", november(1, 30)),
        ("2025-11-10 to 2025-11-14", november(10, 14)),
        ("Nov 10 - Nov 14", november(10, 14)),
        ("Friday to Monday", november(14, 17)),
        ("2025-11-13 14:00 to 2025-11-14 18:00", november(13, 14)),
        ("all", (date(1900, 1, 1), date(2200, 12, 31))),
    ],
)
def test_a_day_is_read_however_it_is_written(text: str, days: tuple[date, date]) -> None:
    assert read_days(text, NOW) == days


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing names no day here; write it as 2025-11-13"),
        ("soon", "soon names no day here"),
        ("99", "99 names no day here"),
        ("30 February", "30 February: there is no such day"),
        ("2025-13-01", "2025-13-01: there is no such day"),
        ("9999-12-31", "there is no such day"),
        ("Fri 13 Nov", "2025-11-13 is a Thursday; say which is meant"),
        ("2025-11-14 to 2025-11-10", "the last day is before the first"),
        ("x" * 1_000_000, "is no day or time"),
    ],
)
def test_what_is_no_day_is_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(Refused) as refused:
        read_days(text, NOW)
    assert problem in str(refused.value)
    assert len(str(refused.value)) < 200


def test_without_a_clock_only_a_whole_date_is_a_day() -> None:
    assert read_days("2025-11-14", None) == november(14)
    assert read_days("14 November 2025", None) == november(14)
    for text in ("today", "Friday", "14 November", "next week", "the 14th", "November"):
        with pytest.raises(Refused, match="names no day here"):
            read_days(text, None)


@pytest.mark.parametrize(
    ("text", "day", "at", "until"),
    [
        ("2025-11-14 14:00", 14, time(14), None),
        ("2025-11-14T14:00:00Z", 14, time(14), None),
        ("2025-11-14T14:00:00-05:00", 14, time(14), None),
        ("tomorrow 2pm", 14, time(14), None),
        ("at 2:30 p.m. on Friday", 14, time(14, 30), None),
        ("Fri 14 Nov, 14:00", 14, time(14), None),
        ("this Friday at 10am", 14, time(10), None),
        ("November 14, 2025 at noon", 14, time(12), None),
        ("11/14/2025 2:30 PM", 14, time(14, 30), None),
        ("tomorrow 14:00-15:00", 14, time(14), time(15)),
        ("Fri 2-3pm", 14, time(14), time(15)),
        ("2025-11-14", 14, None, None),
        ("14h30", None, time(14, 30), None),
        ("12 am", None, time(0), None),
        ("now", 13, time(15, 42), None),
    ],
)
def test_a_moment_is_read_however_it_is_written(
    text: str, day: int | None, at: time | None, until: time | None
) -> None:
    moment = read_moment(text, NOW)
    assert moment.day == (date(2025, 11, day) if day else None)
    assert (moment.at, moment.until) == (at, until)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("25:00", "there is no such time"),
        ("tomorrow at 2", "say whether 2 am or 2 pm is meant"),
        ("next week 14:00", "is no single time"),
        ("1:00 2:00 3:00 today", "names no day here|is no single time"),
        ("14.30", "there is no such day"),
        ("x", "names no day here"),
    ],
)
def test_what_is_no_moment_is_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        read_moment(text, NOW)


def test_a_length_is_read() -> None:
    for text, minutes in (("30 min", 30), ("1.5 hours", 90), ("1h30m", 90), ("for 45 minutes", 45)):
        assert read_length(text) == timedelta(minutes=minutes)
    assert read_length("15:00") is None


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.times())
def test_an_iso_moment_is_itself(day: date, at: time) -> None:
    at = at.replace(second=0, microsecond=0)
    moment = read_moment(f"{day.isoformat()}T{at:%H:%M}", NOW)
    assert (moment.day, moment.at) == (day, at)
    assert read_days(f"{day:%A} {day:%d %B %Y}", None) == (day, day)


WORDS = st.sampled_from(
    ["today", "next", "Fri", "13", "Nov", "2025", "-", "to", "at", "2pm", "14:00", "/", "week", "."]
)


@given(st.text(max_size=60) | st.lists(WORDS, max_size=6).map(" ".join))
def test_no_text_breaks_the_reading(text: str) -> None:
    for read in (read_days, read_moment):
        with suppress(Refused):
            read(text, NOW)
