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
    # As a plain condition, so that PostgreSQL joins the verdicts of these events, not of all.
    only = f"{source.activity_where} AND {source.is_machine}"
    machines = replace(source, activity_where=only, is_machine="false")
    columns = [f"x.{column}" for column in compiled.activities.columns.values()]
    joins = compiled.activities.join(machines)
    if any(compiled.rules[number].segment is not None for number in numbers):
        # Whom such a rule is for depends on the other facts.
        columns += [
            f"({source.as_of} AT TIME ZONE 'UTC')::date AS today",
            *compiled.facts.selected(source),
        ]
        joins += compiled.facts.joins(source)
    found = [compiled.rules[number].activity for number in numbers]
    counts = [activity.count for activity in found if activity is not None]
    sql = f"""
        SELECT f.row_id, {", ".join(counts)}
        FROM (
            SELECT {source.row_id} AS row_id, {", ".join(columns)}
            FROM {source.leads} {" ".join(joins)}
            WHERE {source.where} OFFSET 0
        ) AS f WHERE {" OR ".join(f"{count} > 0" for count in counts)}
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    with connection.cursor() as cursor:
        cursor.execute(sql, {**compiled.params.values, **source.params})
        return {
            row_id: {n: count for n, count in zip(numbers, told, strict=True) if count}
            for row_id, *told in cursor.fetchall()
        }
