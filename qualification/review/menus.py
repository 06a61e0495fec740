"""What the menus of the queue offer beside fixed choices: sources, segments, colleagues.

Called by the filter of the queue. All of it is one query, however long the queue is: it does not
look which source has a lead open, that would read the whole queue.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Trim

from crm.models import Source, User
from qualification.choices import ItemState
from qualification.models import ReviewItem, Segment
from qualification.review.claims import sight_of

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Menus:
    """(value, label) of each option, in the order to show."""

    sources: Options
    segments: Options
    colleagues: Options


def menus_of(user: User) -> Menus:
    """The options for this reader."""
    parts = (
        ("source", _sources(), "pk", _or(F("label"), F("name"))),
        ("segment", Segment.objects.all(), "key", F("name")),
        ("colleague", _colleagues_of(user), "pk", _or(_full_name(), F("username"))),
    )
    first, *others = (
        rows.order_by().values_list(
            Value(kind, CharField()), Cast(value, CharField()), Cast(label, CharField())
        )
        for kind, rows, value, label in parts
    )
    options: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind, value, label in first.union(*others, all=True):
        options[kind].append((value, label))
    in_order = {
        kind: sorted(found, key=lambda option: option[1]) for kind, found in options.items()
    }
    return Menus(
        sources=tuple(in_order.get("source", ())),
        segments=tuple(in_order.get("segment", ())),
        colleagues=tuple(in_order.get("colleague", ())),
    )


def _sources() -> QuerySet[Source]:
    return Source.objects.all()


def _colleagues_of(user: User) -> QuerySet[User]:
    """Others who hold a lead in sight."""
    held = ReviewItem.objects.filter(
        holder=OuterRef("pk"),
        state__in=[ItemState.CLAIMED, ItemState.OWNED],
        team__in=sight_of(user).order_by(),
    )
    return User.objects.filter(Exists(held)).exclude(pk=user.pk)


def _full_name() -> Trim:
    return Trim(Concat(F("first_name"), Value(" "), F("last_name")))


def _or(text: F | Trim, other: F) -> Coalesce:
    return Coalesce(NullIf(text, Value("")), other)
