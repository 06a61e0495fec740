"""The parts people play in their company's purchase: the only writer of LeadRole.

Called by the lead page's verb. A role is ended, never deleted: a score as of then knows it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.exceptions import RoleInvalid
from crm.models import BuyingRole, Lead, LeadRole, User

MAX_SOURCE = 80


@transaction.atomic
def record_role(
    *, lead: Lead, role: str, source: str, confidence: int, by: User | None, now: datetime
) -> LeadRole:
    """That this person plays the role, who says so and how sure they are (percent).

    Said again in the same way it stays as it is; said otherwise the old word ends and the new one
    stands. Raises RoleInvalid.
    """
    source = source.strip()
    _refuse_unusable(role, source, confidence)
    standing = _standing(lead, role)
    if standing is not None:
        if (standing.source, standing.confidence) == (source, confidence):
            return standing
        _end(standing, now)
    return LeadRole.objects.create(
        lead=lead,
        role=role,
        source=source,
        confidence=confidence,
        recorded_at=now,
        recorded_by=by,
    )


@transaction.atomic
def end_role(*, lead: Lead, role: str, now: datetime) -> LeadRole | None:
    """That the person does not play the role (any more); None when nobody said they did."""
    standing = _standing(lead, role)
    if standing is not None:
        _end(standing, now)
    return standing


def _standing(lead: Lead, role: str) -> LeadRole | None:
    """The role as it stands; nobody else changes roles of the lead until the transaction ends."""
    Lead.objects.select_for_update(no_key=True).values_list("pk").get(pk=lead.pk)
    return LeadRole.objects.filter(lead=lead, role=role, ended_at=None).first()


def _end(standing: LeadRole, now: datetime) -> None:
    standing.ended_at = now
    standing.save(update_fields=["ended_at"])


def _refuse_unusable(role: str, source: str, confidence: int) -> None:
    if role not in BuyingRole.values:
        raise RoleInvalid(_("“%(role)s” is no buying role.") % {"role": role})
    if not source or len(source) > MAX_SOURCE or "\x00" in source:
        raise RoleInvalid(
            _("Say who or what told you, in at most %(n)s characters.") % {"n": MAX_SOURCE}
        )
    if not 1 <= confidence <= 100:
        raise RoleInvalid(_("How sure you are is a number from 1 to 100."))
