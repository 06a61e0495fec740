"""The models that ship: they load, go live, and their negatives and disqualifiers do their work."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

import qualification.scoring
from crm.intake.inbox import store_message
from crm.models import AccountDomain, InboxMessage, Lead, Source
from qualification import pipeline
from qualification.demo.company import RULES
from qualification.models import LeadScore, ScoringModel
from qualification.scoring.document import read_document, read_file
from qualification.scoring.export import to_yaml
from qualification.scoring.ledger import ledger_of
from tests import factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW
STARTER = Path(qualification.scoring.__file__).parent / "shipped" / "starter.yaml"
MODELS = [STARTER, RULES]
PERSON = {"email": "ana@brightwater.com", "name": "Ana Lund", "company": "Brightwater"}

Arrive = Callable[..., Lead]


@pytest.fixture(params=MODELS, ids=["starter", "demo"])
def live(request: pytest.FixtureRequest, db: None) -> ScoringModel:
    """A shipped model, made live the operator's way."""
    out = io.StringIO()
    call_command("load_scoring_model", request.param, activate=True, stdout=out)
    assert out.getvalue().splitlines()[-1] == "version=1 status=active"
    return ScoringModel.objects.get()


@pytest.fixture
def arrive(live: ScoringModel) -> Arrive:
    """Somebody writes in; the lead as the main road left it."""
    source = factories.SourceFactory(name="website")

    def process(source: Source, said: dict[str, Any]) -> Lead:
        body = json.dumps(PERSON | said).encode()
        message, _ = store_message(
            source=source, event_key="1", body=body, content_type="application/json", now=NOW
        )
        processed = pipeline.process(message.pk, now=NOW)
        assert processed.state == InboxMessage.State.DONE
        assert processed.lead is not None
        return Lead.objects.get(pk=processed.lead.pk)

    return lambda **said: process(source, said)


@pytest.mark.parametrize("path", MODELS, ids=["starter", "demo"])
def test_it_comes_back_from_export_the_same(path: Path) -> None:
    document = read_file(path)
    assert read_document(to_yaml(document).encode()) == document


def points_of(lead: Lead, name: str) -> int:
    """Tenths of the line of this rule; 0 when it did not fire."""
    return sum(
        line.points_tenths for line in ledger_of(lead.pk, now=NOW).lines if line.name == name
    )


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"email": "ana.lund@gmail.com"}, "Free mail address"),
        ({"phone": "12345"}, "Fake phone number"),
        ({"title": "PhD student"}, "Student"),
        ({"account_country": "Chile"}, "Unserved market"),
    ],
)
def test_a_negative_takes_points(arrive: Arrive, said: dict[str, str], name: str) -> None:
    lead = arrive(**said)
    assert points_of(lead, name) < 0
    assert LeadScore.objects.get(lead=lead).disqualified == ""
    assert lead.stage == "new"


@pytest.mark.parametrize(
    "said",
    [
        {"phone": "+49 30 901820"},
        {"title": "Head of logistics"},
        {"account_country": "Germany"},
        {},
    ],
)
def test_others_keep_their_points(arrive: Arrive, said: dict[str, str]) -> None:
    lead = arrive(**said)
    for name in ("Free mail address", "Fake phone number", "Student", "Unserved market"):
        assert points_of(lead, name) == 0


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"opted_out": True}, "opted_out"),
        ({"email": "ana@rival.example"}, "competitor"),
        ({"email": "ana@mit.edu", "title": "Student"}, "student"),
        ({"country": "Iran"}, "unserved_country"),
    ],
)
def test_a_disqualifier_turns_away(arrive: Arrive, said: dict[str, Any], reason: str) -> None:
    rival = factories.AccountFactory(name="Rival", is_competitor=True)
    AccountDomain.objects.create(account=rival, domain="rival.example")
    lead = arrive(**said)
    score = LeadScore.objects.get(lead=lead)
    assert (score.disqualified, score.grade, score.tier) == (reason, "", "")
    assert (lead.stage, lead.disqualified_by) == ("disqualified", "rule")
    lines = ledger_of(lead.pk, now=NOW).lines
    assert sum(line.points_tenths for line in lines) == score.total_tenths
    assert f"disqualifies: {reason}" in [line.note for line in lines]
