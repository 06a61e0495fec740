"""Chat messages: signed, at least once under one key, never to a private address, never in a
transaction."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from crm.models import Lead, User
from qualification.channels.plan import plan_due
from qualification.choices import NoticeKind
from qualification.models import Notice, NoticeSettings, OutboxMessage, WebhookTarget
from qualification.notices.tell import tell
from qualification.outbox import deliver
from qualification.outbox import http as transport
from qualification.outbox.deliver import LEASE, LaneDown
from qualification.sweeps import SENDERS, deliver_due, run_all
from tests.factories import NOW, LeadFactory
from tests.qualification.queue_support import all_done
from tests.qualification.webhook_support import DROP, Tool, chat_tool

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-a-chat-tool"
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
State = OutboxMessage.State


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True


@pytest.fixture
def tool() -> Iterator[Tool]:
    with chat_tool() as running:
        yield running


def target_for(tool: Tool, name: str = "Sales room", **fields: object) -> WebhookTarget:
    return WebhookTarget.objects.create(
        name=name, url=tool.url, secret=SECRET, created_at=NOW, **fields
    )


def escalated(people: dict[str, User], key: str = "k", lead: Lead | None = None) -> None:
    """A notice that goes to chat by default; nobody is quiet."""
    manager = people["manager"]
    NoticeSettings.objects.update_or_create(person=manager, defaults={"is_quiet": False})
    tell(
        kind=NoticeKind.SLA_ESCALATION,
        people=[manager],
        key=key,
        lead=lead or LeadFactory(team=manager.team),
        words={"clock": "First response"},
        now=NOW,
    )


def chats() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind="notice-webhook").order_by("id"))


def planned(people: dict[str, User], n: int = 1) -> list[OutboxMessage]:
    """So many chat messages that wait, and nothing else."""
    for number in range(n):
        escalated(people, f"k{number}")
    plan_due(now=NOW)
    OutboxMessage.objects.exclude(kind="notice-webhook").delete()
    return chats()


def test_it_posts_a_signed_sentence_without_personal_data(
    people: dict[str, User], tool: Tool, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://leads.example/"
    target_for(tool)
    lead = LeadFactory(team=people["sdr"].team, last_name="Canary")
    escalated(people, lead=lead)
    run_all(now=NOW)
    (body,), (headers,) = tool.bodies, tool.headers
    text = f"Lead {lead.pk}: “First response” is long overdue. Please step in."
    assert json.loads(body) == {"text": f"{text} https://leads.example/leads/{lead.pk}/"}
    signed = f"{headers['X-Timestamp']}.".encode() + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"sha256={expected}"
    assert abs(int(headers["X-Timestamp"]) - dt.datetime.now(dt.UTC).timestamp()) < 60
    assert headers["Content-Type"] == "application/json"
    (message,) = chats()
    assert (message.state, message.key) == (State.SENT, headers["Idempotency-Key"])
    assert b"Canary" not in body


def test_without_a_public_address_there_is_no_link(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    escalated(people)
    run_all(now=NOW)
    assert json.loads(tool.bodies[0])["text"].endswith("Please step in.")


def test_names_neither_call_people_nor_begin_markup(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    escalated(people)
    Notice.objects.update(words={"clock": "<!channel> @here & <http://x|y>"})
    run_all(now=NOW)
    text = json.loads(tool.bodies[0])["text"]
    assert "&lt;!channel&gt; @\u200bhere &amp; &lt;http" in text


def test_a_tool_is_told_once_however_many_listen(people: dict[str, User], tool: Tool) -> None:
    target_for(tool, team=people["sdr"].team)
    target_for(tool, name="Off", is_active=False)
    lead = LeadFactory(team=people["sdr"].team)
    for role in ("manager", "sdr"):
        escalated(people | {"manager": people[role]}, lead=lead)
    run_all(now=NOW)
    run_all(now=NOW + MINUTE)
    assert len(tool.bodies) == 1


@pytest.mark.parametrize("answer", [(500, {}), (503, {}), (DROP, {}), (404, {}), (401, {})])
def test_what_failed_comes_again_under_the_same_key(
    people: dict[str, User], tool: Tool, answer: tuple[int, dict[str, str]]
) -> None:
    target_for(tool)
    planned(people)
    tool.answers = [answer, answer]
    now = NOW
    for attempt in (1, 2):
        assert deliver_due(now=now) == 0
        (message,) = chats()
        assert (message.state, message.attempts) == (State.WAITING, attempt)
        pause = message.due_at - now
        assert attempt * 30 * SECOND <= pause <= attempt * 30 * SECOND * 1.25 + 5 * SECOND
        now = message.due_at
    assert deliver_due(now=now) == 1
    assert len(tool.keys) == 3
    assert len(set(tool.keys)) == 1


def test_the_address_is_not_logged(
    people: dict[str, User], tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    target_for(tool)
    planned(people, 2)
    tool.answers = [(200, {}), (500, {})]
    with caplog.at_level("INFO"):
        deliver_due(now=NOW)
    assert "/hooks/" not in caplog.text


def test_it_waits_as_long_as_it_is_asked_to(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    planned(people)
    tool.answers = [(429, {"Retry-After": "600"})]
    deliver_due(now=NOW)
    (message,) = chats()
    assert 600 * SECOND <= message.due_at - NOW < 610 * SECOND
    assert deliver_due(now=NOW + 9 * MINUTE) == 0
    assert deliver_due(now=message.due_at) == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 0), ("soon", 0), ("-5", 0), ("120", 120), ("9" * 30, 0)]
)
def test_odd_retry_after(text: str, seconds: int) -> None:
    assert transport._wait(text) == dt.timedelta(seconds=seconds)


def test_retry_after_may_be_a_date() -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    waits = transport._wait(later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert dt.timedelta(minutes=119) < waits <= dt.timedelta(hours=2)
    assert transport._wait("Fri, 01 Jan 2100 00:00:00 GMT") == dt.timedelta(days=1)
    assert transport._wait("Fri, 01 Jan 1999 00:00:00 GMT") == dt.timedelta(0)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 413, 422])
def test_what_can_never_arrive_is_given_up_at_once(
    people: dict[str, User], tool: Tool, status: int
) -> None:
    target_for(tool)
    planned(people)
    tool.answers = [(status, {"Location": f"{tool.url}/elsewhere"})]
    assert deliver_due(now=NOW) == 0
    (message,) = chats()
    assert message.state == State.DEAD
    assert str(status) in message.error
    assert len(tool.bodies) == 1


def test_a_tool_that_is_down_does_not_hold_up_another(people: dict[str, User], tool: Tool) -> None:
    with chat_tool() as broken:
        target_for(broken, name="Broken")
        target_for(tool)
        planned(people, 3)
        broken.answers = [(500, {})] * 9
        assert deliver_due(now=NOW) == 3
        assert len(broken.bodies) == 1
    assert len(tool.bodies) == 3


def test_a_slow_tool_ends_the_pass_not_the_messages(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    planned(people, 3)
    assert deliver.deliver_due(SENDERS, now=NOW, seconds=0) == 0
    assert [message.attempts for message in chats()] == [0, 0, 0]


def test_an_answer_that_does_not_come_is_not_waited_for(
    people: dict[str, User], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.2)
    target_for(tool)
    planned(people)
    gone_on = threading.Event()
    tool.before_answer = lambda: gone_on.wait(10) and None
    assert deliver_due(now=NOW) == 0
    gone_on.set()
    (message,) = chats()
    assert (message.state, message.error) == (State.WAITING, "ReadTimeout")


def test_the_limits_are_five_and_fifteen_seconds() -> None:
    assert (transport.CONNECT_SECONDS, transport.ANSWER_SECONDS) == (5, 15)
    assert dt.timedelta(seconds=5 + 15) < LEASE


def test_given_up_it_can_be_sent_again(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    planned(people)
    OutboxMessage.objects.update(state=State.DEAD, attempts=8)
    assert deliver.send_again(OutboxMessage.objects.all(), now=NOW) == 1
    assert deliver_due(now=NOW) == 1
    assert chats()[0].state == State.SENT


def test_without_the_notice_or_the_tool_nothing_is_sent(
    people: dict[str, User], tool: Tool
) -> None:
    target = target_for(tool)
    first, second = planned(people, 2)
    Notice.objects.filter(pk=first.payload["notice"]).delete()
    deliver_due(now=NOW)
    assert {message.state for message in chats()} == {State.CANCELLED, State.SENT}
    OutboxMessage.objects.filter(pk=second.pk).update(state=State.WAITING, due_at=NOW)
    WebhookTarget.objects.filter(pk=target.pk).update(is_active=False)
    deliver_due(now=NOW)
    assert {message.state for message in chats()} == {State.CANCELLED}
    assert len(tool.bodies) == 1


# --- killed, too slow, twice at once ----------------------------------------------------------


class Killed(BaseException):
    """What nothing in the app catches, as little as a kill."""


@pytest.mark.django_db(transaction=True)
def test_one_killed_between_sending_and_marking_is_repeated_under_the_same_key(
    people: dict[str, User], tool: Tool
) -> None:
    target_for(tool)
    planned(people)

    def kill_after(message: OutboxMessage) -> None:
        SENDERS["notice-webhook"](message)
        raise Killed

    with pytest.raises(Killed):
        deliver.deliver_due({"notice-webhook": kill_after}, now=NOW)
    (message,) = chats()
    assert message.state == State.WAITING
    assert deliver_due(now=NOW + LEASE - SECOND) == 0
    assert deliver_due(now=NOW + LEASE + SECOND) == 1
    assert len(tool.keys) == 2
    assert len(set(tool.keys)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_wakes_too_late_marks_nothing(people: dict[str, User], tool: Tool) -> None:
    """It held the lease, froze, somebody else gave the message up and an admin sent it again."""
    target_for(tool)
    planned(people)

    def freeze(message: OutboxMessage) -> None:
        deliver.deliver_due({"notice-webhook": fail}, now=NOW + LEASE + SECOND)
        OutboxMessage.objects.update(state=State.DEAD)
        deliver.send_again(OutboxMessage.objects.all(), now=NOW)
        deliver.deliver_due({"notice-webhook": fail}, now=NOW + SECOND)

    def fail(message: OutboxMessage) -> None:
        raise LaneDown("down")

    assert deliver.deliver_due({"notice-webhook": freeze}, now=NOW) == 0
    (message,) = chats()
    assert (message.state, message.sent_at) == (State.WAITING, None)
    assert (message.attempts, message.token) == (1, 3)


@pytest.mark.django_db(transaction=True)
def test_two_senders_send_each_once(people: dict[str, User], tool: Tool) -> None:
    target_for(tool)
    planned(people, 12)
    all_done([lambda: deliver_due(now=NOW)] * 2)
    assert len(tool.keys) == len(set(tool.keys)) == 12
    assert {message.state for message in chats()} == {State.SENT}


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_message_is_sent(people: dict[str, User]) -> None:
    with chat_tool(looks=True) as tool:
        target_for(tool)
        planned(people, 3)
        assert deliver_due(now=NOW) == 3
    assert tool.open_transactions == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lease_a_message_goes_twice(
    people: dict[str, User], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_for(tool)
    planned(people)
    both_have_read = threading.Barrier(2)

    def read_only(now: dt.datetime, *, but_not: set[str]) -> OutboxMessage | None:
        message = OutboxMessage.objects.filter(state=State.WAITING).first()
        if message is not None:
            both_have_read.wait(10)
        return message

    monkeypatch.setattr(deliver, "_lease", read_only)
    all_done([lambda: deliver.deliver_due(SENDERS, now=NOW, limit=1)] * 2)
    assert len(tool.keys) == 2
