"""Before and after in the rank of the queue, as conditions: pages, neighbours and positions.

Called by the reads of this room; the order itself stands in `models.review.RANK`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, Expression, F, Func, Value

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


def _compared(how: str, key: Sequence[Any]) -> Expression:
    """One comparison of rows, which the index of the rank answers from the right place on."""
    return _Compared(*map(F, RANK), *map(Value, key), how=how)


class _Compared(Func):
    """`(first half of the expressions) how (second half)`."""

    conditional = True
    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        parts = [compiler.compile(part) for part in self.source_expressions]
        half = len(parts) // 2
        left, right = (", ".join(sql for sql, _ in part) for part in (parts[:half], parts[half:]))
        parameters = [value for _, values in parts for value in values]
        return f"({left}) {self.extra['how']} ({right})", parameters
