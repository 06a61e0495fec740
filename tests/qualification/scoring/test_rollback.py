"""Rolling back gives back the exact scores and the exact order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from crm.models import Activity, Lead, User
from qualification import runner
from qualification.models import ReviewItem, ScoringModel
from qualification.scoring import drafts, ledger, versions
from qualification.scoring.document import checked_document
from tests import factories
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
VISIT = {"activity": "visit", "half_life_days": 2, "max_points": 15}
DIRECTOR = {"subject": "lead.title", "op": "is", "value": "Director"}
FIRST = document(
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 35),
    rule(DIRECTOR, 32),
    rule(VISIT, 7.5, dimension="intent"),
    rule({"subject": "lead.title", "op": "is", "value": "Student"}, 0, disqualifies="student"),
)
SECOND = document(
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 31),
    rule(DIRECTOR, 45),
    rule(VISIT | {"max_points": 9}, 9, dimension="intent"),
    thresholds=FIRST["thresholds"] | {"mql": 29},
)


def load(raw: dict[str, Any], now: dt.datetime) -> ScoringModel:
    return drafts.load_draft(checked_document(raw), by=None, now=now)


def scores() -> list[str]:
    """Every stored score as PostgreSQL holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(s)::text FROM qualification_leadscore AS s ORDER BY lead_id"
        )
        return [row[0] for row in cursor.fetchall()]


def order() -> list[tuple[Any, ...]]:
    """The queue, first to last, by what it is ranked by."""
    ranked = ReviewItem.objects.open().ranked()
    return list(ranked.values_list("lead", "bucket", "tier_rank", "score_tenths", "due_at"))


def many_leads(now: dt.datetime, people: dict[str, User]) -> list[int]:
    titles = ["VP", "Director", "Student", "Clerk"] * 6
    ids = [
        factories.LeadFactory(
            title=title, team=people["sdr"].team, received_at=now, created_at=now
        ).pk
        for title in titles
    ]
    Activity.objects.bulk_create(
        Activity(
            lead_id=lead_id,
            type="visit",
            occurred_at=now - place * HOUR,
            recorded_at=now,
        )
        for place, lead_id in enumerate(ids)
    )
    return ids


def test_scores_and_order_are_the_same_again(people: dict[str, User], now: dt.datetime) -> None:
    ids = many_leads(now, people)
    first = versions.activate_as_operator(model=load(FIRST, now), now=now)
    runner.work_runs(now=now)
    scores_then, order_then = scores(), order()
    assert order_then

    second = versions.activate_as_operator(model=load(SECOND, now), now=now)
    runner.work_runs(now=now)
    assert scores() != scores_then
    assert order() != order_then

    versions.rollback(model=first, by=people["admin"], reason="Worse", now=now)
    runner.work_runs(now=now)
    assert scores() == scores_then
    assert order() == order_then
    for lead_id in ids:
        stored = Lead.objects.get(pk=lead_id).score
        asked = ledger.ledger_of(lead_id, model=first, now=now)
        assert asked.total_tenths == stored.total_tenths
    second.refresh_from_db()
    assert second.status == "retired"


def test_it_knows_what_was_in_force_through_any_number_of_switches(
    people: dict[str, User], now: dt.datetime
) -> None:
    one, two = load(FIRST, now), load(SECOND, now)
    versions.activate_as_operator(model=one, now=now)
    versions.activate_as_operator(model=two, now=now + HOUR)
    versions.rollback(model=one, by=None, now=now + 2 * HOUR)
    versions.rollback(model=two, by=None, now=now + 3 * HOUR)
    versions.rollback(model=one, by=None, now=now + 4 * HOUR)
    half = dt.timedelta(minutes=30)
    found = [versions.model_in_force(now + hours * HOUR + half) for hours in range(-1, 5)]
    assert found == [None, one, two, one, two, one]
