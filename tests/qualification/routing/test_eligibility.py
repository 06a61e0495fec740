"""Who may get a lead right now, and the reason why not, at the edges of leave, hours, capacity."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group

from crm.models import Team, User
from qualification.models import Leave
from qualification.review.claims import claim_item
from qualification.routing.eligibility import is_at_work, next_shift, staff_of
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.sla.calendar_support import calendar_for, office

pytestmark = pytest.mark.django_db
NOW = routing.NOW  # a Monday, 09:00 UTC


def code(person: User, team: Team, *skills: str, now: dt.datetime = NOW) -> str:
    """Why not, in one word; "" when they may."""
    why_not = staff_of([person.pk], now=now).why_not(person.pk, team=team, skills=skills)
    return str(why_not.get("code", ""))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_an_sdr_of_the_team_may(aisha: User, team: Team) -> None:
    assert code(aisha, team) == ""


@pytest.mark.parametrize(
    ("role", "why_not"), [("manager", ""), ("ae", "role"), ("marketing", "role")]
)
def test_those_who_work_the_queue_may(team: Team, role: str, why_not: str) -> None:
    assert code(factories.person(role, team), team) == why_not


def test_the_inactive_may_not(aisha: User, team: Team) -> None:
    aisha.is_active = False
    aisha.save()
    assert code(aisha, team) == "inactive"


def test_those_without_a_role_may_not(aisha: User, team: Team) -> None:
    aisha.groups.remove(Group.objects.get(name="sdr"))
    assert code(aisha, team) == "role"


def test_another_team_may_not_but_the_fallback_team_is_everybodys(aisha: User) -> None:
    assert code(aisha, factories.TeamFactory(name="US")) == "team"
    assert code(aisha, Team.objects.get(is_fallback=True)) == ""


@pytest.mark.parametrize(
    ("moment", "why_not"),
    [
        ("2026-11-23T22:59:59+00:00", ""),
        ("2026-11-23T23:00:00+00:00", "away"),  # midnight in Berlin
        ("2026-11-26T22:59:59+00:00", "away"),
        ("2026-11-26T23:00:00+00:00", ""),
    ],
)
def test_leave_is_whole_days_of_the_persons_own_zone(
    aisha: User, team: Team, moment: str, why_not: str
) -> None:
    aisha.time_zone = "Europe/Berlin"
    aisha.save()
    Leave.objects.create(
        profile=routing.profile(aisha),
        starts_on=dt.date(2026, 11, 24),
        ends_on=dt.date(2026, 11, 26),
    )
    assert code(aisha, team, now=at(moment)) == why_not


@pytest.mark.parametrize(
    ("hours", "days", "moment", "is_working"),
    [
        (None, "12345", "2026-11-22T03:00+00:00", True),
        (("09:00", "17:00"), "12345", "2026-11-23T09:00+00:00", True),
        (("09:00", "17:00"), "12345", "2026-11-23T08:59:59+00:00", False),
        (("09:00", "17:00"), "12345", "2026-11-23T17:00+00:00", False),
        (("09:00", "17:00"), "12345", "2026-11-22T12:00+00:00", False),  # a Sunday
        (("22:00", "06:00"), "5", "2026-11-27T23:00+00:00", True),
        (("22:00", "06:00"), "5", "2026-11-28T05:59+00:00", True),  # began on Friday
        (("22:00", "06:00"), "5", "2026-11-28T06:00+00:00", False),
        (("22:00", "06:00"), "5", "2026-11-27T05:00+00:00", False),  # Thursday's night
    ],
)
def test_hours(
    aisha: User, hours: tuple[str, str] | None, days: str, moment: str, is_working: bool
) -> None:
    begin, end = (dt.time.fromisoformat(t) for t in hours) if hours else (None, None)
    found = routing.profile(aisha, works_from=begin, works_to=end, work_days=days)
    assert is_at_work(found, zone="UTC", now=at(moment)) is is_working


def test_hours_are_those_of_the_persons_own_zone(aisha: User, team: Team) -> None:
    aisha.time_zone = "America/New_York"
    aisha.save()
    routing.profile(aisha, works_from=dt.time(9), works_to=dt.time(17))
    assert code(aisha, team) == "hours"
    assert code(aisha, team, now=NOW + dt.timedelta(hours=5)) == ""


def test_the_calendar_of_the_team_closes_everybody(aisha: User, ben: User, team: Team) -> None:
    calendar_for(team, office("Europe/Berlin", own_holidays=("2026-11-24",)))
    routing.profile(ben, works_from=dt.time(6), works_to=dt.time(12), work_days="1234567")
    for moment, of_aisha, of_ben in (
        ("2026-11-23T07:59:59+00:00", "closed", "closed"),
        ("2026-11-23T08:00:00+00:00", "", ""),  # nine in Berlin
        ("2026-11-23T12:00:00+00:00", "", "hours"),
        ("2026-11-23T17:00:00+00:00", "closed", "closed"),
        ("2026-11-24T10:00:00+00:00", "closed", "closed"),  # the holiday
        ("2026-11-28T10:00:00+00:00", "closed", "closed"),  # Ben works on Saturdays, the team not
    ):
        found = code(aisha, team, now=at(moment)), code(ben, team, now=at(moment))
        assert found == (of_aisha, of_ben), moment


def test_a_team_with_another_calendar_is_another_matter(aisha: User, team: Team) -> None:
    calendar_for(team)
    night = NOW.replace(hour=3)
    assert code(aisha, team, now=night) == "closed"
    # The fallback team has the calendar around the clock.
    assert code(aisha, Team.objects.get(is_fallback=True), now=night) == ""


def test_due_times_go_by_the_team_whoever_works_when(aisha: User, team: Team) -> None:
    calendar_for(team)
    routing.profile(aisha, works_from=dt.time(9), works_to=dt.time(9, 10))
    routing.rule(routing.pool(team, {aisha: 1}))
    friday = at("2026-11-20T17:50+00:00")
    (item,) = routing.arriving(team, now=friday)
    assert item.due_at == at("2026-11-23T09:50+00:00")


@pytest.mark.parametrize(
    ("hours", "days", "now", "begins"),
    [
        (("09:00", "17:00"), "12345", "2026-11-23T08:10+00:00", "2026-11-23T09:00+00:00"),
        (("09:00", "17:00"), "12345", "2026-11-23T09:00+00:00", "2026-11-24T09:00+00:00"),
        (("09:00", "17:00"), "1", "2026-11-23T10:00+00:00", None),
        (("22:00", "06:00"), "12345", "2026-11-23T21:30+00:00", "2026-11-23T22:00+00:00"),
        (None, "12345", "2026-11-23T21:30+00:00", None),
    ],
)
def test_when_a_shift_begins(
    aisha: User, hours: tuple[str, str] | None, days: str, now: str, begins: str | None
) -> None:
    first, last = (dt.time.fromisoformat(t) for t in hours) if hours else (None, None)
    found = routing.profile(aisha, works_from=first, works_to=last, work_days=days)
    assert next_shift(found, zone="UTC", now=at(now)) == (at(begins) if begins else None)


def test_skills_must_all_be_there(aisha: User, team: Team) -> None:
    assert code(aisha, team, "sap") == "skills"
    routing.profile(aisha, skills=["sap"])
    assert code(aisha, team, "sap") == ""
    assert code(aisha, team, "sap", "french") == "skills"


@pytest.mark.parametrize(("capacity", "why_not"), [(None, ""), (0, "full"), (2, "full"), (3, "")])
def test_capacity_counts_what_is_open(aisha: User, team: Team, capacity: Any, why_not: str) -> None:
    pool = routing.pool(team, {aisha: 1})
    claimed = rows.waiting_item(team=team)
    routing.rule(pool)
    routing.arriving(team)
    claim_item(item=claimed, by=aisha, now=NOW)
    routing.profile(aisha, capacity=capacity)
    assert code(aisha, team) == why_not


def test_a_fixed_number_of_queries_for_any_number_of_people(
    team: Team, django_assert_num_queries: Any
) -> None:
    people = rows.sdrs(6, team)
    for person in people:
        routing.profile(person, capacity=3)
    staff_of([people[0].pk], now=NOW).why_not(people[0].pk, team=team, skills=())  # reads calendars
    with django_assert_num_queries(7):
        staff = staff_of([person.pk for person in people], now=NOW)
        assert not any(staff.why_not(p.pk, team=team, skills=()) for p in people)
