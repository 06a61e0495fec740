"""What the lead page shows of follow-up: when to call, the cadence, the sleep. Four queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm.models import Lead, User
from crm.stages import Stage
from qualification.models import Cadence, CadenceRun, NurturePlan
from qualification.permissions import Right, has_right
from qualification.review.cadence_runs import running_of
from qualification.review.contact_hours import Contact, contact_of
from qualification.review.nurture import may_change


@dataclass(frozen=True)
class Follow:
    """`plan` while the lead sleeps; `can_follow` whether the reader keeps in touch meanwhile.
    `cadences` are those on offer to whoever works it now."""

    contact: Contact
    run: CadenceRun | None
    plan: NurturePlan | None
    can_follow: bool
    cadences: tuple[Cadence, ...]


def follow_of(lead: Lead, *, reader: User, is_mine: bool, now: datetime) -> Follow:
    """Everything about following up one lead; `is_mine` whether the reader holds it."""
    plan = sleeping_plan_of(lead)
    works = has_right(reader, Right.WORK_QUEUE)
    can_follow = plan is not None and works and may_change(plan, reader)
    run = running_of(lead)
    return Follow(
        contact=contact_of(lead, now=now),
        run=run,
        plan=plan,
        can_follow=can_follow,
        cadences=_on_offer() if run is None and (is_mine or can_follow) else (),
    )


def _on_offer() -> tuple[Cadence, ...]:
    return tuple(Cadence.objects.filter(is_active=True))


def sleeping_plan_of(lead: Lead) -> NurturePlan | None:
    """The waiting plan of a lead that sleeps."""
    if lead.stage != Stage.NURTURE:
        return None
    return NurturePlan.objects.waiting().filter(lead=lead).select_related("decision__by").first()
