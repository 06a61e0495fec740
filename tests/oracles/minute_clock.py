"""Business time by looking at every minute. Written from the rule alone: imports nothing from the
app.

The rule: a minute counts when the wall clock of that minute lies in an opening of the calendar. The
clock walks minute after minute on the UTC line and asks just that; the only short cut is that the
sixty answers of an hour are counted at once. Calendars come in their written form: `{"zone",
"week": {"mon": [["09:00", "17:00"]]}, "holidays": ["2026-12-25"], "days": {date: [[…]]}}`.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WALL = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock has no zone
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LIMIT_DAYS = 400


def clock_time(text: str) -> int:
    """Minutes after midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@lru_cache(maxsize=200_000)
def minutes_ahead(zone: str, utc_minute: int) -> int:
    """By how many minutes the wall clock of a zone is ahead of UTC in this minute."""
    at = (EPOCH + dt.timedelta(minutes=utc_minute)).astimezone(ZoneInfo(zone))
    ahead = at.utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds() // 60)


def seconds_of(at: dt.datetime) -> int:
    """Whole seconds since 1970 in UTC."""
    return int((at - EPOCH).total_seconds())


def lies_in(second: int, span: tuple[dt.datetime, dt.datetime] | None) -> bool:
    """Whether a second lies in a span."""
    return span is not None and seconds_of(span[0]) <= second < seconds_of(span[1])


class MinuteClock:
    """One calendar, asked minute by minute."""

    def __init__(self, calendar: dict[str, Any]) -> None:
        self.calendar = calendar
        self.dates: dict[int, bytes] = {}
        self.hours: dict[int, bytes] = {}

    def date_minutes(self, day: int) -> bytes:
        """One byte a minute of a wall date, counted in days since 1970: open or not."""
        if day not in self.dates:
            date = (WALL + dt.timedelta(days=day)).date()
            flags = bytearray(1440)
            for start, end in self.shown_on(date):
                flags[start:end] = b"\1" * (end - start)
            self.dates[day] = bytes(flags)
        return self.dates[day]

    def shown_on(self, date: dt.date) -> list[tuple[int, int]]:
        """Open stretches of a wall date, in minutes after midnight."""
        days, week = self.calendar.get("days", {}), self.calendar["week"]
        if date.isoformat() in days:
            return [self.before_midnight(pair) for pair in days[date.isoformat()]]
        if date.isoformat() in self.calendar.get("holidays", []):
            return []
        eve = date - dt.timedelta(days=1)
        nights = week.get(NAMES[eve.weekday()], []) + days.get(eve.isoformat(), [])
        today = week.get(NAMES[date.weekday()], [])
        return [self.before_midnight(pair) for pair in today] + [
            (0, clock_time(end)) for start, end in nights if clock_time(end) < clock_time(start)
        ]

    @staticmethod
    def before_midnight(pair: list[str]) -> tuple[int, int]:
        """What an opening covers of the date it is written at."""
        start, end = clock_time(pair[0]), clock_time(pair[1])
        return start, end if start < end else 1440

    def is_open(self, utc_minute: int, ahead: int) -> int:
        """Whether the wall clock of this minute shows open time."""
        day, minute = divmod(utc_minute + ahead, 1440)
        return self.date_minutes(day)[minute]

    def hour(self, number: int) -> bytes:
        """One byte a minute of a UTC hour. The offset is read once an hour where the hour's first
        and last minute agree, else every minute."""
        if number not in self.hours:
            minutes = range(number * 60, number * 60 + 60)
            zone = self.calendar["zone"]
            first, last = minutes_ahead(zone, minutes[0]), minutes_ahead(zone, minutes[-1])
            self.hours[number] = bytes(
                self.is_open(minute, first if first == last else minutes_ahead(zone, minute))
                for minute in minutes
            )
        return self.hours[number]

    def due(
        self,
        start: dt.datetime,
        minutes: int,
        paused: tuple[dt.datetime, dt.datetime] | None = None,
    ) -> dt.datetime:
        """The first instant by which so many open minutes have passed, those in `paused` (full
        minutes) left out. Seconds of the start are kept."""
        wanted, at = minutes * 60, seconds_of(start)
        limit = at + LIMIT_DAYS * 86400
        while at < limit:
            flags, minute = self.hour(at // 3600), at // 60
            if at % 3600 == 0 and paused is None:
                counted = flags.count(1) * 60
                if counted == 0 or counted < wanted:
                    wanted, at = wanted - counted, at + 3600
                    continue
            until = (minute + 1) * 60
            if flags[minute % 60] and not lies_in(at, paused):
                if wanted <= until - at:
                    return EPOCH + dt.timedelta(seconds=at + wanted)
                wanted -= until - at
            at = until
        raise AssertionError("nothing falls due in the days that the clock walks")

    def elapsed(self, start: dt.datetime, end: dt.datetime) -> float:
        """Open minutes between two instants, to four decimals."""
        first, last = ((at - EPOCH).total_seconds() for at in (start, end))
        seconds, at = 0.0, first
        while at < last:
            minute = int(at // 60)
            whole_hour = at % 3600 == 0 and at + 3600 <= last
            step = 3600 if whole_hour else min(60 * (minute + 1), last) - at
            flags = self.hour(minute // 60)
            seconds += 60 * flags.count(1) if whole_hour else step * flags[minute % 60]
            at += step
        return round(seconds / 60, 4)


def naive_due(calendar: dict[str, Any], start: dt.datetime, minutes: int) -> dt.datetime:
    """The mistake that the rule avoids, as a control: minutes are added on the wall clock, as if
    every day had 24 hours, and the zone comes back at the end."""
    zone = ZoneInfo(calendar["zone"])
    wall = start.astimezone(zone).replace(tzinfo=dt.UTC)
    found = MinuteClock(calendar | {"zone": "UTC"}).due(wall, minutes)
    return found.replace(tzinfo=zone).astimezone(dt.UTC)
