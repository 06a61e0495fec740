"""Decides how the firing of rules over many rows is handed out as a table.
Called by feedback: which rule gave how much to whom."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from qualification.models import ScoringModel
from qualification.scoring.compile.model import compile_model
from qualification.scoring.compile.sources import Source


@dataclass(frozen=True)
class FiredMatrix:
    """Per row of the source and rule: tenths given, whether it fired, whether it could not be told.

    `rule_keys` names the columns; `totals` is (fit, intent, total) tenths; rows by row id.
    """

    rule_keys: tuple[str, ...]
    row_ids: tuple[int, ...]
    tenths: tuple[tuple[int, ...], ...]
    fired: tuple[tuple[bool, ...], ...]
    unknown: tuple[tuple[bool, ...], ...]
    totals: tuple[tuple[int, int, int], ...]


def fired_matrix(model: ScoringModel, source: Source) -> FiredMatrix:
    """What each rule of `model` gives to each row of `source`, by row id."""
    compiled = compile_model(model)
    sql, params = compiled.fired(source)
    width = range(len(compiled.rules))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({sql}) AS s ORDER BY row_id", params)  # noqa: S608  # nosec
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return FiredMatrix(
        rule_keys=tuple(rule.rule.key for rule in compiled.rules),
        row_ids=tuple(row["row_id"] for row in rows),
        tenths=tuple(tuple(row[f"r{i}"] for i in width) for row in rows),
        fired=tuple(tuple(row[f"t{i}"] for i in width) for row in rows),
        unknown=tuple(tuple(row[f"u{i}"] for i in width) for row in rows),
        totals=tuple((row["fit"], row["intent"], row["total"]) for row in rows),
    )
