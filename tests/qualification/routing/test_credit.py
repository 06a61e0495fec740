"""Junk does not count as a lead given: once, and taken again when it was no junk after all."""

from __future__ import annotations

from fractions import Fraction

import pytest

from crm.models import Team, User
from qualification.models import (
    Assignment,
    Decision,
    RejectionReason,
    ReviewItem,
    RoutingCredit,
    RoutingPool,
)
from qualification.review.claims import claim_item, reassign_item
from qualification.review.decisions import overturn_rejection, reject_lead, undo_decision
from qualification.routing import credit
from qualification.routing.assign import balances_of
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing

pytestmark = pytest.mark.django_db
NOW = routing.NOW
EVEN = Fraction()
HALF = Fraction(1, 2)


@pytest.fixture
def pool(team: Team, aisha: User, ben: User) -> RoutingPool:
    made = routing.pool(team, {aisha: 1, ben: 1})
    routing.rule(made)
    return made


def balance(pool: RoutingPool, person: User) -> Fraction:
    return balances_of(RoutingPool.objects.get(pk=pool.pk)).get(person.pk, EVEN)


def reject(item: ReviewItem, by: User, key: str) -> Decision:
    claimed = claim_item(item=item, by=by, now=NOW)
    reason = RejectionReason.objects.get(key=key)
    return reject_lead(item=claimed, token=claimed.token, by=by, reason=reason, now=NOW)


@pytest.mark.parametrize("key", ["fake_contact", "duplicate", "competitor", "opted_out"])
def test_what_nobody_could_work_is_given_back(
    pool: RoutingPool, team: Team, aisha: User, ben: User, key: str
) -> None:
    (item,) = routing.arriving(team)
    assert (balance(pool, aisha), balance(pool, ben)) == (-HALF, HALF)
    decision = reject(item, aisha, key)
    assert (balance(pool, aisha), balance(pool, ben)) == (EVEN, EVEN)
    found = RoutingCredit.objects.get()
    assert (found.decision, found.is_given, found.assignment.person) == (decision, True, aisha)
    # So the next lead is Aisha's again.
    assert routing.assigned(routing.arriving(team)) == {"Aisha": 1}


@pytest.mark.parametrize("key", ["too_small", "wrong_industry", "no_project"])
def test_an_honest_rejection_gives_nothing_back(
    pool: RoutingPool, team: Team, aisha: User, key: str
) -> None:
    reject(routing.arriving(team)[0], aisha, key)
    assert balance(pool, aisha) == -HALF
    assert not RoutingCredit.objects.exists()


def test_twice_is_once(pool: RoutingPool, team: Team, aisha: User) -> None:
    decision = reject(routing.arriving(team)[0], aisha, "fake_contact")
    assert credit.give_back(decision=decision, now=NOW) is None
    assert balance(pool, aisha) == EVEN


def test_undone_it_counts_again_and_rejected_again_it_does_not(
    pool: RoutingPool, team: Team, aisha: User
) -> None:
    decision = reject(routing.arriving(team)[0], aisha, "fake_contact")
    undo_decision(decision=decision, by=aisha, now=NOW)
    assert balance(pool, aisha) == -HALF
    (item,) = ReviewItem.objects.open()
    assert (item.assignee, item.pool) == (aisha, pool)
    reject(item, aisha, "duplicate")
    assert balance(pool, aisha) == EVEN
    given = RoutingCredit.objects.order_by("pk").values_list("is_given", flat=True)
    assert list(given) == [True, False, True]
    assert Assignment.objects.count() == 1


def test_overturned_it_counts_and_the_lead_is_shared_out_anew(
    pool: RoutingPool, team: Team, aisha: User, ben: User, people: dict[str, User]
) -> None:
    decision = reject(routing.arriving(team)[0], aisha, "fake_contact")
    overturn_rejection(decision=decision, by=people["manager"], note="Number was right", now=NOW)
    (item,) = ReviewItem.objects.open()
    assert item.assignee == ben
    assert (balance(pool, aisha), balance(pool, ben)) == (EVEN, EVEN)
    given = RoutingCredit.objects.order_by("pk").values_list("is_given", flat=True)
    assert list(given) == [True, False]


def test_an_honest_rejection_that_is_overturned_takes_nothing(
    pool: RoutingPool, team: Team, aisha: User, people: dict[str, User]
) -> None:
    decision = reject(routing.arriving(team)[0], aisha, "too_small")
    overturn_rejection(decision=decision, by=people["manager"], note="They grew", now=NOW)
    assert not RoutingCredit.objects.exists()


def test_the_credit_is_of_the_shares_of_that_time(
    pool: RoutingPool, team: Team, aisha: User, ben: User
) -> None:
    (item,) = routing.arriving(team)
    pool.members.filter(person=ben).update(weight=9)
    reject(item, aisha, "fake_contact")
    assert (balance(pool, aisha), balance(pool, ben)) == (EVEN, EVEN)


def test_whoever_got_it_from_a_manager_had_no_turn_to_give_back(
    pool: RoutingPool, team: Team, aisha: User, ben: User, people: dict[str, User]
) -> None:
    (item,) = routing.arriving(team)
    moved = reassign_item(item=item, to=ben, by=people["manager"], now=NOW)
    reject(moved, ben, "fake_contact")
    assert balance(pool, aisha) == -HALF


def test_a_lead_nobody_was_chosen_for_has_nothing_to_give_back(team: Team, aisha: User) -> None:
    reject(rows.waiting_item(team=team), aisha, "fake_contact")
    assert not RoutingCredit.objects.exists()
