"""PostgreSQL and the check that gives the sentence say the same of every week.

`CLOCK_EXAMPLES=5000` runs the full size.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qualification.exceptions import BusinessTimeInvalid
from qualification.models import BusinessCalendar, CalendarVersion
from qualification.sla.calendars import WEEKDAYS, clock_text
from qualification.sla.hours import CalendarContent
from tests.qualification.sla.calendar_support import MADE, OFFICE

EXAMPLES = settings(
    max_examples=int(os.environ.get("CLOCK_EXAMPLES", "600")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DATES = ("2026-12-23", "2026-12-24", "2027-02-28")

# Few marks, so that openings meet, touch and overlap; and minutes beside them.
hours = st.sampled_from([0, 0, 360, 360, 540, 720, 720, 1080, 1320, 1440])
times = st.one_of(hours, hours, hours, st.integers(0, 1440)).map(clock_text)
openings = st.lists(st.tuples(times, times).map(list), max_size=2)
weeks = st.dictionaries(st.sampled_from(WEEKDAYS), openings, max_size=4)
# Most openings lie the right way round, so that a good part of all weeks holds.
ordered = st.lists(st.sampled_from([360, 540, 720, 900, 1080, 1320, 1440]), max_size=4, unique=True)


@st.composite
def orderly_openings(draw: st.DrawFn) -> list[list[str]]:
    """Openings apart from each other, the last one perhaps into the night."""
    marks = sorted(draw(ordered))
    found = [[clock_text(a), clock_text(b)] for a, b in zip(marks[::2], marks[1::2], strict=False)]
    if found and found[-1][1] < "22:00" and draw(st.booleans()):
        found.append(["22:00", clock_text(draw(st.sampled_from([0, 360, 361, 540, 720])))])
    return found


orderly_weeks = st.dictionaries(st.sampled_from(WEEKDAYS), orderly_openings(), min_size=1)
dates = st.dictionaries(st.sampled_from(DATES), openings | orderly_openings(), max_size=1)
# What JSON may hold as well.
oddities: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 24)
    | st.sampled_from(["", "09:00", "9:00", "24:01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["mon", "tag"]), inner)
    ),
    max_leaves=6,
)


def holds_in_python(week: Any, days: Any) -> bool:
    """Whether the door of calendars takes it."""
    try:
        CalendarContent(zone="UTC", week=week, days=days).calendar(now=MADE)
    except BusinessTimeInvalid:
        return False
    return True


def holds_in_postgres(week: Any, days: Any) -> bool:
    """Whether the table of versions takes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT leadqual_hours_hold(%s, %s)", [json.dumps(week), json.dumps(days)])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
def test_both_say_the_same_of_every_week() -> None:
    seen: Counter[bool] = Counter()

    @EXAMPLES
    @given(weeks | orderly_weeks, dates)
    def check(week: dict[str, Any], days: dict[str, Any]) -> None:
        holds = holds_in_python(week, days)
        seen[holds] += 1
        assert holds_in_postgres(week, days) == holds

    check()
    # Neither answer is always the right one.
    assert min(seen[True], seen[False]) > sum(seen.values()) / 5


@pytest.mark.django_db
@EXAMPLES
@given(oddities)
def test_both_refuse_what_is_no_week(odd: Any) -> None:
    # An empty list of days means none to the door; it is never written so.
    assert holds_in_postgres(odd, {}) == holds_in_python(odd, {})
    if odd:
        assert holds_in_postgres(OFFICE, odd) == holds_in_python(OFFICE, odd)


@pytest.mark.django_db
def test_control_without_the_night_before_they_differ() -> None:
    """A check of each day by itself, as one would write it first, is caught."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('leadqual_hours_hold'::regproc)")
        (whole,) = cursor.fetchone()
        cursor.execute(whole.replace("(VALUES (0), (7 * 1440))", "(VALUES (0))"))

    @settings(EXAMPLES, phases=[Phase.generate], max_examples=5000, database=None)
    @given(weeks | orderly_weeks)
    def check(week: dict[str, Any]) -> None:
        assert holds_in_postgres(week, {}) == holds_in_python(week, {})

    with pytest.raises(AssertionError):
        check()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("week", "days"),
    [
        (OFFICE, {}),
        ({day: [["00:00", "24:00"]] for day in WEEKDAYS}, {}),
        ({"mon": [["09:00", "12:00"], ["12:00", "18:00"]]}, {}),
        ({"mon": [["22:00", "06:00"]], "tue": [["06:00", "22:00"], ["22:00", "00:00"]]}, {}),
        ({"sun": [["22:00", "06:00"]], "mon": [["06:00", "12:00"]]}, {}),
        ({day: [["20:00", "19:00"]] for day in WEEKDAYS}, {}),
        # A night of a date by itself may reach into the week: both mean the same minutes.
        (OFFICE, {"2026-12-23": [["22:00", "10:00"]], "2026-12-24": []}),
    ],
)
def test_what_makes_sense_is_kept(week: dict[str, Any], days: dict[str, Any]) -> None:
    calendar = BusinessCalendar.objects.create(name="Office")
    assert holds_in_python(week, days)
    made = CalendarVersion.objects.create(
        calendar=calendar, version=1, zone="UTC", week=week, days=days, created_at=MADE
    )
    assert CalendarVersion.objects.get(pk=made.pk).week == week
