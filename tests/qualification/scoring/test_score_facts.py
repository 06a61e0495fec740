"""`score_facts`: one answer a line in order, bad lines told apart, nothing stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Activity, Lead
from qualification.management.commands import score_facts as command
from qualification.models import LeadScore, ScoringModel
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db

ScoreFacts = Callable[..., list[dict[str, Any]]]
VIEW = {"type": "page_view", "occurred_at": "2026-11-20T10:00:00Z"}


@pytest.fixture
def model(load_model: LoadModel) -> ScoringModel:
    """Rules that look at each family of facts."""
    return load_model(
        document(
            rule({"subject": "lead.title", "op": "contains", "value": "sales"}, 1),
            rule({"subject": "account.employees", "op": "at_least", "value": 200}, 2),
            rule({"subject": "attributes.size", "op": "at_least", "value": 2.5}, 4),
            rule({"subject": "checklist.budget.state", "op": "is", "value": "confirmed"}, 8),
            rule({"subject": "lead.source", "op": "is", "value": "webform"}, 16),
            rule({"activity": "page_view", "within_days": 30}, 32, dimension="intent"),
            rule({"subject": "lead.opted_out", "op": "is_true"}, 0, disqualifies="opted_out"),
        )
    )


WHOLE = {
    "lead": {"title": "Head of SALES", "source": " Webform ", "opted_out": False},
    "account": {"name": "Acme", "employees": 200},
    "attributes": {"size": 2.5, "free": [{"as": "they like"}]},
    "activities": [VIEW, VIEW | {"machine": True}],
    "checklist": {"budget": {"value": "yes"}},
    "as_of": "2026-11-23T10:00:00+01:00",
}


def test_it_reads_every_family_of_facts(model: ScoringModel, score_facts: ScoreFacts) -> None:
    (answer,) = score_facts(model, [json.dumps(WHOLE)])
    assert answer["score"] == 63.0
    assert {key: answer[key] for key in ("fit", "intent", "grade", "disqualified")} == {
        "fit": 31.0,
        "intent": 32.0,
        "grade": "A1",
        "disqualified": "",
    }
    assert sum(line["points"] for line in answer["lines"]) == answer["score"]
    note = next(line["note"] for line in answer["lines"] if line["name"] == "A rule 5")
    assert note.endswith("1 more by a machine not counted")


def test_it_stores_nothing(model: ScoringModel, score_facts: ScoreFacts) -> None:
    with CaptureQueriesContext(connection) as queries:
        score_facts(model, [json.dumps(WHOLE)] * 3)
    verbs = {query["sql"].split(maxsplit=1)[0] for query in queries.captured_queries}
    assert verbs <= {"SELECT", "SAVEPOINT", "RELEASE"}
    assert [kind.objects.count() for kind in (Lead, Activity, LeadScore)] == [0, 0, 0]


def test_without_facts_everything_is_unknown(model: ScoringModel, score_facts: ScoreFacts) -> None:
    (answer,) = score_facts(model, ["{}"])
    assert answer["score"] == 0
    assert sum(line["unknown"] for line in answer["lines"]) == 6


BAD = [
    ("", "not JSON"),
    ("nonsense", "not JSON"),
    ("[]", "a line is not an object"),
    ('{"lead": {"title": 5}}', "lead.title is not a text"),
    ('{"lead": {"opted_out": "yes"}}', "lead.opted_out is not true or false"),
    ('{"lead": {"shoe_size": 5}}', "unknown key 'lead.shoe_size'"),
    ('{"leads": {}}', "unknown key 'leads'"),
    ('{"account": {"employees": 2.5}}', "account.employees is not a whole number of 0 or more"),
    ('{"account": {"employees": true}}', "account.employees is not a whole number of 0 or more"),
    ('{"account": {"revenue": -1}}', "account.revenue is not a whole number of 0 or more"),
    ('{"account": []}', "account is not an object"),
    ('{"attributes": {"a": NaN}}', "not JSON"),
    ('{"attributes": {"a": 1e999}}', "attributes.a is no usable number"),
    ('{"attributes": {"a": "\\u0000"}}', "attributes.a is no usable text"),
    ('{"attributes": {"a": "\\ud800"}}', "attributes.a is no usable text"),
    ('{"attributes": {"a": ' + "[" * 30 + "]" * 30 + "}}", "nested deeper than 20"),
    ('{"as_of": "2026-11-23T10:00:00"}', "as_of is no moment with an offset"),
    ('{"as_of": 5}', "as_of is no moment with an offset"),
    ('{"activities": {}}', "activities is not a list"),
    ('{"activities": [{"type": "call"}]}', "activities[0].occurred_at is no moment"),
    (json.dumps({"activities": [VIEW | {"machine": 1}]}), "activities[0].machine is not true"),
    ('{"checklist": {"budget": {"state": "maybe"}}}', "checklist.budget.state is none of"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_bad_line_answers_with_its_reason(
    line: str, reason: str, model: ScoringModel, score_facts: ScoreFacts
) -> None:
    first, bad, last = score_facts(model, [json.dumps(WHOLE), line, json.dumps(WHOLE)])
    assert list(bad) == ["error"]
    assert reason in bad["error"]
    assert first["score"] == last["score"] == 63.0


def test_what_is_no_text_is_one_bad_line(model: ScoringModel, score_facts: ScoreFacts) -> None:
    bad, good = score_facts(model, b"\xff\xfe\n{}")
    assert bad == {"error": "not UTF-8"}
    assert good["score"] == 0


def test_a_line_without_end_costs_nobody_their_answer(
    model: ScoringModel, score_facts: ScoreFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MAX_LINE", 100)
    good, bad, last = score_facts(model, b"{}\n" + b"x" * 350 + b"\n{}\n")
    assert bad["error"].startswith("longer than")
    assert good["score"] == last["score"] == 0


def test_facts_that_cannot_be_scored_cost_nobody_their_answer(
    model: ScoringModel, score_facts: ScoreFacts
) -> None:
    endless = "1" * 200_000
    lines = ["{}", f'{{"attributes": {{"size": {endless[:4000]}}}}}', "{}"]
    assert [answer.get("score") for answer in score_facts(model, lines)] == [0, 4, 0]


def test_many_lines_come_back_in_order(model: ScoringModel, score_facts: ScoreFacts) -> None:
    lines = [json.dumps({"attributes": {"size": n % 5}}) for n in range(450)]
    answers = score_facts(model, lines)
    assert [answer["score"] for answer in answers] == [4.0 if n % 5 >= 3 else 0 for n in range(450)]


def test_each_line_has_its_own_moment(model: ScoringModel, score_facts: ScoreFacts) -> None:
    days = ["2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z", "2026-12-20T09:59:59Z"]
    days += ["2026-12-20T10:00:00Z"]
    facts = [json.dumps({"activities": [VIEW], "as_of": day}) for day in days]
    assert [answer["score"] for answer in score_facts(model, facts)] == [0, 32, 32, 0]


def test_long_spent_interest_is_nothing_not_an_error(
    load_model: LoadModel, score_facts: ScoreFacts
) -> None:
    """2^(−age / half-life) of very old events is smaller than any float."""
    for more in ({}, {"per": "once"}):
        model = load_model(document(rule({"activity": "page_view", "half_life_days": 0.5} | more)))
        old = VIEW | {"occurred_at": "2001-01-01T00:00:00Z"}
        (answer,) = score_facts(model, [json.dumps({"activities": [old]})])
        assert answer["score"] == 0


def test_it_needs_a_version(db: None) -> None:
    for arguments in ({"model": 99}, {}):
        with pytest.raises(CommandError) as refused:
            call_command("score_facts", **arguments)
        assert refused.value.returncode == 2
