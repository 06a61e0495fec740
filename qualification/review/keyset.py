"""Before and after in the rank of the queue, as conditions: pages, neighbours and positions.

Called by the reads of this room; the order itself stands in `models.review.RANK`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from qualification.models import ReviewItem
from qualification.models.review import RANK

COLUMNS = tuple(name.lstrip("-") for name in RANK)
REVERSED = tuple(name[1:] if name.startswith("-") else f"-{name}" for name in RANK)


def rank_key(item: ReviewItem) -> tuple[Any, ...]:
    """The values an item is ranked by."""
    return tuple(getattr(item, name) for name in COLUMNS)


def after(key: Sequence[Any]) -> Q:
    """Items that stand behind this rank."""
    return _beyond(key, RANK)


def before(key: Sequence[Any]) -> Q:
    """Items that stand in front of this rank."""
    return _beyond(key, REVERSED)


def _beyond(key: Sequence[Any], order: Sequence[str]) -> Q:
    """First difference decides: greater where the order rises, less where it falls."""
    condition = Q(pk__in=[])
    equal: dict[str, Any] = {}
    for name, value in zip(order, key, strict=True):
        column = name.lstrip("-")
        comparison = "lt" if name.startswith("-") else "gt"
        condition |= Q(**equal, **{f"{column}__{comparison}": value})
        equal[column] = value
    return condition
