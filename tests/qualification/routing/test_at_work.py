"""Who is at work: a person's own hours and the team's calendar, against the clock of minutes.

`CLOCK_CASES=20000` runs the full size.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from random import Random
from typing import Any

from crm.models import Team, User
from crm.roles import remember_roles
from qualification.models import WorkProfile
from qualification.routing.eligibility import Staff, is_at_work, next_shift
from qualification.sla.business_time import is_open
from qualification.sla.calendars import read_calendar
from tests.oracles.minute_clock import MinuteClock, minutes_ahead, seconds_of
from tests.oracles.random_calendars import DAYS, MARKS, ZONES, random_calendar, random_start

CASES = int(os.environ.get("CLOCK_CASES", "2000"))
TEAM = Team(pk=1)


def clock_says(calendar: dict[str, Any], at: dt.datetime) -> bool:
    """Whether the wall clock of this minute shows open time."""
    minute = seconds_of(at) // 60
    return bool(MinuteClock(calendar).is_open(minute, minutes_ahead(calendar["zone"], minute)))


def random_hours(random: Random) -> dict[str, Any]:
    """Somebody's hours as they are entered, night shifts among them."""
    first, last = random.sample(MARKS, 2)
    days = random.choice(["12345", "1234567", "67", "".join(random.sample("1234567", 3))])
    return {
        "works_from": dt.time(*divmod(first, 60)),
        "works_to": dt.time(*divmod(last, 60)),
        "work_days": days,
    }


def as_calendar(hours: dict[str, Any], zone: str) -> dict[str, Any]:
    """The same hours in the words of the clock of minutes."""
    window = [f"{hours['works_from']:%H:%M}", f"{hours['works_to']:%H:%M}"]
    week = {DAYS[int(day) - 1]: [window] for day in hours["work_days"]}
    return {"zone": zone, "week": week}


def cases(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], str, dt.datetime]]:
    """Team calendars, hours, zones of people and moments, most near a change of the clocks."""
    random = Random(51)
    for number in range(count):
        zone = ZONES[number % len(ZONES)]
        at = random_start(random, zone)
        of_person = random.choice([zone, random.choice(ZONES)])
        yield random_calendar(random, at, zone), random_hours(random), of_person, at


def staff_at(at: dt.datetime, hours: dict[str, Any], zone: str, *, is_team_open: bool) -> Staff:
    """One SDR with these hours."""
    person = User(pk=1, team=TEAM, time_zone=zone)
    remember_roles(person, ["sdr"])
    open_teams = {TEAM.pk} if is_team_open else set()
    profile = WorkProfile(person=person, **hours)
    return Staff(at, {1: person}, {1: profile}, {}, open_teams)


def test_somebody_is_at_work_where_both_clocks_say_so() -> None:
    seen = set()
    for calendar, hours, zone, at in cases(CASES):
        team, own = clock_says(calendar, at), clock_says(as_calendar(hours, zone), at)
        is_team_open = is_open(read_calendar(calendar), at)
        staff = staff_at(at, hours, zone, is_team_open=is_team_open)
        why_not = staff.why_not(1, team=TEAM, skills=()).get("code", "")
        expected = "closed" if not team else "" if own else "hours"
        assert why_not == expected, (calendar, hours, zone, at)
        seen.add((team, own))
    assert len(seen) == 4


def test_control_the_own_hours_alone_say_otherwise() -> None:
    wrong = 0
    for calendar, hours, zone, at in cases(CASES):
        both = clock_says(calendar, at) and clock_says(as_calendar(hours, zone), at)
        wrong += is_at_work(WorkProfile(**hours), zone=zone, now=at) is not both
    assert wrong > CASES // 20


def test_a_shift_begins_where_the_clock_turns_open() -> None:
    """Away from changes of the clocks, where a beginning is not skipped or shown twice."""
    random = Random(8)
    for _case in range(CASES // 4):
        hours, start = random_hours(random), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        at = start + dt.timedelta(minutes=random.randrange(365 * 1440))
        begins = next_shift(WorkProfile(**hours), zone="UTC", now=at)
        if begins is not None:
            calendar = as_calendar(hours, "UTC")
            assert clock_says(calendar, begins)
            assert begins > at
            assert begins - at <= dt.timedelta(days=2)
