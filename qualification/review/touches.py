"""Touches and next tasks of the holder. The first touch turns a claim into ownership.

Called by the views; an automatic mail is not a touch.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ItemState, TimerKind, TouchKind, TouchResult
from qualification.exceptions import NotHolder, TaskInvalid
from qualification.models import NurturePlan, ReviewItem, Touch
from qualification.permissions import Right
from qualification.review import cadences, guard, nurture
from qualification.review.frameworks import framework_for
from qualification.review.items import log_event, refuse_unless_holder
from qualification.review.touch_found import found_asleep, found_of
from qualification.sla.timers import start_timer, stop_timers

# Beyond any plan; near the end of the calendar a time cannot be told in every zone.
FARTHEST_TASK = timedelta(days=3650)


@transaction.atomic
def log_touch(
    *,
    item: ReviewItem,
    by: User,
    kind: TouchKind,
    result: TouchResult,
    note: str = "",
    next_task_at: datetime | None = None,
    next_task: str = "",
    is_proposal: bool = False,
    now: datetime,
) -> Touch:
    """Writes down a contact or attempt; the given next task replaces the one that was planned.
    Where it is a proposal, or there is none, the next step of a running cadence goes before it.

    A claim becomes ownership: first response stops, the decision clock starts (one that runs
    already keeps its time). Raises NotHolder, AlreadyDecided, TaskInvalid, PermissionDenied.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    _refuse_unusable(next_task_at, now=now)
    locked = guard.lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    touch = Touch.objects.create(
        item=locked,
        lead_id=locked.lead_id,
        by=by,
        kind=kind,
        result=result,
        note=note,
        at=now,
        found=found_of(locked),
    )
    step = cadences.after_touch(touch=touch, by=by, now=now)
    if step is not None and (is_proposal or next_task_at is None):
        next_task, next_task_at = step.task, step.at
    elif step is not None and next_task_at is not None:
        cadences.put_off(lead_id=locked.lead_id, until=next_task_at)
    _plan(locked, at=next_task_at, task=next_task)
    log_event(item=locked, verb="item:touched", by=by, now=now, note=str(touch))
    framework_for(locked, now=now)  # work has begun: a newer version is not for this lead
    if locked.state == ItemState.CLAIMED:
        _take_ownership(locked, by=by, now=now)
    item.refresh_from_db()
    return touch


@transaction.atomic
def log_nurture_touch(
    *,
    plan: NurturePlan,
    by: User,
    kind: TouchKind,
    result: TouchResult,
    note: str = "",
    now: datetime,
) -> Touch:
    """Writes down a contact or attempt with a lead that sleeps; it stays asleep, and a step of
    its cadence may be done by it. Raises PermissionDenied, NotHolder, PlanEnded."""
    locked = nurture.lock_plan(plan, by=by)
    item = locked.decision.item
    touch = Touch.objects.create(
        item=item,
        lead=locked.lead,
        by=by,
        kind=kind,
        result=result,
        note=note,
        at=now,
        found=found_asleep(locked),
    )
    cadences.after_touch(touch=touch, by=by, now=now)
    log_event(item=item, verb="item:touched", by=by, now=now, note=str(touch))
    return touch


def _plan(item: ReviewItem, *, at: datetime | None, task: str, is_snooze: bool = False) -> None:
    """Writes the next task of an item."""
    ReviewItem.objects.filter(pk=item.pk).update(
        next_task_at=at, next_task=task, snoozed_until=at if is_snooze else None
    )


def _take_ownership(item: ReviewItem, *, by: User, now: datetime) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(
        state=ItemState.OWNED, owned_at=now, lease_until=None
    )
    stop_timers(item=item, now=now, kinds=[TimerKind.FIRST_RESPONSE])
    start_timer(item=item, kind=TimerKind.DECISION, now=now)
    log_event(item=item, verb="item:owned", by=by, now=now)


@transaction.atomic
def snooze_item(
    *, item: ReviewItem, by: User, until: datetime, task: str = "", now: datetime
) -> ReviewItem:
    """The owner puts the lead off: a next task with a time. The clock runs on.

    Raises NotHolder (a claim cannot be put off), AlreadyDecided, TaskInvalid, PermissionDenied.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    _refuse_unusable(until, now=now)
    locked = guard.lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    if locked.state != ItemState.OWNED:
        raise NotHolder(_("Only a lead you own can be snoozed. Log a touch first."))
    _plan(locked, at=until, task=task, is_snooze=True)
    cadences.put_off(lead_id=locked.lead_id, until=until)
    log_event(item=locked, verb="item:snoozed", by=by, now=now, note=until.isoformat())
    locked.refresh_from_db()
    return locked


def _refuse_unusable(at: datetime | None, *, now: datetime) -> None:
    if at is not None and at <= now:
        raise TaskInvalid(_("Choose a time in the future for the next task."))
    if at is not None and at > now + FARTHEST_TASK:
        raise TaskInvalid(_("Choose a time within ten years for the next task."))
