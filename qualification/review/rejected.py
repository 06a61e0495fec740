"""Reads the rejections of the reader's teams, newest first, page by page.

Called by the page of rejected leads. Undone decisions are not in it: nobody meant them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from crm.models import Source, User
from qualification.choices import DecisionKind
from qualification.models import Decision, RejectionReason

PAGE_LENGTH = 50
PERIODS = {"7": timedelta(days=7), "30": timedelta(days=30), "90": timedelta(days=90)}


@dataclass(frozen=True)
class RejectedPage:
    """One page; `newer` and `older` are the ids to go on from, None at the ends."""

    rows: tuple[Decision, ...]
    newer: int | None
    older: int | None


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
) -> RejectedPage:
    """The rows older than the decision `before`, or newer than `after`; else the newest."""
    place = _place(before if before is not None else after)
    is_backwards = place is not None and before is None
    rows = found.select_related("lead__account", "reason", "by", "reversal__by")
    if place is None:
        rows = rows.order_by("-at", "-id")
    elif is_backwards:
        rows = rows.filter(_newer_than(place)).order_by("at", "id")
    else:
        rows = rows.filter(_older_than(place)).order_by("-at", "-id")
    taken = list(rows[: PAGE_LENGTH + 1])
    has_more = len(taken) > PAGE_LENGTH
    shown = taken[:PAGE_LENGTH]
    if is_backwards:
        shown.reverse()
    return _page(
        shown,
        has_newer=has_more if is_backwards else place is not None,
        has_older=is_backwards or has_more,
    )


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


def _place(pk: int | None) -> Decision | None:
    """The decision a page goes on from; None when there is none."""
    if pk is None:
        return None
    return Decision.objects.filter(pk=pk, kind=DecisionKind.REJECT).only("at").first()


def _older_than(place: Decision) -> Q:
    return Q(at__lt=place.at) | Q(at=place.at, pk__lt=place.pk)


def _newer_than(place: Decision) -> Q:
    return Q(at__gt=place.at) | Q(at=place.at, pk__gt=place.pk)


def _page(shown: list[Decision], *, has_newer: bool, has_older: bool) -> RejectedPage:
    return RejectedPage(
        rows=tuple(shown),
        newer=shown[0].pk if shown and has_newer else None,
        older=shown[-1].pk if shown and has_older else None,
    )
