"""Leads of the night: held without an alert, shared at the opening, alerted if still held."""

from __future__ import annotations

import datetime as dt
import logging
from random import Random

import pytest

from crm.models import Team, User
from qualification.choices import EntryReason, NoticeKind
from qualification.models import Leave, Notice, ReviewItem, RoutingPool
from qualification.review.queue import enter_queue
from qualification.review.routed import refresh_assignments
from qualification.routing.assign import balances_of
from qualification.routing.why import told
from tests import factories
from tests.oracles.fairness_oracle import worst_deviation
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.sla.calendar_support import calendar_for

NOW = routing.NOW  # a Monday, 09:00: the team opens
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
NIGHT = NOW - 7 * HOUR
WEIGHTS = [3, 2, 1]


@pytest.fixture
def manager(team: Team) -> User:
    return factories.person("manager", team)


@pytest.fixture
def pool(team: Team, aisha: User, ben: User, chen: User) -> RoutingPool:
    """A team open from nine to six, its people in one pool with weights 3, 2, 1."""
    calendar_for(team)
    made = routing.pool(team, dict(zip((aisha, ben, chen), WEIGHTS, strict=True)))
    routing.rule(made)
    return made


@pytest.fixture
def full(pool: RoutingPool) -> RoutingPool:
    """The same with no room for anybody."""
    for member in pool.members.all():
        routing.profile(member.person, capacity=0)
    return pool


def of_the_night(team: Team, count: int) -> None:
    """Leads of different tiers and scores, one by one through the night."""
    random = Random(count)
    for number in range(count):
        tier = random.choice(["hot", "warm", "cool", "cold"])
        lead = rows.scored_lead(random.randrange(400, 990), tier=tier, team=team)
        at = NIGHT + number * MINUTE
        enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=at)


def ranked() -> list[ReviewItem]:
    """All waiting leads in the order of the queue."""
    return list(ReviewItem.objects.waiting().ranked().select_related("assignee"))


def alerts() -> int:
    return Notice.objects.filter(kind=NoticeKind.LEADS_HELD).count()


def places(pool: RoutingPool) -> dict[int, int]:
    """The place of each member in `WEIGHTS`, by person."""
    members = pool.members.order_by("pk").values_list("person", flat=True)
    return {person: place for place, person in enumerate(members)}


