"""Erases a person: one transaction that ends the work, blanks every column of the inventory and
tells CRMs. The row of the lead, what was decided about it and the chain stay.

Called by the page of admins and by `manage.py erase_person`. Lock order: the keys of the person,
the lead, its item, clocks, handoff, messages.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.lifecycle import move_lead
from crm.models import Erasure, Lead, User
from crm.models.lead import DisqualifiedBy
from crm.stages import ERASED_TO, Stage
from qualification.choices import CadenceEnd, CloseReason
from qualification.exceptions import Busy, ErasureRefused
from qualification.handoff.handover import call_off_handoff
from qualification.models import ReviewItem, ScoringDue
from qualification.permissions import Right
from qualification.personal import blanking, company, crms, known_by
from qualification.personal.requests import refuse_erased
from qualification.review import guard
from qualification.review.cadence_runs import end_runs
from qualification.review.items import lock_leads
from qualification.review.nurture import cancel_plans
from qualification.review.queue import close_item

logger = logging.getLogger(__name__)


@transaction.atomic
def erase_person(*, erasure: Erasure, confirmed: str, by: User | None, now: datetime) -> Erasure:
    """Carries the request out, for good; `confirmed` is the name of the lead as somebody typed it.
    `by` None: the operator.

    Raises PermissionDenied, LeadErased (twice), ErasureRefused (another name, or withdrawn), Busy
    (the person's addresses changed just now).
    """
    if by is not None:
        guard.require_right(by, Right.ERASE)
    keys = known_by.keys_of(erasure.lead_id)
    known_by.lock(keys)
    locked = _lock(erasure, by=by, confirmed=confirmed)
    lead = locked.lead
    if known_by.keys_of(lead.pk) != keys:
        raise Busy
    _end_work(lead, by=by, now=now)
    parts = list(lead.absorbed.order_by("pk"))
    told = [(part, crms.call_back_messages(part)) for part in (lead, *parts)]
    alone = company.of_nobody_else(lead)
    Erasure.objects.filter(pk=locked.pk).update(
        carried_out_at=now, carried_out_by=by, company=alone
    )
    if locked.is_no_contact:
        known_by.remember(locked, keys)
    stamp_history(now)
    for part in parts:
        _ask_for_part(locked, part, by=by, now=now)
    for part, connections in told:
        _open_door(part)
        blanking.blank_everything(part, company=alone if part == lead else None, keys=keys, at=now)
        _seal(part, now=now)
        crms.ask_to_forget(part, told=connections, now=now)
    logger.info(
        "person.erased lead=%s reference=%r by=%s",
        lead.pk,
        locked.reference,
        "operator" if by is None else by.pk,
    )
    locked.refresh_from_db()
    return locked


def _lock(erasure: Erasure, *, by: User | None, confirmed: str) -> Erasure:
    """The request with its lead as they are now, the lead locked."""
    parts = Lead.objects.filter(merged_into=erasure.lead_id)
    lock_leads([erasure.lead_id, *parts.values_list("pk", flat=True)])
    locked = Erasure.objects.select_for_update(of=("self",)).select_related("lead")
    waiting = locked.filter(pk=erasure.pk).first()
    if waiting is None:
        raise ErasureRefused(_("This request was withdrawn already."))
    refuse_erased(waiting.lead)
    standing = waiting.lead.merged_into
    if standing is not None:
        raise ErasureRefused(
            _("This lead is part of %(name)s. Erase that one: this one goes with it.")
            % {"name": standing.name}
        )
    if by is not None and not guard.is_visible(waiting.lead, by):
        raise ErasureRefused(_("This lead belongs to another team."))
    if confirmed.strip().casefold() != waiting.lead.name.casefold():
        raise ErasureRefused(
            _("Type the name of the lead to confirm: %(name)s.") % {"name": waiting.lead.name}
        )
    return waiting


def _ask_for_part(erasure: Erasure, part: Lead, *, by: User | None, now: datetime) -> None:
    """A lead that was merged into the person's goes with it; a request of its own is answered."""
    Erasure.objects.filter(lead=part).delete()
    Erasure.objects.create(
        lead=part,
        reference=erasure.reference,
        reason=erasure.reason,
        asked_at=erasure.asked_at,
        asked_by=erasure.asked_by,
        carried_out_at=now,
        carried_out_by=by,
    )


def _end_work(lead: Lead, *, by: User | None, now: datetime) -> None:
    """Nobody works the lead, waits for it or is waited for any more; what became of it stays."""
    item = ReviewItem.objects.open().filter(lead=lead).first()
    if item is not None:
        close_item(item=item, reason=CloseReason.ERASED, by=by, now=now)
    end_runs([lead.pk], end=CadenceEnd.STOPPED, now=now)
    cancel_plans(lead=lead, now=now)
    stage, reason = Stage(lead.stage), str(CloseReason.ERASED.label)
    if stage in ERASED_TO:
        move_lead(
            lead=lead,
            to=ERASED_TO[stage],
            reason=reason,
            by=by,
            now=now,
            disqualified_by=DisqualifiedBy.PERSON,
        )
    elif call_off_handoff(lead=lead, now=now):
        move_lead(lead=lead, to=Stage.LOST, reason=reason, by=by, now=now)
    ScoringDue.objects.filter(lead=lead).delete()


def _open_door(lead: Lead) -> None:
    """Until the end of the transaction triggers let the values of this person go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('leadqual.erasing', %s, true)", [str(lead.pk)])


def _seal(lead: Lead, *, now: datetime) -> None:
    """PostgreSQL holds from here on that the row says nothing; and no rule, which would look at
    blank facts, decides over it."""
    changes: dict[str, Any] = {"erased_at": now, "updated_at": now, "version": F("version") + 1}
    if lead.disqualified_by == DisqualifiedBy.RULE:
        changes["disqualified_by"] = DisqualifiedBy.PERSON
    Lead.objects.filter(pk=lead.pk).update(**changes)
