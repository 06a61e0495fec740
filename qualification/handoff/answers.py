"""Decides what the AE's answer does: a handoff is taken, or returned with a reason.

Called by views and the demo; the only writer of answered handoffs.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import EntryReason, NoticeKind
from qualification.exceptions import DecisionIncomplete, HandoffAnswered, NotHolder
from qualification.handoff.handover import cancel_messages, lock_handoff, refuse_answered
from qualification.models import Handoff
from qualification.notices.tell import tell
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import log_event
from qualification.review.queue import enter_queue
from qualification.sla.timers import stop_timers

REASON_LENGTH = 300


@transaction.atomic
def take_handoff(*, handoff: Handoff, by: User, now: datetime) -> Handoff:
    """The AE takes the lead; their clock stops.

    Raises PermissionDenied, NotHolder (another AE's), HandoffAnswered.
    """
    waiting = _lock_own(handoff, by=by, now=now)
    _answer(waiting, state=Handoff.State.ACCEPTED, reason="", now=now)
    log_event(item=waiting.decision.item, verb="handoff:taken", by=by, now=now)
    handoff.refresh_from_db()
    return handoff


@transaction.atomic
def return_handoff(*, handoff: Handoff, by: User, reason: str, now: datetime) -> Handoff:
    """The AE gives the lead back: it enters the queue with a fresh clock and the reason.

    Raises PermissionDenied, DecisionIncomplete (no reason), NotHolder, HandoffAnswered.
    """
    text = reason.strip()
    if not text:
        raise DecisionIncomplete(_("Say why you give this lead back."))
    if len(text) > REASON_LENGTH:
        raise DecisionIncomplete(
            _("At most %(n)s characters for the reason, please.") % {"n": REASON_LENGTH}
        )
    waiting = _lock_own(handoff, by=by, now=now)
    _answer(waiting, state=Handoff.State.RETURNED, reason=text, now=now)
    log_event(item=waiting.decision.item, verb="handoff:returned", by=by, now=now, note=text)
    cancel_messages(decision=waiting.decision)
    enter_queue([waiting.lead_id], reason=EntryReason.RETURNED, now=now, note=text, by=by)
    tell(
        kind=NoticeKind.HANDOFF_RETURNED,
        people=[waiting.decision.by],
        key=f"handoff:{waiting.pk}:returned",
        lead=waiting.lead,
        words={"by": str(by), "reason": text},
        now=now,
    )
    handoff.refresh_from_db()
    return handoff


def settle_handoff(*, lead: Lead, now: datetime) -> bool:
    """A handoff that waits counts as taken: what came back shows that somebody works the deal.
    Whether there was one. Called with the lead locked, by the door for outcomes."""
    waiting = Handoff.objects.select_for_update(no_key=True).filter(
        lead=lead, state=Handoff.State.WAITING
    )
    handoff = waiting.first()
    if handoff is None:
        return False
    _answer(handoff, state=Handoff.State.ACCEPTED, reason="", now=now)
    log_event(item=handoff.decision.item, verb="handoff:settled", by=None, now=now)
    return True


def _lock_own(handoff: Handoff, *, by: User, now: datetime) -> Handoff:
    """The waiting handoff of this AE; lead, item and handoff are locked, in this order."""
    guard.require_right(by, Right.ANSWER_HANDOFFS)
    locked = lock_handoff(handoff)
    if locked.ae_id != by.pk:
        raise NotHolder(_("This handoff is on the desk of another AE."))
    refuse_answered(locked, now=now)
    return locked


def _answer(handoff: Handoff, *, state: Handoff.State, reason: str, now: datetime) -> None:
    stop_timers(item=handoff.decision.item, now=now)
    waiting = Handoff.objects.filter(pk=handoff.pk, state=Handoff.State.WAITING)
    if not waiting.update(state=state, return_reason=reason, answered_at=now):
        raise HandoffAnswered(_("This handoff was answered meanwhile."))
