"""Undo of a touch: in time, once, one's own; nothing counts it any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction

from crm.models import Activity, User
from crm.roles import Role
from qualification.choices import ItemState
from qualification.exceptions import AlreadyDecided, NotHolder, UndoExpired
from qualification.handoff.packet import build_packet
from qualification.invariants import violations
from qualification.models import (
    ContactHour,
    Framework,
    ReviewItem,
    SLATimer,
    Touch,
    TouchUndo,
)
from qualification.review import touch_undo
from qualification.review.bulk import claim_leads
from qualification.review.bulk_undo import steps_of, undo_bulk
from qualification.review.cadences import start_cadence, stop_cadence
from qualification.review.checklists import checklist_of
from qualification.review.claims import reassign_item, release_item
from qualification.review.contact_hours import count_calls
from qualification.review.decisions import attempts_on, reject_lead
from qualification.review.frozen import freeze
from qualification.review.merge import merge_lead
from qualification.review.nurture import take_back
from qualification.review.pauses import pause_clock
from qualification.review.touch_undo import undo_touch
from qualification.review.touches import log_nurture_touch, snooze_item
from qualification.review.waking import look_again
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import MINUTE, NOW, held_item, nurtured, reason
from tests.qualification.personal import canary
from tests.qualification.touch_support import (
    AT,
    CALL,
    DAY,
    IN_TIME,
    SECOND,
    SPOKE,
    logged,
    picture,
    shipped,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def claimed(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"])


@pytest.fixture
def owned(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED)


def test_a_claim_is_a_claim_again_under_its_old_clock(
    people: dict[str, User], claimed: ReviewItem
) -> None:
    due_at = claimed.due_at
    touch = logged(claimed, people["sdr"], next_task="Call again", next_task_at=AT + DAY)

    undo = undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)

    claimed.refresh_from_db()
    assert (undo.touch, undo.by, undo.at) == (touch, people["sdr"], IN_TIME)
    assert (claimed.state, claimed.holder) == (ItemState.CLAIMED, people["sdr"])
    assert (claimed.lease_until, claimed.owned_at) == (IN_TIME + 30 * MINUTE, None)
    assert (claimed.next_task, claimed.next_task_at, claimed.due_at) == ("", None, due_at)
    assert claimed.lead.stage == "working"
    first, decision = SLATimer.objects.filter(item=claimed).order_by("pk")
    assert (first.state, first.due_at, first.stopped_at) == ("running", due_at, None)
    assert (decision.kind, decision.state) == ("decision", "cancelled")
    assert rows.verbs(claimed)[-3:] == ["item:touched", "item:owned", "item:untouched"]
    assert violations(now=IN_TIME) == []


def test_it_is_answered_by_the_next_touch(people: dict[str, User], claimed: ReviewItem) -> None:
    undo_touch(touch=logged(claimed, people["sdr"]), by=people["sdr"], now=IN_TIME)
    again = IN_TIME + MINUTE
    logged(claimed, people["sdr"], now=again)
    claimed.refresh_from_db()
    first = SLATimer.objects.get(item=claimed, kind="first_response")
    assert (claimed.state, claimed.owned_at, first.stopped_at) == ("owned", again, again)
    assert rows.live_timers(claimed) == ["decision"]
    assert violations(now=again) == []


# --- what counts ----------------------------------------------------------------------------------


def test_nobody_counts_it_any_more(people: dict[str, User], claimed: ReviewItem) -> None:
    sdr = people["sdr"]
    item = ReviewItem.objects.get(pk=claimed.pk)
    type(item.lead).objects.filter(pk=item.lead_id).update(country="Germany")
    undo_touch(touch=logged(claimed, sdr, **SPOKE), by=sdr, now=IN_TIME)
    logged(claimed, sdr, now=IN_TIME + MINUTE)
    later = IN_TIME + 2 * MINUTE
    item = ReviewItem.objects.get(pk=claimed.pk)
    assert list(Touch.objects.values_list("result", flat=True)) == ["voicemail", "spoke"]
    assert attempts_on(item.lead) == 1
    assert freeze(item=item, by=sdr, now=later).facts["clock"]["touches"] == 1
    assert [each["words"] for each in packet_of(item, later)["touches"]] == ["Call, Voicemail"]
    assert count_calls(now=later) == 1
    assert ContactHour.objects.exclude(answered=0).count() == 0
    events = item.events.standing()
    assert list(events.order_by("pk").values_list("verb", flat=True))[-2:] == [
        "item:touched",
        "item:owned",
    ]
    assert events.filter(verb="item:touched").count() == 1


def packet_of(item: ReviewItem, now: dt.datetime) -> dict[str, Any]:
    checklist = checklist_of(item.lead, Framework.objects.get(key="bant"), now=now)
    return build_packet(lead=item.lead, checklist=checklist, ledger=None, now=now)


def test_a_claim_of_many_can_be_taken_back_after_it(people: dict[str, User]) -> None:
    sdr, item = people["sdr"], rows.waiting_item()
    key = uuid4()
    claim_leads({item.lead_id: item.token}, by=sdr, key=key, now=NOW)
    touch = logged(ReviewItem.objects.get(pk=item.pk), sdr, now=NOW + SECOND)
    undo_touch(touch=touch, by=sdr, now=NOW + 2 * SECOND)
    (outcome,) = undo_bulk(steps=steps_of(key, by=sdr), by=sdr, now=NOW + 3 * SECOND)
    assert outcome.refusal == ""
    item.refresh_from_db()
    assert (item.state, rows.live_timers(item)) == ("waiting", ["first_response"])


# --- what it refuses ------------------------------------------------------------------------------


def test_it_refuses_after_the_time(people: dict[str, User], claimed: ReviewItem) -> None:
    touch = logged(claimed, people["sdr"])
    with pytest.raises(UndoExpired, match="30 seconds"):
        undo_touch(touch=touch, by=people["sdr"], now=AT + 30 * SECOND)
    assert undo_touch(touch=touch, by=people["sdr"], now=AT + 29 * SECOND)


def test_it_refuses_somebody_else(people: dict[str, User], claimed: ReviewItem) -> None:
    with pytest.raises(UndoExpired, match="Only Maya"):
        undo_touch(touch=logged(claimed, people["sdr"]), by=people["manager"], now=IN_TIME)


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], claimed: ReviewItem, role: str) -> None:
    with pytest.raises(PermissionDenied):
        undo_touch(touch=logged(claimed, people["sdr"]), by=people[role], now=IN_TIME)


def test_it_refuses_twice(people: dict[str, User], claimed: ReviewItem) -> None:
    touch = logged(claimed, people["sdr"])
    undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)
    with pytest.raises(UndoExpired, match="taken back already"):
        undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)


def test_the_last_one_goes_first(people: dict[str, User], claimed: ReviewItem) -> None:
    sdr = people["sdr"]
    first, second = logged(claimed, sdr), logged(claimed, sdr, now=AT + SECOND)
    with pytest.raises(UndoExpired, match="You logged another touch at"):
        undo_touch(touch=first, by=sdr, now=IN_TIME)
    undo_touch(touch=second, by=sdr, now=IN_TIME)
    undo_touch(touch=first, by=sdr, now=IN_TIME)
    claimed.refresh_from_db()
    assert claimed.state == ItemState.CLAIMED


Meanwhile = Callable[[ReviewItem, dict[str, User]], Any]


def _rejected(item: ReviewItem, people: dict[str, User]) -> Any:
    by = people["sdr"]
    item.refresh_from_db()
    why = reason("too_small")
    return reject_lead(item=item, token=item.token, by=by, reason=why, now=AT + SECOND)


def _released(item: ReviewItem, people: dict[str, User]) -> Any:
    return release_item(item=item, by=people["sdr"], now=AT + SECOND)


def _reassigned(item: ReviewItem, people: dict[str, User]) -> Any:
    other = factories.person("sdr", item.team, first_name="Aisha")
    return reassign_item(item=item, to=other, by=people["manager"], now=AT + SECOND)


def _there_and_back(item: ReviewItem, people: dict[str, User]) -> Any:
    _reassigned(item, people)
    item.refresh_from_db()
    by, to = people["manager"], people["sdr"]
    return reassign_item(item=item, to=to, by=by, now=AT + 2 * SECOND)


def _put_off(item: ReviewItem, people: dict[str, User]) -> Any:
    return snooze_item(item=item, by=people["sdr"], until=AT + DAY, now=AT + SECOND)


def _cadence(item: ReviewItem, people: dict[str, User]) -> Any:
    by = people["sdr"]
    return start_cadence(lead=item.lead, cadence=shipped(), by=by, now=AT + SECOND)


def _stopped_clock(item: ReviewItem, people: dict[str, User]) -> Any:
    by = people["sdr"]
    return pause_clock(item=item, by=by, reason="x", until=AT + DAY, now=AT + SECOND)


MOVED = [
    (_rejected, AlreadyDecided, "You rejected this lead at"),
    (_released, NotHolder, "nobody holds this lead"),
    (_reassigned, NotHolder, "Aisha holds"),
    (_there_and_back, UndoExpired, "moved on since"),
    (_put_off, UndoExpired, "You changed the next task at"),
    (_cadence, UndoExpired, "You changed the next task at"),
    (_stopped_clock, UndoExpired, "You paused the clock or let it go on at"),
]


@pytest.mark.parametrize(("meanwhile", "error", "said"), MOVED)
def test_it_refuses_once_the_lead_moved_on(
    people: dict[str, User],
    claimed: ReviewItem,
    meanwhile: Meanwhile,
    error: type[Exception],
    said: str,
) -> None:
    touch = logged(claimed, people["sdr"])
    meanwhile(claimed, people)
    before = picture(claimed)
    with pytest.raises(error, match=said):
        undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)
    assert picture(claimed) == before
    assert not TouchUndo.objects.exists()


@pytest.mark.parametrize(("is_survivor", "said"), [(True, "moved on"), (False, "merged this lead")])
def test_it_refuses_after_a_merge(
    people: dict[str, User], claimed: ReviewItem, is_survivor: bool, said: str
) -> None:
    touch, other = logged(claimed, people["sdr"]), held_item(people["sdr"], ItemState.OWNED)
    pair = [claimed.lead, other.lead] if is_survivor else [other.lead, claimed.lead]
    both = dict(zip(("survivor", "loser"), pair, strict=True))
    merge_lead(**both, takes=(), by=people["manager"], now=AT + SECOND)
    with pytest.raises(UndoExpired, match=said):
        undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)


def test_it_refuses_after_an_erasure(people: dict[str, User], claimed: ReviewItem) -> None:
    touch = logged(claimed, people["sdr"])
    canary.erased(claimed.lead, people, now=AT + SECOND)
    with pytest.raises(UndoExpired, match="were erased"):
        undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)
    touch.refresh_from_db()
    assert touch.found == {}


def test_it_refuses_once_they_answered(
    people: dict[str, User], owned: ReviewItem, settings: Any
) -> None:
    sdr = people["sdr"]
    start_cadence(lead=owned.lead, cadence=shipped(), by=sdr, now=NOW + 3 * MINUTE)
    touch = logged(owned, sdr)
    Activity.objects.create(
        lead=owned.lead,
        type=settings.ANSWER_ACTIVITIES[0],
        occurred_at=AT + SECOND,
        recorded_at=AT + SECOND,
    )
    look_again([owned.lead_id], now=AT + SECOND)
    with pytest.raises(UndoExpired, match="moved on since"):
        undo_touch(touch=touch, by=sdr, now=IN_TIME)
    owned.refresh_from_db()
    assert owned.next_task == "They answered"


def test_it_refuses_once_the_lead_is_awake(people: dict[str, User]) -> None:
    sdr, decision = people["sdr"], nurtured(people["sdr"])
    touch = log_nurture_touch(plan=decision.plan, by=sdr, **CALL, now=AT)
    take_back(plan=decision.plan, by=sdr, now=AT + SECOND)
    with pytest.raises(UndoExpired, match="no longer asleep"):
        undo_touch(touch=touch, by=sdr, now=IN_TIME)


def test_it_refuses_other_steps_of_a_lead_that_sleeps(people: dict[str, User]) -> None:
    sdr, decision = people["sdr"], nurtured(people["sdr"])
    start_cadence(lead=decision.lead, cadence=shipped(), by=sdr, now=NOW + 6 * MINUTE)
    touch = log_nurture_touch(plan=decision.plan, by=sdr, **CALL, now=AT)
    stop_cadence(lead=decision.lead, by=sdr, now=AT + SECOND)
    with pytest.raises(UndoExpired, match="You changed the next task"):
        undo_touch(touch=touch, by=sdr, now=IN_TIME)


def test_it_is_a_fact_itself(people: dict[str, User], claimed: ReviewItem) -> None:
    undo = undo_touch(touch=logged(claimed, people["sdr"]), by=people["sdr"], now=IN_TIME)
    with pytest.raises(DatabaseError), transaction.atomic():
        TouchUndo.objects.filter(pk=undo.pk).update(at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        undo.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Touch.objects.filter(pk=undo.pk).update(found={})


# --- at the same moment ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_several_at_once_undo_once(people: dict[str, User]) -> None:
    sdr, item = people["sdr"], held_item(people["sdr"])
    touch = logged(item, sdr)
    calls = [lambda: undo_touch(touch=Touch.objects.get(pk=touch.pk), by=sdr, now=IN_TIME)] * 4
    results = rows.in_threads(calls)
    assert sorted(type(result).__name__ for result in results) == [
        "TouchUndo",
        *["UndoExpired"] * 3,
    ]
    assert rows.verbs(item).count("item:untouched") == 1
    assert violations(now=IN_TIME) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_undo_first", [True, False])
@pytest.mark.parametrize("other", [_rejected, _released, _reassigned])
def test_an_undo_and_another_verb(
    people: dict[str, User], other: Meanwhile, is_undo_first: bool
) -> None:
    """Whoever comes second finds the lead as the first left it."""
    sdr, item = people["sdr"], held_item(people["sdr"])
    touch = logged(item, sdr)
    calls = [
        lambda: undo_touch(touch=touch, by=sdr, now=IN_TIME),
        lambda: other(ReviewItem.objects.get(pk=item.pk), people),
    ]
    first, second = rows.in_turn(*(calls if is_undo_first else reversed(calls)))
    assert not isinstance(first, Exception)
    assert isinstance(second, Exception) != is_undo_first, second
    assert TouchUndo.objects.exists() == is_undo_first
    assert violations(now=IN_TIME) == []


@pytest.mark.django_db(transaction=True)
def test_control_without_the_look_under_the_lock_a_lead_is_in_two_states(
    people: dict[str, User],
) -> None:
    """The control: what became of the lead is found after the lock, or the undo writes over it."""
    sdr, item = people["sdr"], held_item(people["sdr"])
    touch = logged(item, sdr)
    with mock.patch.object(touch_undo, "_check_unchanged"):
        rows.in_turn(
            lambda: _reassigned(ReviewItem.objects.get(pk=item.pk), people),
            lambda: undo_touch(touch=touch, by=sdr, now=IN_TIME),
        )
    item.refresh_from_db()
    assert (item.state, item.holder == sdr) == ("claimed", False)
