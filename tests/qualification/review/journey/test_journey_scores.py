"""Scores in the journey: where they stand among what happened, what they say, whose they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from crm.models import Account, Activity, Lead, Team
from qualification.models import ScoreMove, ScoringModel
from qualification.review import timeline
from tests import factories
from tests.qualification.queue_support import active_model

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def model(db: None) -> ScoringModel:
    return active_model()


def moved(lead: Lead, model: ScoringModel, at: dt.datetime, **more: Any) -> ScoreMove:
    """From 70.5 and B2 to 86.5 and B1, unless said otherwise."""
    values = {
        "cause": "facts",
        "was_total_tenths": 705,
        "was_grade": "B2",
        "was_tier": "warm",
        "total_tenths": 865,
        "grade": "B1",
        "tier": "hot",
        **more,
    }
    return ScoreMove.objects.create(lead=lead, model=model, at=at, **values)


def lines(journey: timeline.Journey) -> list[tuple[str, str]]:
    return [(entry.text, entry.detail) for day in journey.days for entry in day.entries]


def test_a_move_stands_above_what_caused_it(
    lead: Lead, model: ScoringModel, now: dt.datetime
) -> None:
    for at in (now, now + 2 * MINUTE):
        Activity.objects.create(
            lead=lead, type="demo_request", occurred_at=at, recorded_at=at, properties={}
        )
    moved(lead, model, now)
    assert lines(timeline.journey_of(lead)) == [
        ("Demo request", ""),
        ("Score 70.5 → 86.5, grade B2 → B1", "tier warm → hot"),
        ("Demo request", ""),
    ]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"cause": "first", "was_total_tenths": None, "was_grade": "", "was_tier": ""},
            ("Score 86.5, grade B1", "tier hot"),
        ),
        (
            {"cause": "version", "grade": "B2"},
            ("Score 70.5 → 86.5, grade B2", "tier warm → hot · by version {version} of the rules"),
        ),
        (
            {"cause": "check", "was_tier": "hot"},
            ("Score 70.5 → 86.5, grade B2 → B1", "tier hot · found by the regular check"),
        ),
        (
            {"disqualified": "opted_out", "grade": "", "tier": ""},
            ("Out by a rule: opted out", "score 70.5 → 86.5"),
        ),
        (
            {"was_grade": "", "was_tier": "", "was_total_tenths": 865},
            ("Score 86.5, grade B1", "tier hot"),
        ),
    ],
)
def test_it_says_from_what_to_what_and_why(
    lead: Lead, model: ScoringModel, now: dt.datetime, more: dict[str, Any], says: tuple[str, str]
) -> None:
    moved(lead, model, now, **more)
    text, detail = says
    assert lines(timeline.journey_of(lead)) == [(text, detail.format(version=model.version))]


def test_each_score_leads_to_what_moved_it(
    sdr: Client, lead: Lead, model: ScoringModel, now: dt.datetime
) -> None:
    move = moved(lead, model, now)
    url = f"/leads/{lead.pk}/timeline/?only=scores"
    html = sdr.get(url, headers=HTMX).content.decode()
    assert "+16.0" in html
    assert f'hx-get="/leads/{lead.pk}/scores/{move.pk}/"' in html
    nothing = sdr.get(f"/leads/{lead.pk}/timeline/?only=answers", headers=HTMX).content.decode()
    assert "+16.0" not in nothing


def test_on_the_journey_of_a_company_each_score_has_its_person(
    sdr: Client, lead: Lead, account: Account, model: ScoringModel, now: dt.datetime
) -> None:
    elsewhere = factories.LeadFactory(account=account, team=factories.TeamFactory(name="Americas"))
    moved(lead, model, now)
    moved(elsewhere, model, now, total_tenths=999)
    html = sdr.get(f"/accounts/{account.pk}/timeline/?only=scores", headers=HTMX).content.decode()
    assert "Awa Diallo" in html
    assert "86.5" in html
    assert "99.9" not in html


def test_of_a_merged_lead_only_the_whole_has_scores(
    lead: Lead, team: Team, model: ScoringModel, now: dt.datetime
) -> None:
    part = factories.LeadFactory(team=team, merged_into=lead)
    moved(part, model, now)
    mine = moved(lead, model, now + MINUTE)
    entries = [entry for day in timeline.journey_of(lead).days for entry in day.entries]
    assert [(entry.kind, entry.pk) for entry in entries] == [("score", mine.pk)]
