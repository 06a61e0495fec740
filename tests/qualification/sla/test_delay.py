"""Whose time it was: system, people and pauses add up to the whole, to the microsecond."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.models import Lead, Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.models import (
    PoolMember,
    ReviewItem,
    RoutingPool,
    RoutingRule,
    SLATimer,
)
from qualification.review.claims import claim_item
from qualification.review.pauses import pause_clock, resume_clock
from qualification.review.routed import refresh_assignments
from qualification.review.touches import log_touch
from qualification.sla.calendars import read_calendar
from qualification.sla.delay import Delay, Stay, StayDelay, delay_of, open_delay, wall_delay
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import OFFICE, calendar_for

NOW = rows.NOW
SECOND, HOUR = dt.timedelta(seconds=1), dt.timedelta(hours=1)
OFFICE_HOURS = read_calendar({"zone": "Europe/Berlin", "week": OFFICE, "holidays": [], "days": {}})
ZERO = dt.timedelta(0)
moments = st.lists(
    st.integers(0, 40 * 86400).map(lambda n: NOW + n * SECOND), min_size=7, max_size=7
).map(sorted)


@given(moments)
def test_the_parts_add_up_on_both_clocks(at: list[dt.datetime]) -> None:
    # Received, a pause before anybody could work it, assigned, another pause, answered.
    stay = Stay(at[0], at[3], at[6], ((at[1], at[2]), (at[4], at[5])))
    wall = wall_delay(stay)
    assert wall == Delay(
        (at[1] - at[0]) + (at[3] - at[2]),
        (at[4] - at[3]) + (at[6] - at[5]),
        (at[2] - at[1]) + (at[5] - at[4]),
    )
    assert wall.total == at[6] - at[0]
    opened = open_delay(stay, OFFICE_HOURS)
    assert opened.total == open_delay(Stay(at[0], at[0], at[6]), OFFICE_HOURS).total
    assert min(opened.system, opened.human, opened.paused) >= ZERO
    assert opened.human <= wall.human


def test_a_pause_across_the_assignment_is_in_neither_part() -> None:
    stay = Stay(NOW, NOW + HOUR, NOW + 2 * HOUR, ((NOW + HOUR / 2, NOW + HOUR * 3 / 2),))
    assert wall_delay(stay) == Delay(HOUR / 2, HOUR / 2, HOUR)


def found(item: ReviewItem, now: dt.datetime) -> StayDelay:
    timer = SLATimer.objects.prefetch_related("pauses").get(item=item, kind="first_response")
    return delay_of(timer, item, now=now)


@pytest.mark.django_db
def test_a_lead_from_inquiry_to_first_touch(people: dict[str, User], team: Team) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team)
    Lead.objects.filter(pk=item.lead_id).update(received_at=NOW - 90 * SECOND)
    claim_item(item=item, by=people["sdr"], now=NOW + 60 * SECOND)
    until = NOW + HOUR
    pause_clock(item=item, by=people["sdr"], reason="x", until=until, now=NOW + 100 * SECOND)
    resume_clock(item=item, by=people["sdr"], now=NOW + 130 * SECOND)
    at = NOW + 200 * SECOND
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=at)
    delay = found(item, at + HOUR)
    assert delay.is_over
    assert delay.wall == Delay(90 * SECOND, 170 * SECOND, 30 * SECOND)
    assert delay.open == Delay(ZERO, 170 * SECOND, 30 * SECOND)  # it came before nine


@pytest.mark.django_db
def test_while_nobody_can_work_it_it_is_the_systems_time(team: Team) -> None:
    pool = RoutingPool.objects.create(name="Empty", team=team)
    RoutingRule.objects.create(name="All", team=team, pool=pool)
    item = rows.waiting_item(tier="hot", team=team)
    assert found(item, NOW + HOUR).wall == Delay(HOUR, ZERO, ZERO)
    (person,) = rows.sdrs(1, team)
    PoolMember.objects.create(pool=pool, person=person)
    refresh_assignments(now=NOW + HOUR)
    assert found(item, NOW + 3 * HOUR).wall == Delay(HOUR, 2 * HOUR, ZERO)
