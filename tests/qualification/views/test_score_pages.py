"""Behind the score of a lead: links to rules, as of an earlier moment, what would change it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from crm.intake.inbox import store_message
from crm.models import Activity, ErasureReason, Lead, Source, User
from qualification import pipeline
from qualification.models import LeadScore, ScoreMove, ScoringModel
from qualification.personal.erase import erase_person
from qualification.personal.requests import ask_erasure
from qualification.scoring import versions
from qualification.scoring.document import checked_document
from qualification.scoring.drafts import load_draft
from tests import factories
from tests.qualification.scoring.conftest import document, rule
from tests.qualification.views.conftest import HTMX

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
RULES = [
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 25),
    rule({"subject": "lead.seniority", "op": "is", "value": "C-level"}, 12),
    rule({"activity": "page_view", "within_days": 30, "max_points": 12}, 3, dimension="intent"),
]
TellIt = Callable[..., Lead]


@pytest.fixture
def model(here: dt.datetime) -> ScoringModel:
    """Live since yesterday."""
    draft = load_draft(checked_document(document(*RULES)), by=None, now=here - 24 * HOUR)
    return versions.activate_as_operator(model=draft, now=here - 24 * HOUR)


@pytest.fixture
def tell(model: ScoringModel, people: dict[str, User], here: dt.datetime) -> TellIt:
    """A message about Ana, so many hours ago."""
    source: Source = factories.SourceFactory(team=people["sdr"].team)

    def run(hours: float, **said: object) -> Lead:
        at = here - hours * HOUR
        body = {"email": "ana@brightwater.com", "occurred_at": at.isoformat(), **said}
        message, _ = store_message(
            source=source,
            event_key=f"told:{hours}",
            body=json.dumps(body).encode(),
            content_type="application/json",
            now=at,
        )
        lead = pipeline.process(message.pk, now=at).lead
        assert lead is not None
        return lead

    return run


def past(client: Client, lead: Lead, at: str, **more: object) -> str:
    response = client.get(f"/leads/{lead.pk}/past/", {"at": at}, **more)
    assert response.status_code in {200, 422}
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def local(moment: dt.datetime) -> str:
    """As a picker sends it, in the zone of the reader (UTC in tests)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def test_a_line_leads_to_its_rule(sdr: Client, tell: TellIt, model: ScoringModel) -> None:
    lead = tell(3, title="VP")
    html = sdr.get(f"/leads/{lead.pk}/").content.decode()
    href = reverse("qualification:model-detail", args=[model.pk]) + "#rule-a-rule-0"
    assert f'<a href="{href}">A rule 0</a>' in html
    assert 'id="rule-a-rule-0"' in sdr.get(href).content.decode()


def test_it_says_how_fresh_the_score_is_and_what_nobody_knows(sdr: Client, tell: TellIt) -> None:
    html = sdr.get(f"/leads/{tell(3, title='VP').pk}/").content.decode()
    assert "Scored 3 h ago by rules v1" in html
    assert re.search(r"A rule 1.{0,80}Seniority is unknown.{0,120}0\.0", html, re.DOTALL)


def test_it_shows_the_score_of_then_and_what_changed(
    sdr: Client, tell: TellIt, here: dt.datetime
) -> None:
    lead = tell(5, title="VP", type="page_view")
    tell(2, title="Student", type="page_view")
    text = past(sdr, lead, local(here - 4 * HOUR))
    assert "28.0" in text
    assert "6.0 since (−22.0)" in text
    assert "A rule 0 Title is VP +25.0 – −25.0" in text
    assert re.search(r"A rule 2 2 × page view in the last 30 days \+3\.0 \+6\.0 \+3\.0", text)


def test_it_is_a_page_and_a_piece(sdr: Client, tell: TellIt, here: dt.datetime) -> None:
    lead, at = tell(5, title="VP"), local(here - HOUR)
    assert "Back to the lead" in past(sdr, lead, at)
    piece = past(sdr, lead, at, headers=HTMX)
    assert "Back to the lead" not in piece
    assert "No line has changed since" in piece


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("yesterday", "Write a date and a time"),
        ("2026-02-31T10:00", "Write a date and a time"),
        ("0001-01-01T00:00", "Write a date and a time"),
        ("2999-01-01T00:00", "yet to come"),
        ("2001-01-01T00:00", "Nothing was recorded"),
    ],
)
def test_it_says_why_there_is_nothing(sdr: Client, tell: TellIt, at: str, words: str) -> None:
    assert words in past(sdr, tell(5, title="VP"), at)


