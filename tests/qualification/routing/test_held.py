"""What is held goes on once something changed that frees it: found by trying, within a pass."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from crm.models import Lead, Team, User
from qualification import sweeps
from qualification.invariants import violations
from qualification.models import (
    Assignment,
    Leave,
    PoolMember,
    ReviewItem,
    RoutingPool,
    RoutingRule,
    Segment,
)
from qualification.review import routed
from qualification.review.claims import claim_item, release_item
from qualification.review.routed import refresh_assignments, write_placements
from qualification.routing.assign import place_leads
from qualification.routing.why import told
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing

NOW = routing.NOW
LATER = NOW + dt.timedelta(minutes=5)
SOON = LATER + dt.timedelta(seconds=5)
SAP = {"subject": "lead.topic", "op": "is", "value": "sap"}


def again(item: ReviewItem) -> ReviewItem:
    return ReviewItem.objects.get(pk=item.pk)


def other_pool(aisha: User) -> RoutingPool:
    assert aisha.team is not None
    return routing.pool(aisha.team, {aisha: 1}, name="Others")


def back_from_leave(ben: User) -> None:
    Leave.objects.filter(profile__person=ben).delete()


# What keeps Ben from the lead, what changes, and how that is written down.
CHANGES: dict[str, tuple[Callable[[User], object], Callable[[User], object], str]] = {
    "leave": (
        lambda ben: Leave.objects.create(
            profile=routing.profile(ben), starts_on=NOW.date(), ends_on=NOW.date()
        ),
        back_from_leave,
        "away",
    ),
    "capacity": (
        lambda ben: routing.profile(ben, capacity=0),
        lambda ben: routing.profile(ben, capacity=1),
        "full",
    ),
    "skills": (
        lambda ben: RoutingRule.objects.update(skills=["sap"]),
        lambda ben: routing.profile(ben, skills=["sap"]),
        "skills",
    ),
    "hours": (
        lambda ben: routing.profile(ben, works_from=dt.time(20), works_to=dt.time(22)),
        lambda ben: routing.profile(ben, works_from=dt.time(9), works_to=dt.time(17)),
        "hours",
    ),
    "a shift": (
        lambda ben: routing.profile(ben, works_from=dt.time(9, 5), works_to=dt.time(17)),
        lambda ben: None,
        "hours",
    ),
    "account": (
        lambda ben: User.objects.filter(pk=ben.pk).update(is_active=False),
        lambda ben: User.objects.filter(pk=ben.pk).update(is_active=True),
        "inactive",
    ),
    "role": (
        lambda ben: ben.groups.clear(),
        lambda ben: ben.groups.add(Group.objects.get(name="sdr")),
        "role",
    ),
    "team": (
        lambda ben: User.objects.filter(pk=ben.pk).update(team=None),
        lambda ben: User.objects.filter(pk=ben.pk).update(team=ben.team),
        "team",
    ),
    "pool": (
        lambda ben: PoolMember.objects.all().delete(),
        lambda ben: PoolMember.objects.create(pool=RoutingPool.objects.get(), person=ben),
        "joined",
    ),
    "rule": (
        lambda ben: routing.profile(ben, capacity=0),
        lambda ben: RoutingRule.objects.update(pool=None),
        "rules",
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changed_it_goes_on_in_the_next_pass_and_says_why(
    team: Team, ben: User, name: str
) -> None:
    keep, change, freed_by = CHANGES[name]
    routing.rule(routing.pool(team, {ben: 1}))
    keep(ben)
    (item,) = routing.arriving(team)
    assert item.hold_reason
    before = NOW + dt.timedelta(minutes=4)
    assert refresh_assignments(now=before) == 0
    change(ben)
    sweeps.run_all(now=SOON)
    freed = again(item)
    assert (freed.assignee, freed.hold_reason) == (None if name == "rule" else ben, "")
    newest = routing.newest(item.lead_id)
    assert (newest.held_since, newest.held_for) == (NOW, item.hold_reason)
    assert newest.freed_by == freed_by
    assert told(newest).startswith("Held since 23 Nov, 09:00 (Nobody of “Everybody” can take it")
    count = Assignment.objects.count()
    sweeps.run_all(now=SOON)
    assert Assignment.objects.count() == count
    assert violations(now=SOON) == []


@pytest.mark.django_db
def test_rules_for_another_pool_count_though_the_first_has_nobody_at_all(
    team: Team, aisha: User, ben: User
) -> None:
    routing.profile(ben, capacity=0)
    pool = routing.pool(team, {ben: 1})
    last = routing.rule(pool, position=9)
    (item,) = routing.arriving(team, country="Germany")
    segment = Segment.objects.get(key="dach")
    routing.rule(other_pool(aisha), segment=segment, position=1)
    assert refresh_assignments(now=LATER) == 1
    assert again(item).assignee == aisha
    newest = routing.newest(item.lead_id)
    assert (newest.freed_by, newest.rule == last) == ("rules", False)
    assert "now the rules changed" in told(newest)


@pytest.mark.django_db
def test_the_lead_itself_may_change(team: Team, aisha: User, ben: User) -> None:
    routing.profile(ben, capacity=0)
    routing.rule(other_pool(aisha), SAP, position=1)
    routing.rule(routing.pool(team, {ben: 1}), position=2)
    (item,) = routing.arriving(team)
    Lead.objects.filter(pk=item.lead_id).update(topic="SAP")
    assert refresh_assignments(now=LATER) == 1
    assert again(item).assignee == aisha


@pytest.mark.django_db
def test_a_team_nobody_works_is_looked_at_too(team: Team, aisha: User) -> None:
    empty = factories.TeamFactory(name="Empty")
    rule = routing.rule(empty)
    (item,) = routing.arriving(team)
    assert item.hold_reason == "Nobody in the team can work it"
    rule.team = team
    rule.save()
    sweeps.run_all(now=SOON)
    assert (again(item).team, again(item).hold_reason) == (team, "")
    newest = routing.newest(item.lead_id)
    assert (newest.held_since, newest.freed_by) == (NOW, "rules")


@pytest.mark.django_db
def test_the_best_ones_never_hide_the_others(
    team: Team, aisha: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    routing.profile(ben, capacity=0)
    routing.rule(routing.pool(team, {ben: 1}))
    items = [routing.arriving(team, tenths=900 - n)[0] for n in range(7)]
    Lead.objects.filter(pk=items[-1].lead_id).update(topic="SAP")
    routing.rule(other_pool(aisha), SAP, position=0)
    monkeypatch.setattr(routed, "LOOK", 2)
    passes = [LATER + n * dt.timedelta(seconds=5) for n in range(4)]
    assert sum(refresh_assignments(now=at) for at in passes) == 1
    assert again(items[-1]).assignee == aisha


@pytest.mark.django_db
@pytest.mark.parametrize("every", [0, 5, 10, 15, 20])
def test_nobody_is_forgotten_however_often_a_pass_comes(
    team: Team, aisha: User, ben: User, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """A turn told by the clock met the same stretch again and again when passes took as long as all
    turns together."""
    routing.profile(ben, capacity=0)
    routing.rule(routing.pool(team, {ben: 1}))
    items = [routing.arriving(team, tenths=900 - n)[0] for n in range(7)]
    odd = [items[2].lead_id, items[5].lead_id]
    Lead.objects.filter(pk__in=odd).update(topic="SAP")
    routing.rule(other_pool(aisha), SAP, position=0)
    monkeypatch.setattr(routed, "LOOK", 2)
    passes = [LATER + n * dt.timedelta(seconds=every) for n in range(4)]
    assert sum(refresh_assignments(now=at) for at in passes) == 2
    assert {again(item).assignee for item in (items[2], items[5])} == {aisha}


def test_what_is_kept_stops_nothing_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a pass full of leads kept for the next shift, those behind them went nowhere."""
    monkeypatch.setattr(routed, "PASS", 2)
    together = routed._together
    assert together([1, 2, 3, 4, 5, 6], going={4, 5, 6}, kept={1, 2, 3}) == [1, 2, 3, 4, 5]
    assert together([1, 2, 3], going={1}, kept={2, 3}) == [1]
    assert together([1, 2, 3], going=set(), kept={1, 2}) == []


