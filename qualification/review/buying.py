"""The buying committee as the lead page shows it, and what the holder of a lead says about it.

Called by the views of one lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from crm import committee
from crm.models import BuyingRole, Lead, LeadRole, User
from qualification.models import ReviewItem
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import refuse_unless_holder
from qualification.scoring.colleagues import reached
from qualification.scoring.rescore import mark_due


@dataclass(frozen=True)
class Member:
    """A person of the account in sight, with the parts they play."""

    lead: Lead
    roles: tuple[LeadRole, ...]


@dataclass(frozen=True)
class BuyingCommittee:
    """Who is known at the company, this lead first. `missing`: roles nobody plays, also among
    people out of sight; `open_roles`: those this lead could be given."""

    this: Member
    others: tuple[Member, ...]
    missing: tuple[str, ...]
    open_roles: tuple[tuple[str, str], ...]

    @property
    def n_covered(self) -> int:
        """How many of the roles somebody plays."""
        return len(BuyingRole) - len(self.missing)

    @property
    def n_roles(self) -> int:
        """How many roles there are."""
        return len(BuyingRole)


def buying_committee_of(lead: Lead, others: Sequence[Lead]) -> BuyingCommittee:
    """The committee of the lead's account with `others`, those in sight; one query."""
    whose = Q(lead=lead)
    if lead.account_id is not None:
        whose |= Q(lead__account=lead.account_id, lead__merged_into=None)
    standing = list(LeadRole.objects.filter(whose, ended_at=None).select_related("recorded_by"))
    this, *rest = (
        Member(person, tuple(role for role in standing if role.lead_id == person.pk))
        for person in (lead, *others)
    )
    covered = {role.role for role in standing}
    own = {role.role for role in this.roles}
    return BuyingCommittee(
        this=this,
        others=tuple(rest),
        missing=tuple(str(role.label) for role in BuyingRole if role not in covered),
        open_roles=tuple((role.value, str(role.label)) for role in BuyingRole if role not in own),
    )


@transaction.atomic
def say_role(
    *, item: ReviewItem, role: str, source: str, confidence: int, by: User, now: datetime
) -> LeadRole:
    """The holder says what part the lead plays; the account's leads are scored anew.

    Raises NotHolder, AlreadyDecided, PermissionDenied, RoleInvalid.
    """
    lead = _held_lead(item, by=by, now=now)
    said = committee.record_role(
        lead=lead, role=role, source=source, confidence=confidence, by=by, now=now
    )
    mark_due(reached([lead.pk]), now=now)
    return said


@transaction.atomic
def take_role_back(*, item: ReviewItem, role: str, by: User, now: datetime) -> LeadRole | None:
    """The holder says the lead does not play the part; None when nobody had said so.

    Raises NotHolder, AlreadyDecided, PermissionDenied.
    """
    lead = _held_lead(item, by=by, now=now)
    ended = committee.end_role(lead=lead, role=role, now=now)
    mark_due(reached([lead.pk]), now=now)
    return ended


def _held_lead(item: ReviewItem, *, by: User, now: datetime) -> Lead:
    guard.require_right(by, Right.WORK_QUEUE)
    locked = guard.lock_item(item)
    refuse_unless_holder(locked, by=by, now=now)
    return locked.lead
