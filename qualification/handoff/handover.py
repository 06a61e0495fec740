"""Decides what becomes of an accepted lead on its way to an AE, a team or a partner: handed over,
or called back.

Called by `review/decisions.py`, `review/undo.py` and the verbs of this room, inside their
transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.models import Lead, Team, User
from crm.stages import Stage
from qualification.choices import TargetKind, TimerKind
from qualification.connectors.send import CRM_HANDOFF, handoff_key
from qualification.exceptions import HandoffAnswered
from qualification.handoff.desks import columns_of, kind_of
from qualification.handoff.packet import build_packet
from qualification.models import (
    CrmConnection,
    Decision,
    Framework,
    Handoff,
    OutboxMessage,
    Partner,
    ReviewItem,
)
from qualification.outbox.post import Letter, post
from qualification.review import guard
from qualification.review.checklists import checklist_of
from qualification.review.items import undo_time
from qualification.scoring.ledger import Ledger
from qualification.sla.timers import cancel_timers, start_timer

HANDOFF_MAIL = "handoff"


def hand_over(
    *,
    decision: Decision,
    item: ReviewItem,
    framework: Framework,
    ledger: Ledger | None,
    opening: str = "",
    now: datetime,
) -> Handoff:
    """The handoff with its frozen packet, its clock, the messages held for the undo time.
    `opening`: the first sentence where somebody wrote an own one."""
    to = decision.to
    assert to is not None  # noqa: S101 - a constraint of Decision
    packet = build_packet(
        lead=decision.lead,
        checklist=checklist_of(decision.lead, framework, now=now),
        ledger=ledger,
        note=decision.note,
        override_reason=decision.override_reason,
        opening_text=opening,
        now=now,
    )
    handoff = Handoff.objects.create(
        decision=decision,
        lead=decision.lead,
        target=kind_of(to),
        packet=packet,
        created_at=now,
        **columns_of(to),
    )
    start_clock(handoff, now=now)
    post_letters(handoff, now=now)
    return handoff


def start_clock(handoff: Handoff, *, now: datetime) -> None:
    """The clock of whoever has to answer, by the openings of their team; a partner has those of
    the lead's team, and its own time where it has one."""
    team_id, allowed = None, None
    match handoff.to:
        case User() as ae:
            team_id = ae.team_id
        case Team() as team:
            team_id = team.pk
        case Partner(answer_minutes=int() as minutes):
            allowed = timedelta(minutes=minutes)
    start_timer(
        item=handoff.decision.item,
        kind=TimerKind.HANDOFF_ACCEPTANCE,
        now=now,
        team_id=team_id,
        allowed=allowed,
    )


def withdraw_handoff(*, decision: Decision, now: datetime) -> None:
    """Call back a handoff nobody answered and whose mail has not left.

    Raises HandoffAnswered when it was taken or returned, or the mail is on its way.
    """
    waiting = Handoff.objects.filter(decision=decision, state=Handoff.State.WAITING)
    if not waiting.update(state=Handoff.State.CANCELLED, answered_at=now):
        raise HandoffAnswered(_("This handoff was answered already."))
    if not cancel_messages(decision=decision):
        raise HandoffAnswered(_("The mail about it has left already."))


def call_off_handoff(*, lead: Lead, now: datetime) -> bool:
    """Ends a handoff that waits because its person was erased; whether there was one. Called with
    the lead locked; the caller moves it."""
    waiting = Handoff.objects.select_related("decision__item").filter(
        lead=lead, state=Handoff.State.WAITING
    )
    handoff = waiting.select_for_update(no_key=True, of=("self",)).first()
    if handoff is None:
        return False
    cancel_timers(item=handoff.decision.item, now=now)
    Handoff.objects.filter(pk=handoff.pk).update(state=Handoff.State.CANCELLED, answered_at=now)
    return True


def cancel_messages(*, decision: Decision) -> bool:
    """Cancel the messages of a decision that wait; False if one has left or is leaving."""
    messages = OutboxMessage.objects.filter(decision=decision)
    messages.filter(state=OutboxMessage.State.WAITING, attempts=0).update(
        state=OutboxMessage.State.CANCELLED
    )
    return not messages.exclude(state=OutboxMessage.State.CANCELLED).exists()


def post_letters(handoff: Handoff, *, now: datetime) -> None:
    """The mail to whoever has to answer and the message to each CRM, held for what is left of the
    undo time. Their key counts the handoffs of the lead, and the desks this one was moved to."""
    key = _letter_key(handoff)
    mail = Letter(
        key=key,
        kind=HANDOFF_MAIL,
        payload={"handoff": handoff.pk},
        not_before=_not_before(handoff, now=now),
        decision=handoff.decision,
    )
    post([mail, *_to_crms(handoff, key=key, now=now)])


def tell_crms_of_owner(handoff: Handoff, *, now: datetime) -> None:
    """Each CRM hears which AE took what lay on the desk of a team."""
    post(_to_crms(handoff, key=f"{_letter_key(handoff)}:taken", now=now))


def _letter_key(handoff: Handoff) -> str:
    moves = handoff.moves.count()
    return f"{handoff_key(handoff)}:moved:{moves}" if moves else handoff_key(handoff)


def _not_before(handoff: Handoff, *, now: datetime) -> datetime:
    return max(now, handoff.created_at + undo_time())


def _to_crms(handoff: Handoff, *, key: str, now: datetime) -> list[Letter]:
    not_before = _not_before(handoff, now=now)
    connections = CrmConnection.objects.filter(
        Q(team=None) | Q(team=handoff.lead.team_id), is_active=True
    )
    return [
        Letter(
            key=f"{key}:{connection.lane}",
            kind=CRM_HANDOFF,
            payload={"handoff": handoff.pk, "connection": connection.pk},
            not_before=not_before,
            lane=connection.lane,
            order_key=f"{connection.lane}:lead:{handoff.lead_id}",
            decision=handoff.decision,
        )
        for connection in connections
    ]


def lock_handoff(handoff: Handoff) -> Handoff:
    """The handoff as it is now; lead, item and handoff are locked, in this order."""
    item = guard.lock_item(handoff.decision.item)
    locked = Handoff.objects.select_for_update(no_key=True).get(pk=handoff.pk)
    locked.lead = item.lead
    return locked


def refuse_answered(handoff: Handoff, *, now: datetime) -> None:
    """Raises HandoffAnswered unless the locked handoff waits for an answer; on the desk of a team
    it says who was faster."""
    if handoff.state != Handoff.State.WAITING:
        is_shared = handoff.target == TargetKind.TEAM and handoff.ae is not None
        words = {
            "time": guard.time_text(handoff.answered_at or now, now),
            "how": handoff.get_state_display(),
            "who": guard.person_text(handoff.ae) if is_shared and handoff.ae else "",
        }
        if is_shared:
            raise HandoffAnswered(_("%(who)s answered this at %(time)s: %(how)s.") % words)
        raise HandoffAnswered(_("This handoff was answered at %(time)s: %(how)s.") % words)
    if handoff.lead.stage != Stage.SQL:
        raise HandoffAnswered(_("This lead has moved on since it was handed over."))
