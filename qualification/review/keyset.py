"""Before and after in the rank of the queue, as conditions: pages, neighbours and positions.

Called by the reads of this room; the order itself stands in `models.review.RANK`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, Expression, F, Func, Q, QuerySet, Value

from qualification.models import ReviewItem
from qualification.models.review import RANK

REVERSED = tuple(f"-{name}" for name in RANK)


def rank_key(item: ReviewItem) -> tuple[Any, ...]:
    """The values an item is ranked by."""
    return tuple(getattr(item, name) for name in RANK)


def after(key: Sequence[Any]) -> Expression:
    """Items that stand behind this rank."""
    return _compared(">", key)


def before(key: Sequence[Any]) -> Expression:
    """Items that stand in front of this rank."""
    return _compared("<", key)


def first_of_teams(
    items: QuerySet[ReviewItem], sight: Sequence[Q], n: int, *, order: Sequence[str] = RANK
) -> QuerySet[ReviewItem]:
    """The items that may be the first `n` of these in the order of the rank (or from the other
    end), in that order; the caller takes `n`.

    The first ones of each team in `sight` are read from its own stretch of the index: one statement
    that reads no more rows of a long queue than of a short one.
    """
    of_teams = [items.filter(team).order_by(*order).values("pk")[:n] for team in sight]
    return ReviewItem.objects.filter(pk__in=_all_of(of_teams)).order_by(*order)


def _all_of(parts: list[QuerySet[Any]]) -> QuerySet[Any]:
    first, *others = parts
    return first.union(*others, all=True) if others else first


def _compared(how: str, key: Sequence[Any]) -> Expression:
    """One comparison of rows, which the index of the rank answers from the right place on."""
    return _Compared(*map(F, RANK), *map(Value, key), how=how)


class _Compared(Func):
    """`(first half of the expressions) how (second half)`."""

    conditional = True
    output_field = BooleanField()

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any
    ) -> tuple[str, list[Any]]:
        parts = [compiler.compile(part) for part in self.source_expressions]
        half = len(parts) // 2
        left, right = (", ".join(sql for sql, _ in part) for part in (parts[:half], parts[half:]))
        parameters = [value for _, values in parts for value in values]
        return f"({left}) {self.extra['how']} ({right})", parameters
