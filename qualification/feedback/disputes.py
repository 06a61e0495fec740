"""Records that a person holds one line of a score to be wrong. Never changes a score.

Called by views and the demo. What a dispute means for evidence is decided in `history.py`.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from crm.models import Lead, User
from qualification.choices import DisputeKind
from qualification.models import ScoreDispute, ScoringRule
from qualification.permissions import Right, has_right


@transaction.atomic
def dispute_line(
    *, lead: Lead, rule: ScoringRule, kind: str, note: str = "", by: User, now: datetime
) -> ScoreDispute:
    """The standing dispute of this lead and rule: made once, a second one changes kind and note.

    ValueError for an unknown kind, PermissionDenied where the lead is not this person's to work on.
    """
    kind = DisputeKind(kind).value
    _require_sight(lead, by)
    # Taken before looking, so that a double submit waits and then finds the first.
    Lead.objects.select_for_update().get(pk=lead.pk)
    standing = ScoreDispute.objects.filter(lead=lead, rule_key=rule.key, withdrawn_at=None).first()
    if standing is None:
        return ScoreDispute.objects.create(
            lead=lead, rule=rule, rule_key=rule.key, kind=kind, note=note.strip(), by=by, at=now
        )
    if (standing.kind, standing.note) != (kind, note.strip()):
        standing.kind, standing.note, standing.by, standing.at = kind, note.strip(), by, now
        standing.save(update_fields=["kind", "note", "by", "at"])
    return standing


@transaction.atomic
def withdraw_dispute(*, dispute: ScoreDispute, by: User, now: datetime) -> ScoreDispute:
    """The line stands again. Withdrawing twice keeps the first time.

    PermissionDenied where the lead is not this person's to work on.
    """
    _require_sight(dispute.lead, by)
    standing = ScoreDispute.objects.filter(pk=dispute.pk, withdrawn_at=None)
    standing.update(withdrawn_at=now)
    dispute.refresh_from_db()
    return dispute


def _require_sight(lead: Lead, by: User) -> None:
    is_visible = Lead.objects.visible_to(by).filter(pk=lead.pk).exists()
    if not (is_visible and has_right(by, Right.WORK_QUEUE)):
        raise PermissionDenied
