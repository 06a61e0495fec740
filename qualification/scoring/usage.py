"""Decides how the rules of a version are used over all leads: fired, told on the grade, together.

The work of a USAGE run: a key range at a time, through the compiled expression and nothing else. A
rule tells on a lead when the grade without it, scored by the version less that rule, is another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from qualification.models import ScoringRule, ScoringRun
from qualification.scoring.compile import (
    CompiledModel,
    Source,
    compile_rules,
    leads_between,
    leads_now,
)
from qualification.scoring.runs import RangeResult
from qualification.scoring.subjects import Catalogue

BETWEEN_KEYS = "|"


@dataclass(frozen=True)
class _Scored:
    """A key range: leads, their grades, and which rule (column) fired on which lead (row)."""

    lead_ids: Sequence[int]
    grades: Sequence[str]
    fired: np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def usage_range(run: ScoringRun, first: int, last: int) -> RangeResult:
    """What the rules did on the leads of a key range, both ends included; stores nothing."""
    rules = list(run.model.rules.order_by("position", "id"))
    whole = compile_rules(run.model, rules, Catalogue.load())
    found = _scored(whole, leads_between(first, last, as_of=run.as_of))
    told = {rule.key: _told(whole, number, found, run.as_of) for number, rule in enumerate(rules)}
    fired = found.fired.sum(axis=0)
    n = len(found.lead_ids)
    result = {
        "n": n,
        "fired": {rule.key: int(count) for rule, count in zip(rules, fired, strict=True)},
        "told": told,
        "together": _together(rules, found),
    }
    return RangeResult(scored=n, changed=0, result=result)


def usage_finish(run: ScoringRun, results: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all ranges: `n` leads, per rule key `fired` and `told`, per pair `together`."""
    sums: dict[str, Any] = {"n": sum(result["n"] for result in results)}
    for name in ("fired", "told", "together"):
        counts: Counter[str] = Counter()
        for result in results:
            counts.update(result[name])
        sums[name] = dict(counts)
    return sums


def _scored(whole: CompiledModel, source: Source) -> _Scored:
    sql, params = whole.fired(source)
    width = len(whole.rules)
    # One text of noughts and ones a lead: hundreds of columns would be slow to read.
    bits = " || ".join(f"(CASE WHEN t{n} THEN '1' ELSE '0' END)" for n in range(width))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_id, grade, {bits} FROM ({sql}) AS s", params)  # noqa: S608  # nosec
        rows = cursor.fetchall()
    text = "".join(row[2] for row in rows)
    fired = np.frombuffer(text.encode(), dtype=np.uint8).reshape(len(rows), width) == ord("1")
    return _Scored([row[0] for row in rows], [row[1] for row in rows], fired)


def _told(whole: CompiledModel, number: int, found: _Scored, as_of: datetime) -> int:
    """On how many leads the grade is another without this rule; only where it fired it can be."""
    rules = [compiled.rule for compiled in whole.rules]
    rows = np.flatnonzero(found.fired[:, number]).tolist()
    if not rows or not (rules[number].points or rules[number].disqualifies):
        return 0
    grade_of = {found.lead_ids[row]: found.grades[row] for row in rows}
    rest = [*rules[:number], *rules[number + 1 :]]
    without = compile_rules(whole.model, rest, whole.facts.catalogue)
    sql, params = without.totals(leads_now(list(grade_of), as_of=as_of))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_id, grade FROM ({sql}) AS s", params)  # noqa: S608  # nosec
        return sum(grade != grade_of[lead_id] for lead_id, grade in cursor.fetchall())


def _together(rules: Sequence[ScoringRule], found: _Scored) -> dict[str, int]:
    """For each rule that gives and each that takes, on how many leads both fired."""
    fired = found.fired.astype(np.int64)
    both = fired.T @ fired
    return {
        pair_key(giving, taking): int(both[i, j])
        for i, giving in enumerate(rules)
        for j, taking in enumerate(rules)
        if giving.points > 0 and takes(taking) and both[i, j]
    }


def takes(rule: ScoringRule) -> bool:
    """Whether a rule speaks against a lead: points below zero, or it disqualifies."""
    return rule.points < 0 or bool(rule.disqualifies)


def pair_key(giving: ScoringRule, taking: ScoringRule) -> str:
    """The name of a pair in `together`."""
    return f"{giving.key}{BETWEEN_KEYS}{taking.key}"


def always_together(usage: Mapping[str, Any], giving: ScoringRule, taking: ScoringRule) -> int:
    """On how many leads two rules fired, if neither ever fired without the other; else 0."""
    both = int(usage["together"].get(pair_key(giving, taking), 0))
    alone = {usage["fired"].get(rule.key, 0) for rule in (giving, taking)}
    return both if alone == {both} else 0
