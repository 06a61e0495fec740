"""Decides when open time has passed: due times, open time between moments, pauses.

Pure arithmetic on the UTC line over a `Calendar`; `now` and everything else is passed in. Answers
are in UTC. Called by the timers, the command `business_time` and the calendar pages. Raises
BusinessTimeInvalid for a moment without offset or out of range, negative minutes, and what does
not fall due within ten years.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from qualification.exceptions import BusinessTimeInvalid
from qualification.sla.calendars import Calendar
from qualification.sla.openings import BLOCK, DAY, MINUTE, Block, block

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HORIZON = 3653 * DAY
YEARS = (1900, 2199)
_RANGE = tuple(
    (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND for year in (YEARS[0], YEARS[1] + 1)
)


def due(calendar: Calendar, start: datetime, minutes: float) -> datetime:
    """The first moment by which `minutes` of open time have passed since `start`; with 0 the start
    itself when it is open, else the next opening."""
    if not 0 <= minutes < math.inf:
        raise BusinessTimeInvalid(_("minutes: a number from 0 upwards is expected"))
    if minutes * MINUTE > HORIZON:  # before rounding, which infinity refuses
        raise _nothing_due()
    return _moment(_advance(calendar, _micros(start), round(minutes * MINUTE)))


def moment_after(calendar: Calendar, start: datetime, span: timedelta) -> datetime:
    """Like `due`, by an exact span of open time."""
    return _moment(_advance(calendar, _micros(start), max(0, span // MICROSECOND)))


def next_open(calendar: Calendar, at: datetime) -> datetime:
    """This moment when it is open, else the next opening."""
    return due(calendar, at, 0)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether this moment lies in an opening."""
    return next_open(calendar, at) <= at


def open_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Open time between two moments, exact; none when the end is not after the start."""
    return timedelta(microseconds=_open_between(calendar, _micros(start), _micros(end)))


def open_day(calendar: Calendar) -> timedelta:
    """How long an open day of the week is on average: 24 hours around the clock, 9 for 09–18."""
    lengths = [sum(end - start for start, end in parts) for parts in calendar.week_parts]
    opened = [minutes for minutes in lengths if minutes]
    return timedelta(minutes=sum(opened) / len(opened)) if opened else timedelta(days=1)


def elapsed(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Open minutes between two moments, to four decimals."""
    return round(open_time(calendar, start, end) / timedelta(minutes=1), 4)


def due_after_pause(
    calendar: Calendar, due_at: datetime, paused_at: datetime, resumed_at: datetime
) -> datetime:
    """When a clock falls due that stood still from `paused_at` to `resumed_at`: what was left of
    it at the pause counts on from there. One that was due before the pause stays due."""
    if due_at <= paused_at:
        return due_at.astimezone(UTC)
    left = _open_between(calendar, _micros(paused_at), _micros(due_at))
    return _moment(_advance(calendar, _micros(max(paused_at, resumed_at)), left))


def openings(
    calendar: Calendar, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The open spans [opens, closes) between two moments, cut at both."""
    first, last = _micros(start), _micros(end)
    span: tuple[int, int] | None = None
    for number in range(first // BLOCK, last // BLOCK + 1):
        part = block(calendar, number)
        for opens, closes in zip(part.opens, part.closes, strict=True):
            cut = max(opens, first), min(closes, last)
            if cut[0] >= cut[1]:
                continue
            if span and span[1] == cut[0]:
                span = span[0], cut[1]
                continue
            if span:
                yield _moment(span[0]), _moment(span[1])
            span = cut
    if span:
        yield _moment(span[0]), _moment(span[1])


def _advance(calendar: Calendar, at: int, amount: int) -> int:
    """The moment `amount` of open time after `at`; both and the answer in microseconds."""
    number = at // BLOCK
    here = block(calendar, number)
    wanted = amount + here.open_before(at)
    latest = at + HORIZON
    while number * BLOCK <= latest:
        found = _within(here, wanted) if amount else _next_open(here, at)
        if found is not None:
            if found > latest:
                break
            return found
        wanted -= here.total
        number += 1
        here = block(calendar, number)
    raise _nothing_due()


def _within(here: Block, wanted: int) -> int | None:
    """Where in this block so much of its open time has passed; None when it has less."""
    if wanted > here.total:
        return None
    number = bisect_left(here.open_by, wanted)
    return here.closes[number] - (here.open_by[number] - wanted)


def _next_open(here: Block, at: int) -> int | None:
    number = bisect_right(here.closes, at)
    return max(at, here.opens[number]) if number < len(here.opens) else None


def _open_between(calendar: Calendar, start: int, end: int) -> int:
    if end <= start:
        return 0
    first, last = start // BLOCK, end // BLOCK
    between = sum(block(calendar, number).total for number in range(first, last))
    before_start = block(calendar, first).open_before(start)
    return between + block(calendar, last).open_before(end) - before_start


def _micros(at: datetime) -> int:
    if at.utcoffset() is None:
        raise BusinessTimeInvalid(
            _("“%(time)s” has no offset to UTC") % {"time": at.isoformat(sep=" ")}
        )
    micros = (at - EPOCH) // MICROSECOND
    if not _RANGE[0] <= micros < _RANGE[1]:
        raise BusinessTimeInvalid(
            _("“%(time)s” does not lie in the years %(first)s to %(last)s")
            % {"time": at.isoformat(sep=" "), "first": YEARS[0], "last": YEARS[1]}
        )
    return micros


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _nothing_due() -> BusinessTimeInvalid:
    return BusinessTimeInvalid(_("nothing falls due within ten years"))
