"""Decides which account executives are offered for a lead, the least loaded of the team first.

Called by the accept dialog.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from crm.models import Lead, User
from crm.roles import Role
from qualification.models import Handoff


@dataclass(frozen=True)
class Desk:
    """An account executive, how many handoffs wait for them, and why they stand here."""

    ae: User
    n_waiting: int
    why: str


def desks_for(lead: Lead) -> list[Desk]:
    """Every active AE: who knows the account first, then the lead's team, then by load."""
    waiting = Count("handoffs", filter=Q(handoffs__state=Handoff.State.WAITING), distinct=True)
    people = User.objects.filter(is_active=True, groups__name=Role.AE).select_related("team")
    found = people.annotate(n_waiting=waiting).distinct()
    known = _who_knows(lead)
    ranked = sorted(
        found,
        key=lambda ae: (ae.pk not in known, ae.team_id != lead.team_id, ae.n_waiting, ae.pk),
    )
    return [Desk(ae=ae, n_waiting=ae.n_waiting, why=_why(ae, lead, known)) for ae in ranked]


def _who_knows(lead: Lead) -> set[int]:
    """AEs who took a lead of the same account."""
    if lead.account_id is None:
        return set()
    taken = Handoff.objects.filter(
        lead__account_id=lead.account_id, state=Handoff.State.ACCEPTED
    ).exclude(lead=lead)
    return set(taken.values_list("ae_id", flat=True))


def _why(ae: User, lead: Lead, known: set[int]) -> str:
    if ae.pk in known:
        return _("Knows this account")
    if ae.team_id is not None and ae.team_id == lead.team_id:
        return _("Same team, %(team)s") % {"team": ae.team}
    return str(ae.team or "")
