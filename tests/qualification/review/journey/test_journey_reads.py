"""What a page of the journey reads: of each person a page of each kind, however much there is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from crm.models import Account, Team
from qualification.review import journey_sources, timeline
from tests import factories

pytestmark = pytest.mark.django_db
PEOPLE = 40
TYPES = ["email_open", "page_view", "visit"]
EVENTS = (5_000, 50_000)
# Rows of one kind that people wrote, of one lead.
BY_HAND = (500, 5_000)


# What a line is named by. Some plans read such a small table whole; no journey makes it longer.
NAMES = (
    "crm_source",
    "crm_team",
    "crm_user",
    "qualification_criterion",
    "qualification_partner",
    "qualification_rejectionreason",
    "qualification_scoringmodel",
    "qualification_scoringrule",
)


@pytest.mark.parametrize("only", ["", "events", "mails"])
@pytest.mark.parametrize("part", ["newest", "middle"])
def test_a_page_reads_as_much_of_a_long_journey(
    account: Account, team: Team, now: dt.datetime, only: str, part: str
) -> None:
    """Rows that PostgreSQL touched, by its own account, for 5,000 events and for 50,000: a page of
    each person at most, for mails a look for each of their types, for scores the person."""
    ids = [
        lead.pk for lead in factories.LeadFactory.create_batch(PEOPLE, account=account, team=team)
    ]
    read = []
    for events in EVENTS:
        fill(ids, events=events, now=now)
        days = 0 if part == "newest" else 15
        at = (now - dt.timedelta(days=days)).isoformat()
        read.append(rows_read(ids, only=only, cursor=(at, 0, 0)))
    few, many = read
    looks = {"": PEOPLE, "mails": PEOPLE * (len(TYPES) + 1)}.get(only, 0)
    assert few > 0
    assert many <= PEOPLE * (timeline.PAGE_SIZE + 1) + looks + 1, read
    assert many <= few * 1.05, read


def fill(ids: list[int], *, events: int, now: dt.datetime) -> None:
    """So many events of a month in all, dealt out to these leads."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM crm_activity")
        cursor.execute(
            """INSERT INTO crm_activity (lead_id, type, occurred_at, recorded_at, properties)
            SELECT (%s::bigint[])[1 + n %% %s],
                   (%s::text[])[1 + n %% 3],
                   %s::timestamptz - n * interval '30 days' / %s, %s, '{}'
            FROM generate_series(1, %s) AS n""",
            [ids, len(ids), TYPES, now, events, now, events],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE crm_activity")


# --- what people write ----------------------------------------------------------------------------

# Kind → (table, columns besides lead and moment, how the moment is called, their values in SQL).
# The person is %(lead)s, the writer %(by)s, the row n.
WRITTEN = {
    "touches": ("qualification_touch", "kind, result, note, by_id, item_id", "at"),
    "mails": ("qualification_touch", "kind, result, note, by_id, item_id", "at"),
    "touch events": ("qualification_itemevent", "verb, note, by_id, item_id", "at"),
    "events": ("qualification_itemevent", "verb, note, by_id, item_id", "at"),
    "closings": ("qualification_itemevent", "verb, note, by_id, item_id", "at"),
    "answers": (
        "qualification_checklistanswer",
        "criterion_id, value, state, source, evidence_url, answered_on, superseded_at",
        "recorded_at",
    ),
    "disputes": (
        "qualification_scoredispute",
        "rule_id, rule_key, kind, note, by_id, withdrawn_at",
        "at",
    ),
    "decisions": (
        "qualification_decision",
        "kind, note, override_reason, by_id, item_id, total_tenths, grade, fired, frozen",
        "at",
    ),
    "stages": ("crm_stageevent", "from_stage, to_stage, reason, by_id", "at"),
    "outcomes": (
        "crm_outcome",
        "value, source_id, external_id, told_lead, effect, occurred_at",
        "recorded_at",
    ),
    "scores": (
        "qualification_scoremove",
        "model_id, cause, total_tenths, grade, tier, disqualified, was_grade, was_tier",
        "at",
    ),
}
VALUES = {
    "touches": "'call', 'spoke', 'x', %(by)s, %(lead)s",
    "mails": "'mail', 'sent', 'x', %(by)s, %(lead)s",
    "touch events": "'item:touched', '', %(by)s, %(lead)s",
    "events": "'item:claimed', '', %(by)s, %(lead)s",
    "closings": "'item:closed', '', %(by)s, %(lead)s",
    "answers": "1, 'true', 'confirmed', '', '', current_date, {at}",
    "disputes": "1, 'a', 'stale', '', %(by)s, {at}",
    "decisions": "'nurture', '', '', %(by)s, %(lead)s, 0, '', '{{}}', '{{}}'",
    "stages": "'mql', 'working', '', %(by)s",
    "outcomes": "'won', 1, '', '', '', {at}",
    "scores": "1, 'facts', 500, 'B2', 'warm', '', '', ''",
}
# What stands together in life, at one moment each.
TOGETHER = {
    **{kind: (kind,) for kind in WRITTEN if kind not in ("touch events", "closings")},
    "touches with their events": ("touches", "touch events"),
    "stages that are told": ("stages", "events"),
    "decisions with what they close": ("decisions", "closings", "events", "stages"),
    "everything": tuple(kind for kind in WRITTEN if kind != "closings"),
}


@pytest.mark.parametrize("only", ["", *journey_sources.FILTERS])
@pytest.mark.parametrize(("days", "people"), [(0, 1), (15, 1), (0, 4), (15, 4)])
def test_a_page_reads_as_much_of_a_lead_with_much_work(
    team: Team, now: dt.datetime, only: str, days: int, people: int
) -> None:
    """500 rows and 5,000 of each kind, of one lead alone and with its colleagues."""
    ids = [lead.pk for lead in factories.LeadFactory.create_batch(people, team=team)]
    sources = journey_sources.FILTERS.get(only, journey_sources.KINDS)
    at = (now - dt.timedelta(days=days)).isoformat()
    for name, kinds in TOGETHER.items():
        read = []
        for rows in BY_HAND:
            with_rows(kinds, ids[0], rows=rows, now=now)
            read.append(rows_read(ids, only=only, cursor=(at, 0, 0)))
            without(kinds, ids[0])
        few, many = read
        # A page of each source, the page of events that says how far stages are read, and for each
        # stage or closing one look for what tells it.
        assert many <= (len(sources) + 3) * (timeline.PAGE_SIZE + 1) * len(ids), (name, read)
        assert many <= few * 1.05 + 1, (name, read)


def with_rows(kinds: tuple[str, ...], lead: int, *, rows: int, now: dt.datetime) -> None:
    """So many rows of each of these kinds, over a month."""
    at = "(%(now)s::timestamptz - n * interval '30 days' / %(rows)s)"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for kind in kinds:
            table, columns, moment = WRITTEN[kind]
            cursor.execute(
                f"INSERT INTO {table} (lead_id, {moment}, {columns})"
                f" SELECT %(lead)s, {at}, {VALUES[kind].format(at=at)}"
                " FROM generate_series(1, %(rows)s) AS n",
                {"lead": lead, "by": 1, "now": now, "rows": rows},
            )
        cursor.execute("SET LOCAL session_replication_role = origin")
        for kind in kinds:
            cursor.execute(f"ANALYZE {WRITTEN[kind][0]}")


def without(kinds: tuple[str, ...], lead: int) -> None:
    """None of these any more."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for kind in kinds:
            cursor.execute(f"DELETE FROM {WRITTEN[kind][0]} WHERE lead_id = %s", [lead])
        cursor.execute("SET LOCAL session_replication_role = origin")


def rows_read(ids: list[int], *, only: str, cursor: tuple[str, int, int]) -> float:
    plans: list[str] = []
    sources = journey_sources.FILTERS.get(only, journey_sources.KINDS)

    def explained(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params, *rest)
        plans.extend(row[0] for row in rest[1]["cursor"].fetchall())
        return execute(sql, params, *rest)

    with connection.execute_wrapper(explained):
        journey_sources.rows_before(
            cursor, lead_ids=ids, sources=sources, limit=timeline.PAGE_SIZE + 1
        )
    (plan,) = plans
    found = json.loads(plan) if isinstance(plan, str) else plan
    return _touched(found[0]["Plan"])


def _touched(plan: dict[str, Any]) -> float:
    """Rows of people's histories that scans gave or threw away, over all their loops."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in _nodes(plan)
        if "Scan" in node["Node Type"] and node.get("Relation Name", NAMES[0]) not in NAMES
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
