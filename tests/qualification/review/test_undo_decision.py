"""Undo: the lead is back in the same hands under the old clock; in time, once, one's own."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Lead, StageEvent, User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import (
    DecisionKind,
    EntryReason,
    ItemState,
    TimerKind,
    TimerState,
    TouchKind,
    TouchResult,
)
from qualification.exceptions import AlreadyDecided, TooFewAttempts, UndoExpired
from qualification.handoff.answers import take_handoff
from qualification.models import (
    Decision,
    Handoff,
    NurturePlan,
    OutboxMessage,
    ReviewItem,
    SLAEvent,
    SLATimer,
)
from qualification.review.decisions import (
    accept_lead,
    overturn_rejection,
    reject_lead,
    undo_decision,
)
from qualification.review.touches import log_touch
from qualification.sla.sweep import record_due
from qualification.sweeps import deliver_due
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import (
    MINUTE,
    accepted,
    held_item,
    nurtured,
    reason,
    rejected,
)
from tests.qualification.queue_support import in_threads

SECOND = dt.timedelta(seconds=1)
DECIDED = NOW + 5 * MINUTE
IN_TIME = DECIDED + 20 * SECOND
pytestmark = pytest.mark.django_db


def decided(kind: str, people: dict[str, User]) -> Decision:
    if kind == "accept":
        return accepted(people)
    return rejected(people["sdr"]) if kind == "reject" else nurtured(people["sdr"])


def test_the_rank_is_that_of_a_score_that_came_meanwhile(people: dict[str, User]) -> None:
    rows.active_model()
    decision = decided("reject", people)
    rows.give_score(decision.lead, 410, tier="cool")
    undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    item = ReviewItem.objects.open().get(lead=decision.lead)
    assert (item.score_tenths, item.get_tier_rank_display()) == (410, "Cool")


@pytest.mark.parametrize("kind", ["accept", "reject", "nurture"])
def test_it_gives_the_lead_back(people: dict[str, User], kind: str) -> None:
    decision = decided(kind, people)
    old = ReviewItem.objects.get(pk=decision.item_id)

    reversal = undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)

    item = ReviewItem.objects.open().get(lead=decision.lead)
    decision.lead.refresh_from_db()
    assert (reversal.kind, reversal.reverses, reversal.by) == (
        DecisionKind.REVERSED,
        decision,
        people["sdr"],
    )
    assert (item.entry_reason, item.state, item.holder) == (
        EntryReason.REVERSED,
        ItemState.OWNED,
        people["sdr"],
    )
    assert (item.due_at, item.bucket, item.tier_rank) == (old.due_at, old.bucket, old.tier_rank)
    assert decision.lead.stage == Stage.WORKING
    moves = StageEvent.objects.filter(lead=decision.lead, at=IN_TIME).order_by("id")
    assert [move.to_stage for move in moves] == [Stage.MQL, Stage.WORKING]
    assert not Decision.objects.standing().exists()


@pytest.mark.parametrize("kind", ["accept", "reject", "nurture"])
def test_the_old_clock_runs_on(people: dict[str, User], kind: str) -> None:
    decision = decided(kind, people)
    before = SLATimer.objects.get(item=decision.item, kind=TimerKind.DECISION)

    undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)

    item = ReviewItem.objects.open().get(lead=decision.lead)
    timer = SLATimer.objects.get(item=item)
    assert (timer.pk, timer.kind, timer.state) == (
        before.pk,
        TimerKind.DECISION,
        TimerState.RUNNING,
    )
    assert (timer.started_at, timer.due_at) == (before.started_at, before.due_at)
    first = SLATimer.objects.get(lead=decision.lead, kind=TimerKind.FIRST_RESPONSE)
    assert first.state == TimerState.STOPPED
    record_due(now=IN_TIME)
    timer.refresh_from_db()
    assert timer.next_at == timer.warn_at


def test_a_claim_without_touch_is_a_claim_again_with_its_first_response(
    people: dict[str, User],
) -> None:
    held = held_item(people["sdr"])
    decision = reject_lead(
        item=held, token=held.token, by=people["sdr"], reason=reason("duplicate"), now=DECIDED
    )

    undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)

    item = ReviewItem.objects.open().get(lead=decision.lead)
    timer = SLATimer.objects.get(item=item)
    assert (item.state, item.lease_until) == (ItemState.CLAIMED, IN_TIME + 30 * MINUTE)
    assert (timer.kind, timer.state, timer.due_at) == (
        TimerKind.FIRST_RESPONSE,
        TimerState.RUNNING,
        held.due_at,
    )
    assert item.due_at == held.due_at


def test_a_breach_from_before_is_not_written_twice(people: dict[str, User]) -> None:
    held = held_item(people["sdr"], ItemState.OWNED)
    timer = SLATimer.objects.get(item=held, state=TimerState.RUNNING)
    late = timer.due_at + MINUTE
    decision = reject_lead(
        item=held, token=held.token, by=people["sdr"], reason=reason("duplicate"), now=late
    )
    undo_decision(decision=decision, by=people["sdr"], now=late + 10 * SECOND)
    record_due(now=late + MINUTE)
    breaches = SLAEvent.objects.filter(timer__lead=held.lead, level="breach")
    assert [breach.at for breach in breaches] == [timer.due_at]


def test_undoing_an_accept_calls_everything_back(people: dict[str, User]) -> None:
    decision = accepted(people)

    undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)

    assert Handoff.objects.get().state == Handoff.State.CANCELLED
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED
    timer = SLATimer.objects.get(kind=TimerKind.HANDOFF_ACCEPTANCE)
    assert timer.state == TimerState.CANCELLED
    assert deliver_due(now=IN_TIME + MINUTE) == 0


def test_undoing_a_nurture_ends_its_plan(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    assert NurturePlan.objects.get().state == NurturePlan.State.CANCELLED


def test_after_an_undo_one_decides_again(people: dict[str, User]) -> None:
    first = accepted(people)
    undo_decision(decision=first, by=people["sdr"], now=IN_TIME)
    item = ReviewItem.objects.open().get(lead=first.lead)

    accept_lead(
        item=item, token=item.token, by=people["sdr"], to=people["ae"], now=IN_TIME + MINUTE
    )

    keys = OutboxMessage.objects.order_by("id").values_list("key", flat=True)
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]
    assert Decision.objects.standing().count() == 1


def test_attempts_from_before_the_undo_count(people: dict[str, User]) -> None:
    held = held_item(people["sdr"])
    for _ in range(5):
        log_touch(
            item=held,
            by=people["sdr"],
            kind=TouchKind.CALL,
            result=TouchResult.NO_ANSWER,
            now=NOW + 2 * MINUTE,
        )
    first = reject_lead(
        item=held, token=held.token, by=people["sdr"], reason=reason("too_small"), now=DECIDED
    )
    undo_decision(decision=first, by=people["sdr"], now=IN_TIME)
    item = ReviewItem.objects.open().get(lead=held.lead)
    second = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("unreachable"), now=IN_TIME
    )
    overturn_rejection(decision=second, by=people["manager"], note="Try again", now=IN_TIME)
    fresh = held_item_of(second, people["sdr"])
    with pytest.raises(TooFewAttempts, match="there were 0"):
        reject_lead(
            item=fresh,
            token=fresh.token,
            by=people["sdr"],
            reason=reason("unreachable"),
            now=IN_TIME + 2 * MINUTE,
        )


def held_item_of(decision: Decision, by: User) -> ReviewItem:
    from qualification.review.claims import claim_item

    item = ReviewItem.objects.open().get(lead=decision.lead)
    return claim_item(item=item, by=by, now=IN_TIME + MINUTE)


@pytest.mark.parametrize("kind", ["accept", "reject", "nurture"])
def test_it_refuses_after_the_time(people: dict[str, User], kind: str) -> None:
    decision = decided(kind, people)
    with pytest.raises(UndoExpired, match="30 seconds"):
        undo_decision(decision=decision, by=people["sdr"], now=DECIDED + 30 * SECOND)
    assert undo_decision(decision=decision, by=people["sdr"], now=DECIDED + 29 * SECOND)


def test_it_refuses_somebody_else(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    with pytest.raises(UndoExpired, match="Only Maya"):
        undo_decision(decision=decision, by=people["manager"], now=IN_TIME)


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        undo_decision(decision=rejected(people["sdr"]), by=people[role], now=IN_TIME)


def test_it_refuses_twice(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    reversal = undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    with pytest.raises(AlreadyDecided):
        undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    with pytest.raises(UndoExpired):
        undo_decision(decision=reversal, by=people["sdr"], now=IN_TIME)


def test_it_refuses_once_the_ae_took_the_lead(people: dict[str, User]) -> None:
    decision = accepted(people)
    take_handoff(handoff=decision.handoff, by=people["ae"], now=DECIDED + 10 * SECOND)
    with pytest.raises(UndoExpired, match="answered"):
        undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    assert SLATimer.objects.get(kind=TimerKind.HANDOFF_ACCEPTANCE).state == TimerState.STOPPED


def test_it_refuses_once_the_mail_is_on_its_way(people: dict[str, User]) -> None:
    decision = accepted(people)
    OutboxMessage.objects.update(attempts=1)
    with pytest.raises(UndoExpired, match="left"):
        undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)
    assert Handoff.objects.get().state == Handoff.State.WAITING


def test_it_refuses_once_the_lead_has_moved_on(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    other = factories.person(Role.MANAGER, people["sdr"].team)
    overturn_rejection(decision=decision, by=other, note="Look again", now=DECIDED + SECOND)
    with pytest.raises(AlreadyDecided):
        undo_decision(decision=decision, by=people["sdr"], now=IN_TIME)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_undo_once(people: dict[str, User]) -> None:
    decision = accepted(people)

    def undo() -> Decision:
        mine = Decision.objects.get(pk=decision.pk)
        return undo_decision(decision=mine, by=people["sdr"], now=IN_TIME)

    ends = in_threads([undo, undo])

    assert sorted(type(end).__name__ for end in ends) == ["AlreadyDecided", "Decision"]
    assert Decision.objects.filter(reverses=decision).count() == 1
    assert ReviewItem.objects.open().filter(lead=decision.lead).count() == 1


def test_an_undone_handoff_was_never_the_aes(people: dict[str, User]) -> None:
    decision = accepted(people)
    assert Lead.objects.visible_to(people["ae"]).exists()
    undo_decision(decision=decision, by=people["sdr"], now=decision.at + dt.timedelta(seconds=5))
    assert not Lead.objects.visible_to(people["ae"]).exists()
