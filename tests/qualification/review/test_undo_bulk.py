"""Undo of a bulk verb: every lead in the hands it was in, but for those somebody touched since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.forms.models import model_to_dict

from crm.models import Lead, Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import UndoExpired
from qualification.invariants import violations
from qualification.models import (
    BulkStep,
    Cadence,
    CadenceRun,
    Notice,
    ReviewItem,
    RoutingPool,
    SLATimer,
)
from qualification.review import bulk, bulk_undo
from qualification.review.bulk import Outcome
from qualification.review.cadences import start_cadence
from qualification.review.claims import claim_item, release_item
from qualification.review.decisions import reject_lead
from qualification.review.tasks import tell_due
from qualification.review.touches import log_touch
from qualification.routing.assign import balances_of
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.decision_support import answer, reason

NOW = rows.NOW
LATER = NOW + rows.minutes(5)
SOON = LATER + dt.timedelta(seconds=20)


def chosen(*items: ReviewItem) -> dict[int, int | None]:
    return {item.lead_id: ReviewItem.objects.get(pk=item.pk).token for item in items}


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person("sdr", team, first_name="Aisha")


def assign(*items: ReviewItem, to: User, by: User) -> UUID:
    key = uuid4()
    bulk.assign_leads(chosen(*items), to=to, by=by, key=key, now=LATER)
    return key


def release(*items: ReviewItem, by: User) -> UUID:
    key = uuid4()
    bulk.release_leads(chosen(*items), by=by, note="shift over", key=key, now=LATER)
    return key


def undo(key: UUID, by: User, now: dt.datetime = SOON) -> list[Outcome]:
    return bulk_undo.undo_bulk(steps=bulk_undo.steps_of(key, by=by), by=by, now=now)


def hands(item: ReviewItem) -> dict[str, Any]:
    """Everything of an item but its token."""
    return model_to_dict(ReviewItem.objects.get(pk=item.pk), exclude=["token"])


def clocks(item: ReviewItem) -> list[tuple[Any, ...]]:
    timers = SLATimer.objects.filter(item=item).order_by("pk")
    return list(timers.values_list("kind", "state", "due_at", "stopped_at"))


def owned(by: User) -> ReviewItem:
    item = claim_item(item=rows.waiting_item(), by=by, now=NOW)
    log_touch(
        item=item,
        by=by,
        kind=TouchKind.CALL,
        result=TouchResult.NO_ANSWER,
        next_task_at=NOW + rows.minutes(90),
        next_task="Call again",
        now=NOW,
    )
    return item


@pytest.mark.django_db
def test_an_assignment_goes_back_to_queue_holder_and_owner(
    people: dict[str, User], aisha: User
) -> None:
    waits = rows.waiting_item()
    claimed = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    own = owned(people["sdr"])
    items = [waits, claimed, own]
    before = [(hands(item), clocks(item)) for item in items]
    key = assign(*items, to=aisha, by=people["manager"])
    assert ReviewItem.objects.held_by(aisha).count() == 3
    assert Notice.objects.filter(person=aisha, kind="lead_assigned").count() == 3
    assert [one.refusal for one in undo(key, people["manager"])] == ["", "", ""]
    assert [(hands(item), clocks(item)) for item in items] == before
    stages = [Lead.objects.get(pk=item.lead_id).stage for item in items]
    assert stages == ["mql", "working", "working"]
    assert not Notice.objects.filter(person=aisha).exists()
    event = waits.events.order_by("pk").last()
    assert (event.verb, event.by, event.note) == ("item:undone", people["manager"], "Assigned")
    assert violations(now=SOON) == []


@pytest.mark.django_db
def test_a_release_goes_back_with_task_and_steps(people: dict[str, User], aisha: User) -> None:
    own, claimed = owned(aisha), claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    run = _cadence(own, aisha)
    before = [(hands(item), clocks(item)) for item in (own, claimed)]
    key = release(own, claimed, by=people["manager"])
    assert ReviewItem.objects.waiting().count() == 2
    run.refresh_from_db()
    assert run.ended_at == LATER
    assert [one.refusal for one in undo(key, people["manager"])] == ["", ""]
    assert [(hands(item), clocks(item)) for item in (own, claimed)] == before
    run.refresh_from_db()
    assert (run.ended_at, run.end) == (None, "")
    tell_due(now=SOON)
    assert violations(now=SOON) == []


def _cadence(item: ReviewItem, by: User) -> CadenceRun:
    cadence = Cadence.objects.filter(is_active=True).first()
    return start_cadence(lead=item.lead, cadence=cadence, by=by, now=NOW)


@pytest.mark.django_db
def test_a_claim_of_a_lead_that_routing_gave_is_theirs_to_take_again(
    people: dict[str, User], team: Team, aisha: User
) -> None:
    """It does not go to the next in turn, as what one gives back does."""
    routing.rule(routing.pool(team, {aisha: 1, people["sdr"]: 1}))
    items = routing.arriving(team, 2)
    mine = next(item for item in items if item.assignee == aisha)
    before, balances = hands(mine), RoutingPool.objects.get().balances
    key = uuid4()
    bulk.claim_leads(chosen(mine), by=aisha, key=key, now=LATER)
    assert [one.refusal for one in undo(key, aisha)] == [""]
    assert hands(mine) == before
    assert RoutingPool.objects.get().balances == balances


@pytest.mark.django_db
def test_the_next_in_turn_who_got_it_did_not_have_a_turn(
    people: dict[str, User], team: Team, aisha: User
) -> None:
    third = factories.person("sdr", team)
    routing.rule(routing.pool(team, {aisha: 1, people["sdr"]: 1, third: 1}))
    (item,) = routing.arriving(team)
    assert item.assignee == aisha
    claim_item(item=item, by=aisha, now=NOW)
    before, balances = hands(item), balances_of(RoutingPool.objects.get())
    key = release(item, by=people["manager"])
    item.refresh_from_db()
    assert item.assignee == people["sdr"]
    assert balances_of(RoutingPool.objects.get()) != balances
    assert Notice.objects.filter(person=people["sdr"], lead=item.lead_id).exists()
    assert [one.refusal for one in undo(key, people["manager"])] == [""]
    assert hands(item) == before
    assert balances_of(RoutingPool.objects.get()) == balances
    assert not Notice.objects.filter(person=people["sdr"]).exists()
    # What Aisha then rejects as junk is still given back to her.
    item.refresh_from_db()
    reject_lead(item=item, token=item.token, by=aisha, reason=reason("fake_contact"), now=SOON)
    assert set(balances_of(RoutingPool.objects.get()).values()) == {0}
    assert violations(now=SOON) == []


@pytest.mark.django_db
def test_what_was_held_is_held_again_for_the_same_reason(
    people: dict[str, User], team: Team, aisha: User
) -> None:
    routing.profile(aisha, capacity=0)
    routing.rule(routing.pool(team, {aisha: 1}))
    (item,) = routing.arriving(team)
    assert item.hold_reason
    before = hands(item)
    key = assign(item, to=people["sdr"], by=people["manager"])
    assert [one.refusal for one in undo(key, people["manager"])] == [""]
    assert hands(item) == before


def _claims(item: ReviewItem, by: User) -> None:
    claim_item(item=item, by=by, now=SOON)


def _touches(item: ReviewItem, by: User) -> None:
    fresh = ReviewItem.objects.get(pk=item.pk)
    log_touch(item=fresh, by=by, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=SOON)


def _answers(item: ReviewItem, by: User) -> None:
    answer(item.lead, "goals", by, value="Growth", now=SOON)


def _gives_back(item: ReviewItem, by: User) -> None:
    release_item(item=ReviewItem.objects.get(pk=item.pk), by=by, now=SOON)


def _rejects(item: ReviewItem, by: User) -> None:
    fresh = ReviewItem.objects.get(pk=item.pk)
    reject_lead(item=fresh, token=fresh.token, by=by, reason=reason("too_small"), now=SOON)


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        (_touches, "Aisha worked on this lead at"),
        (_answers, "Aisha worked on this lead at"),
        (_gives_back, "went through other hands"),
        (_rejects, "Aisha rejected this lead at"),
    ],
)
@pytest.mark.django_db
def test_what_somebody_touched_since_stays_and_is_told(
    people: dict[str, User], aisha: User, touch: Callable[[ReviewItem, User], None], said: str
) -> None:
    first, second = rows.waiting_item(900), rows.waiting_item(500)
    key = assign(first, second, to=aisha, by=people["manager"])
    touch(first, aisha)
    after = hands(first)
    told = {one.lead.pk: one.refusal for one in undo(key, people["manager"], SOON)}
    assert said in told[first.lead_id]
    assert told[second.lead_id] == ""
    assert hands(first) == after
    assert violations(now=SOON) == []


@pytest.mark.django_db
def test_who_claimed_what_was_released_is_named(people: dict[str, User], aisha: User) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    key = release(item, by=people["manager"])
    _claims(item, aisha)
    (outcome,) = undo(key, people["manager"])
    assert outcome.taken_by == aisha
    assert "Aisha claimed this lead" in outcome.refusal


@pytest.mark.django_db
def test_a_holder_who_took_others_meanwhile_does_not_go_over_the_limit(
    people: dict[str, User], aisha: User
) -> None:
    item = claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    key = release(item, by=people["manager"])
    for _ in range(5):
        claim_item(item=rows.waiting_item(), by=aisha, now=SOON)
    (outcome,) = undo(key, people["manager"])
    assert "Aisha holds 5 of 5 claims" in outcome.refusal


@pytest.mark.django_db
def test_only_once_only_in_time_and_only_by_whoever_did_it(
    people: dict[str, User], aisha: User
) -> None:
    manager = people["manager"]
    item = rows.waiting_item()
    key = assign(item, to=aisha, by=manager)
    steps = bulk_undo.steps_of(key, by=manager)
    assert not bulk_undo.steps_of(key, by=people["admin"])
    with pytest.raises(UndoExpired, match="Only"):
        bulk_undo.undo_bulk(steps=steps, by=people["admin"], now=SOON)
    for other in (people["sdr"], people["ae"], people["marketing"]):
        with pytest.raises(PermissionDenied):
            bulk_undo.undo_bulk(steps=steps, by=other, now=SOON)
    with pytest.raises(UndoExpired, match="30 seconds"):
        undo(key, manager, LATER + dt.timedelta(seconds=30))
    assert [one.refusal for one in undo(key, manager)] == [""]
    assert "taken back already" in undo(key, manager)[0].refusal


@pytest.mark.django_db
def test_what_was_theirs_already_is_no_step(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    bulk.claim_leads(chosen(item), by=people["sdr"], key=uuid4(), now=LATER)
    assert not BulkStep.objects.exists()


@pytest.mark.django_db
def test_a_refused_lead_leaves_no_step(people: dict[str, User], aisha: User) -> None:
    item = rows.waiting_item()
    seen = chosen(item)
    claim_item(item=item, by=people["sdr"], now=NOW)
    key = uuid4()
    bulk.assign_leads(seen, to=aisha, by=people["manager"], key=key, now=LATER)
    assert not BulkStep.objects.filter(key=key).exists()


@pytest.mark.parametrize(
    "change", [{"state": "closed"}, {"token": 9}, {"undone_at": None}, {"next_task": "Other"}]
)
@pytest.mark.django_db
def test_postgres_keeps_what_a_step_says(
    people: dict[str, User], aisha: User, change: dict[str, Any]
) -> None:
    key = assign(rows.waiting_item(), to=aisha, by=people["manager"])
    undo(key, people["manager"])
    with pytest.raises(DatabaseError), transaction.atomic():
        BulkStep.objects.filter(key=key).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        BulkStep.objects.filter(key=key).delete()


def _two_undo(people: dict[str, User], aisha: User) -> list[list[str]]:
    """The same button pressed twice at the same moment."""
    items = [rows.waiting_item() for _ in range(4)]
    key = assign(*items, to=aisha, by=people["manager"])
    found = rows.in_threads([lambda: undo(key, people["manager"]) for _ in range(2)])
    assert all(isinstance(each, list) for each in found), found
    return [[one.refusal for one in each] for each in found]


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once_each_lead_goes_back_once(
    people: dict[str, User], aisha: User
) -> None:
    for _ in range(3):
        both = _two_undo(people, aisha)
        for refusals in zip(*both, strict=True):
            assert sorted(map(bool, refusals)) == [False, True], both
        undone = [rows.verbs(item).count("item:undone") for item in ReviewItem.objects.all()]
        assert set(undone) == {1}
        assert violations(now=SOON) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_undo_first", [True, False])
def test_an_undo_and_a_touch_of_who_got_it(
    people: dict[str, User], aisha: User, is_undo_first: bool
) -> None:
    item = rows.waiting_item()
    key = assign(item, to=aisha, by=people["manager"])
    calls = [lambda: undo(key, people["manager"]), lambda: _touches(item, aisha)]
    first, second = rows.in_turn(*(calls if is_undo_first else reversed(calls)))
    item.refresh_from_db()
    if is_undo_first:
        assert [one.refusal for one in first] == [""]
        assert "Nobody holds this lead" in str(second)
        assert item.state == "waiting"
    else:
        assert "Aisha worked on this lead" in second[0].refusal
        assert (item.state, item.holder) == ("owned", aisha)
    assert violations(now=SOON) == []


@pytest.mark.django_db(transaction=True)
def test_control_without_the_look_under_the_lock_work_is_lost(
    people: dict[str, User], aisha: User
) -> None:
    """The control: what somebody did since is found after the lock, or it is taken from them."""
    item = rows.waiting_item()
    key = assign(item, to=aisha, by=people["manager"])
    with mock.patch.object(bulk_undo, "_refuse_touched"):
        rows.in_turn(lambda: _touches(item, aisha), lambda: undo(key, people["manager"]))
    item.refresh_from_db()
    assert (item.state, rows.live_timers(item)) == ("waiting", ["decision"])