def test_without_a_moment_it_asks_for_one(sdr: Client, tell: TellIt) -> None:
    response = sdr.get(f"/leads/{tell(5, title='VP').pk}/past/")
    assert response.status_code == 200
    assert 'type="datetime-local"' in response.content.decode()


@pytest.mark.parametrize("page", ["past", "changers"])
def test_another_team_sees_neither(
    page: str, tell: TellIt, stranger: User, login: Callable[[User], Client]
) -> None:
    lead = tell(5, title="VP")
    assert login(stranger).get(f"/leads/{lead.pk}/{page}/").status_code == 404


def test_it_tells_what_would_change_the_verdict(sdr: Client, tell: TellIt) -> None:
    lead = tell(3, title="VP")
    total = LeadScore.objects.get(lead=lead).total_tenths
    assert f'hx-get="/leads/{lead.pk}/changers/"' in sdr.get(f"/leads/{lead.pk}/").content.decode()
    html = sdr.get(f"/leads/{lead.pk}/changers/", headers=HTMX).content.decode()
    assert "Seniority is C-level" in html
    assert f"+12.0 → {(total + 120) / 10}" in html
    assert "Back to the lead" in sdr.get(f"/leads/{lead.pk}/changers/").content.decode()


def test_without_a_score_nothing_would(sdr: Client, tell: TellIt) -> None:
    lead = tell(3, title="VP")
    LeadScore.objects.all().delete()
    assert "No single fact" in sdr.get(f"/leads/{lead.pk}/changers/").content.decode()


def moved(client: Client, move: ScoreMove, **more: object) -> str:
    response = client.get(f"/leads/{move.lead_id}/scores/{move.pk}/", **more)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_it_tells_what_moved_the_grade(sdr: Client, tell: TellIt) -> None:
    tell(3, title="VP")
    tell(2, title="VP", seniority="C-level")
    first, second = ScoreMove.objects.order_by("id")
    assert "A rule 0 Title is VP +25.0" in moved(sdr, first, headers=HTMX)
    piece = moved(sdr, second, headers=HTMX)
    assert "A rule 1 Seniority is C-level +12.0" in piece
    assert "A rule 0" not in piece
    assert "comes out otherwise" not in piece
    page = moved(sdr, second)
    assert "Score 25.0 → 37.0, grade B4 → A4" in page
    assert "Back to the lead" in page


def test_it_says_so_when_a_move_comes_out_otherwise_today(sdr: Client, tell: TellIt) -> None:
    """As after a merge, by which the lead has activities of another one as well."""
    lead = tell(3, title="VP")
    (move,) = ScoreMove.objects.all()
    before = move.at - HOUR
    Activity.objects.create(lead=lead, type="page_view", occurred_at=before, recorded_at=before)
    assert "comes out otherwise" in moved(sdr, move, headers=HTMX)


def test_of_an_erased_person_nothing_is_left_to_tell(sdr: Client, tell: TellIt) -> None:
    lead = tell(3, title="VP")
    (move,) = ScoreMove.objects.all()
    now = move.at + HOUR
    erasure = ask_erasure(
        lead=lead,
        reference="T-1",
        reason=ErasureReason.ASKED,
        is_no_contact=False,
        by=None,
        now=now,
    )
    erase_person(erasure=erasure, confirmed=lead.name, by=None, now=now)
    assert "The personal data are gone" in moved(sdr, move, headers=HTMX)


def test_a_move_of_another_lead_or_team_is_not_found(
    sdr: Client, tell: TellIt, stranger: User, login: Callable[[User], Client]
) -> None:
    lead = tell(3, title="VP")
    (move,) = ScoreMove.objects.all()
    other = factories.LeadFactory(team=lead.team)
    assert sdr.get(f"/leads/{other.pk}/scores/{move.pk}/").status_code == 404
    url = f"/leads/{lead.pk}/scores/{move.pk}/"
    assert login(stranger).get(url).status_code == 404
    Lead.objects.filter(pk=lead.pk).update(merged_into=other)
    assert sdr.get(url).status_code == 404


def test_a_score_that_stands_behind_its_lines_says_so(
    tell: TellIt, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    lead, told = tell(2, title="VP"), "it is being scored again"
    client = login(people["manager"])
    assert told not in client.get(f"/leads/{lead.pk}/").content.decode()
    # As between a merge and the score that follows it: the lines find more than was scored.
    LeadScore.objects.filter(lead=lead).update(total_tenths=10)
    assert told in client.get(f"/leads/{lead.pk}/").content.decode()