@pytest.mark.django_db
def test_thirty_leads_of_a_night_are_shared_fairly_and_by_rank_at_the_opening(
    pool: RoutingPool, team: Team, manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        of_the_night(team, 30)
        for hours in (1, 3, 6):
            rows.sweep_queue(now=NIGHT + hours * HOUR)
    assert "queue.held" not in caplog.text
    assert routing.assigned(ranked()) == {"–": 30}
    assert rows.verbs(ranked()[0]) == ["item:entered", "item:held_till_open"]
    rows.sweep_queue(now=NOW - dt.timedelta(seconds=1))
    assert routing.assigned(ranked()) == {"–": 30}
    rows.sweep_queue(now=NOW)
    assert routing.assigned(ranked()) == {"Aisha": 15, "Ben": 10, "Chen": 5}
    place = places(pool)
    worst, whole = worst_deviation(WEIGHTS, [place[item.assignee_id] for item in ranked()])
    assert worst <= whole  # nobody is a whole lead off after any number of the best leads
    assert alerts() == 0
    newest = routing.newest(ranked()[0].lead_id)
    assert newest.freed_by == "closed"
    assert "It came while nobody of “Everybody” was at work" in told(newest)
    assert "now the team is open again" in told(newest)
    rows.sweep_queue(now=NOW + MINUTE)
    assert alerts() == 0


@pytest.mark.django_db
def test_who_comes_first_gets_their_part_and_the_rest_waits_for_the_others(
    pool: RoutingPool, team: Team, manager: User, ben: User, chen: User
) -> None:
    for person in (ben, chen):
        routing.profile(person, works_from=dt.time(9, 30), works_to=dt.time(17))
    of_the_night(team, 30)
    for minutes in (0, 5, 29):
        rows.sweep_queue(now=NOW + minutes * MINUTE)
        assert routing.assigned(ranked()) == {"Aisha": 15, "–": 15}
    assert alerts() == 0
    early = [item.assignee for item in ranked()[:6]]
    assert len([person for person in early if person]) == 3
    # What comes while the team is open is for whoever is there.
    assert routing.assigned(routing.arriving(team, now=NOW + 10 * MINUTE)) == {"Aisha": 1}
    rows.sweep_queue(now=NOW + 30 * MINUTE)
    assert routing.assigned(ranked()) == {"Aisha": 16, "Ben": 10, "Chen": 5}
    pool.refresh_from_db()
    assert set(balances_of(pool).values()) == {0}


@pytest.mark.django_db
def test_who_does_not_come_after_all_is_not_waited_for(
    pool: RoutingPool, team: Team, chen: User
) -> None:
    begins = routing.profile(chen, works_from=dt.time(9, 30), works_to=dt.time(17))
    of_the_night(team, 12)
    rows.sweep_queue(now=NOW)
    assert routing.assigned(ranked()) == {"Aisha": 6, "Ben": 4, "–": 2}
    Leave.objects.create(profile=begins, starts_on=NOW.date(), ends_on=NOW.date())
    rows.sweep_queue(now=NOW + MINUTE)
    assert routing.assigned(ranked())["–"] == 0


@pytest.mark.django_db
def test_nobody_waits_for_a_shift_that_is_more_than_an_hour_away(
    pool: RoutingPool, team: Team, ben: User, chen: User
) -> None:
    for person in (ben, chen):
        routing.profile(person, works_from=dt.time(10, 1), works_to=dt.time(17))
    of_the_night(team, 6)
    rows.sweep_queue(now=NOW)
    assert routing.assigned(ranked()) == {"Aisha": 6}


@pytest.mark.django_db
def test_room_and_leave_hold_at_the_opening_too(
    pool: RoutingPool, team: Team, aisha: User, ben: User
) -> None:
    routing.profile(aisha, capacity=4)
    Leave.objects.create(profile=routing.profile(ben), starts_on=NOW.date(), ends_on=NOW.date())
    of_the_night(team, 12)
    rows.sweep_queue(now=NOW)
    assert routing.assigned(ranked()) == {"Aisha": 4, "Chen": 8}


@pytest.mark.django_db
def test_what_is_still_held_at_the_opening_is_alerted_once(
    full: RoutingPool, team: Team, manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    of_the_night(team, 3)
    assert alerts() == 0
    with caplog.at_level(logging.WARNING):
        for minutes in (0, 1, 2):
            rows.sweep_queue(now=NOW + minutes * MINUTE)
    assert caplog.text.count("queue.held items=3") == 1
    assert alerts() == 1
    assert rows.verbs(ranked()[0])[-2:] == ["item:held_till_open", "item:held"]


@pytest.mark.django_db
def test_a_team_nobody_works_is_alerted_at_its_opening(team: Team, manager: User) -> None:
    calendar_for(team)
    of_the_night(team, 2)
    assert {item.hold_reason for item in ranked()} == {"Nobody in the team can work it"}
    rows.sweep_queue(now=NIGHT + HOUR)
    assert alerts() == 0
    for minutes in (0, 1):
        rows.sweep_queue(now=NOW + minutes * MINUTE)
        assert alerts() == 1


@pytest.mark.django_db
def test_held_in_open_time_is_alerted_at_once(full: RoutingPool, team: Team, manager: User) -> None:
    routing.arriving(team, now=NOW + HOUR)
    assert alerts() == 1


@pytest.mark.django_db
def test_no_clock_of_the_night_runs_before_the_opening(pool: RoutingPool, team: Team) -> None:
    of_the_night(team, 4)
    for item in ranked():
        assert item.timers.get().due_at > NOW
        assert item.due_at == item.timers.get().due_at


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_at_the_opening_share_as_one(
    pool: RoutingPool, team: Team, aisha: User, ben: User, chen: User
) -> None:
    of_the_night(team, 12)
    results = rows.in_threads([lambda: refresh_assignments(now=NOW)] * 4)
    refresh_assignments(now=NOW + MINUTE)  # what another sweeper had in hand
    assert not [result for result in results if isinstance(result, Exception)]
    assert routing.assigned(ranked()) == {"Aisha": 6, "Ben": 4, "Chen": 2}
    place = places(pool)
    worst, whole = worst_deviation(WEIGHTS, [place[item.assignee_id] for item in ranked()])
    assert worst <= whole
