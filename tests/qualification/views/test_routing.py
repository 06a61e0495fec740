"""“Why did I get this lead?”, the routing page with its trial, and routing on the other pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.models import Team, User
from qualification.models import (
    Assignment,
    Leave,
    RejectionReason,
    ReviewItem,
    RoutingPool,
    RoutingRule,
)
from qualification.review.claims import claim_item, reassign_item
from qualification.review.decisions import reject_lead
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]


@pytest.fixture
def aisha(people: dict[str, User]) -> User:
    person = people["sdr"]
    person.first_name, person.last_name = "Aisha", "Bello"
    person.save()
    return person


@pytest.fixture
def ben(team: Team, here: dt.datetime) -> User:
    """On leave."""
    person = factories.person("sdr", team, first_name="Ben", last_name="Okri")
    away = routing.profile(person)
    ends_on = here.date() + dt.timedelta(days=3)
    Leave.objects.create(profile=away, starts_on=here.date(), ends_on=ends_on)
    return person


@pytest.fixture
def pool(team: Team, aisha: User, ben: User) -> RoutingPool:
    return routing.pool(team, {aisha: 1, ben: 2}, name="Seniors")


@pytest.fixture
def rule(pool: RoutingPool) -> RoutingRule:
    return routing.rule(
        pool,
        {"subject": "account.employees", "op": "at_least", "value": 1000},
        name="Large accounts",
    )


@pytest.fixture
def large(rule: RoutingRule, team: Team, here: dt.datetime) -> ReviewItem:
    account = factories.AccountFactory(employees=5000)
    return routing.arriving(team, now=here, account=account)[0]


def why(client: Client, item: ReviewItem) -> str:
    return client.get(f"/leads/{item.lead_id}/routing/").content.decode()


def test_it_says_why_and_who_was_passed_over(large: ReviewItem, aisha: User, login: LogIn) -> None:
    html = why(login(aisha), large)
    assert "next in turn in “Seniors”: Aisha Bello" in html
    assert "Large accounts" in html
    assert "Ben Okri" in html
    assert "is away" in html


def test_until_when_somebody_is_away_is_for_managers(
    large: ReviewItem, aisha: User, people: dict[str, User], login: LogIn
) -> None:
    assert "is away until" not in why(login(aisha), large)
    assert "is away until" in why(login(people["manager"]), large)


def test_it_is_a_dialog_on_the_lead_page(large: ReviewItem, aisha: User, login: LogIn) -> None:
    client = login(aisha)
    path = f"/leads/{large.lead_id}/routing/"
    page = client.get(f"/leads/{large.lead_id}/").content.decode()
    assert path in page
    assert "for Aisha Bello" in page
    dialog = client.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in dialog
    assert "data-close" in dialog


def test_a_lead_routing_knows_nothing_of_says_so(
    waiting: Callable[..., ReviewItem], aisha: User, login: LogIn
) -> None:
    assert "Routing decided nothing" in why(login(aisha), waiting())


def test_out_of_sight_is_out_of_sight(large: ReviewItem, login: LogIn) -> None:
    other = factories.person("sdr", factories.TeamFactory(name="US"))
    assert login(other).get(f"/leads/{large.lead_id}/routing/").status_code == 404


def test_a_hand_over_and_a_credit_show(
    large: ReviewItem, aisha: User, people: dict[str, User], here: dt.datetime, login: LogIn
) -> None:
    claimed = claim_item(item=large, by=aisha, now=here)
    reason = RejectionReason.objects.get(key="fake_contact")
    reject_lead(item=claimed, token=claimed.token, by=aisha, reason=reason, now=here)
    assert "Does not count" in why(login(aisha), large)


def test_a_manager_who_handed_it_over_is_named(
    large: ReviewItem, people: dict[str, User], here: dt.datetime, login: LogIn
) -> None:
    colleague = factories.person("sdr", large.team, first_name="Chen", last_name="Li")
    reassign_item(item=large, to=colleague, by=people["manager"], now=here)
    assert "handed it over by hand" in why(login(colleague), large)


def test_the_number_of_queries_does_not_grow(
    large: ReviewItem, aisha: User, login: LogIn, django_assert_max_num_queries: Any
) -> None:
    newest = routing.newest(large.lead_id)
    client = login(aisha)
    why(client, large)
    for _ in range(5):
        newest.pk = None
        Assignment.objects.bulk_create([newest])
    with django_assert_max_num_queries(11):
        why(client, large)


def test_a_colleague_sees_for_whom_it_is_and_cannot_claim(
    large: ReviewItem, team: Team, login: LogIn
) -> None:
    client = login(factories.person("sdr", team))
    claim = f'/leads/{large.lead_id}/claim/"'
    queue = client.get("/queue/").content.decode()
    assert "for Aisha" in queue
    assert claim not in queue
    lead = client.get(f"/leads/{large.lead_id}/").content.decode()
    assert "This lead is for Aisha Bello" in lead
    assert claim not in lead
    refused = client.post(f"/leads/{large.lead_id}/claim/")
    assert refused.status_code == 409
    large.refresh_from_db()
    assert large.holder is None


def test_my_work_lists_it_and_next_lead_counts_it(
    large: ReviewItem, aisha: User, team: Team, login: LogIn
) -> None:
    html = login(aisha).get("/my-work/").content.decode()
    assert "Chosen for you, not claimed yet" in html
    assert large.lead.name in html
    assert login(aisha).get("/queue/").context["summary"].free == 1
    client = login(factories.person("sdr", team))
    assert client.get("/queue/").context["summary"].free == 0
    assert large.lead.name not in client.get("/my-work/").content.decode()


def test_whom_it_is_for_and_managers_can_claim(
    large: ReviewItem, aisha: User, people: dict[str, User], login: LogIn
) -> None:
    for person in (aisha, people["manager"]):
        assert f'/leads/{large.lead_id}/claim/"' in login(person).get("/queue/").content.decode()


def test_a_held_lead_shows_why(
    rule: RoutingRule, team: Team, aisha: User, here: dt.datetime, login: LogIn
) -> None:
    routing.profile(aisha, capacity=0)
    account = factories.AccountFactory(employees=5000)
    (item,) = routing.arriving(team, now=here, account=account)
    html = login(factories.person("sdr", team)).get("/queue/").content.decode()
    assert "Nobody of “Seniors” can take it now" in html
    assert "It is held until somebody can" in why(login(aisha), item)


def routing_page(client: Client, **query: Any) -> str:
    return client.get("/routing/", query).content.decode()


def test_the_page_shows_rules_in_words_and_who_can_take_a_lead(
    large: ReviewItem, people: dict[str, User], login: LogIn
) -> None:
    html = routing_page(login(people["manager"]))
    assert "Employees at least 1,000" in html
    assert "is away until" in html
    assert "can take a lead" in html
    assert "Edit rules" not in html
    assert "Edit rules" in routing_page(login(people["admin"]))


def test_without_anything_set_up_it_says_so(people: dict[str, User], login: LogIn) -> None:
    assert "No rules: every lead waits" in routing_page(login(people["manager"]))


@pytest.mark.parametrize("by", ["pk", "email"])
def test_a_lead_can_be_tried_and_nothing_changes(
    rule: RoutingRule, pool: RoutingPool, people: dict[str, User], login: LogIn, by: str
) -> None:
    routing.rule(pool.team, name="Everybody else")
    lead = rows.scored_lead(team=pool.team, account=factories.AccountFactory(employees=5000))
    html = routing_page(login(people["manager"]), lead=str(getattr(lead, by)))
    assert "next in turn in “Seniors”: Aisha Bello" in html
    assert "These rules fit as well" in html
    pool.refresh_from_db()
    assert (pool.balances, Assignment.objects.count()) == ({}, 0)


def test_a_lead_out_of_sight_cannot_be_tried(people: dict[str, User], login: LogIn) -> None:
    lead = rows.scored_lead(team=factories.TeamFactory(name="US"))
    client = login(people["manager"])
    for text in (str(lead.pk), lead.email, "0", "9" * 30, "nobody", " "):
        html = routing_page(client, lead=text)
        assert "No lead in your sight" in html or "required" in html
        assert lead.name not in html
