"""Rows that fall due together are done together; one that PostgreSQL refuses is left alone, and its
neighbours go on. Called by the sweepers.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, OperationalError, transaction

from qualification.exceptions import is_held_elsewhere

logger = logging.getLogger(__name__)

# So many that are refused with none that goes through are no bad rows: nothing can be written.
ALL_FAIL = 20
# So often many rows together waited too long and none went through: not a row is in other hands but
# a table, and every further try would wait as long.
WAITS = 3


@dataclass
class Tried:
    """How many rows were changed, and what PostgreSQL said of those it refused, by id."""

    changed: int = 0
    refused: dict[int, DatabaseError] = field(default_factory=dict)


def do_due(
    ids: Sequence[int], do: Callable[[Sequence[int]], int], *, what: str, batch: int = 500
) -> int:
    """Does rows that are due, at most `batch` in one transaction; how many were changed.

    what: the rows in the log, such as `lease`. A row that is refused is named there, unless others
    have it in hand, and stays due. Raises as `tried` does, which says what `do` is.
    """
    found = tried(ids, do, batch=batch)
    for pk, error in found.refused.items():
        if not is_held_elsewhere(error):
            # The class alone: its text may hold what is known of a person.
            logger.error("sweep.row_refused what=%s id=%s error=%s", what, pk, type(error).__name__)
    return found.changed


def tried(ids: Sequence[int], do: Callable[[Sequence[int]], int], *, batch: int) -> Tried:
    """Does these together; where a transaction is refused, its rows by halves, down to the row that
    is. All that go through by many go through before any is tried alone.

    do: works on those rows of these ids that are still due and returns how many it changed; it
    locks them skipping what others have in hand, so that any number of sweepers may run.

    Raises DatabaseError when several are refused and none goes through: the pass counts as one that
    did not end, which managers are told of. So it is when PostgreSQL itself is what fails
    (OperationalError, other than for a row in other hands), or locks all of them.
    """
    found, goes_through, waits = Tried(), False, 0
    waiting = deque(ids[start : start + batch] for start in range(0, len(ids), batch))
    while waiting:
        some = waiting.popleft()
        try:
            with transaction.atomic():
                found.changed += do(some)
            goes_through = True
        except DatabaseError as error:
            waits += len(some) > 1 and is_held_elsewhere(error)
            if _is_of_no_row(error) or (not goes_through and waits == WAITS):
                raise
            if len(some) > 1:
                half = len(some) // 2
                waiting += [some[:half], some[half:]]
                continue
            found.refused[some[0]] = error
            if not goes_through and 1 < len(found.refused) >= min(ALL_FAIL, len(ids)):
                raise
    return found


def each(*passes: Callable[[], int]) -> int:
    """Runs these one after the other, also when one of them finds that nothing can be written; the
    sum of what they return. Raises its DatabaseError after the others had their turn."""
    changed, failed = 0, None
    for one in passes:
        try:
            changed += one()
        except DatabaseError as error:
            if _is_of_no_row(error):
                raise
            failed = failed or error
    if failed is not None:
        raise failed
    return changed


def _is_of_no_row(error: DatabaseError) -> bool:
    """Whether PostgreSQL itself is what fails: it is away, or its disk is full."""
    return isinstance(error, OperationalError) and not is_held_elsewhere(error)
