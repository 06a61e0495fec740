"""Decides how often rules would have counted what machines did (mail scanners, bots).
Called by the ledger: the compiled expression itself, over the events it otherwise leaves out."""

from __future__ import annotations

from dataclasses import replace

from django.db import connection

from qualification.scoring.compile import CompiledModel, Source
from qualification.scoring.conditions import ActivityTest


def machine_counts(compiled: CompiledModel, source: Source) -> dict[int, dict[int, int]]:
    """Row id → rule number → events by machines that match the rule; rows without any are absent.

    Rules about what nobody did count nothing. No statement when no rule counts activities.
    """
    numbers = [n for n, rule in enumerate(compiled.rules) if isinstance(rule.when, ActivityTest)]
    if not numbers:
        return {}
    machines = replace(source, is_machine=f"(NOT {source.is_machine})")
    sql, params = compiled.lines(machines)
    counts = [f"n{number}" for number in numbers]
    any_count = " OR ".join(f"{count} > 0" for count in counts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_id, {', '.join(counts)} FROM ({sql}) AS s WHERE {any_count}",  # noqa: S608  # nosec
            params,
        )
        return {
            row_id: {n: count for n, count in zip(numbers, found, strict=True) if count}
            for row_id, *found in cursor.fetchall()
        }
