"""Decides which conditions hold for which rows, outside of any model: no points, no limits.
Called by routing; the same expression of facts and comparisons as scoring."""

from __future__ import annotations

from collections.abc import Sequence

from qualification.scoring.compile.conditions import compile_condition
from qualification.scoring.compile.facts import Facts, Params
from qualification.scoring.compile.model import Statement
from qualification.scoring.compile.sources import Source
from qualification.scoring.conditions import Condition
from qualification.scoring.declared import used_types
from qualification.scoring.subjects import Catalogue


def which_hold(conditions: Sequence[Condition], source: Source, catalogue: Catalogue) -> Statement:
    """Statement with row_id and `holds`, a boolean per condition in their order, per row of the
    source."""
    params = Params()
    facts = Facts(params, used_types(conditions, catalogue), catalogue)
    tests = [compile_condition(condition, facts).test for condition in conditions]
    selected = [
        f"{source.row_id} AS row_id",
        f"({source.as_of} AT TIME ZONE 'UTC')::date AS today",
        *facts.selected(source),
    ]
    sql = f"""
        SELECT f.row_id, ARRAY[{", ".join(tests)}]::boolean[] AS holds
        FROM (
            SELECT {", ".join(selected)}
            FROM {source.leads} {" ".join(facts.joins(source))}
            WHERE {source.where} OFFSET 0
        ) AS f
    """  # noqa: S608 - text of this package; values are parameters  # nosec
    return sql, {**params.values, **source.params}
