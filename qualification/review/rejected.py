"""Reads the rejections of the reader's teams, newest first, page by page.

Called by the page of rejected leads. Undone decisions are not in it: nobody meant them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, QuerySet, Subquery

from crm.models import Source, User
from crm.roles import Role, roles_of
from qualification.choices import DecisionKind
from qualification.models import Decision, RejectionReason
from qualification.review.counts import CAP
from qualification.review.newest import NewestPage, newest_page

PAGE_LENGTH = 50
PERIODS = {"7": timedelta(days=7), "30": timedelta(days=30), "90": timedelta(days=90)}


def rejections(user: User | AnonymousUser) -> QuerySet[Decision]:
    """Rejections of leads in the reader's sight, standing or overturned, newest first."""
    return (
        Decision.objects.visible_to(user)
        .filter(kind=DecisionKind.REJECT)
        .exclude(reversal__kind=DecisionKind.REVERSED)
        .order_by("-at", "-id")
    )


def rejected_page(
    found: QuerySet[Decision], *, before: int | None = None, after: int | None = None
) -> NewestPage[Decision]:
    """The rows older than the decision `before`, or newer than `after`; else the newest."""
    rows = found.select_related("lead__account", "reason", "by", "reversal__by")
    return newest_page(rows, stamp="at", length=PAGE_LENGTH, before=before, after=after)


@dataclass(frozen=True)
class Tally:
    """How many there are, up to `CAP` and one more if there are more; `overridden` of those (of the
    newest `CAP`) a manager made before the attempts that their reason asks for."""

    count: int
    overridden: int

    @property
    def is_all(self) -> bool:
        """Whether there are no more than were counted."""
        return self.count <= CAP


def tally_of(found: QuerySet[Decision]) -> Tally:
    """Counts these rejections, newest first, as far as `CAP`."""
    why = list(found.values_list("override_reason", flat=True)[: CAP + 1])
    return Tally(count=len(why), overridden=sum(1 for reason in why[:CAP] if reason))


def reason_groups() -> list[str]:
    """Names of the groups of rejection reasons, in their order."""
    names = RejectionReason.objects.values_list("group", flat=True)
    return list(dict.fromkeys(names))


def reviewers(user: User) -> QuerySet[User]:
    """Who ever rejected a lead: of everybody for an admin, else of the reader's team."""
    ever = Decision.objects.filter(by=OuterRef("pk"), kind=DecisionKind.REJECT).order_by()
    # One row a person by the index: as a join, it reads every decision.
    people = User.objects.alias(ever=Subquery(ever.values("pk")[:1])).filter(ever__isnull=False)
    if Role.ADMIN not in roles_of(user):
        people = people.filter(team=user.team_id)
    return people.order_by("first_name", "last_name", "username")


def sources() -> QuerySet[Source]:
    """All of them: which ones a rejected lead in sight came from would read every rejection."""
    return Source.objects.order_by("label", "name")
