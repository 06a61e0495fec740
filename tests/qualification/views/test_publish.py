"""Draft to live: ask, publish as a second person, roll back."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.choices import ModelStatus, ProposalStatus
from qualification.feedback.proposals import approve_proposal
from qualification.models import LeadScore, ModelChange, RuleProposal, ScoringModel
from tests import factories
from tests.qualification.views.proposal_support import proposed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]


@pytest.fixture
def draft(people: dict[str, User]) -> ScoringModel:
    """A draft with one approved proposal of the manager's, against a live version."""
    proposal = next(proposed(people))
    approve_proposal(proposal=proposal, by=people["manager"], now=timezone.now())
    assert proposal.draft is not None
    return proposal.draft


def publish_url(model: ScoringModel) -> str:
    return f"/models/{model.pk}/publish/"


def test_a_manager_asks_and_cannot_publish(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["manager"])
    html = client.get("/proposals/").content.decode()
    assert "to publish</button>" in html
    assert publish_url(draft) not in html
    assert client.post(f"/models/{draft.pk}/ask/")["Location"] == "/proposals/"
    draft.refresh_from_db()
    assert draft.publish_requested_by == people["manager"]
    assert "asks for publishing" in client.get("/proposals/").content.decode()
    assert client.post(publish_url(draft)).status_code == 403


def test_a_second_person_publishes(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["admin"])
    html = client.get(publish_url(draft), headers=HTMX).content.decode()
    assert "Every lead gets a new score" in html
    assert "Proposal approved" in html
    call_command("rescore", stderr=StringIO(), stdout=StringIO())
    answer = client.post(publish_url(draft), headers=HTMX)
    assert answer["HX-Redirect"] == "/proposals/"
    draft.refresh_from_db()
    assert (draft.status, draft.published_by) == (ModelStatus.ACTIVE, people["admin"])
    assert RuleProposal.objects.filter(draft=draft).get().status == ProposalStatus.PUBLISHED
    assert LeadScore.objects.exclude(model=draft).exists()
    page = client.get("/proposals/").content.decode()
    assert "v2 is live. The queue is being scored again." in page
    assert "scores still come from older rules" in page
    call_command("rescore", stderr=StringIO(), stdout=StringIO())
    assert "scores still come from older rules" not in client.get("/proposals/").content.decode()


def test_an_author_cannot_publish(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    ModelChange.objects.create(model=draft, by=people["admin"], at=timezone.now(), text="Mine")
    client = login(people["admin"])
    html = client.get("/proposals/").content.decode()
    assert "Publishing needs a second person." in html
    assert "There is no other admin yet." in html
    assert publish_url(draft) not in html
    assert "Another admin must publish it." in client.get(publish_url(draft)).content.decode()
    assert client.post(publish_url(draft), headers=HTMX).status_code == 409
    draft.refresh_from_db()
    assert draft.status == ModelStatus.DRAFT


def test_it_names_who_can_publish(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    factories.person("admin", people["admin"].team, first_name="Ines")
    html = login(people["manager"]).get("/proposals/").content.decode()
    assert "Ines" in html
    assert "can publish it." in html


def test_it_publishes_once(login: Login, people: dict[str, User], draft: ScoringModel) -> None:
    client = login(people["admin"])
    client.post(publish_url(draft))
    assert client.post(publish_url(draft), headers=HTMX).status_code == 409
    assert client.post(publish_url(draft)).status_code == 409


def test_it_rolls_back_with_a_reason(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["admin"])
    client.post(publish_url(draft))
    before = ScoringModel.objects.get(version=1)
    url = f"/models/{before.pk}/rollback/"
    assert url in client.get("/proposals/").content.decode()
    assert client.post(url, {"reason": ""}, headers=HTMX).status_code == 422
    assert client.post(url, {"reason": "Precision fell."})["Location"] == "/proposals/"
    before.refresh_from_db()
    assert before.status == ModelStatus.ACTIVE
    page = client.get("/proposals/").content.decode()
    assert "v1 is live again" in page
    assert "Precision fell." in page


def test_it_does_not_roll_back_to_a_draft(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["admin"])
    url = f"/models/{draft.pk}/rollback/"
    assert client.post(url, {"reason": "x"}, headers=HTMX).status_code == 409
    assert ScoringModel.objects.get(status="active").version == 1


def test_it_shows_the_back_test(login: Login, people: dict[str, User], draft: ScoringModel) -> None:
    client = login(people["manager"])
    html = client.get(f"/models/{draft.pk}/backtest/", headers=HTMX).content.decode()
    assert "Precision, best" in html or "Not enough data" in html
    assert "Where leads move" not in html
    call_command("rescore", stderr=StringIO(), stdout=StringIO())
    html = client.get(f"/models/{draft.pk}/backtest/", headers=HTMX).content.decode()
    assert "Where leads move" in html
    assert "of 60 newest" in html
    whole = client.get(f"/models/{draft.pk}/backtest/").content.decode()
    assert "Back to proposals" in whole
    live = ScoringModel.objects.get(version=1)
    assert client.get(f"/models/{live.pk}/backtest/").status_code == 404
