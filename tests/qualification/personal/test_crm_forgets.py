"""A CRM that got an erased person is told to forget them, through the outbox."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from crm.models import Lead, User
from qualification.connectors.send import CRM_HANDOFF
from qualification.models import CrmLink, Decision, OutboxMessage
from qualification.outbox.deliver import LEASE
from qualification.sweeps import deliver_due
from tests.fakes.hubspot import HubSpot, hubspot
from tests.qualification.crm_support import connection_to, reachable
from tests.qualification.decision_support import MINUTE, NOW, accepted
from tests.qualification.personal import canary
from tests.qualification.webhook_support import Tool, chat_tool

__all__ = ["reachable"]
pytestmark = pytest.mark.django_db
DUE = NOW + 6 * MINUTE
ERASED = NOW + 10 * MINUTE
TOLD = ERASED + LEASE
State = OutboxMessage.State


@pytest.fixture
def tool() -> Iterator[Tool]:
    with chat_tool() as running:
        yield running


@pytest.fixture
def crm() -> Iterator[HubSpot]:
    with hubspot() as running:
        yield running


def person(people: dict[str, User]) -> Lead:
    decision = accepted(people, first_name="Zyxanna", email=canary.MAIL, email_key=canary.MAIL)
    return decision.lead


def test_a_receiver_of_signed_json_is_told(people: dict[str, User], tool: Tool) -> None:
    connection = connection_to(tool.url, "webhook")
    lead = person(people)
    deliver_due(now=DUE)
    CrmLink.objects.create(
        connection=connection, kind="lead", our_id=lead.pk, vendor_id="L-1", at=NOW
    )
    canary.erased(lead, people, now=ERASED)
    assert deliver_due(now=TOLD - dt.timedelta(seconds=1)) == 0
    assert deliver_due(now=TOLD) == 1
    told = json.loads(tool.bodies[-1])
    assert told == {
        "event": "lead.erased",
        "lead_id": lead.pk,
        "external_ids": [f"lead:{lead.pk}:handoff:1"],
        "ids": {"lead": "L-1", "handoffs": []},
    }
    assert tool.headers[-1]["Idempotency-Key"] == f"lead:{lead.pk}:erased:{connection.lane}"
    assert not CrmLink.objects.exists()
    assert deliver_due(now=TOLD + MINUTE) == 0


def test_who_never_heard_of_the_person_is_told_nothing(people: dict[str, User], tool: Tool) -> None:
    connection_to(tool.url, "webhook")
    canary.erased(person(people), people, now=NOW + 5 * MINUTE)
    assert deliver_due(now=NOW + 60 * MINUTE) == 0
    assert tool.bodies == []
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {State.CANCELLED}


def test_hubspot_deletes_the_contact_and_keeps_the_deal_without_words(
    people: dict[str, User], crm: HubSpot
) -> None:
    connection_to(crm.url)
    lead = person(people)
    deliver_due(now=DUE)
    assert "Zyxanna" in json.dumps(crm.records)
    canary.erased(lead, people, now=ERASED)
    assert deliver_due(now=TOLD) == 1
    assert crm.records["contacts"] == {}
    (deal,) = crm.records["deals"].values()
    assert (deal["dealname"], deal["description"]) == (f"Lead {lead.pk}", "")
    assert deal["leadqual_id"] == f"lead:{lead.pk}:handoff:1"
    assert "Zyxanna" not in json.dumps(crm.records)


@pytest.mark.parametrize("fault", ["500", "reset", "reset_after"])
def test_what_fails_is_done_again(fault: str, people: dict[str, User], crm: HubSpot) -> None:
    connection_to(crm.url)
    lead = person(people)
    deliver_due(now=DUE)
    canary.erased(lead, people, now=ERASED)
    # The deal first, then the contact.
    crm.faults = ["", fault]
    assert deliver_due(now=TOLD) == 0
    assert CrmLink.objects.filter(kind="lead").exists()
    assert deliver_due(now=TOLD + 60 * MINUTE) == 1
    assert crm.records["contacts"] == {}
    assert not CrmLink.objects.filter(kind__in=["lead", "handoff"]).exists()


def test_what_the_crm_calls_nobody_here_is_looked_up(people: dict[str, User], crm: HubSpot) -> None:
    """The answer to the delivery was lost: the ids are not known here."""
    connection_to(crm.url)
    lead = person(people)
    deliver_due(now=DUE)
    CrmLink.objects.all().delete()
    canary.erased(lead, people, now=ERASED)
    assert deliver_due(now=TOLD) == 1
    assert crm.records["contacts"] == {}


def test_a_message_under_way_ends_before(people: dict[str, User], tool: Tool) -> None:
    """The erasure comes while a sender is at it: what it delivers is forgotten after it."""
    connection_to(tool.url, "webhook")
    lead = person(people)
    crm_message = OutboxMessage.objects.get(kind=CRM_HANDOFF)
    OutboxMessage.objects.filter(pk=crm_message.pk).update(
        due_at=ERASED + LEASE, attempts=1, token=1
    )
    canary.erased(lead, people, now=ERASED)
    crm_message.refresh_from_db()
    assert crm_message.state == State.CANCELLED
    # The sender marks nothing any more, and the CRM is told once its lease is over.
    assert deliver_due(now=ERASED + LEASE) == 1
    assert json.loads(tool.bodies[-1])["event"] == "lead.erased"


def test_it_is_seen_among_the_deliveries(people: dict[str, User], tool: Tool) -> None:
    connection_to(tool.url, "webhook")
    lead = person(people)
    deliver_due(now=DUE)
    canary.erased(lead, people, now=ERASED)
    message = OutboxMessage.objects.get(kind="crm-erasure")
    assert message.decision == Decision.objects.get()
    assert OutboxMessage.objects.visible_to(people["manager"]).filter(pk=message.pk).exists()
    assert message.payload == {"lead": lead.pk, "connection": message.payload["connection"]}


def test_a_crm_that_cannot_is_named(people: dict[str, User], crm: HubSpot) -> None:
    """What is still there is not said to be gone: somebody deletes it by hand."""
    connection_to(crm.url)
    lead = person(people)
    deliver_due(now=DUE)
    crm.deletes_for_good = False
    canary.erased(lead, people, now=ERASED)
    for attempt in range(9):
        deliver_due(now=TOLD + attempt * 120 * MINUTE)
    message = OutboxMessage.objects.get(kind="crm-erasure")
    assert message.state == State.DEAD
    assert "answered 404" in message.error
