"""Decides what an answer does: a handoff is taken, or returned with a reason. By its AE, by an AE
of the team on whose desk it is, by the partner's link, or by a manager for the partner.

Called by views, `partner_links.py` and the demo; the only writer of answered handoffs.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import EntryReason, NoticeKind, TargetKind
from qualification.exceptions import DecisionIncomplete, HandoffAnswered, NotHolder
from qualification.handoff.handover import (
    cancel_messages,
    lock_handoff,
    refuse_answered,
    tell_crms_of_owner,
)
from qualification.models import Handoff
from qualification.notices.tell import tell
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import log_event, short_reason
from qualification.review.queue import enter_queue
from qualification.sla.timers import stop_timers

REASON_LENGTH = 300


@transaction.atomic
def take_handoff(*, handoff: Handoff, by: User, now: datetime) -> Handoff:
    """The AE takes the lead; the clock stops. From the desk of a team it becomes theirs, and CRMs
    hear whose.

    Raises PermissionDenied, NotHolder (another desk), HandoffAnswered.
    """
    waiting = _lock_own(handoff, by=by, now=now)
    _answer(waiting, state=Handoff.State.ACCEPTED, by=by, now=now)
    log_event(item=waiting.decision.item, verb="handoff:taken", by=by, now=now)
    handoff.refresh_from_db()
    if handoff.target == TargetKind.TEAM:
        tell_crms_of_owner(handoff, now=now)
    return handoff


@transaction.atomic
def return_handoff(*, handoff: Handoff, by: User, reason: str, now: datetime) -> Handoff:
    """The AE gives the lead back: it enters the queue with a fresh clock and the reason.

    Raises PermissionDenied, DecisionIncomplete (no reason), NotHolder, HandoffAnswered.
    """
    text = _checked(reason)
    waiting = _lock_own(handoff, by=by, now=now)
    _answer(waiting, state=Handoff.State.RETURNED, reason=text, by=by, now=now)
    log_event(item=waiting.decision.item, verb="handoff:returned", by=by, now=now, note=text)
    _into_queue(waiting, reason=text, by=by, teller=str(by), now=now)
    handoff.refresh_from_db()
    return handoff


@transaction.atomic
def answer_for_partner(
    *, handoff: Handoff, takes: bool, reason: str = "", by: User | None, now: datetime
) -> Handoff:
    """What the partner says: they take it, or give it back with a reason. `by` None: they said it
    themselves, by their link (`partner_links.answer_by_link`); else the manager they told.

    Raises PermissionDenied, DecisionIncomplete (no reason), NotHolder (out of sight, not with a
    partner), HandoffAnswered.
    """
    text = "" if takes else _checked(reason)
    if by is not None:
        guard.require_right(by, Right.REASSIGN)
    waiting = lock_handoff(handoff)
    if by is not None and not guard.is_visible(waiting.lead, by):
        raise NotHolder(_("This lead is not yours to work on."))
    if waiting.target != TargetKind.PARTNER:
        raise NotHolder(_("This handoff is not with a partner."))
    refuse_answered(waiting, now=now)
    state = Handoff.State.ACCEPTED if takes else Handoff.State.RETURNED
    _answer(waiting, state=state, reason=text, by=by, now=now)
    verb = f"handoff:partner-{'took' if takes else 'returned'}"
    verb = verb if by is None else f"{verb}-told"
    log_event(item=waiting.decision.item, verb=verb, by=by, now=now, note=text)
    if not takes:
        _into_queue(waiting, reason=text, by=by, teller=str(waiting.partner), now=now)
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
    _answer(handoff, state=Handoff.State.ACCEPTED, by=None, now=now)
    log_event(item=handoff.decision.item, verb="handoff:settled", by=None, now=now)
    return True


def _lock_own(handoff: Handoff, *, by: User, now: datetime) -> Handoff:
    """The waiting handoff of this AE or of their team's desk; lead, item and handoff are locked, in
    this order."""
    guard.require_right(by, Right.ANSWER_HANDOFFS)
    locked = lock_handoff(handoff)
    is_shared = locked.target == TargetKind.TEAM and locked.team_id == by.team_id
    if locked.ae_id != by.pk and not is_shared:
        raise NotHolder(_("This handoff is on the desk of another AE."))
    refuse_answered(locked, now=now)
    return locked


def _checked(reason: str) -> str:
    blank = _("Say why you give this lead back.")
    return short_reason(reason, most=REASON_LENGTH, blank=blank, refused=DecisionIncomplete)


def _answer(
    handoff: Handoff, *, state: Handoff.State, reason: str = "", by: User | None, now: datetime
) -> None:
    """Writes the answer; on the desk of a team `by` is whose it is from now on."""
    stop_timers(item=handoff.decision.item, now=now)
    owner = {"ae": by} if handoff.target == TargetKind.TEAM else {}
    waiting = Handoff.objects.filter(pk=handoff.pk, state=Handoff.State.WAITING)
    if not waiting.update(state=state, return_reason=reason, answered_at=now, **owner):
        raise HandoffAnswered(_("This handoff was answered meanwhile."))


def _into_queue(
    handoff: Handoff, *, reason: str, by: User | None, teller: str, now: datetime
) -> None:
    """The lead waits again, nobody is told of it any more, and whoever accepted it hears why."""
    cancel_messages(decision=handoff.decision)
    enter_queue([handoff.lead_id], reason=EntryReason.RETURNED, now=now, note=reason, by=by)
    tell(
        kind=NoticeKind.HANDOFF_RETURNED,
        people=[handoff.decision.by],
        key=f"handoff:{handoff.pk}:returned",
        lead=handoff.lead,
        words={"by": teller, "reason": reason},
        now=now,
    )
