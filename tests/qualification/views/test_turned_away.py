"""The list of leads that rules turned away: sight, filters, pages, a sample drawn by a number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Lead, Team, User
from qualification.models import ScoringModel, ScoringRule
from qualification.review import turned_away as room
from qualification.review.queue import apply_line
from tests import factories
from tests.qualification import queue_support
from tests.qualification.grades import TIERS

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PATH = "/rejected/by-rules/"
Away = Callable[..., Lead]


@pytest.fixture
def model(here: dt.datetime) -> ScoringModel:
    """A live version with two rules that turn away."""
    draft = ScoringModel.objects.create(
        version=1,
        name="Live",
        mql="40.0",
        accept="65.0",
        fit_thresholds={"A": "30.0", "B": "20.0", "C": "10.0"},
        intent_thresholds={"1": "30.0", "2": "20.0", "3": "10.0"},
        tiers=TIERS,
        actions={},
        created_at=here,
    )
    for key, reason in (("said-stop", "opted_out"), ("far-away", "unserved_country")):
        ScoringRule.objects.create(
            model=draft,
            key=key,
            name=key.title(),
            dimension="fit",
            condition={"subject": "lead.opted_out", "op": "is_true"},
            disqualifies=reason,
        )
    ScoringModel.objects.filter(pk=draft.pk).update(
        status="active", published_at=here, published_as="operator"
    )
    return ScoringModel.objects.get(pk=draft.pk)


@pytest.fixture
def away(model: ScoringModel, team: Team, here: dt.datetime) -> Away:
    """Makes a lead that a rule turned away, each a minute later than the one before."""
    made: list[Lead] = []

    def make(reason: str = "opted_out", **fields: object) -> Lead:
        lead = queue_support.scored_lead(700, disqualified=reason, **{"team": team, **fields})
        at = here + dt.timedelta(minutes=len(made))
        apply_line([lead.pk], model=model, now=at)
        made.append(lead)
        return lead

    return make


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


def html_of(client: Client, **query: object) -> str:
    response = client.get(PATH, query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_reason_rule_and_version(manager: Client, away: Away) -> None:
    lead = away("unserved_country", last_name="Diallo")
    html = html_of(manager)
    for text in ("Diallo", "unserved country", "Far-Away", "version 1", "70.0"):
        assert text in html
    assert f"/leads/{lead.pk}/bring-back/" in html


def test_it_shows_the_own_team_only(manager: Client, away: Away) -> None:
    away(last_name="Elsewhere", team=factories.TeamFactory(name="Americas"))
    html = html_of(manager)
    assert "Elsewhere" not in html
    assert "No lead turned away" in html


def test_a_persons_rejection_does_not_stand_there(manager: Client, team: Team) -> None:
    lead = factories.LeadFactory(team=team, last_name="Byhand")
    Lead.objects.filter(pk=lead.pk).update(stage="disqualified", disqualified_by="person")
    assert "Byhand" not in html_of(manager)


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ({"reason": "unserved_country"}, True),
        ({"reason": "opted_out"}, False),
        ({"q": "teranga DIALLO"}, True),
        ({"q": "nobody"}, False),
        ({"reason": ""}, True),
    ],
)
def test_it_narrows_the_list(
    manager: Client, away: Away, query: dict[str, str], *, is_there: bool
) -> None:
    away("unserved_country", last_name="Diallo", company_name="Teranga Foods")
    html = html_of(manager, **query)
    assert ("Diallo" in html) is is_there
    assert ("No lead matches" in html) is not is_there


@pytest.mark.parametrize(
    "query",
    [
        {"reason": "Nonsense"},
        {"source": "x"},
        {"before": "x"},
        {"after": "9" * 30},
        {"q": "a\x00b"},
        {"sample": "-1"},
        {"sample": "9" * 18},
    ],
)
def test_it_survives_odd_queries(manager: Client, away: Away, query: dict[str, str]) -> None:
    away()
    html_of(manager, **query)


def test_it_pages_without_losing_or_repeating(
    manager: Client, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PAGE_LENGTH", 2)
    made = [away().pk for _ in range(5)]
    seen, query = [], {}
    for _ in range(3):
        page = manager.get(PATH, query).context["page"]
        seen += [row.pk for row in page.rows]
        query = {"before": page.older}
    assert seen == made[::-1]
    back = manager.get(PATH, {"after": page.newer}).context["page"]
    assert [row.pk for row in back.rows] == seen[2:4]


def test_a_number_draws_the_same_sample_again(
    manager: Client, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SAMPLE", 4)
    for _ in range(12):
        away()

    def drawn(seed: int) -> list[int]:
        return [row.pk for row in manager.get(PATH, {"sample": seed}).context["page"].rows]

    assert len(drawn(1)) == 4
    assert drawn(1) == drawn(1)
    assert any(set(drawn(1)) != set(drawn(seed)) for seed in range(2, 6))


def test_it_answers_htmx_with_the_rows_alone(manager: Client, away: Away) -> None:
    away(last_name="Diallo")
    html = manager.get(PATH, headers=HTMX).content.decode()
    assert "Diallo" in html
    assert "<html" not in html


def test_its_queries_do_not_grow_with_the_rows(
    manager: Client, away: Away, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(6):
        away()
    with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
        html_of(manager)