@pytest.mark.django_db
def test_more_than_a_pass_moves_go_on_best_first_in_the_next_one(
    team: Team, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    routing.profile(ben, capacity=0)
    routing.rule(routing.pool(team, {ben: 1}))
    items = [routing.arriving(team, tenths=900 - n)[0] for n in range(5)]
    routing.profile(ben, capacity=4)
    monkeypatch.setattr(routed, "PASS", 3)
    assert refresh_assignments(now=LATER) == 3
    assert [again(item).assignee for item in items] == [ben, ben, ben, None, None]
    assert refresh_assignments(now=SOON) == 1
    assert [again(item).assignee for item in items] == [ben, ben, ben, ben, None]


@pytest.mark.django_db
def test_who_gave_it_back_does_not_get_it_from_the_sweep_either(
    team: Team, aisha: User, ben: User
) -> None:
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    (item,) = routing.arriving(team)
    for person in (aisha, ben):
        claimed = claim_item(item=again(item), by=person, now=NOW)
        release_item(item=claimed, by=person, now=NOW)
    assert again(item).assignee is None
    assert refresh_assignments(now=LATER) == 0
    assert routing.why_not(item.lead_id) == {"Aisha": "gave_back", "Ben": "gave_back"}
    chen = factories.person("sdr", team, first_name="Chen")
    PoolMember.objects.create(pool=RoutingPool.objects.get(), person=chen)
    assert refresh_assignments(now=LATER) == 1
    assert again(item).assignee == chen


@pytest.mark.django_db
def test_nothing_is_written_for_a_look_in_vain(
    team: Team, ben: User, django_assert_max_num_queries: Callable[..., object]
) -> None:
    routing.profile(ben, capacity=0)
    routing.rule(routing.pool(team, {ben: 1}))
    for held in (1, 20):
        routing.arriving(team, held)
        with django_assert_max_num_queries(26):  # type: ignore[attr-defined]
            assert refresh_assignments(now=LATER) == 0


def held_for_three(team: Team, count: int) -> tuple[list[User], RoutingPool]:
    """Leads held while nobody has room; then everybody has."""
    people = rows.sdrs(3, team)
    for person in people:
        routing.profile(person, capacity=0)
    pool = routing.pool(team, dict.fromkeys(people, 1))
    routing.rule(pool)
    routing.arriving(team, count)
    for person in people:
        routing.profile(person, capacity=10)
    return people, pool


@pytest.mark.django_db(transaction=True)
def test_sweepers_and_somebody_who_edits_the_rules_give_each_lead_out_once(team: Team) -> None:
    people, pool = held_for_three(team, 12)
    alone = factories.person("sdr", team)
    narrow = routing.pool(team, {alone: 1}, name="Narrow")

    def edit() -> None:
        RoutingRule.objects.update(pool=narrow)

    results = rows.in_threads([lambda: refresh_assignments(now=LATER)] * 4 + [edit])
    refresh_assignments(now=SOON)  # what another sweeper had in hand
    assert not [result for result in results if isinstance(result, Exception)]
    assert Assignment.objects.filter(how="turn").count() == 12
    got = {p: ReviewItem.objects.filter(assignee=p).count() for p in [*people, alone]}
    assert sum(got.values()) == 12
    shared = [got[person] for person in people]
    assert max(shared) - min(shared) <= 1
    for item in ReviewItem.objects.all():
        newest = routing.newest(item.lead_id)
        assert newest.person_id == item.assignee_id
        assert newest.pool == (narrow if item.assignee == alone else pool)
        assert newest.held_since == NOW


@pytest.mark.django_db(transaction=True)
def test_control_without_the_locks_a_held_lead_is_given_out_twice(team: Team) -> None:
    held_for_three(team, 1)
    found = threading.Barrier(3)

    def naive() -> None:
        items = dict(ReviewItem.objects.waiting().filter(assignee=None).values_list("lead", "pk"))
        found.wait(timeout=30)
        with transaction.atomic():
            placed = place_leads(list(items), now=LATER)
            write_placements(placed, item_ids=list(items.values()), now=LATER)

    rows.in_threads([naive] * 3)
    assert Assignment.objects.filter(how="turn").count() == 3
