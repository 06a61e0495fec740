"""Reads for the pages about personal data: what is held, requests, exports."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.models import Erasure, Lead, PersonalExport, User
from qualification.personal.export import counted
from qualification.personal.requests import erasures_in_sight
from qualification.review.newest import NewestPage, newest_page

PAGE_LENGTH = 50
EXPORTS_SHOWN = 10


@dataclass(frozen=True)
class HeldRow:
    """A table with rows about the person, in words: how many, and what the erasure does to it."""

    name: str
    n: int
    becomes: str


def held_about(lead: Lead) -> tuple[HeldRow, ...]:
    """The tables with rows, in the order of the inventory."""
    return tuple(
        HeldRow(
            name=str(held.name),
            n=n,
            becomes=_("Deleted")
            if held.goes
            else _("Personal values blanked")
            if held.blank or held.scrub
            else _("Kept: no personal values"),
        )
        for held, n in counted(lead)
    )


def request_on(lead: Lead) -> Erasure | None:
    """The request about a lead, waiting or carried out."""
    rows = Erasure.objects.select_related("asked_by", "carried_out_by")
    return rows.filter(lead=lead).first()


def exports_of(lead: Lead) -> tuple[PersonalExport, ...]:
    """The latest exports, newest first."""
    return tuple(PersonalExport.objects.filter(lead=lead).select_related("by")[:EXPORTS_SHOWN])


def erasure_page(
    reader: User, *, is_done: bool, before: int | None = None, after: int | None = None
) -> NewestPage[Erasure]:
    """Requests that wait, or those carried out, the newest first."""
    rows = erasures_in_sight(reader).filter(carried_out_at__isnull=not is_done)
    shown = rows.select_related("lead", "asked_by", "carried_out_by")
    stamp = "carried_out_at" if is_done else "asked_at"
    return newest_page(shown, stamp=stamp, length=PAGE_LENGTH, before=before, after=after)
