"""What a touch found is put back when it is taken back: task, snooze, steps, clocks, pauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from crm.models import User
from qualification.choices import ItemState, TouchKind
from qualification.invariants import violations
from qualification.models import (
    CadenceRun,
    CadenceStepDone,
    ReviewItem,
    SLAEvent,
    SLAFollowUp,
    SLAPause,
    SLAPolicy,
    TouchUndo,
)
from qualification.review.cadences import start_cadence
from qualification.review.claims import claim_item, release_item
from qualification.review.pauses import pause_clock
from qualification.review.touch_undo import undo_touch
from qualification.review.touches import log_nurture_touch, log_touch, snooze_item
from tests.qualification.decision_support import MINUTE, NOW, held_item, nurtured
from tests.qualification.touch_support import (
    AT,
    CALL,
    DAY,
    IN_TIME,
    MAIL,
    SECOND,
    SPOKE,
    logged,
    picture,
    shipped,
    sweep,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def claimed(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"])


@pytest.fixture
def owned(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED)


Prepare = Callable[[ReviewItem, User], None]


def _as_claimed(_item: ReviewItem, _by: User) -> None:
    """Nothing more."""


def _paused(item: ReviewItem, by: User) -> None:
    pause_clock(item=item, by=by, reason="On leave", until=NOW + DAY, now=NOW + 3 * MINUTE)


def _owned(item: ReviewItem, by: User) -> None:
    log_touch(item=item, by=by, **MAIL, now=NOW + 2 * MINUTE)


def _with_a_task(item: ReviewItem, by: User) -> None:
    task = {"next_task": "Mail the offer", "next_task_at": NOW + 5 * MINUTE}
    log_touch(item=item, by=by, **MAIL, **task, now=NOW + 2 * MINUTE)
    ReviewItem.objects.filter(pk=item.pk).update(task_told_at=NOW + 5 * MINUTE)


def _snoozed(item: ReviewItem, by: User) -> None:
    _owned(item, by)
    snooze_item(item=item, by=by, until=NOW + DAY, task="Wait", now=NOW + 3 * MINUTE)


def _in_a_cadence(item: ReviewItem, by: User) -> None:
    _owned(item, by)
    start_cadence(lead=item.lead, cadence=shipped(), by=by, now=NOW + 3 * MINUTE)
    CadenceRun.objects.update(told_at=NOW + 4 * MINUTE)


def _at_the_last_step(item: ReviewItem, by: User) -> None:
    _in_a_cadence(item, by)
    CadenceRun.objects.update(step=shipped().steps.order_by("position").last())


def _paused_while_owned(item: ReviewItem, by: User) -> None:
    _owned(item, by)
    pause_clock(item=item, by=by, reason="On leave", until=NOW + DAY, now=NOW + 3 * MINUTE)


def _given_back_and_claimed(item: ReviewItem, by: User) -> None:
    """It waited under the clock of its first owner, and is a claim."""
    _owned(item, by)
    release_item(item=item, by=by, now=NOW + 3 * MINUTE)
    claim_item(item=ReviewItem.objects.get(pk=item.pk), by=by, now=NOW + 4 * MINUTE)


SITUATIONS: list[Prepare] = [
    _as_claimed,
    _paused,
    _owned,
    _with_a_task,
    _snoozed,
    _in_a_cadence,
    _at_the_last_step,
    _paused_while_owned,
    _given_back_and_claimed,
]
TOUCHES: dict[str, dict[str, Any]] = {
    "call": CALL,
    "mail": MAIL,
    "answered": SPOKE,
    "with a task": {**CALL, "next_task": "Ask again", "next_task_at": AT + DAY},
    "with a proposal": {
        **MAIL,
        "next_task": "Ask again",
        "next_task_at": AT + DAY,
        "is_proposal": True,
    },
}


@pytest.mark.parametrize("said", TOUCHES)
@pytest.mark.parametrize("prepare", SITUATIONS, ids=lambda f: f.__name__.strip("_"))
def test_everything_is_as_before(
    people: dict[str, User], claimed: ReviewItem, prepare: Prepare, said: str
) -> None:
    """At once, and again with a sweep between."""
    prepare(claimed, people["sdr"])
    sweep(AT)
    item = ReviewItem.objects.get(pk=claimed.pk)
    before = picture(item)
    for start, is_swept in ((AT, False), (AT + MINUTE, True)):
        touch = log_touch(item=item, by=people["sdr"], now=start, **TOUCHES[said])
        assert picture(item) != before
        if is_swept:
            sweep(start + 10 * SECOND)
        undo_touch(touch=touch, by=people["sdr"], now=start + 20 * SECOND)
        sweep(start + 20 * SECOND)
        assert picture(item) == before
        assert violations(now=start + 20 * SECOND) == []


@pytest.mark.parametrize("said", [CALL, MAIL, SPOKE], ids=["call", "mail", "answered"])
def test_of_a_lead_that_sleeps_too(people: dict[str, User], said: dict[str, Any]) -> None:
    sdr, decision = people["sdr"], nurtured(people["sdr"])
    start_cadence(lead=decision.lead, cadence=shipped(), by=sdr, now=NOW + 6 * MINUTE)
    before = picture(decision.item)
    touch = log_nurture_touch(plan=decision.plan, by=sdr, now=AT, **said)
    undo_touch(touch=touch, by=sdr, now=IN_TIME)
    assert picture(decision.item) == before
    assert not ReviewItem.objects.open().exists()
    assert violations(now=IN_TIME) == []


def test_a_step_is_done_once_and_again_after_an_undo(
    people: dict[str, User], owned: ReviewItem
) -> None:
    sdr = people["sdr"]
    run = start_cadence(lead=owned.lead, cadence=shipped(), by=sdr, now=NOW + 3 * MINUTE)
    for _n in range(3):
        undo_touch(touch=logged(owned, sdr), by=sdr, now=IN_TIME)
    touch = logged(owned, sdr)
    run.refresh_from_db()
    assert run.step is not None
    assert run.step.position == 2
    done = CadenceStepDone.objects.filter(run=run).order_by("pk")
    undos = list(TouchUndo.objects.order_by("touch_id"))
    assert [entry.again for entry in done] == [None, *undos]
    other = {"touch": logged(owned, sdr, kind=TouchKind.SOCIAL), "due_at": AT}
    with pytest.raises(IntegrityError), transaction.atomic():
        CadenceStepDone.objects.create(run=run, step=touch.step_done.step, **other)


def test_a_touch_does_not_choose_the_checklist_for_ever(
    people: dict[str, User], claimed: ReviewItem
) -> None:
    assert claimed.framework is None
    touch = logged(claimed, people["sdr"])
    assert ReviewItem.objects.get(pk=claimed.pk).framework is not None
    undo_touch(touch=touch, by=people["sdr"], now=IN_TIME)
    assert ReviewItem.objects.get(pk=claimed.pk).framework is None


# --- clocks ---------------------------------------------------------------------------------------


def test_a_breach_stands_once_at_its_time(people: dict[str, User], claimed: ReviewItem) -> None:
    """Whether it fell due before the touch, or between the touch and its undo."""
    sdr, due_at = people["sdr"], claimed.due_at
    at = due_at - 10 * SECOND
    ReviewItem.objects.update(lease_until=at + DAY)
    undo_touch(touch=logged(claimed, sdr, now=at), by=sdr, now=at + 20 * SECOND)
    sweep(at + 20 * SECOND)
    late = due_at + MINUTE
    undo_touch(touch=logged(claimed, sdr, now=late), by=sdr, now=late + SECOND)
    sweep(late + MINUTE)
    breaches = SLAEvent.objects.filter(timer__item=claimed, level="breach")
    assert [breach.at for breach in breaches] == [due_at]
    assert violations(now=late + MINUTE) == []


def test_what_came_too_late_by_the_touch_is_asked_again(
    people: dict[str, User], claimed: ReviewItem
) -> None:
    """The policy takes the lead from whoever does not answer; a slip of the hand is no answer."""
    SLAPolicy.objects.update(on_breach="reassign")
    sdr, late = people["sdr"], claimed.due_at + MINUTE
    ReviewItem.objects.update(lease_until=late + DAY)
    touch = logged(claimed, sdr, now=late)
    sweep(late + SECOND)
    breach = SLAFollowUp.objects.get(event__level="breach")
    assert breach.outcome == SLAFollowUp.Outcome.TOO_LATE
    undo_touch(touch=touch, by=sdr, now=late + 2 * SECOND)
    sweep(late + 3 * SECOND)
    breach.refresh_from_db()
    claimed.refresh_from_db()
    assert breach.outcome == SLAFollowUp.Outcome.TAKEN_BACK
    assert claimed.state == ItemState.WAITING


def test_a_pause_that_ends_meanwhile_ends_at_its_time(
    people: dict[str, User], claimed: ReviewItem
) -> None:
    sdr, due_at = people["sdr"], claimed.due_at
    until = AT + 10 * SECOND
    pause_clock(item=claimed, by=sdr, reason="x", until=until, now=NOW + 3 * MINUTE)
    undo_touch(touch=logged(claimed, sdr), by=sdr, now=IN_TIME)
    sweep(IN_TIME)
    claimed.refresh_from_db()
    assert claimed.due_at == due_at + (until - NOW - 3 * MINUTE)
    assert SLAPause.objects.get().ended_at == until
    assert violations(now=IN_TIME) == []
