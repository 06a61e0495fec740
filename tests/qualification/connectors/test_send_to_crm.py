"""An accepted lead on its way to CRMs: one message each, after the undo time, in order per lead."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from crm.models import User
from qualification.connectors.registry import CONNECTORS
from qualification.handoff.answers import return_handoff
from qualification.invariants import violations
from qualification.models import CrmConnection, CrmLink, Handoff, OutboxMessage
from qualification.outbox.deliver import MAX_ATTEMPTS, send_again
from qualification.review.decisions import undo_decision
from qualification.sweeps import deliver_due
from tests.factories import NOW, TeamFactory
from tests.qualification.crm_support import SECRET, SECRET_NAME, connection_to, reachable, to_crm
from tests.qualification.decision_support import MINUTE, accepted
from tests.qualification.webhook_support import DROP, Tool, chat_tool

__all__ = ["reachable"]
pytestmark = pytest.mark.django_db
DECIDED = NOW + 5 * MINUTE
SECOND = dt.timedelta(seconds=1)
DUE = DECIDED + 30 * SECOND
State = OutboxMessage.State


@pytest.fixture
def crm() -> Iterator[Tool]:
    with chat_tool() as running:
        yield running


def crms() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind="crm-handoff").order_by("pk"))


def test_it_posts_the_frozen_packet_signed(people: dict[str, User], crm: Tool) -> None:
    connection = connection_to(crm.url, "webhook")
    decision = accepted(people)
    assert deliver_due(now=DUE - SECOND) == 0
    assert deliver_due(now=DUE) == 2
    (body,), (headers,) = crm.bodies, crm.headers
    told = json.loads(body)
    assert told["packet"] == Handoff.objects.get().packet
    assert told["external_id"] == f"lead:{decision.lead_id}:handoff:1"
    assert headers["Idempotency-Key"] == f"{told['external_id']}:crm:{connection.pk}"
    signed = hmac.new(
        SECRET.encode(), f"{headers['X-Timestamp']}.".encode() + body, hashlib.sha256
    ).hexdigest()
    assert headers["X-Signature"] == f"sha256={signed}"
    assert to_crm().payload == {"handoff": decision.handoff.pk, "connection": connection.pk}


def test_what_the_receiver_calls_it_is_kept(people: dict[str, User]) -> None:
    from qualification.connectors.webhook import _ids_in

    assert _ids_in(b'{"lead": 7, "handoff": "006A", "other": 1}') == {
        "lead": "7",
        "handoff": "006A",
    }
    assert _ids_in(b"thanks") == _ids_in(b"[]") == _ids_in(b'{"lead": ""}') == {}


def test_one_message_for_each_connection_it_concerns(people: dict[str, User], crm: Tool) -> None:
    mine = connection_to(crm.url, "webhook", "Ours", team=people["sdr"].team)
    everybody = connection_to(crm.url, "webhook", "Everybody's")
    connection_to(crm.url, "webhook", "Theirs", team=TeamFactory(name="APAC"))
    connection_to(crm.url, "webhook", "Off", is_active=False)
    accepted(people)
    assert {message.lane for message in crms()} == {mine.lane, everybody.lane}
    assert violations(now=DUE) == []


def test_an_undo_withdraws_it(people: dict[str, User], crm: Tool) -> None:
    connection_to(crm.url, "webhook")
    decision = accepted(people)
    undo_decision(decision=decision, by=people["sdr"], now=DECIDED + SECOND)
    assert deliver_due(now=DUE + MINUTE) == 0
    assert (crm.bodies, to_crm().state) == ([], State.CANCELLED)


def test_a_lead_given_back_is_not_delivered_later(people: dict[str, User], crm: Tool) -> None:
    connection_to(crm.url, "webhook")
    decision = accepted(people)
    crm.answers = [(500, {})]
    deliver_due(now=DUE)
    return_handoff(handoff=decision.handoff, by=people["ae"], reason="No", now=DUE + SECOND)
    deliver_due(now=to_crm().due_at)
    assert (len(crm.bodies), to_crm().state) == (1, State.CANCELLED)


def test_one_that_is_switched_off_keeps_its_messages(people: dict[str, User], crm: Tool) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    CrmConnection.objects.update(is_active=False)
    later = DUE + dt.timedelta(hours=1)
    assert deliver_due(now=later) == 1  # the mail
    assert (to_crm().state, to_crm().attempts) == (State.WAITING, 0)
    assert violations(now=later) == []
    CrmConnection.objects.update(is_active=True)
    assert deliver_due(now=later) == 1


def test_one_that_is_down_does_not_hold_up_others(people: dict[str, User], crm: Tool) -> None:
    with chat_tool() as other:
        connection_to(crm.url, "webhook", "Down")
        up = connection_to(other.url, "webhook", "Up")
        for _ in range(3):
            accepted(people)
        crm.answers = [(DROP, {})] * 3
        deliver_due(now=DUE)
        assert (len(crm.bodies), len(other.bodies)) == (1, 3)
    sent = OutboxMessage.objects.filter(lane=up.lane, state=State.SENT)
    assert sent.count() == 3


def later_for(message: OutboxMessage) -> OutboxMessage:
    """Another message of the same lead to the same place."""
    return OutboxMessage.objects.create(
        key=f"{message.key}:again",
        kind=message.kind,
        decision=message.decision,
        lane=message.lane,
        order_key=message.order_key,
        payload=message.payload,
        not_before=message.not_before,
        due_at=message.not_before,
    )


def test_messages_of_one_lead_leave_in_order_those_of_others_do_not_wait(
    people: dict[str, User], crm: Tool
) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    first = to_crm()
    second = later_for(first)
    other = accepted(people, now=DECIDED + SECOND)
    crm.answers = [(404, {})]  # the first fails; no word about the place
    deliver_due(now=DUE + SECOND)
    for message in (first, second):
        message.refresh_from_db()
    assert (first.state, second.state, second.attempts) == (State.WAITING, State.WAITING, 0)
    assert crms()[-1].decision == other
    assert crms()[-1].state == State.SENT
    deliver_due(now=first.due_at)
    assert crm.keys[-2:] == [first.key, second.key]


def test_control_without_an_order_the_second_overtakes(people: dict[str, User], crm: Tool) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    second = later_for(to_crm())
    OutboxMessage.objects.update(order_key="")
    crm.answers = [(404, {})]
    deliver_due(now=DUE)
    second.refresh_from_db()
    assert second.state == State.SENT


def test_one_given_up_does_not_hold_up_what_follows(people: dict[str, User], crm: Tool) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    first = to_crm()
    second = later_for(first)
    OutboxMessage.objects.filter(pk=first.pk).update(state=State.DEAD)
    deliver_due(now=DUE)
    second.refresh_from_db()
    assert second.state == State.SENT


def test_given_up_after_eight_attempts_and_sent_again_once(
    people: dict[str, User], crm: Tool
) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    crm.answers = [(500, {})] * MAX_ATTEMPTS
    now = DUE
    for _ in range(MAX_ATTEMPTS):
        deliver_due(now=now)
        now = to_crm().due_at
    assert (to_crm().state, to_crm().attempts) == (State.DEAD, MAX_ATTEMPTS)
    again = OutboxMessage.objects.filter(kind="crm-handoff")
    assert [send_again(again, now=now), send_again(again, now=now)] == [1, 0]
    assert deliver_due(now=now) == 1
    assert len(set(crm.keys)) == 1
    assert not CrmLink.objects.exists()


def test_without_its_secret_it_waits(
    people: dict[str, User], crm: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_to(crm.url, "webhook")
    accepted(people)
    monkeypatch.delenv(SECRET_NAME)
    deliver_due(now=DUE)
    assert (to_crm().state, to_crm().error) == (State.WAITING, f"{SECRET_NAME} is not set")


def test_a_fifth_vendor_is_one_entry(
    people: dict[str, User], crm: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fifth:
        label, defaults, reads_outcomes = "Fifth", {"board": "sales"}, False
        got: list[Any] = []

        def deliver(self, parcel: Any, access: Any) -> dict[str, str]:
            self.got.append((parcel.handoff_key, access.options["board"]))
            return {"lead": "L-1"}

    monkeypatch.setitem(CONNECTORS, "fifth", Fifth())  # type: ignore[arg-type]
    connection_to(crm.url, "fifth")
    decision = accepted(people)
    assert deliver_due(now=DUE) == 2
    assert Fifth.got == [(f"lead:{decision.lead_id}:handoff:1", "sales")]
    link = CrmLink.objects.get()
    assert (link.kind, link.our_id, link.vendor_id) == ("lead", decision.lead_id, "L-1")
