"""Every verb in every state of a lead, the walls in the database, two deciding at once."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from crm.models import Lead, User
from crm.stages import Stage
from qualification.choices import CloseReason, DecisionKind, ItemState
from qualification.exceptions import AlreadyDecided, NotHolder
from qualification.models import (
    Decision,
    Handoff,
    ItemEvent,
    NurturePlan,
    OutboxMessage,
    ReviewItem,
)
from qualification.review.claims import expire_leases, reassign_item, release_item
from qualification.review.decisions import (
    accept_lead,
    nurture_lead,
    reject_lead,
    undo_decision,
)
from qualification.review.nurture import WakeWish
from qualification.review.queue import close_item
from tests.factories import NOW
from tests.qualification.decision_support import (
    MINUTE,
    accepted,
    answer_required,
    held_item,
    nurtured,
    reason,
    rejected,
    waiting_item,
)
from tests.qualification.queue_support import in_threads

LATER = NOW + 40 * MINUTE
DECIDED = NOW + 5 * MINUTE
VERBS = ("accept", "reject", "nurture")
pytestmark = pytest.mark.django_db

People = dict[str, User]


def decide(
    verb: str, item: ReviewItem, people: People, now: dt.datetime, token: int | None = None
) -> Decision:
    given: dict[str, Any] = {
        "item": item,
        "token": item.token if token is None else token,
        "by": people["sdr"],
        "now": now,
    }
    if verb == "accept":
        return accept_lead(to=people["ae"], **given)
    if verb == "reject":
        return reject_lead(reason=reason("too_small"), **given)
    return nurture_lead(
        wake=WakeWish(on=(NOW + dt.timedelta(days=30)).date()),
        reason=reason("no_project"),
        **given,
    )


def waiting(people: People) -> ReviewItem:
    return waiting_item(people["sdr"].team)


def claimed(people: People) -> ReviewItem:
    item = held_item(people["sdr"])
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=LATER + MINUTE)
    return item


def owned(people: People) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED)


def lapsed(people: People) -> ReviewItem:
    return held_item(people["sdr"])


def expired(people: People) -> ReviewItem:
    item = held_item(people["sdr"])
    expire_leases(now=NOW + 31 * MINUTE)
    return item


def released(people: People) -> ReviewItem:
    item = held_item(people["sdr"])
    release_item(item=item, by=people["sdr"], now=NOW + 3 * MINUTE)
    return item


def reassigned(people: People) -> ReviewItem:
    item = held_item(people["sdr"])
    reassign_item(item=item, to=people["manager"], by=people["manager"], now=NOW + 3 * MINUTE)
    return item


def left_below_the_line(people: People) -> ReviewItem:
    item = waiting_item(people["sdr"].team)
    close_item(item=item, reason=CloseReason.BELOW_LINE, by=None, now=NOW + 3 * MINUTE)
    return item


def undone(people: People) -> ReviewItem:
    decision = rejected(people["sdr"])
    undo_decision(decision=decision, by=people["sdr"], now=DECIDED + MINUTE / 6)
    return decision.item


STAGE_AFTER = {"accept": Stage.SQL, "reject": Stage.DISQUALIFIED, "nurture": Stage.NURTURE}
STARTS: dict[str, tuple[Callable[[People], ReviewItem], type[Exception] | None]] = {
    "waiting": (waiting, NotHolder),
    "claimed": (claimed, None),
    "owned": (owned, None),
    "lapsed": (lapsed, NotHolder),
    "expired": (expired, NotHolder),
    "released": (released, NotHolder),
    "reassigned": (reassigned, NotHolder),
    "accepted": (lambda people: accepted(people).item, AlreadyDecided),
    "rejected": (lambda people: rejected(people["sdr"]).item, AlreadyDecided),
    "nurtured": (lambda people: nurtured(people["sdr"]).item, AlreadyDecided),
    "undone": (undone, AlreadyDecided),
    "below_line": (left_below_the_line, AlreadyDecided),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("verb", VERBS)
def test_the_matrix(people: People, verb: str, start: str) -> None:
    make, refusal = STARTS[start]
    item = make(people)
    if refusal is None:
        answer_required(item.lead, people["sdr"])
        decision = decide(verb, item, people, LATER)
        decision.lead.refresh_from_db()
        assert (decision.kind, decision.lead.stage) == (verb, STAGE_AFTER[verb])
        assert not ReviewItem.objects.open().filter(lead=decision.lead).exists()
        return
    before = state_of(item)
    with pytest.raises(refusal):
        decide(verb, item, people, LATER)
    assert state_of(item) == before


def state_of(item: ReviewItem) -> dict[str, Any]:
    """Everything a decision could have changed."""
    return {
        "lead": Lead.objects.values().get(pk=item.lead_id),
        "items": list(ReviewItem.objects.filter(lead=item.lead_id).values()),
        "decisions": Decision.objects.count(),
        "events": ItemEvent.objects.count(),
        "handoffs": list(Handoff.objects.values("pk", "state")),
        "outbox": list(OutboxMessage.objects.values("pk", "state")),
        "plans": list(NurturePlan.objects.values("pk", "state")),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "reject", "reason": None},
        {"kind": "accept", "reason": None, "ae": None, "override_reason": "Known to us"},
        {"kind": "reversed", "reverses": None},
        {"kind": "overturned", "reverses": None},
        {"kind": "nurture", "with_ae": True},
        {"kind": "reject", "with_ae": True},
    ],
)
def test_the_database_refuses_half_a_decision(people: People, change: dict[str, Any]) -> None:
    decision = rejected(people["sdr"])
    decision.pk = None
    if change.pop("with_ae", False):
        decision.ae = people["ae"]
    for name, value in change.items():
        setattr(decision, name, value)
    with pytest.raises(IntegrityError, match="decision_complete"), transaction.atomic():
        decision.save(force_insert=True)


def at_once(*works: Callable[[], object]) -> list[str]:
    """Runs the calls in threads, all let go together; how each ended."""
    ends = in_threads(works)
    return sorted(type(end).__name__ if isinstance(end, Exception) else "done" for end in ends)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("first", "second"), list(itertools.combinations_with_replacement(VERBS, 2))
)
def test_two_tabs_at_once_decide_once(people: People, first: str, second: str) -> None:
    item = owned(people)
    answer_required(item.lead, people["sdr"])
    tabs = [ReviewItem.objects.get(pk=item.pk) for _ in range(2)]

    ends = at_once(
        lambda: decide(first, tabs[0], people, DECIDED),
        lambda: decide(second, tabs[1], people, DECIDED),
    )

    decision = Decision.objects.get(lead=item.lead)
    is_accept = int(decision.kind == DecisionKind.ACCEPT)
    is_nurture = int(decision.kind == DecisionKind.NURTURE)
    assert ends == ["AlreadyDecided", "done"]
    assert Handoff.objects.count() == OutboxMessage.objects.count() == is_accept
    assert NurturePlan.objects.count() == is_nurture
    assert ItemEvent.objects.filter(item=item, verb="item:closed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_two_decide(people: People) -> None:
    """The same two tabs, reading before they write and locking nothing: both decisions stand."""
    item = owned(people)
    both_have_read = threading.Barrier(2)

    def decide_unguarded() -> None:
        seen = ReviewItem.objects.get(pk=item.pk)
        both_have_read.wait()
        if seen.state == ItemState.CLOSED or seen.holder_id != people["sdr"].pk:
            raise AlreadyDecided
        with transaction.atomic():
            Decision.objects.create(
                item=seen,
                lead_id=seen.lead_id,
                kind=DecisionKind.REJECT,
                reason=reason("too_small"),
                by=people["sdr"],
                at=DECIDED,
            )
            ReviewItem.objects.filter(pk=seen.pk).update(
                state=ItemState.CLOSED, closed_at=DECIDED, close_reason=CloseReason.DECIDED
            )

    assert at_once(decide_unguarded, decide_unguarded) == ["done", "done"]
    assert Decision.objects.filter(lead=item.lead).count() == 2


@pytest.mark.django_db(transaction=True)
def test_at_the_end_of_the_lease_it_is_the_holder_or_the_next_one(people: People) -> None:
    """C6: the old holder decides while the sweep takes the claim back: one of the two."""
    item = held_item(people["sdr"])
    assert item.lease_until is not None
    last_moment = item.lease_until - dt.timedelta(microseconds=1)
    end = item.lease_until
    ends = at_once(
        lambda: decide("reject", item, people, last_moment),
        lambda: expire_leases(now=end),
    )
    item.refresh_from_db()
    item.lead.refresh_from_db()
    decisions = Decision.objects.filter(lead=item.lead).count()
    assert ends in (["done", "done"], ["NotHolder", "done"])
    assert (decisions, item.state, item.lead.stage) in (
        (1, ItemState.CLOSED, Stage.DISQUALIFIED),
        (0, ItemState.WAITING, Stage.MQL),
    )
