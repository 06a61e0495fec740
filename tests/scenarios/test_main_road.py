"""One lead from a signed webhook to an AE's desk, another to a rejection and back: every hop by
HTTP or by the sweep, nothing by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Lead, Source, User
from crm.stages import Stage
from qualification import invariants, sweeps
from qualification.choices import DecisionKind, ItemState
from qualification.models import Decision, Handoff, RejectionReason, ReviewItem, SLATimer
from qualification.scoring import document, drafts, versions
from tests import factories

pytestmark = pytest.mark.django_db

RULES = b"""
name: Two rules
thresholds: {mql: 20, accept: 40, fit: {A: 30, B: 20, C: 10}, intent: {1: 30, 2: 20, 3: 10}}
rules:
  - {name: Director, dimension: fit, points: 25,
     when: {subject: lead.title, op: contains, value: director}}
  - {name: Asked for a demo, dimension: intent, points: 10,
     when: {activity: demo_request, within_days: 30, per: once}}
"""


@pytest.fixture
def source(people: dict[str, User]) -> Source:
    """A signed webhook whose leads the team of the test works."""
    model = drafts.load_draft(document.read_document(RULES), by=None, now=timezone.now())
    versions.activate_as_operator(model=model, now=timezone.now())
    return factories.SourceFactory(team=people["sdr"].team, secret="a secret of the road")


def deliver(client: Client, source: Source, **body: object) -> Lead:
    """Posts a signed message, lets a sweep take it, returns the lead."""
    raw = json.dumps({"type": "demo_request", **body}).encode()
    signature = hmac.new(source.secret.encode(), raw, hashlib.sha256).hexdigest()
    response = client.post(
        f"/intake/{source.name}/{source.credential}/",
        data=raw,
        content_type="application/json",
        headers={"X-Signature": f"sha256={signature}"},
    )
    assert response.status_code in {200, 202}
    sweeps.run_all(now=timezone.now())
    return Lead.objects.get(email_key=body["email"])


def item_of(lead: Lead) -> ReviewItem:
    """The open item of a lead."""
    return ReviewItem.objects.open().get(lead=lead)


def claim_and_call(client: Client, lead: Lead) -> ReviewItem:
    """Claims the lead and logs a call."""
    assert client.post(f"/leads/{lead.pk}/claim/").status_code in {200, 204, 302}
    touch = {"kind": "call", "result": "spoke"}
    assert client.post(f"/leads/{lead.pk}/touch/", touch).status_code in {200, 204, 302}
    item = item_of(lead)
    assert item.state == ItemState.OWNED
    return item


def answer_required(client: Client, lead: Lead) -> None:
    """Answers what BANT requires."""
    for criterion in ("budget", "authority", "pain", "timing"):
        response = client.post(
            f"/leads/{lead.pk}/answer/",
            {
                "criterion": criterion,
                "value": "Said so",
                "state": "confirmed",
                "source": "Call",
                "answered_on": timezone.localdate().isoformat(),
            },
        )
        assert response.status_code in {200, 204, 302}, response.content


def test_it_walks_from_webhook_to_the_desk_of_an_ae(
    source: Source, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    lead = deliver(
        Client(), source, email="ada@freight.example", first_name="Ada", title="Director"
    )
    assert lead.stage == Stage.MQL
    client = login(people["sdr"])
    assert b"Ada" in client.get("/queue/").content
    item = claim_and_call(client, lead)
    answer_required(client, lead)
    response = client.post(
        f"/leads/{lead.pk}/accept/", {"token": item_of(lead).token, "to": f"ae:{people['ae'].pk}"}
    )
    assert response.status_code in {200, 204, 302}, response.content
    handoff = Handoff.objects.get(lead=lead)
    desk = login(people["ae"])
    assert b"Ada" in desk.get("/handoffs/").content
    desk.post(f"/handoffs/{handoff.pk}/take/")
    handoff.refresh_from_db()
    lead.refresh_from_db()
    assert handoff.state == Handoff.State.ACCEPTED
    assert lead.stage == Stage.SQL
    assert not SLATimer.objects.filter(item=item, state="running").exists()
    assert invariants.violations() == []


def test_it_walks_from_rejection_to_overturn_and_back_into_the_queue(
    source: Source, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    lead = deliver(Client(), source, email="bo@freight.example", last_name="Bo", title="Director")
    client = login(people["sdr"])
    claim_and_call(client, lead)
    client.post(
        f"/leads/{lead.pk}/reject/",
        {
            "token": item_of(lead).token,
            "reason": RejectionReason.objects.get(key="too_small").pk,
        },
    )
    decision = Decision.objects.get(lead=lead, kind=DecisionKind.REJECT)
    manager = login(people["manager"])
    assert b"Bo" in manager.get("/rejected/").content
    assert b"Director" in manager.get(f"/decisions/{decision.pk}/").content
    manager.post(f"/decisions/{decision.pk}/overturn/", {"note": "They opened a second site."})
    lead.refresh_from_db()
    assert lead.stage == Stage.MQL
    assert item_of(lead).entry_reason == "overturned"
    assert invariants.violations() == []


def test_a_breach_is_a_fact_although_nobody_touched_the_lead(source: Source) -> None:
    lead = deliver(Client(), source, email="cy@freight.example", title="Director")
    timer = SLATimer.objects.get(lead=lead, kind="first_response")
    sweeps.run_all(now=timer.due_at + dt.timedelta(minutes=3))
    (breach,) = timer.events.filter(level="breach")
    assert breach.at == timer.due_at
