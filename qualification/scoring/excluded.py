"""Decides how often rules would have counted what machines did (mail scanners, bots).
Called by the ledger: the compiled expression itself, over the events it otherwise leaves out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from django.db import connection

from qualification.scoring.compile import CompiledModel, Source, Statement, run
from qualification.scoring.conditions import ActivityTest


def machine_counts(compiled: CompiledModel, source: Source) -> dict[int, dict[int, int]]:
    """Row id → rule number → events by machines that match the rule; rows without any are absent.

    Whether the lead is one the rule is for is not asked. Rules about what nobody did count nothing.
    No statement when no rule counts activities.
    """
    numbers = [n for n, rule in enumerate(compiled.rules) if isinstance(rule.when, ActivityTest)]
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        run(cursor, compiled, source, kind="machines", statement=partial(_statement, compiled))
        return {
            row_id: {n: count for n, count in zip(numbers, told, strict=True) if count}
            for row_id, *told in cursor.fetchall()
        }


def _statement(compiled: CompiledModel, source: Source) -> Statement:
    # As a plain condition, so that PostgreSQL joins the verdicts of these events, not of all.
    only = f"{source.activity_where} AND {source.is_machine}"
    machines = replace(source, activity_where=only, is_machine="false")
    found = [rule.activity for rule in compiled.rules if isinstance(rule.when, ActivityTest)]
    counts = [activity.count for activity in found if activity is not None]
    used = compiled.activities.used_in(" ".join(counts))
    columns = "".join(f", x.{column}" for column in used.values())
    sql = f"""
        SELECT f.row_id, {", ".join(counts)}
        FROM (
            SELECT {source.row_id} AS row_id{columns}
            FROM {source.leads} {" ".join(compiled.activities.join(machines, used))}
            WHERE {source.where} OFFSET 0
        ) AS f WHERE {" OR ".join(f"{count} > 0" for count in counts)}
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    return sql, {**compiled.params.values, **source.params}
