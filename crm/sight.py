"""Who may see which lead. The one rule behind `Lead.objects.visible_to(user)`.

Roles are groups (see `crm/roles.py`). Managers and SDRs see their own team's leads and those of the
fallback team; admins see all; an AE the leads handed to them or to the
desk of their team; marketing sees no person at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from crm.roles import Role, roles_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from crm.models.people import User


def leads_in_sight(user: User | AnonymousUser, prefix: str = "") -> Q:
    """Condition on Lead (or on a relation to it, named by `prefix`, such as `lead__`)."""
    roles = roles_of(user)
    if Role.ADMIN in roles:
        return Q()
    sight = Q(pk__in=[])
    if roles & {Role.SDR, Role.MANAGER}:
        sight |= Q(**{f"{prefix}team__is_fallback": True})
        if user.team_id is not None:  # type: ignore[union-attr]
            sight |= Q(**{f"{prefix}team_id": user.team_id})  # type: ignore[union-attr]
    if Role.AE in roles:
        # A subquery, not a join: one lead may have been handed over twice.
        from crm.models.lead import Lead

        # An undone handoff was never theirs.
        theirs = Q(handoffs__ae_id=user.pk, handoffs__state__in=["waiting", "accepted", "returned"])
        if user.team_id is not None:  # type: ignore[union-attr]
            # What is on the desk of their team, until one of them takes it.
            theirs |= Q(handoffs__team_id=user.team_id, handoffs__state="waiting")  # type: ignore[union-attr]
        sight |= Q(**{f"{prefix}pk__in": Lead.objects.filter(theirs).values("pk")})
    return sight
