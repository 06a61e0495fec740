"""Decides how a person can be reached outside LeadQual at all. Called by the preferences page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from crm.models import Team, User
from qualification.channels.quiet import held_until
from qualification.choices import Digest
from qualification.models import WebhookTarget
from qualification.sla.hours import hours_of_teams


@dataclass(frozen=True)
class Reach:
    """Where mail goes, which chat tools listen, when the team opens again (None: it is open)."""

    mail: str
    chats: tuple[str, ...]
    opens_at: datetime | None


def targets_for(person: User) -> list[WebhookTarget]:
    """The chat tools that listen to this person's notices: of their team, or of everybody."""
    for_them = Q(team=None) if person.team_id is None else Q(team=None) | Q(team=person.team_id)
    return list(WebhookTarget.objects.filter(for_them, is_active=True))


def reach_of(person: User, *, now: datetime) -> Reach:
    """How this person can be reached."""
    team_id = person.team_id or Team.objects.get(is_fallback=True).pk
    calendar = hours_of_teams([team_id])[team_id].calendar
    return Reach(
        mail=person.email,
        chats=tuple(target.name for target in targets_for(person)),
        opens_at=held_until(calendar, digest=Digest.NONE, now=now),
    )
