"""What routing chose, in the queue: who may take it, release, hand over, sweep, undo."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Lead, Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import NotTheirTurn
from qualification.models import Assignment, Leave, ReviewItem, RoutingRule
from qualification.review.claims import (
    claim_item,
    expire_leases,
    reassign_item,
    release_item,
)
from qualification.review.next_lead import claim_next
from qualification.review.routed import refresh_assignments
from qualification.review.touches import log_touch
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing

NOW = routing.NOW
LATER = NOW + rows.minutes(5)


def again(item: ReviewItem) -> ReviewItem:
    return ReviewItem.objects.get(pk=item.pk)


@pytest.mark.django_db
def test_next_lead_is_the_best_of_ones_own_and_the_teams(
    team: Team, aisha: User, ben: User
) -> None:
    anybodys = rows.waiting_item(600, team=team)
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    best_of_aisha = routing.arriving(team, tenths=900)[0]
    of_ben = routing.arriving(team, tenths=800)[0]
    assert (best_of_aisha.assignee, of_ben.assignee) == (aisha, ben)
    assert claim_next(by=aisha, now=NOW) == best_of_aisha
    assert claim_next(by=aisha, now=NOW) == anybodys
    assert claim_next(by=aisha, now=NOW) is None
    assert claim_next(by=ben, now=NOW) == of_ben


@pytest.mark.django_db
def test_a_colleague_may_not_take_it_a_manager_may(
    team: Team, aisha: User, ben: User, people: dict[str, User]
) -> None:
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team)
    with pytest.raises(NotTheirTurn, match="for Aisha"):
        claim_item(item=item, by=ben, now=NOW)
    assert claim_item(item=item, by=people["manager"], now=NOW).assignee == people["manager"]


@pytest.mark.django_db
def test_a_held_lead_is_refused_with_its_reason_and_a_manager_gives_it_to_somebody(
    team: Team, aisha: User, ben: User, people: dict[str, User]
) -> None:
    routing.profile(aisha, capacity=0)
    routing.rule(routing.pool(team, {aisha: 1}, name="Seniors"))
    (item,) = routing.arriving(team)
    with pytest.raises(NotTheirTurn, match="Nobody of “Seniors”"):
        claim_item(item=item, by=ben, now=NOW)
    moved = reassign_item(item=item, to=ben, by=people["manager"], now=NOW)
    assert (moved.holder, moved.assignee, moved.hold_reason) == (ben, ben, "")


@pytest.mark.django_db
def test_a_lease_that_ends_leaves_it_with_its_person(team: Team, aisha: User, ben: User) -> None:
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    (item,) = routing.arriving(team)
    claim_item(item=item, by=aisha, now=NOW)
    assert expire_leases(now=NOW + rows.minutes(30)) == 1
    assert (again(item).state, again(item).assignee) == ("waiting", aisha)
    assert claim_next(by=ben, now=LATER) is None


@pytest.mark.django_db
def test_released_it_goes_to_the_next_one_and_never_back(
    team: Team, aisha: User, ben: User
) -> None:
    routing.rule(routing.pool(team, {aisha: 5, ben: 1}))
    (item,) = routing.arriving(team)
    item = claim_item(item=item, by=aisha, now=NOW)
    released = release_item(item=item, by=aisha, now=LATER)
    assert (released.state, released.assignee, released.due_at) == ("waiting", ben, item.due_at)
    assert routing.why_not(item.lead_id) == {"Aisha": "gave_back", "Ben": ""}
    assert rows.verbs(item)[-2:] == ["item:released", "item:assigned"]


@pytest.mark.django_db
def test_released_with_nobody_else_there_it_is_held(team: Team, aisha: User) -> None:
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team)
    item = claim_item(item=item, by=aisha, now=NOW)
    released = release_item(item=item, by=aisha, now=LATER)
    assert (released.assignee, bool(released.hold_reason)) == (None, True)


@pytest.mark.django_db
def test_a_lead_of_the_team_that_is_released_is_the_teams_again(
    team: Team, aisha: User, ben: User
) -> None:
    item = claim_item(item=rows.waiting_item(team=team), by=aisha, now=NOW)
    routing.rule(routing.pool(team, {ben: 1}))
    assert release_item(item=item, by=aisha, now=LATER).assignee is None
    assert not Assignment.objects.exists()


@pytest.mark.django_db
def test_the_sweep_gives_held_leads_out_when_somebody_is_back(
    team: Team, aisha: User, ben: User
) -> None:
    leaves = [
        Leave.objects.create(
            profile=routing.profile(person), starts_on=NOW.date(), ends_on=NOW.date()
        )
        for person in (aisha, ben)
    ]
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    items = routing.arriving(team, 4)
    assert routing.assigned(items) == {"–": 4}
    assert refresh_assignments(now=LATER) == 0
    assert Assignment.objects.count() == 4  # another look in vain is no decision
    leaves[0].delete()
    rows.sweep_queue(now=LATER)
    after = [again(item) for item in items]
    assert routing.assigned(after) == {"Aisha": 4}
    assert [item.hold_reason for item in after] == [""] * 4
    assert refresh_assignments(now=LATER) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["leave", "inactive", "team"])
def test_the_sweep_takes_leads_from_those_who_are_gone(
    team: Team, aisha: User, ben: User, why: str
) -> None:
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    items = routing.arriving(team, 4)
    claimed = claim_item(item=items[0], by=aisha, now=NOW)
    log_touch(item=claimed, by=aisha, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    if why == "leave":
        Leave.objects.create(
            profile=routing.profile(aisha), starts_on=NOW.date(), ends_on=NOW.date()
        )
    elif why == "inactive":
        User.objects.filter(pk=aisha.pk).update(is_active=False)
    else:
        User.objects.filter(pk=aisha.pk).update(team=Team.objects.get(is_fallback=True))
    assert refresh_assignments(now=LATER) == 1
    assert routing.assigned([again(item) for item in items[1:]]) == {"Ben": 3}
    assert again(items[0]).holder == aisha  # what they own is for the manager to hand over


@pytest.mark.django_db
def test_the_end_of_a_shift_or_a_full_desk_takes_nothing_away(team: Team, aisha: User) -> None:
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team)
    routing.profile(aisha, capacity=0, works_from=dt.time(9), works_to=dt.time(10))
    assert refresh_assignments(now=NOW + dt.timedelta(hours=8)) == 0
    assert again(item).assignee == aisha


@pytest.mark.django_db
def test_without_rules_what_is_held_is_the_teams_again(team: Team, aisha: User, ben: User) -> None:
    routing.profile(aisha, capacity=0)
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team)
    RoutingRule.objects.update(is_active=False)
    assert refresh_assignments(now=LATER) == 1
    assert (again(item).pool, again(item).hold_reason) == (None, "")
    assert claim_next(by=ben, now=LATER) == item


@pytest.mark.django_db
def test_a_rule_that_changed_moves_held_leads_with_their_team(
    team: Team, aisha: User, people: dict[str, User]
) -> None:
    routing.profile(aisha, capacity=0)
    pool = routing.pool(team, {aisha: 1})
    rule = routing.rule(pool)
    (item,) = routing.arriving(team)
    inbox = Team.objects.get(is_fallback=True)
    rule.pool, rule.team = None, inbox
    rule.save()
    routing.profile(aisha, capacity=5)
    assert refresh_assignments(now=LATER) == 1
    found = again(item)
    assert (found.team, found.pool, found.hold_reason) == (inbox, None, "")
    assert Lead.objects.get(pk=item.lead_id).team == inbox


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_give_each_held_lead_out_once(
    team: Team,
) -> None:
    people = rows.sdrs(3, team)
    for person in people:
        routing.profile(person, capacity=0)
    routing.rule(routing.pool(team, dict.fromkeys(people, 1)))
    routing.arriving(team, 12)
    for person in people:
        routing.profile(person, capacity=4)
    results = rows.in_threads([lambda: refresh_assignments(now=LATER) for _ in range(4)])
    refresh_assignments(now=LATER)  # those that another sweeper had in hand
    assert not [result for result in results if isinstance(result, Exception)]
    assert Assignment.objects.filter(how="turn").count() == 12
    assert [ReviewItem.objects.filter(assignee=p).count() for p in people] == [4, 4, 4]
