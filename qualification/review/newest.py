"""Pages of a list that grows at its newest end: rows older or newer than a row, never an offset.

Called by the lists of rejections. `stamp` names the column the list is ordered by, before the id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class NewestPage(Generic[Row]):
    """One page; `newer` and `older` are the ids to go on from, None at the ends."""

    rows: tuple[Row, ...]
    newer: int | None
    older: int | None


def newest_page(
    found: QuerySet[Row],
    *,
    stamp: str,
    length: int,
    before: int | None = None,
    after: int | None = None,
) -> NewestPage[Row]:
    """The rows older than the row `before`, or newer than `after`; else the newest."""
    place = _place(found.model, stamp, before if before is not None else after)
    is_backwards = place is not None and before is None
    order = (stamp, "id") if is_backwards else (f"-{stamp}", "-id")
    rows = found.order_by(*order)
    if place is not None:
        rows = rows.filter(_beyond(place, stamp, is_newer=is_backwards))
    taken = list(rows[: length + 1])
    has_more, shown = len(taken) > length, taken[:length]
    if is_backwards:
        shown.reverse()
    has_newer = has_more if is_backwards else place is not None
    has_older = is_backwards or has_more
    return NewestPage(
        rows=tuple(shown),
        newer=shown[0].pk if shown and has_newer else None,
        older=shown[-1].pk if shown and has_older else None,
    )


def _place(model: type[Row], stamp: str, pk: int | None) -> Row | None:
    """The row a page goes on from; None when there is none."""
    if pk is None:
        return None
    return model._default_manager.filter(pk=pk).only(stamp).first()


def _beyond(place: Model, stamp: str, *, is_newer: bool) -> Q:
    word, value = ("gt" if is_newer else "lt"), getattr(place, stamp)
    behind = Q(**{f"{stamp}__{word}": value}) | Q(**{stamp: value, f"pk__{word}": place.pk})
    # Said once more as one bound: an index cannot start from an alternative.
    return Q(**{f"{stamp}__{word}e": value}) & behind
