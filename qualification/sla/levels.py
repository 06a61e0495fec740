"""Writes down what of a clock fell due, and shows clocks on their items. For this room only.

A warning, a breach or an escalation is a fact at its own time, written once whoever finds it first.
What the policy asks for on it is written beside it, in the same statement, and done by the sweep;
of a warning whoever has the lead is told.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection

from qualification.choices import Bucket, TimerState

LIVE = (TimerState.RUNNING, TimerState.PAUSED)

# The bucket of an item by its clock `t` at %(now)s, and when the sweep must look again.
BUCKET_SQL = f"""
    CASE WHEN t.state = 'paused' THEN {Bucket.PAUSED.value}
         WHEN t.warn_at <= %(now)s AND %(now)s < t.urgent_until THEN {Bucket.URGENT.value}
         ELSE {Bucket.RUNNING.value} END
"""
NEXT_AT_SQL = """(
    SELECT min(level.at)
    FROM unnest(ARRAY[t.warn_at, t.due_at, t.urgent_until] || t.escalate_at) AS level (at)
    WHERE level.at > %(now)s
)"""
_RECORD = """
    WITH fallen AS (
        INSERT INTO qualification_slaevent (timer_id, level, at, recorded_at)
        SELECT t.id, due.level, due.at, %(now)s
        FROM qualification_slatimer AS t CROSS JOIN LATERAL (
            VALUES ('warning', t.warn_at), ('breach', t.due_at)
            UNION ALL
            SELECT 'escalation_' || step.number, step.at
            FROM unnest(t.escalate_at) WITH ORDINALITY AS step (at, number)
        ) AS due (level, at)
        WHERE t.id = ANY(%(ids)s) AND t.state = 'running' AND due.at <= %(now)s
        ORDER BY t.id, due.at
        ON CONFLICT (timer_id, level) DO NOTHING
        RETURNING id, timer_id, level
    ), asked AS (
        INSERT INTO qualification_slafollowup (event_id, action, due_at, outcome)
        SELECT fallen.id, wanted.action, %(now)s, ''
        FROM fallen
        JOIN qualification_slatimer AS t ON t.id = fallen.timer_id
        JOIN qualification_slapolicy AS p ON p.id = t.policy_id
        JOIN qualification_reviewitem AS i ON i.id = t.item_id
        CROSS JOIN LATERAL (
            SELECT CASE fallen.level WHEN 'breach' THEN p.on_breach WHEN 'warning' THEN
                   CASE WHEN coalesce(i.holder_id, i.assignee_id) IS NULL THEN '' ELSE 'notify' END
                   ELSE p.on_escalation END AS action
        ) AS wanted
        WHERE wanted.action <> ''
    )
    SELECT count(*) FROM fallen
"""


def record_events(timer_ids: Collection[int], *, now: datetime) -> int:
    """Writes the warnings, breaches and escalations of these running clocks that fell due by `now`,
    each stamped with its own time and once for ever. Returns how many are new."""
    if not timer_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, {"ids": list(timer_ids), "now": now})
        written: int = cursor.fetchone()[0]
    return written


def show_clocks(item_ids: Collection[int], *, now: datetime) -> None:
    """Copies due time and bucket of the live clock onto open items: they are part of the rank."""
    parameters: dict[str, Any] = {"ids": list(item_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE qualification_reviewitem AS i SET due_at = t.due_at, bucket = {BUCKET_SQL}
            FROM qualification_slatimer AS t
            WHERE t.item_id = i.id AND t.state IN ('running', 'paused')
              AND i.id = ANY(%(ids)s) AND i.state <> 'closed'
              AND (i.due_at, i.bucket) IS DISTINCT FROM (t.due_at, {BUCKET_SQL})
            """,  # noqa: S608 - constants of this module
            parameters,
        )
