"""What must hold for every row at any time, one SQL statement each, over the tables alone.

Called by `manage.py check_invariants`, the nightly check and tests. It finds, it never repairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from qualification.scoring import freshness


@dataclass(frozen=True)
class Violation:
    """One broken invariant: what is wrong, of which rows (`of`), and their ids."""

    kind: str
    of: str
    ids: tuple[int, ...]


# Where the law says a lead is, one row per place. A non-terminal lead needs exactly one.
PLACES = """
    SELECT i.lead_id, 'queue' AS place FROM qualification_reviewitem AS i
    WHERE i.state IN ('waiting', 'claimed')
    UNION ALL
    SELECT i.lead_id, 'owner' FROM qualification_reviewitem AS i
    WHERE i.state = 'owned' AND EXISTS (
        SELECT FROM qualification_slatimer AS t
        WHERE t.item_id = i.id AND t.kind = 'decision' AND t.state IN ('running', 'paused'))
    UNION ALL
    SELECT p.lead_id, 'nurture' FROM qualification_nurtureplan AS p WHERE p.state = 'waiting'
    UNION ALL
    SELECT h.lead_id, 'handoff' FROM qualification_handoff AS h
    WHERE h.state = 'waiting' AND EXISTS (
        SELECT FROM qualification_slatimer AS t
        WHERE t.lead_id = h.lead_id AND t.kind = 'handoff_acceptance'
          AND t.state IN ('running', 'paused'))
      AND (EXISTS (SELECT FROM qualification_partner AS p WHERE p.id = h.partner_id AND p.is_active)
        OR EXISTS (
            SELECT FROM crm_user AS u
            JOIN crm_user_groups AS m ON m.user_id = u.id
            JOIN auth_group AS g ON g.id = m.group_id AND g.name = 'ae'
            WHERE u.is_active AND (u.id = h.ae_id OR u.team_id = h.team_id)))
    UNION ALL
    SELECT h.lead_id, 'taken' FROM qualification_handoff AS h
    JOIN crm_lead AS l ON l.id = h.lead_id AND l.stage = 'sql'
    WHERE h.state = 'accepted' AND NOT EXISTS (
        SELECT FROM qualification_handoff AS later
        WHERE later.lead_id = h.lead_id AND later.id > h.id)
