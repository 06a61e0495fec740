"""The score over time: at each moment what the oracle makes of the facts of that moment under the
version of that moment, whatever came after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.clock import stamp_history
from crm.models import Account, Activity, Lead, Team, User
from qualification.models import ChecklistAnswer, Criterion, LeadScore
from qualification.review.score_history import PARTS, History, score_history
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from qualification.scoring.rescore import score_leads
from tests import factories
from tests.oracles.scoring_oracle import Oracle
from tests.qualification.scoring.conftest import document, rule
from tests.qualification.scoring.test_oracle import BrokenOracle, answer_of

pytestmark = pytest.mark.django_db
NOW = factories.NOW
HOUR = dt.timedelta(hours=1)
TITLES = ["VP", "Head of Sales", "Student", ""]
RULES = [
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 25),
    rule({"subject": "lead.title", "op": "is_unknown"}, -4),
    rule({"subject": "account.employees", "op": "at_least", "value": 200}, 15),
    rule({"subject": "checklist.budget.state", "op": "is", "value": "confirmed"}, 8),
    rule({"activity": "visit", "half_life_days": 3, "max_points": 24}, 7, dimension="intent"),
    rule({"activity": "demo", "per": "once", "within_days": 5}, 20, dimension="intent"),
]
OTHER_RULES = [RULES[0] | {"points": 11}, *RULES[3:]]


class Life:
    """A lead of a company to which things happen; what the oracle needs to know is kept here."""

    def __init__(self, seed: int, team: Team) -> None:
        self.random, self.now = Random(seed), NOW - 60 * 24 * HOUR
        self.activities: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {
            "lead": {"title": "VP"},
            "account": {"employees": 40},
            "attributes": {},
            "checklist": {},
        }
        self.document = self.publish(RULES)
        stamp_history(self.now)
        self.account = factories.AccountFactory(employees=40)
        self.lead = factories.LeadFactory(
            team=team, account=self.account, title="VP", created_at=self.now
        )
        # (moment, document, facts) from there on.
        self.known: list[tuple[dt.datetime, dict[str, Any], dict[str, Any]]] = []
        self.keep()

    def publish(self, rules: list[dict[str, Any]]) -> dict[str, Any]:
        raw = document(*rules, base={"fit": 3})
        model = drafts.load_draft(checked_document(raw), by=None, now=self.now)
        versions.activate_as_operator(model=model, now=self.now)
        return raw

    def keep(self) -> None:
        self.known.append((self.now, self.document, {k: dict(v) for k, v in self.facts.items()}))

    def step(self) -> None:
        self.now += self.random.uniform(0.2, 60) * HOUR
        stamp_history(self.now)
        happen = self.random.choice([self.titled, self.grew, self.answered, self.did, self.did])
        happen()
        self.keep()

    def titled(self) -> None:
        self.facts["lead"]["title"] = self.random.choice(TITLES)
        Lead.objects.filter(pk=self.lead.pk).update(title=self.facts["lead"]["title"])

    def grew(self) -> None:
        self.facts["account"]["employees"] = self.random.choice([10, 200, 5000])
        Account.objects.filter(pk=self.account.pk).update(**self.facts["account"])

    def answered(self) -> None:
        criterion = Criterion.objects.get(key="budget")
        state = self.random.choice(["confirmed", "inferred", "contradicted"])
        rows = ChecklistAnswer.objects.filter(lead=self.lead, superseded_at=None)
        rows.update(superseded_at=self.now)
        ChecklistAnswer.objects.create(
            lead=self.lead,
            criterion=criterion,
            value="yes",
            state=state,
            answered_on=self.now.date(),
            recorded_at=self.now,
        )
        self.facts["checklist"]["budget"] = {"value": "yes", "state": state}

    def did(self) -> None:
        earlier = self.random.choice([0, 0, 30]) * HOUR
        row = {
            "type": self.random.choice(["visit", "demo"]),
            "occurred_at": self.now - earlier,
            "recorded_at": self.now,
            "properties": {},
        }
        Activity.objects.create(lead=self.lead, **row)
        self.activities.append(row)

    def expected(self, at: dt.datetime, oracle: type[Oracle] = Oracle) -> dict[str, Any]:
        _, raw, facts = [known for known in self.known if known[0] <= at][-1]
        return oracle(raw).score({**facts, "activities": self.activities}, at)


@pytest.fixture
def lives(team: Team) -> Callable[[int], Life]:
    """A life of forty steps in which other rules go live."""

    def live(seed: int) -> Life:
        life = Life(seed, team)
        for _ in range(20):
            life.step()
        life.now += HOUR
        life.document = life.publish(OTHER_RULES)
        life.keep()
        for _ in range(20):
            life.step()
        return life

    return live


def wrong(life: Life, history: History, oracle: type[Oracle] = Oracle) -> Iterator[dt.datetime]:
    for point in history.points:
        if answer_of(point.ledger) != life.expected(point.at, oracle):
            yield point.at


@pytest.mark.parametrize("seed", range(6))
def test_each_point_is_what_the_oracle_says(lives: Callable[[int], Life], seed: int) -> None:
    life = lives(seed)
    history = score_history(life.lead, until=life.now)
    assert list(wrong(life, history)) == []
    moments = {known[0] for known in life.known}
    assert {point.at for point in history.points} <= moments
    assert 5 <= len(history.points) <= PARTS + 2
    assert (history.points[0].at, history.points[-1].at) == (life.known[0][0], life.now)
    assert {point.ledger.model_version for point in history.points} == {1, 2}


def test_a_deliberate_mistake_is_caught(lives: Callable[[int], Life]) -> None:
    caught = 0
    for seed in range(4):
        life = lives(seed)
        history = score_history(life.lead, until=life.now)
        caught += len(list(wrong(life, history, BrokenOracle)))
    assert caught > 0


def test_changes_add_up_and_are_told(lives: Callable[[int], Life]) -> None:
    history = score_history(lives(3).lead, until=NOW)
    first, *others = history.points
    assert first.delta_tenths is None
    total = first.ledger.total_tenths
    for point in others:
        total += point.delta_tenths or 0
        assert total == point.ledger.total_tenths
        sizes = [abs(change.delta_tenths) for change in point.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert bool(sizes) >= bool(point.delta_tenths)
    assert history.places == sorted(history.places)
    assert (history.places[0], history.places[-1]) == (0, 1)


def test_its_queries_do_not_grow_with_what_happened(
    lives: Callable[[int], Life], team: Team
) -> None:
    counts = []
    for steps in (3, 120):
        life = Life(1, team)
        for _ in range(steps):
            life.step()
        score_history(life.lead, until=life.now)
        with CaptureQueriesContext(connection) as queries:
            score_history(life.lead, until=life.now)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_versions_in_force_are_those_of_each_moment(lives: Callable[[int], Life]) -> None:
    life = lives(2)
    moments = [at + shift for at, *_ in life.known for shift in (-HOUR, dt.timedelta(0), HOUR)]
    found = versions.models_in_force(moments)
    assert found == {at: versions.model_in_force(at) for at in moments}
    assert None in found.values()


def test_the_fragment_ends_with_the_score_of_the_page(
    lives: Callable[[int], Life], people: dict[str, User], login: Callable[[User], Client]
) -> None:
    life = lives(5)
    score_leads([life.lead.pk], now=life.now)
    stored = LeadScore.objects.get(lead=life.lead)
    client, url = login(people["sdr"]), f"/leads/{life.lead.pk}/scores/"
    assert f'hx-get="{url}"' in client.get(f"/leads/{life.lead.pk}/").content.decode()
    html = client.get(url, headers={"HX-Request": "true"}).content.decode()
    newest = html[html.index("<tbody>") : html.index("</tr>", html.index("<tbody>"))]
    assert f">{stored.total_tenths / 10:.1f}" in newest
    assert "Scores are not stored over time" in html
    assert 'role="img"' in html
    assert "<html" in client.get(url).content.decode()


def test_a_lead_that_just_came_has_no_past(
    people: dict[str, User], login: Callable[[User], Client], team: Team
) -> None:
    life = Life(1, team)
    score_leads([life.lead.pk], now=life.now)
    client, url = login(people["sdr"]), f"/leads/{life.lead.pk}/scores/"
    assert "Nothing that the score looks at has changed" in client.get(url).content.decode()
    page = client.get(f"/leads/{life.lead.pk}/").content.decode()
    assert "Nothing that the score looks at has changed" in page
    assert f'hx-get="{url}"' not in page
