"""Follow-up in steps over weeks: starting a cadence, what a touch completes, what comes next.

The only writer of CadenceRun beside `cadence_runs.py` (ending). A run belongs to a lead that
somebody owns, or that sleeps in nurture; its next step is the next task.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import CadenceEnd, ItemState, TouchKind, TouchResult
from qualification.exceptions import CadenceRefused
from qualification.models import (
    Cadence,
    CadenceRun,
    CadenceStep,
    CadenceStepDone,
    NurturePlan,
    ReviewItem,
    Touch,
    TouchUndo,
)
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.cadence_runs import end_runs, running_of
from qualification.review.items import lock_leads, log_event
from qualification.review.next_steps import step_time
from qualification.review.nurture import may_change
from qualification.review.reach import reach_of

# The person answered: whoever follows up now talks, instead of going on with the steps.
ANSWERS = (TouchKind.REPLY, TouchKind.MEETING)


@dataclass(frozen=True)
class NextStep:
    """What to do next and when."""

    task: str
    at: datetime


@transaction.atomic
def start_cadence(*, lead: Lead, cadence: Cadence, by: User, now: datetime) -> CadenceRun:
    """The lead goes through the steps from the first one on; another cadence it was in ends.

    Raises PermissionDenied, CadenceRefused (not owned by `by`, nor asleep after their decision; no
    steps; no longer offered).
    """
    guard.require_right(by, Right.WORK_QUEUE)
    lock_leads([lead.pk])
    item = _item_of(lead, by, now=now)
    step = CadenceStep.objects.filter(cadence=cadence).order_by("position").first()
    if step is None or not Cadence.objects.filter(pk=cadence.pk, is_active=True).exists():
        raise CadenceRefused(_("This cadence has no steps or is no longer offered."))
    end_runs([lead.pk], end=CadenceEnd.REPLACED, now=now)
    run = CadenceRun.objects.create(
        lead=lead,
        item=item,
        cadence=cadence,
        step=step,
        due_at=_due_at(step, lead=lead, by=by, now=now),
        started_at=now,
        started_by=by,
    )
    _plan_task(run)
    log_event(item=item, verb="cadence:started", by=by, now=now, note=str(cadence))
    return run


@transaction.atomic
def stop_cadence(*, lead: Lead, by: User, now: datetime) -> CadenceRun:
    """No further steps; what was planned next stays planned. Raises PermissionDenied,
    CadenceRefused (nothing runs, or not theirs)."""
    guard.require_right(by, Right.WORK_QUEUE)
    lock_leads([lead.pk])
    item = _item_of(lead, by, now=now)
    run = running_of(lead)
    if run is None:
        raise CadenceRefused(_("No cadence runs for this lead."))
    end_runs([lead.pk], end=CadenceEnd.STOPPED, now=now)
    log_event(item=item, verb="cadence:stopped", by=by, now=now, note=str(run.cadence))
    run.refresh_from_db()
    return run


def _item_of(lead: Lead, by: User, *, now: datetime) -> ReviewItem:
    """The stay a run belongs to: the item `by` owns, or the one closed by putting it to sleep."""
    owned = ReviewItem.objects.filter(lead=lead, state=ItemState.OWNED, holder=by).first()
    if owned is not None:
        return owned
    plans = NurturePlan.objects.waiting().filter(lead=lead)
    plan = plans.select_related("decision__item", "decision__by").first()
    if plan is None or not may_change(plan, by) or not guard.is_visible(lead, by):
        raise CadenceRefused(_why_not(lead, by, now))
    return plan.decision.item


def _why_not(lead: Lead, by: User, now: datetime) -> str:
    """Who has it instead, if anybody else does."""
    held = ReviewItem.objects.open().filter(lead=lead, holder__isnull=False).exclude(holder=by)
    item = held.select_related("holder").first()
    if item is not None and guard.is_visible(lead, by):
        return guard.holder_sentence(item, by, now)
    return _("A cadence is for a lead you own or put into nurture.")


def after_touch(*, touch: Touch, by: User, now: datetime) -> NextStep | None:
    """What the running cadence says after a touch: the step it completed gives way to the next.

    None when no cadence runs (any more): an answer ends it, and so does its last step. A touch of
    another kind than the step leaves the step to be done. Under the caller's lock of the lead.
    """
    run = running_of(touch.lead_id)
    if run is None:
        return None
    if touch.kind in ANSWERS or touch.result == TouchResult.SPOKE:
        end_runs([touch.lead_id], end=CadenceEnd.REPLIED, now=now)
        return None
    step = run.step
    assert step is not None  # noqa: S101 - by constraint
    assert run.due_at is not None  # noqa: S101 - by constraint
    if touch.kind != step.kind:
        return NextStep(step.task, max(run.due_at, now))
    CadenceStepDone.objects.create(
        run=run, step=step, touch=touch, due_at=run.due_at, again=_taken_back(run, step)
    )
    following = run.cadence.steps.filter(position__gt=step.position).order_by("position").first()
    if following is None:
        end_runs([touch.lead_id], end=CadenceEnd.FINISHED, now=now)
        return None
    due_at = _due_at(following, lead=touch.lead, by=by, now=now)
    CadenceRun.objects.filter(pk=run.pk).update(step=following, due_at=due_at)
    return NextStep(following.task, due_at)


def _taken_back(run: CadenceRun, step: CadenceStep) -> TouchUndo | None:
    """What opened the step again, where it was done before."""
    undone = TouchUndo.objects.filter(touch__step_done__run=run, touch__step_done__step=step)
    return undone.order_by("-touch_id").first()


def put_off(*, lead_id: int, until: datetime) -> None:
    """The next step waits until then."""
    CadenceRun.objects.filter(lead=lead_id, ended_at=None).update(due_at=until)


def _due_at(step: CadenceStep, *, lead: Lead, by: User, now: datetime) -> datetime:
    """A first step without a wait is due at the next open moment, not hours later."""
    return step_time(
        days=step.wait_days,
        is_call=step.kind == TouchKind.CALL,
        now=now,
        reach=reach_of(lead, by=by),
    )


def _plan_task(run: CadenceRun) -> None:
    """The step of an owned lead is its next task."""
    assert run.step is not None  # noqa: S101 - it was just started
    owned = ReviewItem.objects.filter(pk=run.item_id, state=ItemState.OWNED)
    owned.update(next_task=run.step.task, next_task_at=run.due_at, snoozed_until=None)
