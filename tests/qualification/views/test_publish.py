"""Draft to live: shadow, publish as a second person, withdraw, roll back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification import runner
from qualification.choices import ModelStatus, ProposalStatus
from qualification.feedback.proposals import approve_proposal
from qualification.models import ModelChange, ReleaseNote, RuleProposal, ScoringModel
from qualification.scoring import versions
from tests import factories
from tests.qualification.version_support import no_minimum
from tests.qualification.views.proposal_support import proposed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]


@pytest.fixture
def draft(people: dict[str, User], settings: Any) -> ScoringModel:
    """A draft with one approved proposal of the manager's, against a live version."""
    no_minimum(settings)
    proposal = next(proposed(people))
    approve_proposal(proposal=proposal, by=people["manager"], now=timezone.now())
    assert proposal.draft is not None
    return proposal.draft


@pytest.fixture
def shadow(draft: ScoringModel, people: dict[str, User]) -> ScoringModel:
    """The same, in shadow."""
    return versions.start_shadow(model=draft, by=people["manager"], now=timezone.now())


def publish_url(model: ScoringModel) -> str:
    return f"/models/{model.pk}/publish/"


def test_a_manager_starts_the_shadow_and_cannot_publish(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["manager"])
    html = client.get("/proposals/").content.decode()
    assert "Start shadow</button>" in html
    assert publish_url(draft) not in html
    assert client.post(f"/models/{draft.pk}/shadow/")["Location"] == "/proposals/"
    draft.refresh_from_db()
    assert (draft.status, draft.shadow_by) == (ModelStatus.SHADOW, people["manager"])
    html = client.get("/proposals/").content.decode()
    assert "v2 in shadow" in html
    assert "Publishing needs a second person." in html
    assert client.post(publish_url(draft)).status_code == 403
    assert client.post(f"/models/{draft.pk}/shadow/", headers=HTMX).status_code == 409


def test_a_draft_is_not_published(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    client = login(people["admin"])
    assert "is not in shadow" in client.get(publish_url(draft)).content.decode()
    assert client.post(publish_url(draft), headers=HTMX).status_code == 409


def test_a_second_person_publishes(
    login: Login, people: dict[str, User], shadow: ScoringModel
) -> None:
    client = login(people["admin"])
    html = client.get(publish_url(shadow), headers=HTMX).content.decode()
    assert "Every lead gets a new score" in html
    assert "Rule changed" in html
    text = {"text": "Small companies count less."}
    answer = client.post(publish_url(shadow), text, headers=HTMX)
    assert answer["HX-Redirect"] == "/proposals/"
    shadow.refresh_from_db()
    assert (shadow.status, shadow.published_by) == (ModelStatus.ACTIVE, people["admin"])
    assert RuleProposal.objects.filter(draft=shadow).get().status == ProposalStatus.PUBLISHED
    assert ReleaseNote.objects.filter(model=shadow).get().text == "Small companies count less."
    page = client.get("/proposals/").content.decode()
    assert "v2 is live. The queue is being scored again." in page
    assert 'role="progressbar"' in page
    progress = client.get("/models/rescoring/").content.decode()
    assert "hx-trigger" in progress
    runner.work_runs(now=timezone.now())
    assert "hx-trigger" not in client.get("/models/rescoring/").content.decode()
    assert 'role="progressbar"' not in client.get("/proposals/").content.decode()


def test_a_shadow_that_is_too_short_is_not_published(
    login: Login, people: dict[str, User], shadow: ScoringModel, settings: Any
) -> None:
    settings.LEADQUAL = {**settings.LEADQUAL, "SHADOW_MIN_LEADS": 200, "SHADOW_MIN_HOURS": 24}
    client = login(people["admin"])
    words = "The shadow has seen 0 of 200 new leads."
    assert words in client.get("/proposals/").content.decode()
    assert publish_url(shadow) not in client.get("/proposals/").content.decode()
    assert words in client.get(publish_url(shadow)).content.decode()
    assert client.post(publish_url(shadow), headers=HTMX).status_code == 409
    shadow.refresh_from_db()
    assert shadow.status == ModelStatus.SHADOW


def test_an_author_cannot_publish(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    ModelChange.objects.create(model=draft, by=people["admin"], at=timezone.now(), text="Mine")
    versions.start_shadow(model=draft, by=people["manager"], now=timezone.now())
    client = login(people["admin"])
    html = client.get("/proposals/").content.decode()
    assert "Publishing needs a second person." in html
    assert "There is no other admin yet." in html
    assert publish_url(draft) not in html
    assert "Another admin must publish it." in client.get(publish_url(draft)).content.decode()
    assert client.post(publish_url(draft), headers=HTMX).status_code == 409
    draft.refresh_from_db()
    assert draft.status == ModelStatus.SHADOW


def test_it_names_who_can_publish(
    login: Login, people: dict[str, User], shadow: ScoringModel
) -> None:
    factories.person("admin", people["admin"].team, first_name="Ines")
    html = login(people["manager"]).get("/proposals/").content.decode()
    assert "Ines" in html
    assert "can publish it." in html


def test_it_publishes_once(login: Login, people: dict[str, User], shadow: ScoringModel) -> None:
    client = login(people["admin"])
    client.post(publish_url(shadow))
    assert client.post(publish_url(shadow), headers=HTMX).status_code == 409
    assert client.post(publish_url(shadow)).status_code == 409
    assert ReleaseNote.objects.filter(model=shadow).count() == 1


def test_a_withdrawn_one_is_past_and_comes_back_as_a_copy(
    login: Login, people: dict[str, User], shadow: ScoringModel
) -> None:
    client = login(people["manager"])
    assert client.post(f"/models/{shadow.pk}/withdraw/")["Location"] == "/proposals/"
    shadow.refresh_from_db()
    assert (shadow.status, shadow.published_at) == (ModelStatus.RETIRED, None)
    assert RuleProposal.objects.get(draft=shadow).status == ProposalStatus.SUPERSEDED
    assert client.post(f"/models/{shadow.pk}/withdraw/", headers=HTMX).status_code == 409
    assert client.post(publish_url(shadow)).status_code == 403
    client.post(f"/models/{shadow.pk}/copy/")
    copy = ScoringModel.objects.get(parent=shadow)
    assert (copy.status, copy.created_by) == (ModelStatus.DRAFT, people["manager"])


def test_it_rolls_back_with_a_reason(
    login: Login, people: dict[str, User], shadow: ScoringModel
) -> None:
    client = login(people["admin"])
    client.post(publish_url(shadow))
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
    whole = client.get(f"/models/{draft.pk}/backtest/").content.decode()
    assert "Back to proposals" in whole
    live = ScoringModel.objects.get(version=1)
    assert client.get(f"/models/{live.pk}/backtest/").status_code == 404