"""

# (what is wrong, of which rows, SQL for their ids)
INVARIANTS: tuple[tuple[str, str, str], ...] = (
    (
        "a lead that is not at its end has no place to be, or more than one",
        "lead",
        f"""
        SELECT l.id FROM crm_lead AS l LEFT JOIN ({PLACES}) AS p ON p.lead_id = l.id
        WHERE l.stage IN ('mql', 'working', 'nurture', 'sql') AND l.merged_into_id IS NULL
        GROUP BY l.id HAVING count(p.place) <> 1
        """,  # noqa: S608 - a constant of this module
    ),
    (
        "a lead that is new or at its end is still somewhere",
        "lead",
        f"""
        SELECT DISTINCT l.id FROM crm_lead AS l JOIN ({PLACES}) AS p ON p.lead_id = l.id
        WHERE l.stage IN ('new', 'won', 'lost', 'disqualified')
        """,  # noqa: S608 - a constant of this module
    ),
    (
        "a merged lead is still somewhere, or part of a lead that is merged itself",
        "lead",
        f"""
        SELECT l.id FROM crm_lead AS l JOIN crm_lead AS s ON s.id = l.merged_into_id
        WHERE s.merged_into_id IS NOT NULL
           OR l.id IN (SELECT p.lead_id FROM ({PLACES}) AS p)
           OR EXISTS (SELECT FROM crm_leadidentity AS d WHERE d.lead_id = l.id)
           OR EXISTS (SELECT FROM crm_activity AS a WHERE a.lead_id = l.id)
        """,  # noqa: S608 - a constant of this module
    ),
    (
        "a merged lead without exactly one merge that stands, or the other way round",
        "lead",
        """
        SELECT l.id FROM crm_lead AS l
        LEFT JOIN crm_leadmerge AS m ON m.loser_id = l.id AND m.undone_at IS NULL
        WHERE (l.merged_into_id IS NULL) <> (m.id IS NULL)
        """,
    ),
    (
        "stage waiting without a waiting item, or the other way round",
        "lead",
        """
        SELECT l.id FROM crm_lead AS l
        WHERE (l.stage = 'mql' AND l.merged_into_id IS NULL) <> EXISTS (
            SELECT FROM qualification_reviewitem AS i
            WHERE i.lead_id = l.id AND i.state = 'waiting')
        """,
    ),
    (
        "stage working without a claimed or owned item, or the other way round",
        "lead",
        """
        SELECT l.id FROM crm_lead AS l
        WHERE (l.stage = 'working' AND l.merged_into_id IS NULL) <> EXISTS (
            SELECT FROM qualification_reviewitem AS i
            WHERE i.lead_id = l.id AND i.state IN ('claimed', 'owned'))
        """,
    ),
    (
        "stage nurture without a waiting plan, or the other way round",
        "lead",
        """
        SELECT l.id FROM crm_lead AS l
        WHERE (l.stage = 'nurture' AND l.merged_into_id IS NULL) <> EXISTS (
            SELECT FROM qualification_nurtureplan AS p
            WHERE p.lead_id = l.id AND p.state = 'waiting')
        """,
    ),
    (
        "handed over without an open handoff, or a waiting handoff elsewhere",
        "lead",
        """
        SELECT l.id FROM crm_lead AS l
        LEFT JOIN qualification_handoff AS h
            ON h.lead_id = l.id AND h.state IN ('waiting', 'accepted')
        WHERE (l.stage = 'sql' AND h.id IS NULL) OR (l.stage <> 'sql' AND h.state = 'waiting')
        """,
    ),
    (
        "an open item without exactly one live clock",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        LEFT JOIN qualification_slatimer AS t
            ON t.item_id = i.id AND t.state IN ('running', 'paused')
        WHERE i.state <> 'closed' GROUP BY i.id HAVING count(t.id) <> 1
        """,
    ),
    (
        "an owned item whose first response still runs",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        JOIN qualification_slatimer AS t ON t.item_id = i.id
        WHERE i.state = 'owned' AND t.kind = 'first_response' AND t.state IN ('running', 'paused')
        """,
    ),
    (
        "an open item that is due at another time than its clock",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        JOIN qualification_slatimer AS t
            ON t.item_id = i.id AND t.state IN ('running', 'paused')
        WHERE i.state <> 'closed' AND i.due_at <> t.due_at
        """,
    ),
    (
        "a closed item whose clock runs, other than for a waiting handoff",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        JOIN qualification_slatimer AS t
            ON t.item_id = i.id AND t.state IN ('running', 'paused')
        WHERE i.state = 'closed' AND NOT (t.kind = 'handoff_acceptance' AND EXISTS (
            SELECT FROM qualification_handoff AS h
            WHERE h.lead_id = i.lead_id AND h.state = 'waiting'))
        """,
    ),
    (
        "a lead that a rule disqualifies waits in the queue by its score",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        JOIN qualification_leadscore AS s ON s.lead_id = i.lead_id
        JOIN qualification_scoringmodel AS m ON m.id = s.model_id AND m.status = 'active'
        WHERE i.state = 'waiting' AND i.entry_reason = 'threshold' AND s.disqualified <> ''
          AND NOT EXISTS (SELECT FROM qualification_scoringdue AS d WHERE d.lead_id = i.lead_id)
        """,
    ),
    (
        "a waiting lead is kept for a person or a pool that no routing decision names",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        WHERE i.state = 'waiting' AND (i.assignee_id IS NOT NULL OR i.pool_id IS NOT NULL)
          AND NOT EXISTS (
            SELECT FROM qualification_assignment AS a
            WHERE a.lead_id = i.lead_id
              AND (a.person_id IS NOT NULL OR a.pool_id IS NOT NULL))
        """,
    ),
    (
        "a waiting item is of another team than its lead",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i JOIN crm_lead AS l ON l.id = i.lead_id
        WHERE i.state = 'waiting' AND i.team_id <> l.team_id
          AND EXISTS (SELECT FROM qualification_assignment AS a WHERE a.item_id = i.id)
        """,
    ),
    (
        "the day to wake has come everywhere on earth, and the lead still sleeps",
        "plan",
        """
        SELECT p.id FROM qualification_nurtureplan AS p
        WHERE p.state = 'waiting'
          AND least(p.wake_on, p.contract_wake_on, p.latest_on)
            <= (%(late)s AT TIME ZONE 'UTC' - interval '12 hours')::date
        """,
    ),
    (
        "a claim ran out five minutes ago and nobody took it back",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        WHERE i.state = 'claimed' AND i.lease_until < %(late)s
        """,
    ),
    (
        "a clock passed five minutes ago and nobody wrote it down",
        "timer",
        """
        SELECT t.id FROM qualification_slatimer AS t
        WHERE t.state IN ('running', 'paused') AND t.next_at < %(late)s
        """,
    ),
    (
        "a breach was put off for five minutes, and nobody wrote it down",
        "timer",
        """
        SELECT t.id FROM qualification_slatimer AS t
        WHERE t.state = 'running' AND t.due_at < %(late)s
          AND (t.next_at IS NULL OR t.next_at > %(now)s)
          AND NOT EXISTS (
            SELECT FROM qualification_slaevent AS e WHERE e.timer_id = t.id AND e.level = 'breach')
        """,
    ),
    (
        "a breach or warning at another time than the clock says",
        "timer",
        """
        SELECT t.id FROM qualification_slatimer AS t
        JOIN qualification_slaevent AS e ON e.timer_id = t.id
        WHERE e.at IS DISTINCT FROM CASE e.level WHEN 'warning' THEN t.warn_at
            WHEN 'breach' THEN t.due_at ELSE t.escalate_at[right(e.level, 1)::int] END
        """,
    ),
    (
        "a clock is paused without a pause, or the other way round",
        "timer",
        """
        SELECT t.id FROM qualification_slatimer AS t WHERE (t.state = 'paused') <> EXISTS (
            SELECT FROM qualification_slapause AS p
            WHERE p.timer_id = t.id AND p.ended_at IS NULL)
        """,
    ),
    (
        # Also one that was put off since.
        "what a policy asks for after a breach is not done after five minutes",
        "event",
        """
        SELECT f.event_id FROM qualification_slafollowup AS f
        JOIN qualification_slaevent AS e ON e.id = f.event_id
        WHERE f.done_at IS NULL AND e.recorded_at < %(late)s
        """,
    ),
    (
        "a task fell due five minutes ago and its owner was not told",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        WHERE i.state = 'owned' AND i.next_task_at < %(late)s
          AND i.task_told_at IS DISTINCT FROM i.next_task_at
        """,
    ),
    (
        "a notice is due for five minutes and no message of it was posted",
        "notice",
        "SELECT id FROM qualification_notice WHERE due_at < %(late)s",
    ),
    (
        "a stored message is due for five minutes",
        "message",
        "SELECT id FROM crm_inboxmessage WHERE state = 'new' AND due_at < %(late)s",
    ),
    (
        "a lead waits for its score for five minutes",
        "lead",
        """
        SELECT d.lead_id FROM qualification_scoringdue AS d
        WHERE d.since < %(late)s
          AND EXISTS (SELECT FROM qualification_scoringmodel WHERE status = 'active')
        """,
    ),
    (
        # A score that was stored before moves were kept has none.
        "the grade that stands is not the one it last moved to",
        "lead",
        """
        SELECT s.lead_id FROM qualification_leadscore AS s CROSS JOIN LATERAL (
            SELECT m.grade, m.tier, m.disqualified FROM qualification_scoremove AS m
            WHERE m.lead_id = s.lead_id ORDER BY m.at DESC, m.id DESC LIMIT 1) AS last
        WHERE (s.grade, s.tier, s.disqualified) <> (last.grade, last.tier, last.disqualified)
        """,
    ),
    (
        "a lead waits for people with a score that is too old",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        LEFT JOIN qualification_leadscore AS s ON s.lead_id = i.lead_id
        WHERE i.state <> 'closed' AND coalesce(s.as_of, i.entered_at) < %(too_old)s
        """,
    ),
    (
        "work over all leads is left for five minutes",
        "run",
        """
        SELECT r.id FROM qualification_scoringrun AS r
        WHERE r.state = 'running' AND r.requested_at < %(late)s AND NOT EXISTS (
            SELECT FROM qualification_scoringchunk AS c
            WHERE c.run_id = r.id AND (c.lease_until > %(now)s OR c.done_at > %(late)s))
        """,
    ),
    (
        "scoring all leads anew failed, and nothing did it since",
        "run",
        """
        SELECT r.id FROM qualification_scoringrun AS r
        JOIN qualification_scoringmodel AS m ON m.id = r.model_id AND m.status = 'active'
        WHERE r.kind = 'rescore' AND r.state = 'failed' AND NOT EXISTS (
            SELECT FROM qualification_scoringrun AS later
            WHERE later.model_id = r.model_id AND later.kind = 'rescore' AND later.id > r.id)
        """,
    ),
    (
        "an outgoing message is due for five minutes",
        "message",
        """
        SELECT m.id FROM qualification_outboxmessage AS m
        WHERE m.state = 'waiting' AND m.due_at < %(late)s
          AND NOT EXISTS (SELECT FROM qualification_crmconnection AS c
                          WHERE NOT c.is_active AND m.lane = 'crm:' || c.id)
          AND NOT EXISTS (SELECT FROM qualification_outboxmessage AS e
                          WHERE e.state = 'waiting' AND m.order_key <> ''
                            AND e.order_key = m.order_key AND e.id < m.id)
        """,
    ),
    (
        "an accepted lead without exactly one message to each desk it was on",
        "decision",
        """
        SELECT d.id FROM qualification_decision AS d
        LEFT JOIN qualification_outboxmessage AS o
            ON o.decision_id = d.id AND o.kind = 'handoff'
        WHERE d.kind = 'accept' GROUP BY d.id HAVING count(o.id) <> 1 + (
            SELECT count(*) FROM qualification_handoffmove AS m
            JOIN qualification_handoff AS h ON h.id = m.handoff_id
            WHERE h.decision_id = d.id)
        """,
    ),
    (
        "an item closed as decided without a decision",
        "item",
        """
        SELECT i.id FROM qualification_reviewitem AS i
        WHERE i.close_reason = 'decided' AND NOT EXISTS (
            SELECT FROM qualification_decision AS d WHERE d.item_id = i.id)
        """,
    ),
)
LATE_SECONDS = 300


def violations(*, now: datetime | None = None) -> list[Violation]:
    """Every invariant that does not hold, with the ids of all rows that break it."""
    parameters = parameters_at(timezone.now() if now is None else now)
    found = ((kind, of, rows_breaking(sql, parameters)) for kind, of, sql in INVARIANTS)
    return [Violation(kind, of, ids) for kind, of, ids in found if ids]


def parameters_at(now: datetime) -> dict[str, Any]:
    """What the statements ask for: the moment, and what was too long ago then."""
    return {
        "now": now,
        "late": now - timedelta(seconds=LATE_SECONDS),
        "too_old": freshness.too_old(now=now),
    }


def rows_breaking(sql: str, parameters: dict[str, Any]) -> tuple[int, ...]:
    """Ids of the rows that break one invariant, in order."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({sql}) AS broken (id) ORDER BY id", parameters)  # noqa: S608
        return tuple(row[0] for row in cursor.fetchall())
