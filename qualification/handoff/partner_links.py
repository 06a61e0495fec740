"""Decides what a partner's link opens: one handoff as it lies with that partner, for some days, and
one answer to it.

The link holds numbers and a signature, nothing about a person. Called by the mail to partners and
by the page for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from qualification.choices import TargetKind
from qualification.exceptions import LinkInvalid
from qualification.handoff.answers import answer_for_partner
from qualification.handoff.handover import lock_handoff
from qualification.models import Handoff, HandoffMove

SALT = "partner-handoff"
OPENS = (Handoff.State.WAITING, Handoff.State.ACCEPTED)


@dataclass(frozen=True)
class _Link:
    """`moves`: how often the handoff had moved when the link was made; one more, and it is dead."""

    handoff_id: int
    moves: int
    until: datetime


def token_for(handoff: Handoff) -> str:
    """The token of the link to a handoff that is with a partner: the same each time it is asked,
    until the handoff moves."""
    latest = handoff.moves.order_by("-pk").first()
    since = handoff.created_at if latest is None else latest.at
    until = since + timedelta(days=settings.LEADQUAL["PARTNER_LINK_DAYS"])
    content = [handoff.pk, handoff.moves.count(), int(until.timestamp())]
    return signing.Signer(salt=SALT).sign_object(content).replace(":", ".")


def handoff_of(token: str, *, now: datetime) -> Handoff:
    """The handoff a link opens. Raises LinkInvalid: not ours, run out, moved on, given back."""
    link = _read(token, now=now)
    found = Handoff.objects.filter(pk=link.handoff_id, state__in=OPENS)
    handoff = found.select_related("partner", "decision__by", "lead").first()
    if handoff is None or not _is_there(handoff, link):
        raise _refusal()
    return handoff


@transaction.atomic
def answer_by_link(*, token: str, takes: bool, reason: str = "", now: datetime) -> Handoff:
    """The partner takes the lead or gives it back; once. Raises LinkInvalid, DecisionIncomplete (no
    reason), HandoffAnswered."""
    link = _read(token, now=now)
    handoff = Handoff.objects.filter(pk=link.handoff_id).first()
    # Locked first: it may be moving to another desk right now.
    if handoff is None or not _is_there(lock_handoff(handoff), link):
        raise _refusal()
    return answer_for_partner(handoff=handoff, takes=takes, reason=reason, by=None, now=now)


def _is_there(handoff: Handoff, link: _Link) -> bool:
    """Whether it still lies where it lay when the link was made."""
    moves = HandoffMove.objects.filter(handoff=handoff).count()
    return handoff.target == TargetKind.PARTNER and moves == link.moves


def _read(token: str, *, now: datetime) -> _Link:
    try:
        handoff_id, moves, until = signing.Signer(salt=SALT).unsign_object(token.replace(".", ":"))
    except (signing.BadSignature, ValueError):
        raise _refusal() from None
    link = _Link(handoff_id, moves, datetime.fromtimestamp(until, UTC))
    if now >= link.until:
        raise _refusal()
    return link


def _refusal() -> LinkInvalid:
    return LinkInvalid(_("This link does not open anything any more."))
