"""Decides who may ask that a person is erased, and takes it back. The erasure is in `erase.py`.

Managers and admins ask; an admin, or the operator by command, carries out.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from crm.models import Erasure, ErasureReason, Lead, User
from crm.roles import Role
from qualification.choices import NoticeKind
from qualification.exceptions import ErasureRefused, LeadErased
from qualification.models import Notice
from qualification.notices.tell import tell
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import lock_leads

logger = logging.getLogger(__name__)

REFERENCE_LENGTH = 120
# Parts of a name shorter than this are in too many words.
SHORTEST_NAME = 3


@transaction.atomic
def ask_erasure(
    *,
    lead: Lead,
    reference: str,
    reason: ErasureReason,
    is_no_contact: bool,
    by: User | None,
    now: datetime,
) -> Erasure:
    """A request that waits for an admin, who is told. `by` None: the operator.

    Raises PermissionDenied, LeadErased, ErasureRefused (asked already, no reference, or one that
    names the person).
    """
    lock_leads([lead.pk])
    lead.refresh_from_db()
    if by is not None:
        guard.require_right(by, Right.AUDIT)
        if not guard.is_visible(lead, by):
            raise ErasureRefused(_("This lead belongs to another team."))
    refuse_erased(lead)
    text = " ".join(reference.split())
    _check_reference(text, lead)
    try:
        with transaction.atomic():
            erasure = Erasure.objects.create(
                lead=lead,
                reference=text,
                reason=ErasureReason(reason),
                is_no_contact=is_no_contact,
                asked_at=now,
                asked_by=by,
            )
    except IntegrityError:
        raise ErasureRefused(_("Somebody has asked for that already. Reload the page.")) from None
    logger.info("erasure.asked lead=%s by=%s", lead.pk, "operator" if by is None else by.pk)
    if by is not None:
        _tell_admins(erasure, by=by, now=now)
    return erasure


@transaction.atomic
def withdraw_erasure(*, erasure: Erasure, by: User, now: datetime) -> None:
    """The request is gone, and the notices of it; the chain remembers both.

    Raises PermissionDenied, LeadErased (carried out meanwhile), ErasureRefused (withdrawn already).
    """
    guard.require_right(by, Right.AUDIT)
    lock_leads([erasure.lead_id])
    waiting = Erasure.objects.filter(pk=erasure.pk).first()
    if waiting is None:
        raise ErasureRefused(_("This request was withdrawn already."))
    if not guard.is_visible(waiting.lead, by):
        raise ErasureRefused(_("This lead belongs to another team."))
    refuse_erased(waiting.lead)
    Notice.objects.filter(key=_key(waiting)).delete()
    waiting.delete()
    logger.info("erasure.withdrawn lead=%s by=%s at=%s", erasure.lead_id, by.pk, now.isoformat())


def refuse_erased(lead: Lead) -> None:
    """Raises LeadErased, with the day, if the person was erased."""
    if lead.erased_at is not None:
        raise LeadErased(erased_sentence(lead))


def erased_sentence(lead: Lead) -> str:
    """Such as “The personal data of lead 42 were erased on 3 Dec 2026.”"""
    day = formats.date_format(timezone.localtime(lead.erased_at), "j M Y") if lead.erased_at else ""
    return _("The personal data of lead %(number)s were erased on %(day)s.") % {
        "number": lead.pk,
        "day": day,
    }


def erasures_in_sight(user: User) -> QuerySet[Erasure]:
    """Requests and what was carried out, about leads in the reader's sight."""
    return Erasure.objects.filter(lead__in=Lead.objects.visible_to(user).values("pk"))


def _check_reference(text: str, lead: Lead) -> None:
    """It outlives the person, so that it names a request and nobody."""
    if not text:
        raise ErasureRefused(_("Name the request, such as the number of its ticket."))
    if len(text) > REFERENCE_LENGTH:
        raise ErasureRefused(
            _("At most %(n)s characters for the reference, please.") % {"n": REFERENCE_LENGTH}
        )
    names = [*lead.first_name.split(), *lead.last_name.split()]
    known = [name for name in names if len(name) >= SHORTEST_NAME]
    known += [value for value in (lead.email, lead.phone, lead.email_key, lead.phone_key) if value]
    if any(value.lower() in text.lower() for value in known):
        raise ErasureRefused(_("The reference is kept: it must not name the person."))


def _tell_admins(erasure: Erasure, *, by: User, now: datetime) -> None:
    admins = User.objects.filter(is_active=True, groups__name=Role.ADMIN).exclude(pk=by.pk)
    tell(
        kind=NoticeKind.ERASURE_ASKED,
        people=admins,
        key=_key(erasure),
        lead=erasure.lead,
        words={"by": str(by)},
        now=now,
    )


def _key(erasure: Erasure) -> str:
    return f"erasure:{erasure.pk}:asked"
