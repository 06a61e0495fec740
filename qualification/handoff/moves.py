"""Decides what happens when a manager gives a handoff nobody answered to another AE, to the desk of
a team, or to a partner.

The only writer of moves. The packet and the decision stay as they are; mail and CRMs are told anew,
and the new desk gets a clock of its own.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import NoticeKind
from qualification.exceptions import DecisionIncomplete, NotHolder
from qualification.handoff.answers import REASON_LENGTH
from qualification.handoff.desks import columns_of, kind_of, takes_handoffs
from qualification.handoff.handover import (
    cancel_messages,
    lock_handoff,
    post_letters,
    refuse_answered,
    start_clock,
)
from qualification.handoff.needs import check_needs
from qualification.models import Handoff, HandoffMove, Target
from qualification.models.destination import TARGETS
from qualification.notices.tell import tell
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import log_event, short_reason
from qualification.sla.timers import cancel_timers


@transaction.atomic
def move_handoff(
    *, handoff: Handoff, to: Target, by: User, reason: str, now: datetime
) -> HandoffMove:
    """Puts a waiting handoff on another desk, with a fresh clock by its openings. What fell due on
    the old desk stays a breach of that desk.

    Raises PermissionDenied, DecisionIncomplete (no reason, same desk), NotHolder (out of sight, or
    `to` takes no handoffs), DestinationIncomplete, HandoffAnswered.
    """
    text = _checked(reason)
    guard.require_right(by, Right.REASSIGN)
    locked = lock_handoff(handoff)
    if not guard.is_visible(locked.lead, by):
        raise NotHolder(_("This lead is not yours to work on."))
    refuse_answered(locked, now=now)
    _refuse_desk(locked, to)
    kind = kind_of(to)
    check_needs(locked.lead, kind)
    move = HandoffMove.objects.create(
        handoff=locked,
        by=by,
        reason=text,
        at=now,
        **columns_of(locked.to, "from_"),
        **columns_of(to, "to_"),
    )
    Handoff.objects.filter(pk=locked.pk).update(target=kind, **columns_of(to))
    locked.refresh_from_db(fields=["target", *TARGETS])
    item = locked.decision.item
    cancel_timers(item=item, now=now)
    start_clock(locked, now=now)
    cancel_messages(decision=locked.decision)
    post_letters(locked, now=now)
    log_event(item=item, verb="handoff:moved", by=by, now=now, note=text)
    _tell(move, now=now)
    handoff.refresh_from_db()
    return move


def _checked(reason: str) -> str:
    blank = _("Say why the handoff goes to another desk.")
    return short_reason(reason, most=REASON_LENGTH, blank=blank, refused=DecisionIncomplete)


def _refuse_desk(handoff: Handoff, to: Target) -> None:
    if handoff.to == to:
        raise DecisionIncomplete(_("It is on the desk of %(to)s already.") % {"to": to})
    if not takes_handoffs(to):
        raise NotHolder(_("%(name)s takes no handoffs.") % {"name": to})


def _tell(move: HandoffMove, *, now: datetime) -> None:
    """Who accepted the lead, and the AE whose desk it left; the new desk gets the mail. The AE it
    left does not see the lead any more, so that the notice does not name it."""
    handoff = move.handoff
    words = {"by": str(move.by), "to": str(move.to_target), "reason": move.reason}
    key = f"handoff:{handoff.pk}:moved:{move.pk}"
    kind = NoticeKind.HANDOFF_MOVED
    if handoff.decision.by_id != move.by_id:
        people = [handoff.decision.by]
        tell(kind=kind, people=people, key=key, lead=handoff.lead, words=words, now=now)
    left = [] if move.from_ae is None else [move.from_ae]
    tell(kind=kind, people=left, key=f"{key}:left", words=words, now=now)
