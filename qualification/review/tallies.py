"""Counts, from past decisions, what each answer went with: the table that "ask next" reads.

Called by the scheduled job and the demo; the only writer of QuestionTally. A pass may run twice or
never: the order of questions is advice, and each pass counts anew from the decisions.

What counts: the last standing decision of each lead, if it is an accept, a nurture, or a reject
whose reason may influence fit or intent; the newest LIMIT of them. An answer is the one frozen into
the decision, so nothing learned later leaks in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from qualification.choices import AnswerState
from qualification.models import Criterion, QuestionTally
from qualification.review.checklists import KNOWN

# Newest decisions read in a pass: enough for any question, and a bounded time.
LIMIT = 20_000
# No verdict on a question under this many decisions in which it was answered.
MIN_DECISIONS = 30
# Rarer kinds of answer are left out of the test: its approximation would not hold.
MIN_OF_KIND = 5

# Kind of answer → (accepted, not accepted).
Counts = dict[str, list[int]]

_COUNTED = """
    WITH counted AS MATERIALIZED (
        SELECT d.kind = 'accept' AS accepted, d.frozen->'answers' AS answers
        FROM qualification_decision AS d
        LEFT JOIN qualification_rejectionreason AS why ON why.id = d.reason_id
        WHERE d.at <= %(now)s
          AND (d.kind IN ('accept', 'nurture')
               OR (d.kind = 'reject' AND why.influences IN ('fit', 'intent')))
          AND NOT EXISTS (SELECT FROM qualification_decision AS r WHERE r.reverses_id = d.id)
          AND NOT EXISTS (
              SELECT FROM qualification_decision AS later
              WHERE later.lead_id = d.lead_id AND later.at <= %(now)s
                AND later.kind IN ('accept', 'reject', 'nurture')
                AND (later.at, later.id) > (d.at, d.id)
                AND NOT EXISTS (
                    SELECT FROM qualification_decision AS r WHERE r.reverses_id = later.id))
        ORDER BY d.at DESC, d.id DESC LIMIT %(limit)s
    )
    SELECT NULL AS key, NULL AS state, NULL AS yes,
           count(*) FILTER (WHERE accepted), count(*) FILTER (WHERE NOT accepted)
    FROM counted
    UNION ALL
    SELECT a.key, a.value->>'state',
           CASE WHEN jsonb_typeof(a.value->'value') = 'boolean'
                THEN (a.value->>'value')::boolean END,
           count(*) FILTER (WHERE accepted), count(*) FILTER (WHERE NOT accepted)
    FROM counted, jsonb_each(answers) AS a
    GROUP BY 1, 2, 3
"""


def kind_of(state: str, value: object) -> str:
    """What is compared of an answer: yes or no where it is one, else how sure it is. Texts differ
    from lead to lead; whether there is one does not."""
    if state in KNOWN and isinstance(value, bool):
        return "yes" if value else "no"
    return AnswerState(state).value


def learn_tallies(*, now: datetime) -> int:
    """Counts anew for every criterion; how many decisions were read."""
    counts, accepted, others = _counts(now)
    q_of = _q_values(counts)
    criteria = Criterion.objects.order_by("pk").values_list("pk", "key")
    QuestionTally.objects.bulk_create(
        [
            QuestionTally(
                criterion_id=pk,
                answers=counts.get(key, {}),
                decided=sum(map(sum, counts.get(key, {}).values())),
                q=q_of.get(key),
                all_decided=accepted + others,
                all_accepted=accepted,
                learned_at=now,
            )
            for pk, key in criteria
        ],
        update_conflicts=True,
        unique_fields=["criterion"],
        update_fields=["answers", "decided", "q", "all_decided", "all_accepted", "learned_at"],
    )
    return accepted + others


def _counts(now: datetime) -> tuple[dict[str, Counts], int, int]:
    """Criterion key → counts, and how many decisions there were: accepted, and not."""
    found: dict[str, Counts] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    totals = (0, 0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"now": now, "limit": LIMIT})
        for key, state, value, accepted, others in cursor.fetchall():
            if key is None:
                totals = (accepted, others)
                continue
            cell = found[key][kind_of(state, value)]
            cell[0] += accepted
            cell[1] += others
    return {key: dict(counts) for key, counts in found.items()}, *totals


def _q_values(counts: Mapping[str, Counts]) -> dict[str, float]:
    """Criterion key → q of "its answers and the outcome have nothing to do with each other"
    (chi-square, Benjamini-Hochberg over all questions that have enough decisions)."""
    # Not at the top: web processes import this module and load no statistics.
    from scipy.stats import chi2_contingency, false_discovery_control

    p_of: dict[str, float] = {}
    for key, of_question in counts.items():
        table = _testable(of_question)
        if table is not None:
            p_of[key] = float(chi2_contingency(table, correction=False).pvalue)
    if not p_of:
        return {}
    return dict(zip(p_of, map(float, false_discovery_control(list(p_of.values()))), strict=True))


def _testable(counts: Counts) -> list[Any] | None:
    """The table to test; None where there is too little, or nothing to compare."""
    if sum(map(sum, counts.values())) < MIN_DECISIONS:
        return None
    table = [cell for cell in counts.values() if sum(cell) >= MIN_OF_KIND]
    has_both = all(sum(column) for column in zip(*table, strict=True))
    return table if len(table) > 1 and has_both else None
