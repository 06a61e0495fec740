"""Entering the queue with routing rules: team, person, why; held when nobody can; races."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from fractions import Fraction

import pytest

from crm.models import Team, User
from qualification.choices import EntryReason
from qualification.models import (
    AccountOwner,
    Assignment,
    Leave,
    PoolMember,
    ReviewItem,
    RoutingPool,
)
from qualification.review.next_lead import claim_next
from qualification.review.queue import enter_queue
from qualification.routing import fairness
from qualification.routing.assign import balances_of, store_balances, try_lead
from tests import factories
from tests.oracles.fairness_oracle import worst_deviation
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing

NOW = routing.NOW
PERU = {"subject": "lead.country", "op": "is", "value": "Peru"}


@pytest.mark.django_db
def test_without_rules_everything_is_as_it_was(team: Team, aisha: User) -> None:
    (item,) = routing.arriving(team)
    assert (item.assignee, item.pool, item.team) == (None, None, team)
    assert not Assignment.objects.exists()
    assert rows.verbs(item) == ["item:entered"]
    assert claim_next(by=aisha, now=NOW) == item


@pytest.mark.django_db
def test_people_of_a_pool_share_by_weight_at_every_moment(
    team: Team, aisha: User, ben: User, chen: User
) -> None:
    pool = routing.pool(team, {aisha: 3, ben: 2, chen: 1})
    routing.rule(pool)
    items = routing.arriving(team, 36)
    assert routing.assigned(items) == {"Aisha": 18, "Ben": 12, "Chen": 6}
    place = {aisha.pk: 0, ben.pk: 1, chen.pk: 2}
    worst, whole = worst_deviation([3, 2, 1], [place[item.assignee_id] for item in items])
    assert worst <= whole
    assert [place[item.assignee_id] for item in items] == fairness.turns([3, 2, 1], 36)
    assert all(item.pool == pool and item.hold_reason == "" for item in items)
    assert rows.verbs(items[0]) == ["item:entered", "item:assigned"]


@pytest.mark.django_db
def test_many_at_once_are_shared_like_one_after_the_other(
    team: Team, aisha: User, ben: User
) -> None:
    routing.rule(routing.pool(team, {aisha: 2, ben: 1}))
    items = ReviewItem.objects.filter(pk__in=rows.many_waiting(30, team)).ranked()
    assert routing.assigned(items) == {"Aisha": 20, "Ben": 10}
    # The best leads first: they were shared out as fairly as the rest.
    assert routing.assigned(items[:3]) == {"Aisha": 2, "Ben": 1}


@pytest.mark.django_db
def test_it_writes_down_who_was_looked_at_and_why_not(
    team: Team, aisha: User, ben: User, chen: User
) -> None:
    pool = routing.pool(team, {aisha: 1, ben: 2, chen: 1})
    rule = routing.rule(pool, name="Everything", skills=["sap"])
    routing.profile(ben, skills=["sap"])
    away = routing.profile(chen, skills=["sap"])
    Leave.objects.create(profile=away, starts_on=NOW.date(), ends_on=dt.date(2026, 12, 1))
    (item,) = routing.arriving(team)
    found = routing.newest(item.lead_id)
    assert (found.rule, found.rule_name, found.pool, found.person) == (rule, rule.name, pool, ben)
    assert (found.how, found.item, found.at) == ("turn", item, NOW)
    assert found.candidates == [
        {
            "person": aisha.pk,
            "weight": 1,
            "balance": "0",
            "why_not": {"code": "skills", "lacks": ["sap"]},
        },
        {"person": ben.pk, "weight": 2, "balance": "0", "why_not": {}},
        {
            "person": chen.pk,
            "weight": 1,
            "balance": "0",
            "why_not": {"code": "away", "until": "2026-12-01"},
        },
    ]


@pytest.mark.django_db
def test_no_rule_fits_means_the_fallback_team(team: Team, aisha: User) -> None:
    routing.rule(routing.pool(team, {aisha: 1}), PERU)
    (item,) = routing.arriving(team, country="Chile")
    inbox = Team.objects.get(is_fallback=True)
    assert (item.team, item.lead.team, item.assignee, item.pool) == (inbox, inbox, None, None)
    assert routing.newest(item.lead_id).how == "fallback"
    assert claim_next(by=aisha, now=NOW) == item


@pytest.mark.django_db
def test_a_rule_without_a_pool_moves_the_lead_to_the_team(team: Team) -> None:
    americas = factories.TeamFactory(name="Americas")
    somebody = factories.person("sdr", americas)
    routing.rule(americas, PERU)
    (item,) = routing.arriving(team, country="Peru")
    assert (item.team, item.lead.team, item.assignee) == (americas, americas, None)
    assert item.hold_reason == ""
    assert claim_next(by=somebody, now=NOW) == item


@pytest.mark.django_db
def test_a_team_nobody_works_holds_it_as_before(team: Team) -> None:
    routing.rule(factories.TeamFactory(name="Empty"))
    (item,) = routing.arriving(team)
    assert item.hold_reason == "Nobody in the team can work it"


@pytest.mark.django_db
def test_an_empty_pool_holds_the_lead_and_alerts_never_anybody(
    team: Team, aisha: User, ben: User, caplog: pytest.LogCaptureFixture
) -> None:
    routing.profile(aisha, capacity=0)
    pool = routing.pool(team, {aisha: 1}, name="Seniors")
    routing.rule(pool)
    with caplog.at_level(logging.WARNING):
        (item,) = routing.arriving(team)
    assert "queue.held items=1" in caplog.text
    assert (item.assignee, item.pool, item.team) == (None, pool, team)
    assert item.hold_reason == "Nobody of “Seniors” can take it now"
    assert rows.verbs(item) == ["item:entered", "item:held"]
    assert rows.live_timers(item) == ["first_response"]
    assert routing.newest(item.lead_id).how == "held"
    assert claim_next(by=ben, now=NOW) is None
    assert claim_next(by=aisha, now=NOW) is None


@pytest.mark.django_db
def test_a_pool_without_members_holds_too(team: Team, aisha: User) -> None:
    routing.rule(routing.pool(team, {}))
    (item,) = routing.arriving(team)
    assert item.hold_reason
    assert claim_next(by=aisha, now=NOW) is None


@pytest.mark.django_db
def test_nobody_gets_more_than_they_can_take_in_one_batch(
    team: Team, aisha: User, ben: User
) -> None:
    routing.profile(aisha, capacity=3)
    routing.profile(ben, capacity=2)
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    items = ReviewItem.objects.filter(pk__in=rows.many_waiting(8, team)).ranked()
    assert routing.assigned(items) == {"Aisha": 3, "Ben": 2, "–": 3}
    assert routing.assigned(items[:5]) == {"Aisha": 3, "Ben": 2}


@pytest.mark.django_db
def test_the_absent_get_nothing_and_are_owed_nothing(
    team: Team, aisha: User, ben: User, chen: User
) -> None:
    pool = routing.pool(team, {aisha: 1, ben: 1, chen: 1})
    routing.rule(pool)
    leave = Leave.objects.create(
        profile=routing.profile(chen), starts_on=NOW.date(), ends_on=NOW.date()
    )
    assert routing.assigned(routing.arriving(team, 10)) == {"Aisha": 5, "Ben": 5}
    leave.delete()
    assert routing.assigned(routing.arriving(team, 9)) == {"Aisha": 3, "Ben": 3, "Chen": 3}
    pool.refresh_from_db()
    assert sum(balances_of(pool).values()) == 0


@pytest.mark.django_db
def test_large_accounts_go_to_the_seniors(team: Team, aisha: User, ben: User) -> None:
    seniors = routing.pool(team, {aisha: 1}, name="Seniors")
    juniors = routing.pool(team, {ben: 1}, name="Juniors")
    routing.rule(seniors, {"subject": "account.employees", "op": "at_least", "value": 1000})
    routing.rule(juniors)
    large = factories.AccountFactory(employees=5000)
    assert routing.assigned(routing.arriving(team, 2, account=large)) == {"Aisha": 2}
    assert routing.assigned(routing.arriving(team, 2)) == {"Ben": 2}


@pytest.mark.django_db
def test_the_owner_of_the_account_goes_first(team: Team, aisha: User, ben: User) -> None:
    pool = routing.pool(team, {ben: 1})
    routing.rule(pool, to_account_owner=True)
    account = factories.AccountFactory()
    AccountOwner.objects.create(account=account, person=aisha)
    (item,) = routing.arriving(team, account=account)
    assert (item.assignee, item.pool) == (aisha, None)
    assert routing.newest(item.lead_id).how == "owner"
    pool.refresh_from_db()
    assert pool.balances == {}
    routing.profile(aisha, capacity=1)
    (second,) = routing.arriving(team, account=account)
    assert second.assignee == ben
    assert routing.why_not(second.lead_id) == {"Aisha": "full", "Ben": ""}


@pytest.mark.django_db
def test_an_owner_of_another_team_takes_the_lead_there(team: Team, ben: User) -> None:
    americas = factories.TeamFactory(name="Americas")
    owner = factories.person("sdr", americas, first_name="Rafael")
    routing.rule(routing.pool(team, {ben: 1}), to_account_owner=True)
    account = factories.AccountFactory()
    AccountOwner.objects.create(account=account, person=owner)
    (item,) = routing.arriving(team, account=account)
    assert (item.assignee, item.team, item.lead.team) == (owner, americas, americas)
    assert claim_next(by=owner, now=NOW) == item


@pytest.mark.django_db
def test_a_trial_says_the_same_and_changes_nothing(team: Team, aisha: User, ben: User) -> None:
    pool = routing.pool(team, {aisha: 1, ben: 1})
    routing.rule(pool)
    lead = rows.scored_lead(team=team)
    before = Assignment.objects.count(), pool.balances
    tried = try_lead(lead.pk, now=NOW)
    pool.refresh_from_db()
    assert (Assignment.objects.count(), pool.balances) == before
    (pk,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=NOW)
    assert tried is not None
    assert tried.person_id == ReviewItem.objects.get(pk=pk).assignee_id


@pytest.mark.django_db(transaction=True)
def test_all_at_once_nobody_is_a_whole_lead_off_or_over_capacity(team: Team) -> None:
    people = rows.sdrs(3, team)
    pool = routing.pool(team, {people[0]: 3, people[1]: 2, people[2]: 1})
    routing.profile(people[1], capacity=5)
    routing.rule(pool)
    leads = [rows.scored_lead(team=team).pk for _ in range(24)]
    results = rows.in_threads(
        [
            lambda part=leads[n::8]: [
                enter_queue([pk], reason=EntryReason.THRESHOLD, now=NOW) for pk in part
            ]
            for n in range(8)
        ]
    )
    assert not [result for result in results if isinstance(result, Exception)]
    got = [ReviewItem.objects.filter(assignee=person).count() for person in people]
    assert sum(got) == 24
    assert got[1] == 5
    pool.refresh_from_db()
    balances = balances_of(pool)
    assert sum(balances.values()) == 0
    assert max(abs(balance) for balance in balances.values()) <= 1
    assert Assignment.objects.count() == 24


@pytest.mark.django_db(transaction=True)
def test_control_turns_taken_without_the_lock_are_taken_twice(team: Team) -> None:
    pool = routing.pool(team, dict.fromkeys(rows.sdrs(4, team), 1))
    chosen = threading.Barrier(4)

    def naive() -> int:
        read = RoutingPool.objects.get(pk=pool.pk)
        weights = {m.person_id: m.weight for m in PoolMember.objects.filter(pool=read)}
        turn = fairness.next_person(weights, balances_of(read))
        chosen.wait(timeout=30)
        store_balances(read, fairness.after_giving(weights, balances_of(read), turn))
        return turn

    turns = rows.in_threads([naive] * 4)
    assert len(set(turns)) == 1
    pool.refresh_from_db()
    assert balances_of(pool)[turns[0]] == Fraction(1, 4) - 1  # three of four turns are lost
