"""Decides what follows a breach or an escalation, as its policy asks: people are told, the lead is
given to the next one. Called by the sweep.

Each follow-up is done once, in one transaction with what it does: a sweeper that dies leaves it to
the next. Lock order: the follow-up (only sweepers take it, skipping), then lead, item, pools.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import QuerySet

from crm.models import User
from crm.roles import Role
from qualification.choices import NoticeKind, SLAAction, TimerState
from qualification.models import ReviewItem, SLAEvent, SLAFollowUp
from qualification.notices.tell import tell
from qualification.review import guard
from qualification.review.claims import take_back

logger = logging.getLogger(__name__)

# A row in other hands is tried again soon, one that fails for another reason later.
BUSY_PAUSE, POISON_PAUSE = timedelta(seconds=30), timedelta(hours=1)


def follow_up(*, now: datetime, limit: int = 500) -> int:
    """Does what is due; returns how many follow-ups were done. Any number of sweepers may run it;
    one that fails is put off and logged, its neighbours go on."""
    due = SLAFollowUp.objects.filter(done_at=None, due_at__lte=now)
    return sum(_try(pk, now) for pk in due.order_by("due_at", "pk").values_list("pk")[:limit])


def _try(pk: int, now: datetime) -> bool:
    try:
        with transaction.atomic():
            return _do(pk, now)
    except DatabaseError as error:
        logger.exception("sla.follow_up_failed event=%s", pk)
        pause = BUSY_PAUSE if isinstance(error, OperationalError) else POISON_PAUSE
    SLAFollowUp.objects.filter(pk=pk, done_at=None).update(due_at=now + pause)
    return False


def _do(pk: int, now: datetime) -> bool:
    """One follow-up, if nobody else has it in hand or did it."""
    waiting = SLAFollowUp.objects.filter(pk=pk, done_at=None)
    asked = waiting.select_for_update(no_key=True, skip_locked=True).first()
    if asked is None:
        return False
    event = SLAEvent.objects.select_related("timer__item").get(pk=asked.pk)
    item = guard.lock_item(event.timer.item)
    people = {person.pk: person for person in _answerable(event, item)}
    outcome = SLAFollowUp.Outcome.TOLD
    if asked.action == SLAAction.REASSIGN:
        outcome = _reassign(event, item, now)
    _tell(event, item, list(people.values()), now)
    asked.done_at, asked.outcome = now, outcome
    asked.save(update_fields=["done_at", "outcome"])
    return True


def _reassign(event: SLAEvent, item: ReviewItem, now: datetime) -> SLAFollowUp.Outcome:
    """Takes the lead from whoever has it, when its clock still runs."""
    event.timer.refresh_from_db(fields=["state"])
    if event.timer.state != TimerState.RUNNING:
        return SLAFollowUp.Outcome.TOO_LATE
    note = f"{event.timer.get_kind_display()}: {event.get_level_display()}"
    if take_back(item, note=note, now=now):
        return SLAFollowUp.Outcome.TAKEN_BACK
    return SLAFollowUp.Outcome.TOLD
