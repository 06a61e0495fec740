"""Whose an address or a number was before leads became one. Used by `resolve.py`.

A merge may leave the address of one lead with the other and the other way round, so that both stay
known; what comes in by them is still for whoever they were of, should the two be two again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db.models import Q

from crm.models import LeadMerge

# With another of these the one that stays is recognised by other keys.
_CHANGES_KEYS = (
    Q(moved__columns__contains=["email"])
    | Q(moved__columns__contains=["phone"])
    | Q(moved__columns__contains=["country"])
)


def own_keys(lead_ids: Collection[int]) -> dict[tuple[str, str], int]:
    """(“email” or “phone”, key) → the lead it was of, for these leads and all that was merged into
    them. Empty after one query where no merge exchanged keys."""
    merges = LeadMerge.objects.standing().filter(
        _CHANGES_KEYS, Q(survivor__in=lead_ids) | Q(survivor__merged_into__in=lead_ids)
    )
    # The row of history each stood at before the first of its merges.
    before: dict[int, int] = {}
    for merge in merges.order_by("pk"):
        before.setdefault(merge.survivor_id, merge.moved["before"]["survivor"])
        before.setdefault(merge.loser_id, merge.moved["before"]["loser"])
    if not before:
        return {}
    events: Any = apps.get_model("crm", "LeadEvent").objects
    rows = events.filter(pgh_id__in=before.values()).order_by("-pgh_obj_id")
    own: dict[tuple[str, str], int] = {}
    for lead, email, phone in rows.values_list("pgh_obj_id", "email_key", "phone_key"):
        own |= {("email", email): lead} if email else {}
        own |= {("phone", phone): lead} if phone else {}
    return own
