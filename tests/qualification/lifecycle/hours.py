"""Open time worked out by walking from opening to opening, in plain dicts. Imports nothing of the
app.

Hours: `{"east": minutes the wall clock is ahead of UTC, "week": openings of each weekday, Monday
first}`; an opening is (from, to) in minutes after midnight, beyond 1440 where it runs into the next
day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

Hours = dict[str, Any]
Moment = dt.datetime
NOTHING, MINUTE, DAY = dt.timedelta(0), dt.timedelta(minutes=1), dt.timedelta(days=1)
CLOSED: list[tuple[int, int]] = []

ALWAYS: Hours = {"zone": "UTC", "east": 0, "week": [[(0, 1440)]] * 7}
# What a team may have; zones without summer time, which has tests of its own.
OF_TEAMS: dict[str, Hours] = {
    "always": ALWAYS,
    "office": {"zone": "UTC", "east": 0, "week": [[(540, 1080)]] * 5 + [CLOSED] * 2},
    "shifts": {
        "zone": "Asia/Kathmandu",
        "east": 345,
        "week": [[(360, 720), (765, 1320)]] * 6 + [CLOSED],
    },
    "nights": {
        "zone": "America/Phoenix",
        "east": -420,
        "week": [[(1320, 1800)], [(420, 600), (1320, 1860)], *[[(1320, 1800)]] * 4, CLOSED],
    },
}


def openings(hours: Hours, at: Moment) -> Iterator[tuple[Moment, Moment]]:
    """(opens, closes) of everything that closes after `at`, without end."""
    east = hours["east"] * MINUTE
    midnight = (at + east).replace(hour=0, minute=0, second=0, microsecond=0) - east
    day = midnight - DAY
    while True:
        for first, last in hours["week"][(day + east).weekday()]:
            if day + last * MINUTE > at:
                yield day + first * MINUTE, day + last * MINUTE
        day += DAY


def after(hours: Hours, start: Moment, span: dt.timedelta) -> Moment:
    """The first moment by which so much open time has passed; without any, the next open one."""
    for opens, closes in openings(hours, start):
        begins = max(opens, start)
        if begins + span <= closes and (span or begins < closes):
            return begins + span
        span -= closes - begins
    raise AssertionError("openings never end")


def between(hours: Hours, start: Moment, end: Moment) -> dt.timedelta:
    """Open time between two moments."""
    passed = NOTHING
    for opens, closes in openings(hours, start):
        if opens >= end:
            return passed
        passed += min(closes, end) - max(opens, start)
    raise AssertionError("openings never end")


def open_day(hours: Hours) -> dt.timedelta:
    """How long a day of the week is open on average, of those on which it is open at all."""
    minutes = [0] * 7
    for number, of_day in enumerate(hours["week"]):
        for first, last in of_day:
            minutes[number] += min(last, 1440) - first
            minutes[(number + 1) % 7] += max(0, last - 1440)
    opened = [length for length in minutes if length]
    return dt.timedelta(minutes=sum(opened) / len(opened))


def written(hours: Hours) -> dict[str, list[list[str]]]:
    """The week as a calendar says it."""
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return {
        name: [[_clock(first), _clock(last)] for first, last in of_day]
        for name, of_day in zip(names, hours["week"], strict=True)
        if of_day
    }


def _clock(minute: int) -> str:
    minute -= 1440 if minute > 1440 else 0
    return f"{minute // 60:02}:{minute % 60:02}"
