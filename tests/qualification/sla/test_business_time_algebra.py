"""Laws of business time that hold for every calendar, moment and duration.

`CLOCK_EXAMPLES=5000` runs the full size.
"""

from __future__ import annotations

import datetime as dt
import os
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from qualification.sla.business_time import (
    due,
    due_after_pause,
    elapsed,
    next_open,
    open_time,
    openings,
)
from qualification.sla.calendars import MIDNIGHT, Calendar, Window
from tests.oracles.random_calendars import ZONES

EXAMPLES = settings(max_examples=int(os.environ.get("CLOCK_EXAMPLES", "200")), deadline=None)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)

zones = st.sampled_from(ZONES)
moments = st.datetimes(
    min_value=dt.datetime(2006, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=dt.datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
durations = st.integers(min_value=0, max_value=6000)
some_time = st.integers(min_value=1, max_value=6000)


@st.composite
def openings_of_a_day(draw: st.DrawFn) -> tuple[Window, ...]:
    """Up to three openings within the day."""
    marks = draw(st.lists(st.integers(0, MIDNIGHT), unique=True, max_size=6).map(sorted))
    return tuple(Window(*pair) for pair in zip(marks[::2], marks[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Calendars open at least an hour a week, some with a night shift, holidays, half days."""
    week = [draw(openings_of_a_day()) for _ in range(7)]
    week[draw(st.integers(0, 6))] = (Window(600, 660),)
    sure = draw(st.integers(0, 6))
    if draw(st.booleans()):
        week[sure], week[(sure + 1) % 7] = (Window(1320, 360),), (Window(600, 660),)
    dates = st.dates(dt.date(2006, 1, 1), dt.date(2030, 1, 1))
    return Calendar(
        zone=draw(zones),
        week=tuple(week),
        holidays=draw(st.frozensets(dates, max_size=5)),
        days=tuple(draw(st.dictionaries(dates, openings_of_a_day(), max_size=3)).items()),
    )


@EXAMPLES
@given(calendars(), moments, durations, some_time)
def test_parts_add_up(calendar: Calendar, start: dt.datetime, first: int, second: int) -> None:
    there = due(calendar, due(calendar, start, first), second)
    assert there == due(calendar, start, first + second)


@EXAMPLES
@given(calendars(), moments, durations)
def test_elapsed_undoes_due(calendar: Calendar, start: dt.datetime, minutes: int) -> None:
    assert elapsed(calendar, start, due(calendar, start, minutes)) == minutes


@EXAMPLES
@given(calendars(), moments, moments, durations, durations)
def test_later_and_longer_is_never_due_earlier(
    calendar: Calendar, first: dt.datetime, second: dt.datetime, less: int, more: int
) -> None:
    first, second = sorted([first, second])
    less, more = sorted([less, more])
    assert due(calendar, first, less) <= due(calendar, second, less)
    assert due(calendar, first, less) <= due(calendar, first, more)
    if less < more:
        assert due(calendar, first, less) < due(calendar, first, more)


@EXAMPLES
@given(calendars(), moments, durations, st.floats(0, 1))
def test_every_start_in_one_closed_period_is_due_together(
    calendar: Calendar, at: dt.datetime, minutes: int, part: float
) -> None:
    opens = next_open(calendar, at)
    between = at + (opens - at) * part
    assert due(calendar, between, minutes) == due(calendar, opens, minutes)


@EXAMPLES
@given(zones, moments, durations)
def test_around_the_clock_is_addition_in_utc(zone: str, start: dt.datetime, minutes: int) -> None:
    always = Calendar(zone=zone, week=((Window(0, MIDNIGHT),),) * 7)
    assert due(always, start, minutes) == start + minutes * MINUTE
    assert elapsed(always, start, start + minutes * MINUTE) == minutes


@EXAMPLES
@given(calendars(), moments, some_time, some_time, durations)
def test_a_pause_of_d_open_minutes_moves_due_by_d(
    calendar: Calendar, start: dt.datetime, minutes: int, before: int, pause: int
) -> None:
    due_at = due(calendar, start, minutes)
    paused_at = due(calendar, start, before % minutes)
    resumed_at = due(calendar, paused_at, pause)
    assert due_after_pause(calendar, due_at, paused_at, resumed_at) == due(
        calendar, start, minutes + pause
    )


@EXAMPLES
@given(calendars(), moments, some_time)
def test_never_due_inside_closed_time(calendar: Calendar, start: dt.datetime, minutes: int) -> None:
    due_at = due(calendar, start, minutes)
    assert open_time(calendar, due_at - MINUTE, due_at) > dt.timedelta(0)


@EXAMPLES
@given(calendars(), moments, st.integers(0, 40))
def test_openings_add_up_to_the_open_time(
    calendar: Calendar, start: dt.datetime, days: int
) -> None:
    spans = list(openings(calendar, start, start + days * DAY))
    total = sum((closes - opens for opens, closes in spans), dt.timedelta(0))
    assert total == open_time(calendar, start, start + days * DAY)
    assert all(first[1] < second[0] for first, second in pairwise(spans))


def test_due_at_the_closing_moment_is_open_again_only_with_the_next_opening() -> None:
    """Why the law of parts asks for a second part: with none, the closing moment moves on."""
    office = Calendar(zone="UTC", week=((Window(540, 1080),),) * 5 + ((), ()))
    closing = due(office, dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC), 60)
    assert closing == dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
    assert next_open(office, closing) == dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
