"""Why a lead stands where it does, for a row of the queue: the two rules that say most.

Called by the pages of the queue. The whole ledger, in words, is `scoring.ledger`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from qualification.models import ScoringModel
from qualification.scoring.compile import Source, Statement, compile_model, leads_now, run


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that fired and the points it gave, in tenths."""

    name: str
    points_tenths: int


def reasons_of(
    lead_ids: Collection[int], *, model: ScoringModel | None, now: datetime
) -> dict[int, tuple[Reason, ...]]:
    """The strongest positive rule of each lead under the live `model` and its strongest other one,
    in one query; nothing without a model."""
    if model is None or not lead_ids:
        return {}
    compiled = compile_model(model)
    counted = [n for n, found in enumerate(compiled.rules) if not found.rule.disqualifies]
    names = [compiled.rules[n].rule.name for n in counted]

    def statement(source: Source) -> Statement:
        # One array a lead: a column a rule would take longer to read than to score.
        points = ", ".join(f"CASE WHEN t{n} THEN r{n} ELSE 0 END" for n in counted)
        sql, values = compiled.fired(source)
        return f"SELECT row_id, ARRAY[{points}]::int[] FROM ({sql}) AS s", values  # noqa: S608  # nosec

    with connection.cursor() as cursor:
        source = leads_now(list(lead_ids), as_of=now)
        run(cursor, compiled, source, kind="reasons", statement=statement)
        return {row_id: _strongest(names, given) for row_id, given in cursor.fetchall()}


def _strongest(names: Sequence[str], given: Sequence[int]) -> tuple[Reason, ...]:
    fired = [Reason(*found) for found in zip(names, given, strict=True) if found[1]]
    by_size = sorted(fired, key=lambda reason: -abs(reason.points_tenths))
    first = next((reason for reason in by_size if reason.points_tenths > 0), None)
    second = next((reason for reason in by_size if reason is not first), None)
    return tuple(reason for reason in (first, second) if reason is not None)
