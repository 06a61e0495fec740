"""The pages of versions: who sees what of them, comparing, simulating."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification import runner
from qualification.models import ScoringModel, ScoringRun
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests import factories
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]
VP = {"subject": "lead.title", "op": "is", "value": "VP"}


def load(points: float, by: User | None = None) -> ScoringModel:
    raw = checked_document(document(rule(VP, points)))
    return drafts.load_draft(raw, by=by, now=timezone.now())


@pytest.fixture
def live(db: None) -> ScoringModel:
    return versions.activate_as_operator(model=load(35), now=timezone.now())


@pytest.fixture
def draft(live: ScoringModel, people: dict[str, User]) -> ScoringModel:
    return load(20, by=people["admin"])


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize("role", ["sdr", "ae", "manager", "admin"])
def test_everybody_who_sees_leads_reads_the_rules(
    role: str, login: Login, people: dict[str, User], live: ScoringModel
) -> None:
    html = text_of(login(people[role]), f"/models/{live.pk}/")
    assert 'id="rule-a-rule"' in html
    assert "+35.0 fit when title is VP" in html
    assert "Live, by the operator" in html


def test_an_sdr_sees_no_way_to_change_it(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    html = text_of(login(people["sdr"]), f"/models/{draft.pk}/")
    assert "+35.0 → +20.0 points" in html
    for verb in ("shadow/", "simulate/", "copy/", "publish/"):
        assert f"/models/{draft.pk}/{verb}" not in html


def test_it_compares_with_the_version_asked_for(
    login: Login, people: dict[str, User], draft: ScoringModel, live: ScoringModel
) -> None:
    third = drafts.copy_to_draft(model=draft, by=None, now=timezone.now())
    client = login(people["manager"])
    assert "Nothing in the rules differs." in text_of(client, f"/models/{third.pk}/")
    against = text_of(client, f"/models/{third.pk}/?against={live.version}")
    assert "+35.0 → +20.0 points" in against
    for odd in ("99", "x", "9" * 40, "-1"):
        assert client.get(f"/models/{third.pk}/?against={odd}").status_code == 200


def test_it_simulates_with_progress_then_figures(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    lead = factories.LeadFactory(title="VP", team=people["manager"].team)
    hidden = factories.LeadFactory(title="VP", team=factories.TeamFactory(name="Elsewhere"))
    client = login(people["manager"])
    assert "Simulate on all leads" in text_of(client, f"/models/{draft.pk}/")
    html = client.post(f"/models/{draft.pk}/simulate/", headers=HTMX).content.decode()
    assert 'role="progressbar"' in html
    assert 'hx-trigger="every 1s"' in html
    client.post(f"/models/{draft.pk}/simulate/", headers=HTMX)
    assert ScoringRun.objects.filter(kind="simulate").count() == 1
    runner.work_runs(now=timezone.now())
    html = text_of(client, f"/models/{draft.pk}/simulation/")
    assert "hx-trigger" not in html
    assert "Fall below the line: 2" in html
    assert f"/leads/{lead.pk}/" in html
    assert f"/leads/{hidden.pk}/" not in html
    assert "distribution of 2 scores" in html
    drafts.change_points(
        draft=draft, rule_key="a-rule", points=draft.mql, by=None, now=timezone.now()
    )
    assert "Simulate again." in text_of(client, f"/models/{draft.pk}/simulation/")


def test_the_live_version_is_not_simulated(
    login: Login, people: dict[str, User], live: ScoringModel
) -> None:
    client = login(people["manager"])
    assert client.post(f"/models/{live.pk}/simulate/", headers=HTMX).status_code == 409


def test_without_htmx_it_goes_back_to_the_page(
    login: Login, people: dict[str, User], draft: ScoringModel
) -> None:
    answer = login(people["manager"]).post(f"/models/{draft.pk}/simulate/")
    assert answer["Location"] == f"/models/{draft.pk}/#simulation"


def test_it_lists_all_versions(
    login: Login, people: dict[str, User], draft: ScoringModel, live: ScoringModel
) -> None:
    html = text_of(login(people["sdr"]), "/models/")
    assert f"/models/{draft.pk}/" in html
    assert f"/models/{live.pk}/" in html
    assert "Roll back" not in html
