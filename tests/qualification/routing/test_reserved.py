"""The last places of somebody with a rare skill are kept for leads that nobody else can take."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError
from django.test import Client

from crm.models import Team, User
from qualification.audit.verify import verify
from qualification.models import AccountOwner, RoutingPool
from qualification.routing.assign import balances_of
from tests import factories
from tests.oracles.fairness_oracle import worst_deviation
from tests.qualification import routing_support as routing

pytestmark = pytest.mark.django_db
FRENCH = {"subject": "lead.country", "op": "is", "value": "France"}


@pytest.fixture
def pool(team: Team, aisha: User, ben: User, chen: User) -> RoutingPool:
    """Aisha alone speaks French; six open leads at once, the last two of them kept."""
    made = routing.pool(team, {aisha: 1, ben: 1, chen: 1})
    routing.rule(made, FRENCH, skills=["french"])
    routing.rule(made)
    routing.profile(aisha, skills=["french"], capacity=6, reserved=2)
    return made


def test_general_leads_leave_her_the_places_for_those_only_she_can_take(
    pool: RoutingPool, team: Team
) -> None:
    assert routing.assigned(routing.arriving(team, 30)) == {"Aisha": 4, "Ben": 13, "Chen": 13}
    french = routing.arriving(team, 3, country="France")
    assert routing.assigned(french) == {"Aisha": 2, "–": 1}


def test_control_with_nothing_kept_leads_are_held_while_others_are_free(
    pool: RoutingPool, team: Team, aisha: User
) -> None:
    routing.profile(aisha, reserved=0)
    assert routing.assigned(routing.arriving(team, 30))["Aisha"] == 6
    assert routing.assigned(routing.arriving(team, country="France")) == {"–": 1}


def test_nothing_is_held_while_she_is_free(
    pool: RoutingPool, team: Team, ben: User, chen: User
) -> None:
    for person in (ben, chen):
        routing.profile(person, capacity=0)
    assert routing.assigned(routing.arriving(team, 7)) == {"Aisha": 6, "–": 1}


def test_a_skill_that_others_have_too_is_not_rare(pool: RoutingPool, team: Team, ben: User) -> None:
    routing.profile(ben, skills=["french"])
    routing.arriving(team, 12)  # four each
    assert routing.assigned(routing.arriving(team, 5, country="France")) == {"Ben": 5}


def test_the_others_share_fairly_and_no_balance_drifts(
    pool: RoutingPool, team: Team, aisha: User, ben: User, chen: User
) -> None:
    routing.arriving(team, 12)
    pool.refresh_from_db()
    before = balances_of(pool)[aisha.pk]
    items = routing.arriving(team, 15)
    place = {ben.pk: 0, chen.pk: 1}
    worst, whole = worst_deviation([1, 1], [place[item.assignee_id] for item in items])
    assert worst <= whole
    routing.arriving(team, 2, country="France")
    pool.refresh_from_db()
    assert balances_of(pool)[aisha.pk] == before
    assert sum(balances_of(pool).values()) == 0


def test_an_owner_gets_the_leads_of_the_account_in_the_last_places_too(
    pool: RoutingPool, team: Team, aisha: User
) -> None:
    routing.rule(pool, to_account_owner=True, position=0)
    routing.arriving(team, 12)
    account = factories.AccountFactory()
    AccountOwner.objects.create(account=account, person=aisha)
    assert routing.assigned(routing.arriving(team, account=account)) == {"Aisha": 1}


def test_it_says_so_of_her(
    pool: RoutingPool,
    team: Team,
    ben: User,
    people: dict[str, User],
    login: Callable[[User], Client],
) -> None:
    routing.arriving(team, 12)
    (item,) = routing.arriving(team)
    assert routing.why_not(item.lead_id) == {"Aisha": "reserved", "Ben": "", "Chen": ""}
    html = login(ben).get(f"/leads/{item.lead_id}/routing/").content.decode()
    assert "keeps the last 2 for leads nobody else can take" in html
    assert "(2 kept)" in login(people["manager"]).get("/routing/").content.decode()


@pytest.mark.parametrize("capacity", [None, 1])
def test_more_than_somebody_has_cannot_be_kept(ben: User, capacity: int | None) -> None:
    with pytest.raises(IntegrityError, match="workprofile_reserved"):
        routing.profile(ben, capacity=capacity, reserved=2)


@pytest.mark.django_db(transaction=True)
def test_what_is_kept_is_in_the_chain(aisha: User) -> None:
    made = routing.profile(aisha, capacity=3, reserved=1)
    assert verify().is_whole
    made.reserved = 2
    made.save()
    assert verify().is_whole
