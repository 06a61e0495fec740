"""Decides what follows a warning, a breach or an escalation, as the policy asks: people are told,
the lead is given to the next one. Called by the sweep.

Each follow-up is done once, in one transaction with what it does: a sweeper that dies leaves it to
the next. Lock order: the follow-up (only sweepers take it, skipping), then lead, item, pools.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError

from crm.models import User
from qualification.choices import NoticeKind, SLAAction, TargetKind, TimerKind, TimerState
from qualification.exceptions import is_held_elsewhere
from qualification.handoff.desks import account_executives
from qualification.models import Handoff, ReviewItem, SLAEvent, SLAFollowUp
from qualification.neighbours import each, tried
from qualification.notices.tell import Told, managers_of, tell_all
from qualification.review import guard
from qualification.review.claims import take_back

logger = logging.getLogger(__name__)

# A row in other hands is tried again soon, one that fails for another reason later.
BUSY_PAUSE, POISON_PAUSE = timedelta(seconds=30), timedelta(hours=1)
NOTICE_OF = {
    SLAEvent.Level.WARNING: NoticeKind.SLA_WARNING,
    SLAEvent.Level.BREACH: NoticeKind.SLA_BREACH,
}
Outcome = SLAFollowUp.Outcome


def follow_up(*, now: datetime, limit: int = 500) -> int:
    """Does what is due; returns how many follow-ups were done. Any number of sweepers may run it;
    one that fails is put off and logged, its neighbours go on. Raises as `neighbours.tried`."""
    due = SLAFollowUp.objects.filter(done_at=None, due_at__lte=now).order_by("due_at", "pk")

    def do(action: SLAAction, batch: int) -> int:
        ids = list(due.filter(action=action).values_list("pk", flat=True)[:limit])
        found = tried(ids, partial(_do, now=now), batch=batch)
        for pk, error in found.refused.items():
            _put_off(pk, error, now=now)
        return found.changed

    # A lead that changes hands has a transaction of its own.
    return each(partial(do, SLAAction.NOTIFY, limit), partial(do, SLAAction.REASSIGN, 1))


def _put_off(event_id: int, error: DatabaseError, *, now: datetime) -> None:
    logger.error("sla.follow_up_failed event=%s error=%s", event_id, type(error).__name__)
    pause = BUSY_PAUSE if is_held_elsewhere(error) else POISON_PAUSE
    SLAFollowUp.objects.filter(pk=event_id, done_at=None).update(due_at=now + pause)


def _do(event_ids: Sequence[int], *, now: datetime) -> int:
    """Those of the follow-ups that nobody else has in hand or did."""
    waiting = SLAFollowUp.objects.filter(pk__in=event_ids, done_at=None)
    taken = list(waiting.select_for_update(no_key=True, skip_locked=True).order_by("pk"))
    rows = SLAEvent.objects.select_related("timer__item__holder", "timer__item__assignee")
    events = rows.in_bulk([asked.pk for asked in taken])
    managers = {team: list(managers_of(team)) for team in _teams(events.values())}
    told: list[Told] = []
    done: dict[SLAFollowUp.Outcome, list[int]] = defaultdict(list)
    for asked in taken:
        event, outcome = events[asked.pk], Outcome.TOLD
        item = event.timer.item
        if asked.action == SLAAction.REASSIGN:
            item = guard.lock_item(item)
        # Before it changes hands: whoever had it hears of it.
        told += _told(event, item, managers[event.timer.item.team_id])
        if asked.action == SLAAction.REASSIGN:
            outcome = _reassign(event, item, now)
        done[outcome].append(asked.pk)
    tell_all(told, now=now)
    for outcome, ids in done.items():
        SLAFollowUp.objects.filter(pk__in=ids).update(done_at=now, outcome=outcome)
    return len(taken)


def _teams(events: Iterable[SLAEvent]) -> set[int]:
    return {event.timer.item.team_id for event in events}


def _reassign(event: SLAEvent, item: ReviewItem, now: datetime) -> SLAFollowUp.Outcome:
    """Takes the lead from whoever has it, when its clock still runs."""
    event.timer.refresh_from_db(fields=["state"])
    if event.timer.state != TimerState.RUNNING or event.timer.item_id != item.pk:
        return Outcome.TOO_LATE
    note = f"{event.timer.get_kind_display()}: {event.get_level_display()}"
    return Outcome.TAKEN_BACK if take_back(item, note=note, now=now) else Outcome.TOLD


def _told(event: SLAEvent, item: ReviewItem, managers: Sequence[User]) -> list[Told]:
    """One notice for whoever has to answer, and from the breach on for the managers."""
    people = _answering(event, item)
    if event.level != SLAEvent.Level.WARNING:
        people += managers
    kind = NOTICE_OF.get(SLAEvent.Level(event.level), NoticeKind.SLA_ESCALATION)
    words = {"clock": str(event.timer.get_kind_display())}
    key = f"sla:{event.pk}"
    ids = sorted({person.pk for person in people})
    return [Told(pk, kind, key, item.lead_id, words) for pk in ids]


def _answering(event: SLAEvent, item: ReviewItem) -> list[User]:
    """Who has the lead: those it was handed to, its holder, else whom routing chose."""
    if event.timer.kind == TimerKind.HANDOFF_ACCEPTANCE:
        waiting = Handoff.objects.filter(decision__item=item, state=Handoff.State.WAITING)
        handoff = waiting.select_related("ae", "decision__by").first()
        return [] if handoff is None else _asked(handoff)
    person = item.holder or item.assignee
    return [] if person is None else [person]


def _asked(handoff: Handoff) -> list[User]:
    """People of ours who can see to it that a waiting handoff is answered."""
    match TargetKind(handoff.target):
        case TargetKind.TEAM:
            return list(account_executives().filter(team=handoff.team_id))
        case TargetKind.PARTNER:
            return [handoff.decision.by]
    return [] if handoff.ae is None else [handoff.ae]
