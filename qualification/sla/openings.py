"""Lays the openings of a calendar on the UTC line, block by block. Called by `business_time.py`.

A minute is open when the wall clock of that minute lies in an opening. So every stretch of constant
offset to UTC is cut by the openings of the wall dates it shows: an hour shown twice counts twice,
one never shown counts not at all. Moments are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from qualification.sla.calendars import Calendar

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
# Long enough that most questions meet one or two blocks, short enough to be built at once.
BLOCK = 28 * DAY
_HOUR_S = 3600
_EPOCH_DAY = date(1970, 1, 1).toordinal()

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """The open spans [opens, closes) in one block of the line, ascending; `open_by` is the open
    time of the block up to the end of each."""

    opens: tuple[int, ...]
    closes: tuple[int, ...]
    open_by: tuple[int, ...]

    @property
    def total(self) -> int:
        """Open time of the whole block."""
        return self.open_by[-1] if self.open_by else 0

    def open_before(self, at: int) -> int:
        """Open time of the block before this moment."""
        number = bisect_right(self.opens, at)
        if number == 0:
            return 0
        last = number - 1
        return self.open_by[last] - max(0, self.closes[last] - at)


@lru_cache(maxsize=8192)
def block(calendar: Calendar, number: int) -> Block:
    """The open spans in [number · BLOCK, (number + 1) · BLOCK)."""
    spans = list(_joined(_spans(calendar, number)))
    return Block(
        opens=tuple(opens for opens, _ in spans),
        closes=tuple(closes for _, closes in spans),
        open_by=tuple(accumulate(closes - opens for opens, closes in spans)),
    )


def _spans(calendar: Calendar, number: int) -> Iterator[Span]:
    for start, end, offset in _offsets(calendar.zone, number):
        for day in range((start + offset) // DAY, (end + offset - 1) // DAY + 1):
            midnight = day * DAY - offset
            for opens, closes in calendar.parts_on(_date(day)):
                span = max(start, midnight + opens * MINUTE), min(end, midnight + closes * MINUTE)
                if span[0] < span[1]:
                    yield span


@lru_cache(maxsize=8192)
def _date(day: int) -> date:
    """The date this many days after 1970-01-01."""
    return date.fromordinal(_EPOCH_DAY + day)


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    """Spans that touch, as one."""
    current: Span | None = None
    for span in spans:
        if current and span[0] == current[1]:
            current = current[0], span[1]
            continue
        if current:
            yield current
        current = span
    if current:
        yield current


@lru_cache(maxsize=8192)
def _offsets(zone: str, number: int) -> list[tuple[int, int, int]]:
    """(from, to, offset) for the stretches of a block in which the zone keeps its offset to UTC.

    Hourly looks, then halving down to the second: no zone changes twice within an hour.
    """
    info = ZoneInfo(zone)
    first = number * BLOCK // SECOND
    last = first + BLOCK // SECOND
    stretches, start, offset = [], first, _offset_at(info, first)
    for hour in range(first, last, _HOUR_S):
        after = _offset_at(info, hour + _HOUR_S)
        if after != offset:
            change = _change(info, hour, hour + _HOUR_S)
            stretches.append((start * SECOND, change * SECOND, offset * SECOND))
            start, offset = change, after
    stretches.append((start * SECOND, last * SECOND, offset * SECOND))
    return [stretch for stretch in stretches if stretch[0] < stretch[1]]


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second with the offset of `after`."""
    old = _offset_at(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset_at(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta(0)
    return offset // timedelta(seconds=1)
