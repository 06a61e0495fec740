"""Reads the rejections of the reader's teams, newest first, page by page.

Called by the page of rejected leads. Undone decisions are not in it: nobody meant them.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from crm.models import Source, User
from qualification.choices import DecisionKind
from qualification.models import Decision, RejectionReason
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


def count_overridden(found: QuerySet[Decision]) -> int:
    """How many of these a manager made before the attempts that their reason asks for."""
    return found.exclude(override_reason="").count()


def reason_groups() -> list[str]:
    """Names of the groups of rejection reasons, in their order."""
    names = RejectionReason.objects.values_list("group", flat=True)
    return list(dict.fromkeys(names))


def reviewers(user: User | AnonymousUser) -> QuerySet[User]:
    """People who rejected a lead in the reader's sight."""
    ids = rejections(user).order_by().values("by")
    return User.objects.filter(pk__in=ids).order_by("first_name", "last_name", "username")


def sources(user: User | AnonymousUser) -> QuerySet[Source]:
    """Sources of rejected leads in the reader's sight."""
    ids = rejections(user).order_by().values("lead__source")
    return Source.objects.filter(pk__in=ids).order_by("label", "name")
