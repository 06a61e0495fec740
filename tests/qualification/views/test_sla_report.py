"""The page of met clocks: every figure equals a raw recount over the tables."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from crm.models import Team, User
from qualification.insights.response import Group
from qualification.models import ReviewItem
from qualification.sla.sweep import record_due
from qualification.sla.timers import cancel_timers, stop_timers
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.figures_support import response_report

pytestmark = pytest.mark.django_db
NOW = rows.NOW
DAY = dt.timedelta(days=1)
RECOUNT = """
    SELECT {by} AS label, count(*) FILTER (WHERE NOT missed), count(*) FILTER (WHERE missed)
    FROM (
        SELECT t.*, EXISTS (SELECT FROM qualification_slaevent AS e
                            WHERE e.timer_id = t.id AND e.level = 'breach') AS missed
        FROM qualification_slatimer AS t WHERE t.kind = 'first_response'
    ) AS t
    JOIN qualification_reviewitem AS i ON i.id = t.item_id
    JOIN crm_team AS team ON team.id = i.team_id
    JOIN crm_lead AS l ON l.id = t.lead_id JOIN crm_source AS s ON s.id = l.source_id
    WHERE t.state = 'stopped' OR missed GROUP BY 1 ORDER BY 1
"""
COLUMNS = {
    "teams": "team.name",
    "sources": "coalesce(nullif(s.label, ''), s.name)",
    "weeks": "to_char(date_trunc('week', t.started_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD')",
}


@pytest.fixture
def clocks(team: Team) -> list[ReviewItem]:
    """Clocks of two teams, sources and weeks: met, late, cancelled, running."""
    draw = random.Random(8)
    teams, sources = (
        [team, factories.TeamFactory(name="APAC")],
        factories.SourceFactory.create_batch(2),
    )
    items = []
    for _ in range(40):
        start = NOW - draw.randrange(14) * DAY
        owner, source = draw.choice(teams), draw.choice(sources)
        item = rows.waiting_item(tier="hot", team=owner, source=source, now=start)
        fate = draw.choice([stop_timers, stop_timers, cancel_timers, None])
        if fate:
            fate(item=item, now=start + rows.minutes(draw.randrange(30)))
        items.append(item)
    record_due(now=NOW)
    return items


def recounted(by: str) -> list[tuple[str, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT.format(by=COLUMNS[by]))
        found: list[tuple[str, int, int]] = cursor.fetchall()
    return found


def test_every_group_equals_a_raw_recount(
    clocks: list[ReviewItem], people: dict[str, User]
) -> None:
    report = response_report(people["admin"], now=NOW)
    for by in COLUMNS:
        groups: tuple[Group, ...] = getattr(report, by)
        assert len(groups) > 1
        assert [(group.label, group.met, group.missed) for group in groups] == recounted(by)
    lengths = sorted(
        timer.stopped_at - timer.started_at
        for item in clocks
        for timer in item.timers.filter(state="stopped")
    )
    half, most = lengths[-(-len(lengths) // 2) - 1], lengths[-(-len(lengths) * 9 // 10) - 1]
    assert report.total.wall == report.total.open == (half, most)


def test_a_manager_sees_the_clocks_of_their_team(
    clocks: list[ReviewItem], people: dict[str, User]
) -> None:
    report = response_report(people["manager"], now=NOW)
    assert [group.label for group in report.teams] == ["EMEA"]


def test_the_page_and_its_file(
    clocks: list[ReviewItem], people: dict[str, User], login: Callable[[User], Client]
) -> None:
    client = login(people["admin"])
    page = client.get("/sla/?days=365").content.decode()
    assert "APAC" in page
    weeks = [dt.date.fromisoformat(day) for day, _met, _missed in recounted("weeks")]
    assert all(f">{day.day} {day:%b %Y}</th>" in page for day in weeks)
    assert not any(day.isoformat() in page for day in weeks)
    text = client.get("/sla/sla.csv?days=365").content.decode()
    written = list(csv.reader(io.StringIO(text)))
    teams = [(row[1], int(row[2]), int(row[3])) for row in written if row[0] == "team"]
    assert teams == recounted("teams")
    empty = client.get("/sla/?kind=handoff_acceptance").content.decode()
    assert "No clock was answered or breached" in empty
    assert client.get("/sla/?kind=%00&days=x").status_code == 200
