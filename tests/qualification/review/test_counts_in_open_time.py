"""What the queue counts as due soon, on time, standing still: in open time of each team."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Team, User
from qualification.filters import QueueFilter
from qualification.models import ReviewItem
from qualification.review import pages
from qualification.review.counts import summary_of
from qualification.review.pauses import pause_clock
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import calendar_for

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (
            FRIDAY,
            {"warn": 1, "ok": 1, "paused": 1, "breached": 0},
        ),
        (FRIDAY + 20 * MINUTE, {"warn": 0, "ok": 0, "paused": 3, "breached": 0}),  # closed
        (MONDAY - 5 * MINUTE, {"warn": 0, "ok": 0, "paused": 3, "breached": 0}),
        (MONDAY + 4 * MINUTE, {"warn": 1, "ok": 1, "paused": 1, "breached": 0}),
        (MONDAY + 5 * MINUTE, {"warn": 0, "ok": 1, "paused": 1, "breached": 1}),
    ],
)
def test_soon_and_standing_are_told_in_open_time(
    people: dict[str, User], team: Team, now: dt.datetime, expected: dict[str, int]
) -> None:
    calendar_for(team)
    rows.waiting_item(tier="hot", team=team, now=FRIDAY)
    rows.waiting_item(tier="cool", team=team, now=FRIDAY)
    paused = rows.waiting_item(tier="hot", team=team, now=FRIDAY)
    until = FRIDAY + dt.timedelta(days=30)
    pause_clock(item=paused, by=people["manager"], reason="x", until=until, now=FRIDAY)
    summary = summary_of(people["sdr"], now=now)
    assert {name: getattr(summary, name) for name in expected} == expected
    for state, number in expected.items():
        items = pages.queue_items(people["sdr"])
        found = QueueFilter({"sla": state}, items, reader=people["sdr"], now=now)
        assert found.qs.count() == number, state


def test_each_team_by_its_own_calendar(people: dict[str, User], team: Team) -> None:
    calendar_for(team)
    rows.waiting_item(tier="cool", team=team, now=FRIDAY)
    rows.waiting_item(tier="cool", team=factories.TeamFactory(name="Always"), now=FRIDAY)
    summary = summary_of(people["admin"], now=FRIDAY + 20 * MINUTE)
    assert (summary.ok, summary.paused) == (1, 1)
    assert ReviewItem.objects.count() == 2
