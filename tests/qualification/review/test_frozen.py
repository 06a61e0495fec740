"""What a decision keeps: facts, ledger, answers, clock; and that nobody changes it afterwards."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection, transaction

from crm.committee import record_role
from crm.models import Account, AccountDomain, Lead, LeadRole, User
from qualification.choices import ItemState
from qualification.models import Decision
from qualification.review.decisions import reject_lead
from qualification.review.replay import replay_of, screen_of
from qualification.review.workspace import workspace_of
from qualification.scoring.rescore import score_leads
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import (
    MINUTE,
    active_model,
    answer,
    held_item,
    reason,
    rejected,
)

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


def decide(people: dict[str, User], **fields: object) -> Decision:
    item = held_item(people["sdr"], ItemState.OWNED, **fields)
    answer(item.lead, "budget", people["sdr"], value="€120k", state="inferred")
    return reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )


def test_it_keeps_the_facts_of_that_moment(people: dict[str, User]) -> None:
    account = factories.AccountFactory(name="Brightwater", employees=180)
    AccountDomain.objects.create(account=account, domain="brightwater.example")
    decision = decide(people, title="VP", account=account, attributes={"sites": 3})

    Lead.objects.filter(pk=decision.lead_id).update(title="CEO", attributes={})
    account.employees = 5000
    account.save()

    stored = Decision.objects.get(pk=decision.pk).frozen
    assert stored["lead"]["title"] == "VP"
    assert stored["lead"]["attributes"] == {"sites": 3}
    assert stored["lead"]["stage"] == "working"
    assert stored["account"]["employees"] == 180
    assert stored["account"]["domains"] == ["brightwater.example"]


def test_it_keeps_ledger_version_and_what_fired(people: dict[str, User]) -> None:
    model = active_model()
    decision = decide(people, title="VP")
    decision.refresh_from_db()
    lines = decision.frozen["ledger"]["lines"]
    assert (decision.model, decision.frozen["model_version"]) == (model, model.version)
    assert decision.fired == {"vp-title": 200}
    assert decision.total_tenths == 300 == sum(line["points_tenths"] for line in lines)
    assert decision.grade == "B4"


def test_a_rule_that_did_not_fire_is_not_in_evidence(people: dict[str, User]) -> None:
    active_model()
    assert decide(people, title="Intern").fired == {}


def test_without_a_live_model_there_is_no_ledger(people: dict[str, User]) -> None:
    decision = decide(people)
    assert (decision.model, decision.fired, decision.total_tenths) == (None, {}, 0)
    assert decision.frozen["ledger"] is None


def test_it_keeps_answers_and_clock(people: dict[str, User]) -> None:
    decision = decide(people)
    answer(decision.lead, "budget", people["sdr"], value="€1", now=LATER + MINUTE)
    frozen = Decision.objects.get(pk=decision.pk).frozen
    first, second = frozen["clock"]["timers"]
    assert frozen["answers"]["budget"]["value"] == "€120k"
    assert frozen["answers"]["budget"]["state"] == "inferred"
    assert (first["kind"], first["elapsed_seconds"], first["is_breached"]) == (
        "first_response",
        120,
        False,
    )
    assert (second["kind"], second["state"]) == ("decision", "running")
    assert frozen["clock"]["touches"] == 1
    assert frozen["hold"]["state"] == "owned"


def test_a_breach_is_kept(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)
    decision = reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("duplicate"),
        now=NOW + 60 * 24 * 30 * MINUTE,
    )
    assert [timer["is_breached"] for timer in decision.frozen["clock"]["timers"]] == [False, True]


def test_it_is_plain_json(people: dict[str, User]) -> None:
    active_model()
    decision = decide(people, title="VP")
    stored = Decision.objects.get(pk=decision.pk)
    assert json.loads(json.dumps(decision.frozen)) == stored.frozen


@pytest.mark.parametrize("change", [{"note": "x"}, {"frozen": {}}, {"fired": {"a": 1}}])
def test_postgresql_refuses_to_change_a_decision(
    people: dict[str, User], change: dict[str, object]
) -> None:
    decision = rejected(people["sdr"])
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM qualification_decision WHERE id = %s", [decision.pk])


def test_it_keeps_what_the_head_of_the_page_said(people: dict[str, User]) -> None:
    """As the page says it just before; and after everything it says it by has changed."""
    active_model()
    account = factories.AccountFactory(name="Brightwater", industry="Logistics", employees=180)
    item = held_item(
        people["sdr"], ItemState.OWNED, title="VP", account=account, email="a@b.example"
    )
    record_role(
        lead=item.lead,
        role="decision_maker",
        source="call",
        confidence=80,
        by=people["sdr"],
        now=NOW,
    )
    score_leads([item.lead_id], now=NOW)
    lead = Lead.objects.select_related("account", "score").get(pk=item.lead_id)
    page = workspace_of(lead, reader=people["sdr"], now=LATER)
    assert page.verdict is not None
    assert page.advice is not None
    decision = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )

    Lead.objects.filter(pk=lead.pk).update(title="", email="", country="DE")
    LeadRole.objects.update(ended_at=LATER)
    Account.objects.update(industry="", employees=None)

    said = replay_of(Decision.objects.get(pk=decision.pk)).screen.said
    assert said is not None
    assert said.verdict == (page.verdict.word, page.verdict.sentence)
    assert said.advice == (page.advice.word, page.advice.fit, page.advice.intent)
    assert (said.known, said.missing) == (page.completeness.known, page.completeness.missing)
    assert "e-mail" not in said.missing
    assert said.covered == 1


def test_a_blocking_answer_is_the_verdict_that_is_kept(people: dict[str, User]) -> None:
    active_model()
    item = held_item(people["sdr"], ItemState.OWNED, title="VP")
    answer(item.lead, "budget", people["sdr"], value="", state="contradicted")
    decision = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )
    said = replay_of(decision).screen.said
    assert said is not None
    assert said.verdict[1] == "An answer decides this before the score does."


def test_a_decision_of_before_says_that_it_kept_nothing(people: dict[str, User]) -> None:
    kept = {name: value for name, value in decide(people).frozen.items() if name != "said"}
    assert screen_of(kept, at=NOW).said is None
