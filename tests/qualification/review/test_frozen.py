"""What a decision keeps: facts, ledger, answers, clock; and that nobody changes it afterwards."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection, transaction

from crm.models import AccountDomain, Lead, User
from qualification.choices import ItemState
from qualification.models import Decision
from qualification.review.decisions import reject_lead
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
