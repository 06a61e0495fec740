"""Decides whose scores may follow from what is known of somebody.
Called by whoever marks leads as due."""

from __future__ import annotations

from collections.abc import Collection

from crm.models import Lead
from qualification.scoring.compile import compile_model
from qualification.scoring.versions import active_model


def reached(lead_ids: Collection[int]) -> list[int]:
    """These leads, and while the live version counts people of an account, their colleagues too."""
    model = active_model()
    if not lead_ids or model is None or not compile_model(model).facts.needs_committee:
        return sorted(lead_ids)
    accounts = Lead.objects.filter(pk__in=lead_ids, account__isnull=False).values("account")
    colleagues = Lead.objects.filter(account__in=accounts).values_list("pk", flat=True)
    return sorted({*lead_ids, *colleagues})
