"""A payload on its way through `upsert.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.intake import changes
from crm.intake.payload import LeadPayload
from crm.intake.results import Upserted
from crm.intake.statements import STATED_AT
from crm.matching.resolve import CompanyKeys
from crm.models import Lead, LeadIdentity


@dataclass
class Case:
    """One payload at work: what it says, about whom, and what came of it."""

    payload: LeadPayload
    company: CompanyKeys
    lead: Lead
    identity: LeadIdentity
    result: Upserted
    # The person writes from an address of a lead that was merged into theirs: theirs stays.
    is_other_address: bool
    # Keys that have another value now.
    rewritten: set[str] = field(default_factory=set)

    @property
    def stated_at(self) -> str:
        """When it was said, as sortable text; "" when that does not matter."""
        return changes.instant(self.payload.stated_at)

    @property
    def is_old(self) -> bool:
        """Whether a later statement of the same identity was taken before."""
        last_at = str(self.identity.imported.get(STATED_AT, ""))
        return bool(self.stated_at and last_at and self.stated_at < last_at)
