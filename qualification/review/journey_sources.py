"""The rows of the journey: eleven sources, each read from the cursor on and no further than a page.

Called by `timeline.py`. Each is read through an index that has it in order, a person at a time: a
page costs the same however long the journey is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from crm.verdicts import is_machine

# In the order of one instant: what happened and what we learnt, the score that it made, where that
# moved the lead, what we did and decided.
KINDS = (
    "activity",
    "answer",
    "score",
    "stage",
    "item",
    "touch",
    "dispute",
    "decision",
    "outcome",
    "merge",
    "unmerge",
)
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
# Beyond every cursor.
NEWEST = ("infinity", len(KINDS), 0)
_LAST_ID = 2**63 - 1


class Row(NamedTuple):
    """A line as PostgreSQL gives it: all sources in the same columns."""

    rank: int
    pk: int
    at: dt.datetime
    lead_id: int
    verb: str
    subject: str
    words: str
    by_id: int | None
    by_name: str

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return KINDS[self.rank]


# Of each person a page, through an index that has it in order.
_EACH = "SELECT f.* FROM unnest(%(leads)s::bigint[]) AS p(lead_id) CROSS JOIN LATERAL"
_ACTIVITY_COLUMNS = f"""{_RANK["activity"]} AS rank,
    a.id, a.occurred_at AS at, a.lead_id, a.type::text AS verb,
    CASE WHEN {is_machine("a.id", by="%(known)s")} THEN 'machine' ELSE '' END AS subject,
    a.properties::text AS words, NULL::bigint AS by_id"""
_FROM_CURSOR = """(a.occurred_at, a.id) < (%(at)s::timestamptz, %(id_activity)s)
    AND a.recorded_at <= %(known)s"""
_NEWEST_FIRST = "ORDER BY a.occurred_at DESC, a.id DESC LIMIT %(limit)s"

_ACTIVITIES = f"""
    {_EACH} (
        SELECT {_ACTIVITY_COLUMNS} FROM crm_activity AS a
        WHERE a.lead_id = p.lead_id AND {_FROM_CURSOR} {_NEWEST_FIRST}
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec
# The types of a person are few: one look into the index each finds them, one more their newest.
_MAILS = f"""
    SELECT f.* FROM unnest(%(leads)s::bigint[]) AS p(lead_id)
    CROSS JOIN LATERAL (
        WITH RECURSIVE seen AS (
            SELECT min(a.type) AS type FROM crm_activity AS a WHERE a.lead_id = p.lead_id
            UNION ALL
            SELECT (SELECT min(a.type) FROM crm_activity AS a
                    WHERE a.lead_id = p.lead_id AND a.type > s.type)
            FROM seen AS s WHERE s.type IS NOT NULL
        )
        SELECT s.type FROM seen AS s WHERE s.type ILIKE '%%mail%%'
    ) AS t
    CROSS JOIN LATERAL (
        SELECT {_ACTIVITY_COLUMNS} FROM crm_activity AS a
        WHERE a.lead_id = p.lead_id AND a.type = t.type
          AND a.occurred_at <= %(at)s::timestamptz AND {_FROM_CURSOR} {_NEWEST_FIRST}
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec
# A stage move that an item event or a decision of the same moment tells already is left out. As far
# back as the events of a page go: what is older is on no page with them. (What is looked up row by
# row stands as a value: an EXISTS may be planned to read a whole history first, and “IS NULL” is
# taken to hold for hardly any row.)
_STAGES = f"""
    {_EACH} (
        SELECT {_RANK["stage"]} AS rank,
               e.id, e.at, e.lead_id, e.to_stage, e.from_stage, e.reason, e.by_id
        FROM crm_stageevent AS e
        WHERE e.lead_id = p.lead_id AND e.at <= %(at)s::timestamptz
          AND (e.at, e.id) < (%(at)s::timestamptz, %(id_stage)s)
          AND e.at >= coalesce((
              SELECT o.at FROM qualification_itemevent AS o
              WHERE o.lead_id = p.lead_id AND o.verb <> 'item:touched'
                AND o.at <= %(at)s::timestamptz
              ORDER BY o.at DESC, o.id DESC OFFSET %(limit)s LIMIT 1), '-infinity')
          AND coalesce((
              SELECT 'told' FROM qualification_itemevent AS o
              WHERE o.lead_id = e.lead_id AND o.at = e.at AND o.verb <> 'item:touched'
              LIMIT 1), '') <> 'told'
        ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec
# Nor who owned the lead by a touch that was taken back: the touch says so.
_ITEMS = f"""
    {_EACH} (
        SELECT {_RANK["item"]} AS rank,
               i.id, i.at, i.lead_id, i.verb, '' AS subject, i.note, i.by_id
        FROM qualification_itemevent AS i
        WHERE i.lead_id = p.lead_id AND i.verb <> 'item:touched' AND i.verb <> 'item:untouched'
          AND (i.at, i.id) < (%(at)s::timestamptz, %(id_item)s)
          AND coalesce(CASE i.verb WHEN 'item:closed' THEN (
              SELECT 'told' FROM qualification_decision AS d
              WHERE d.lead_id = i.lead_id AND d.at = i.at AND d.item_id = i.item_id
              LIMIT 1) WHEN 'item:owned' THEN (
              SELECT 'told' FROM qualification_touch AS t
              JOIN qualification_touchundo AS u ON u.touch_id = t.id
              WHERE t.lead_id = i.lead_id AND t.at = i.at AND t.item_id = i.item_id
              LIMIT 1) END, '') <> 'told'
        ORDER BY i.at DESC, i.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec


def _touches(which: str = "") -> str:
    return f"""
    {_EACH} (
        SELECT {_RANK["touch"]} AS rank, t.id, t.at, t.lead_id, t.kind,
               t.result || coalesce((
                   SELECT ' undone' FROM qualification_touchundo AS u
                   WHERE u.touch_id = t.id AND u.at <= %(known)s), '') AS subject,
               t.note, t.by_id
        FROM qualification_touch AS t
        WHERE t.lead_id = p.lead_id AND (t.at, t.id) < (%(at)s::timestamptz, %(id_touch)s) {which}
        ORDER BY t.at DESC, t.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec


_ANSWERS = f"""
    {_EACH} (
        SELECT {_RANK["answer"]} AS rank, c.id, c.recorded_at AS at, c.lead_id, c.state,
               (SELECT k.label FROM qualification_criterion AS k WHERE k.id = c.criterion_id)
                   AS subject, c.value::text, c.by_id
        FROM qualification_checklistanswer AS c
        WHERE c.lead_id = p.lead_id AND (c.recorded_at, c.id) < (%(at)s::timestamptz, %(id_answer)s)
        ORDER BY c.recorded_at DESC, c.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec
_DISPUTES = f"""
    {_EACH} (
        SELECT {_RANK["dispute"]} AS rank, d.id, d.at, d.lead_id, d.kind,
               (SELECT s.name FROM qualification_scoringrule AS s WHERE s.id = d.rule_id)
                   AS subject,
               concat_ws(', ', nullif(d.note, ''),
                         CASE WHEN d.withdrawn_at <= %(known)s THEN 'withdrawn' END), d.by_id
        FROM qualification_scoredispute AS d
        WHERE d.lead_id = p.lead_id AND (d.at, d.id) < (%(at)s::timestamptz, %(id_dispute)s)
        ORDER BY d.at DESC, d.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec
_DECISIONS = f"""
    SELECT {_RANK["decision"]} AS rank, n.id, n.at, n.lead_id, n.kind,
           coalesce(w.label, nullif(concat_ws(' ', ae.first_name, ae.last_name), ''), desk.name,
                    partner.name, ''),
           n.note, n.by_id
    FROM (
        {_EACH} (
            SELECT d.id, d.at, d.lead_id, d.kind, d.note, d.by_id, d.reason_id, d.ae_id, d.team_id,
                   d.partner_id
            FROM qualification_decision AS d
            WHERE d.lead_id = p.lead_id AND (d.at, d.id) < (%(at)s::timestamptz, %(id_decision)s)
            ORDER BY d.at DESC, d.id DESC LIMIT %(limit)s
        ) AS f
    ) AS n
    LEFT JOIN qualification_rejectionreason AS w ON w.id = n.reason_id
    LEFT JOIN crm_user AS ae ON ae.id = n.ae_id
    LEFT JOIN crm_team AS desk ON desk.id = n.team_id
    LEFT JOIN qualification_partner AS partner ON partner.id = n.partner_id
"""  # noqa: S608 - constants of this module  # nosec
_OUTCOMES = f"""
    {_EACH} (
        SELECT {_RANK["outcome"]} AS rank,
               r.id, coalesce(r.occurred_at, r.recorded_at) AS at, r.lead_id, r.value,
               coalesce(r.months::text, '') AS subject,
               concat_ws(', ', (SELECT coalesce(nullif(o.label, ''), o.name) FROM crm_source AS o
                                WHERE o.id = r.source_id), nullif(r.effect, '')),
               NULL::bigint
        FROM crm_outcome AS r
        WHERE r.lead_id = p.lead_id
          AND (coalesce(r.occurred_at, r.recorded_at), r.id) < (%(at)s::timestamptz, %(id_outcome)s)
        ORDER BY coalesce(r.occurred_at, r.recorded_at) DESC, r.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec


def _merges(kind: str, verb: str, at: str, by: str) -> str:
    return f"""
    {_EACH} (
        SELECT {_RANK[kind]} AS rank,
               m.id, m.{at} AS at, m.survivor_id AS lead_id, '{verb}' AS verb,
               (SELECT concat_ws(' ', o.first_name, o.last_name) FROM crm_lead AS o
                WHERE o.id = m.loser_id) AS subject, '' AS words, m.{by} AS by_id
        FROM crm_leadmerge AS m
        WHERE m.survivor_id = p.lead_id AND m.{at} IS NOT NULL
          AND (m.{at}, m.id) < (%(at)s::timestamptz, %(id_{kind})s)
        ORDER BY m.{at} DESC, m.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec


# A score is that of a whole lead: of a merged record, what became of whom it is part of now.
_SCORES = f"""
    SELECT f.* FROM unnest(%(leads)s::bigint[]) AS p(lead_id)
    JOIN crm_lead AS l ON l.id = p.lead_id AND l.merged_into_id IS NULL
    CROSS JOIN LATERAL (
        SELECT {_RANK["score"]} AS rank, m.id, m.at, m.lead_id, m.cause AS verb,
               (SELECT v.version::text FROM qualification_scoringmodel AS v
                WHERE v.id = m.model_id) AS subject,
               jsonb_build_object('total', m.total_tenths, 'grade', m.grade, 'tier', m.tier,
                   'out', m.disqualified, 'was_total', m.was_total_tenths,
                   'was_grade', m.was_grade, 'was_tier', m.was_tier)::text AS words,
               NULL::bigint AS by_id
        FROM qualification_scoremove AS m
        WHERE m.lead_id = p.lead_id AND (m.at, m.id) < (%(at)s::timestamptz, %(id_score)s)
        ORDER BY m.at DESC, m.id DESC LIMIT %(limit)s
    ) AS f
"""  # noqa: S608 - constants of this module  # nosec

SOURCES: Mapping[str, str] = {
    "activity": _ACTIVITIES,
    "mail": _MAILS,
    "mail touch": _touches("AND t.kind = 'mail'"),
    "stage": _STAGES,
    "item": _ITEMS,
    "touch": _touches(),
    "answer": _ANSWERS,
    "dispute": _DISPUTES,
    "decision": _DECISIONS,
    "outcome": _OUTCOMES,
    "merge": _merges("merge", "merged", "at", "by_id"),
    "unmerge": _merges("unmerge", "unmerged", "undone_at", "undone_by_id"),
    "score": _SCORES,
}
FILTERS: Mapping[str, Sequence[str]] = {
    "events": ("activity",),
    "mails": ("mail", "mail touch"),
    "scores": ("score",),
    "work": ("stage", "item", "touch", "dispute", "decision", "outcome", "merge", "unmerge"),
    "answers": ("answer",),
    "decisions": ("decision", "outcome"),
}


def statement_of(sources: Iterable[str]) -> str:
    """One statement over these sources: each stops after a page, then the page is what is newest
    of them."""
    each = [f"({source} ORDER BY at DESC, id DESC LIMIT %(limit)s)" for source in sources]
    return f"""
        WITH journey (rank, id, at, lead_id, verb, subject, words, by_id) AS (
            {" UNION ALL ".join(each)}
        ), page AS (
            SELECT * FROM journey ORDER BY at DESC, rank DESC, id DESC LIMIT %(limit)s
        )
        SELECT j.rank, j.id, j.at, j.lead_id, j.verb, j.subject, coalesce(j.words, ''), j.by_id,
               coalesce(nullif(concat_ws(' ', u.first_name, u.last_name), ''), u.username, '')
        FROM page AS j LEFT JOIN crm_user AS u ON u.id = j.by_id
        ORDER BY j.at DESC, j.rank DESC, j.id DESC
    """  # noqa: S608 - constants of this module  # nosec


def rows_before(
    cursor: tuple[str, int, int],
    *,
    lead_ids: Sequence[int],
    sources: Iterable[str],
    limit: int,
    known: dt.datetime | None = None,
) -> list[Row]:
    """The newest rows of these leads behind the cursor (moment, rank, id), from keys of SOURCES, as
    far as they were recorded by `known`; one query."""
    at, rank, pk = cursor
    # Rows of one instant stand by rank: of higher ones all were shown, of lower ones none.
    ids = {
        f"id_{kind}": pk if own == rank else _LAST_ID if own < rank else 0
        for kind, own in _RANK.items()
    }
    values: dict[str, Any] = {
        "leads": list(lead_ids),
        "at": at,
        "limit": limit,
        "known": known or "infinity",
        **ids,
    }
    with connection.cursor() as db:
        db.execute(statement_of(SOURCES[name] for name in sources), values)
        return [Row(*row) for row in db.fetchall()]
