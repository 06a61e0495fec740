"""Decides who may take a decision back, and puts the lead where it was: undo and overturn.

Called by views and the demo. Both are rows of their own; the decision itself stays as it was made.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.lifecycle import move_lead
from crm.models import Lead, User
from crm.models.lead import DisqualifiedBy
from crm.stages import Stage
from qualification.choices import (
    CadenceEnd,
    DecisionKind,
    EntryReason,
    ItemState,
    NoticeKind,
    TimerState,
)
from qualification.exceptions import (
    AlreadyDecided,
    DecisionIncomplete,
    HandoffAnswered,
    NotOverturnable,
    UndoExpired,
)
from qualification.handoff.handover import withdraw_handoff
from qualification.models import Decision, ReviewItem, SLATimer
from qualification.notices.tell import tell
from qualification.permissions import Right
from qualification.review import guard, source_news
from qualification.review.cadence_runs import end_runs, revive_run
from qualification.review.items import kept_moment, lease_end, log_event, refuse_too_late, undo_time
from qualification.review.nurture import cancel_plans
from qualification.review.queue import enter_queue, refresh_rank
from qualification.routing import credit
from qualification.sla.levels import show_clocks
from qualification.sla.timers import cancel_timers, running

# Where a decision leaves the lead; elsewhere, something happened since.
STAGE_AFTER = {
    DecisionKind.ACCEPT: Stage.SQL,
    DecisionKind.REJECT: Stage.DISQUALIFIED,
    DecisionKind.NURTURE: Stage.NURTURE,
}


def undo_until(decision: Decision) -> datetime:
    """The moment from which the decision cannot be undone any more."""
    return decision.at + undo_time()


@transaction.atomic
def undo_decision(*, decision: Decision, by: User, now: datetime) -> Decision:
    """Take back one's own decision while the time to undo runs; returns the row that reverses it.

    The lead is in the same hands as before, under the old clock, in a new item. Raises
    PermissionDenied, UndoExpired, AlreadyDecided (undone before).
    """
    guard.require_right(by, Right.WORK_QUEUE)
    old = guard.lock_item(decision.item)
    lead = old.lead
    _check_undo(decision, lead=lead, by=by, now=now)
    _withdraw(decision, lead=lead, now=now)
    reversal = _reversal(decision, kind=DecisionKind.REVERSED, by=by, now=now)
    move_lead(lead=lead, to=Stage.MQL, reason=_("Decision undone"), by=by, now=now)
    item = _give_back(decision, lead=lead, old=old, by=by, now=now)
    end_runs([lead.pk], end=CadenceEnd.STOPPED, now=now)
    revive_run(old=old, item=item, ended_at=decision.at)
    move_lead(lead=lead, to=Stage.WORKING, reason=_("Decision undone"), by=by, now=now)
    _run_on(decision, item=item, now=now)
    credit.take_again(reversal=reversal, now=now)
    source_news.unsay(decision=decision)
    return reversal


@transaction.atomic
def overturn_rejection(*, decision: Decision, by: User, note: str, now: datetime) -> Decision:
    """Put a lead somebody else rejected back into the queue with a fresh clock; its label is gone.

    Returns the row that reverses the rejection. Raises PermissionDenied, DecisionIncomplete (no
    note), NotOverturnable.
    """
    guard.require_right(by, Right.AUDIT)
    if not note.strip():
        raise DecisionIncomplete(_("Say why this rejection does not stand."))
    lead = guard.lock_item(decision.item).lead
    _check_overturn(decision, lead=lead, by=by, now=now)
    reversal = _reversal(decision, kind=DecisionKind.OVERTURNED, by=by, now=now, note=note)
    credit.take_again(reversal=reversal, now=now)
    entered = enter_queue([lead.pk], reason=EntryReason.OVERTURNED, now=now, note=note, by=by)
    if not entered:
        raise NotOverturnable(_("This lead cannot enter the queue. Reload the page."))
    _tell_who_rejected(decision, by_note=note.strip(), lead=lead, now=now)
    return reversal


def _tell_who_rejected(decision: Decision, *, by_note: str, lead: Lead, now: datetime) -> None:
    """So that they learn from it: what speaks for the lead, not who says so."""
    tell(
        kind=NoticeKind.REJECTION_OVERTURNED,
        people=[decision.by],
        key=f"decision:{decision.pk}:overturned",
        lead=lead,
        words={"note": by_note},
        now=now,
    )


def _check_undo(decision: Decision, *, lead: Lead, by: User, now: datetime) -> None:
    if lead.merged_into_id is not None:
        raise UndoExpired(guard.merged_sentence(lead, by, now))
    if decision.kind not in STAGE_AFTER:
        raise UndoExpired(_("Only a decision can be undone."))
    if decision.by_id != by.pk:
        raise UndoExpired(
            _("Only %(name)s can undo this decision.") % {"name": guard.person_text(decision.by)}
        )
    if Decision.objects.filter(reverses=decision).exists():
        raise AlreadyDecided(_("This decision was undone already."))
    if lead.erased_at is not None:
        raise UndoExpired(_("The personal data of this lead were erased."))
    refuse_too_late(decision.at, now=now)
    is_back = ReviewItem.objects.open().filter(lead=lead).exists()
    if is_back or lead.stage != STAGE_AFTER[DecisionKind(decision.kind)]:
        raise UndoExpired(_("This lead has moved on since; the decision cannot be undone."))
    if not guard.is_visible(lead, by):
        raise UndoExpired(_("This lead belongs to another team now."))


def _check_overturn(decision: Decision, *, lead: Lead, by: User, now: datetime) -> None:
    if lead.merged_into_id is not None:
        raise NotOverturnable(guard.merged_sentence(lead, by, now))
    if not guard.is_visible(lead, by):
        raise NotOverturnable(_("This lead belongs to another team."))
    if lead.erased_at is not None:
        raise NotOverturnable(_("The personal data of this lead were erased."))
    if decision.kind != DecisionKind.REJECT:
        raise NotOverturnable(_("Only a rejection can be overturned."))
    if Decision.objects.filter(reverses=decision).exists():
        raise NotOverturnable(_("This rejection was taken back already."))
    if decision.by_id == by.pk:
        raise NotOverturnable(_("You rejected this lead yourself; a colleague must look at it."))
    is_latest = not lead.decisions.filter(pk__gt=decision.pk).exists()
    is_rejected = lead.stage == Stage.DISQUALIFIED and lead.disqualified_by == DisqualifiedBy.PERSON
    if not (is_latest and is_rejected):
        raise NotOverturnable(_("This lead has moved on since it was rejected."))


def _withdraw(decision: Decision, *, lead: Lead, now: datetime) -> None:
    """Call back what the decision set going; raises UndoExpired when somebody took it up."""
    if decision.kind == DecisionKind.ACCEPT:
        cancel_timers(item=decision.item, now=now)
        try:
            withdraw_handoff(decision=decision, now=now)
        except HandoffAnswered as answered:
            raise UndoExpired(str(answered)) from answered
    if decision.kind == DecisionKind.NURTURE and not cancel_plans(lead=lead, now=now):
        raise UndoExpired(_("This lead woke up already."))


def _give_back(
    decision: Decision, *, lead: Lead, old: ReviewItem, by: User, now: datetime
) -> ReviewItem:
    """A new open item in the hands that decided, placed and due as the old one was."""
    hold = decision.frozen["hold"]
    is_owned = hold["state"] == ItemState.OWNED
    item = ReviewItem.objects.create(
        lead=lead,
        team=lead.team,
        state=ItemState.OWNED if is_owned else ItemState.CLAIMED,
        entry_reason=EntryReason.REVERSED,
        entered_at=now,
        bucket=hold["bucket"],
        tier_rank=hold["tier_rank"],
        score_tenths=hold["score_tenths"],
        due_at=old.due_at,
        assignee=old.assignee,
        pool=old.pool,
        holder=by,
        claimed_at=kept_moment(hold["claimed_at"]) or now,
        lease_until=None if is_owned else lease_end(now),
        owned_at=kept_moment(hold["owned_at"]) if is_owned else None,
        next_task_at=kept_moment(hold["next_task_at"]),
        next_task=hold["next_task"],
        framework=old.framework,
    )
    # It may have been scored meanwhile, while no item was open to follow the score.
    refresh_rank([lead.pk])
    item.refresh_from_db()
    log_event(item=item, verb="item:entered", by=by, now=now, note=str(EntryReason.REVERSED.label))
    return item


def _run_on(decision: Decision, *, item: ReviewItem, now: datetime) -> None:
    """The clocks the decision stopped run on for the new item, with their old due times."""
    stopped = [
        timer["id"]
        for timer in decision.frozen["clock"]["timers"]
        if timer["state"] in (TimerState.RUNNING, TimerState.PAUSED)
    ]
    of_it = SLATimer.objects.filter(pk__in=stopped, item=decision.item_id)
    of_it.update(item=item, **running(looked_at=now))
    show_clocks([item.pk], now=now)


def _reversal(
    decision: Decision, *, kind: DecisionKind, by: User, now: datetime, note: str = ""
) -> Decision:
    return Decision.objects.create(
        item_id=decision.item_id,
        lead_id=decision.lead_id,
        kind=kind,
        note=note.strip(),
        by=by,
        at=now,
        model_id=decision.model_id,
        total_tenths=decision.total_tenths,
        grade=decision.grade,
        reverses=decision,
    )
