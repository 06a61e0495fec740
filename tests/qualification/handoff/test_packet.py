"""The packet: what the AE reads, the opening with its fact, and that it never changes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction

from crm.models import Activity, ActivityVerdict, User
from qualification.choices import ItemState
from qualification.handoff.packet import build_packet, opening
from qualification.models import Framework, Handoff
from qualification.review.checklists import checklist_of
from qualification.review.decisions import accept_lead
from qualification.scoring.ledger import ledger_of
from tests import factories
from tests.factories import NOW, LeadFactory
from tests.qualification.decision_support import (
    MINUTE,
    accepted,
    active_model,
    answer,
    answer_required,
    held_item,
)

pytestmark = pytest.mark.django_db


def bant() -> Framework:
    return Framework.objects.get(key="bant")


def test_it_carries_answers_score_journey_and_budget(people: dict[str, User]) -> None:
    active_model()
    account = factories.AccountFactory(name="Brightwater", employees=420)
    item = held_item(people["sdr"], ItemState.OWNED, title="VP", account=account, phone="+49 40 1")
    lead = item.lead
    Activity.objects.create(
        lead=lead,
        type="demo_request",
        occurred_at=NOW - MINUTE,
        recorded_at=NOW,
        properties={"path": "/demo"},
    )
    answer_required(lead, people["sdr"])
    answer(lead, "budget", people["sdr"], value="€120k to €150k", state="inferred")
    answer(lead, "system_in_use", people["sdr"], value="StockPilot", state="contradicted")

    decision = accept_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        to=people["ae"],
        note="Speaks German",
        now=NOW + 5 * MINUTE,
    )

    packet = Handoff.objects.get(decision=decision).packet
    assert packet["lead"]["name"] == lead.name
    assert packet["lead"]["phone"] == "+49 40 1"
    assert packet["account"]["employees"] == 420
    assert packet["score"]["total_tenths"] == decision.total_tenths == 300
    assert packet["ledger"] == decision.frozen["ledger"]
    assert (packet["budget"]["words"], packet["budget"]["state"]) == ("€120k to €150k", "inferred")
    assert [found["label"] for found in packet["watch_out"]] == ["System in use"]
    assert packet["open"] == [
        *("Funds exist", "Approval of the spend", "Conditions of the budget"),
        *("Who else is involved", "Path to the decision makers"),
        *("System in use", "Previous tool", "If nothing changes", "Trigger event"),
        "Contract end",
    ]
    assert [(step["words"], step["detail"]) for step in packet["journey"]] == [
        ("Demo request", "path: /demo")
    ]
    assert [touch["words"] for touch in packet["touches"]] == ["Call, Spoke"]
    assert packet["note"] == "Speaks German"


def test_the_opening_cites_the_best_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "timing", people["sdr"], value="Q2 2027")
    answer(item.lead, "pain", people["sdr"], value="2.4% mis-picks", source="Mail")
    found = opening(lead=item.lead, checklist=checklist_of(item.lead, bant(), now=NOW), ledger=None)
    assert "2.4% mis-picks" in found["text"]
    assert found["fact"] == "Main pain, confirmed, Mail, 23 Nov 2026"


def test_the_opening_never_rests_on_a_contradicted_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], topic="WMS for three sites")
    answer(item.lead, "pain", people["sdr"], value="none", state="contradicted")
    found = opening(lead=item.lead, checklist=checklist_of(item.lead, bant(), now=NOW), ledger=None)
    assert "WMS for three sites" in found["text"]
    assert "WMS for three sites" in found["fact"]


def test_the_opening_falls_back_to_what_they_did(people: dict[str, User]) -> None:
    from qualification.models import ScoringModel, ScoringRule

    item = held_item(people["sdr"])
    Activity.objects.create(
        lead=item.lead, type="demo_request", occurred_at=NOW - MINUTE, recorded_at=NOW
    )
    model = active_model()
    draft = ScoringModel.objects.get(pk=model.pk)
    draft.pk, draft.status, draft.version = None, "draft", model.version + 1
    draft.published_at, draft.published_as = None, ""
    draft.save()
    ScoringRule.objects.create(
        model=draft,
        key="demo",
        name="Demo request",
        dimension="intent",
        condition={"activity": "demo_request", "per": "once"},
        points="20.0",
    )
    ledger = ledger_of(item.lead.pk, model=draft, now=NOW + MINUTE)
    found = opening(
        lead=item.lead, checklist=checklist_of(item.lead, bant(), now=NOW), ledger=ledger
    )
    assert "Demo request" in found["text"]
    assert found["fact"].startswith("Demo request")


def test_with_nothing_known_there_is_no_opening(people: dict[str, User]) -> None:
    lead = LeadFactory(team=people["sdr"].team)
    found = opening(lead=lead, checklist=checklist_of(lead, bant(), now=NOW), ledger=None)
    assert found == {"text": "", "fact": ""}


def test_a_machines_clicks_are_not_in_the_journey(people: dict[str, User]) -> None:
    lead = LeadFactory(team=people["sdr"].team)
    click = Activity.objects.create(lead=lead, type="mail_click", occurred_at=NOW, recorded_at=NOW)
    ActivityVerdict.objects.create(
        activity=click, is_machine=True, reason="scanner", recorded_at=NOW
    )
    packet = build_packet(
        lead=lead,
        checklist=checklist_of(lead, bant(), now=NOW),
        ledger=None,
        now=NOW + dt.timedelta(1),
    )
    assert packet["journey"] == []


def test_postgresql_refuses_to_change_a_packet(people: dict[str, User]) -> None:
    handoff = accepted(people).handoff
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Handoff.objects.filter(pk=handoff.pk).update(packet={})
