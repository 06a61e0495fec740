"""Defects seen in other systems' routing, each a case here by name."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Team, User
from qualification.models import Leave, ReviewItem, RoutingPool, SLAEvent
from qualification.review.claims import claim_item, reassign_item
from qualification.review.routed import _route_again, refresh_assignments
from qualification.routing.assign import balances_of
from qualification.sla.sweep import record_due
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.sla.calendar_support import calendar_for

NOW = routing.NOW
LATER = NOW + dt.timedelta(minutes=5)


@pytest.mark.django_db
def test_odoo_259775_thirty_leads_do_not_all_go_to_the_oldest_member(
    team: Team, aisha: User, ben: User, chen: User
) -> None:
    routing.rule(routing.pool(team, {aisha: 1, ben: 1, chen: 1}))
    items = ReviewItem.objects.filter(pk__in=rows.many_waiting(30, team))
    assert routing.assigned(items) == {"Aisha": 10, "Ben": 10, "Chen": 10}


@pytest.mark.django_db(transaction=True)
def test_kinsta_two_batches_at_once_still_share_by_weight(
    team: Team, aisha: User, ben: User
) -> None:
    pool = routing.pool(team, {aisha: 2, ben: 1})
    routing.rule(pool)
    rows.active_model()
    results = rows.in_threads([lambda: routing.arriving(team, 6)] * 3)
    assert not [result for result in results if isinstance(result, Exception)]
    assert routing.assigned(ReviewItem.objects.all()) == {"Aisha": 12, "Ben": 6}
    assert set(balances_of(RoutingPool.objects.get()).values()) == {0}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["suitecrm_227_2032_8935_inactive", "round_robin_28_away", "helpdesk_1528_caldiy_5331_shift"],
)
def test_nobody_gets_a_lead_who_is_not_there(team: Team, aisha: User, ben: User, name: str) -> None:
    if name.endswith("inactive"):
        User.objects.filter(pk=ben.pk).update(is_active=False)
    elif name.endswith("away"):
        away = routing.profile(ben)
        Leave.objects.create(profile=away, starts_on=NOW.date(), ends_on=NOW.date())
    else:
        routing.profile(ben, works_from=dt.time(12), works_to=dt.time(20))
    routing.rule(routing.pool(team, {aisha: 1, ben: 9}))
    assert routing.assigned(routing.arriving(team, 5)) == {"Aisha": 5}


@pytest.mark.django_db
def test_chatwoot_15275_15524_an_old_list_overwrites_no_newer_hand(
    team: Team, aisha: User, ben: User, people: dict[str, User]
) -> None:
    routing.profile(aisha, capacity=0)
    routing.rule(routing.pool(team, {aisha: 1}))
    items = routing.arriving(team, 3)
    listed = [item.pk for item in items]  # as a sweeper found them
    reassign_item(item=items[0], to=ben, by=people["manager"], now=NOW)
    other = factories.TeamFactory(name="Americas")
    routing.rule(other, {"subject": "lead.topic", "op": "is", "value": "sap"}, position=0)
    items[1].lead.topic = "SAP"
    items[1].lead.save()
    routing.profile(aisha, capacity=9)
    assert _route_again(listed, now=LATER) == 2
    now_at = [ReviewItem.objects.get(pk=pk) for pk in listed]
    assert (now_at[0].holder, now_at[0].assignee) == (ben, ben)
    assert (now_at[1].team, now_at[1].lead.team) == (other, other)
    assert now_at[2].assignee == aisha


@pytest.mark.django_db
def test_odoo_72676_a_lead_that_is_gone_does_not_stop_the_batch(team: Team, aisha: User) -> None:
    routing.profile(aisha, capacity=0)
    routing.rule(routing.pool(team, {aisha: 1}))
    items = routing.arriving(team, 3)
    routing.profile(aisha, capacity=9)
    claim_item(item=items[0], by=factories.person("manager", team), now=NOW)
    assert _route_again([item.pk for item in items] + [10**9], now=LATER) == 2
    assert refresh_assignments(now=LATER) == 0


@pytest.mark.django_db
def test_chatwoot_13392_a_night_breaches_nothing_whoever_is_at_work(
    team: Team, aisha: User
) -> None:
    calendar_for(team)
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team, now=NOW - dt.timedelta(hours=9))
    record_due(now=NOW)
    assert not SLAEvent.objects.exists()
    assert item.due_at > NOW
