"""The outbox: after the undo time, once, again later when it failed, given up in the end."""

from __future__ import annotations

import datetime as dt
import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail

from crm.models import User
from qualification.models import Decision, OutboxMessage
from qualification.outbox.deliver import LEASE, pause_after
from qualification.review.decisions import undo_decision
from qualification.sweeps import deliver_due
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, accepted
from tests.qualification.queue_support import all_done
from tests.qualification.webhook_support import open_transactions

SECOND = dt.timedelta(seconds=1)
DECIDED = NOW + 5 * MINUTE
DUE = DECIDED + 30 * SECOND
NOWHERE = "django.core.mail.backends.smtp.EmailBackend"
pytestmark = pytest.mark.django_db


def only() -> OutboxMessage:
    return OutboxMessage.objects.get()


def test_it_mails_the_ae_after_the_undo_time(people: dict[str, User]) -> None:
    decision = accepted(people)
    assert deliver_due(now=DUE - SECOND) == 0
    assert deliver_due(now=DUE) == 1
    (sent,) = mail.outbox
    assert sent.to == [people["ae"].email]
    assert sent.subject.startswith("Handoff: Hannah Vogel")
    assert "- Main pain: pain known (Confirmed, Call)" in sent.body
    assert "You could open with: " in sent.body
    assert f"lead.{decision.lead_id}.handoff.1" in sent.extra_headers["Message-ID"]
    message = only()
    assert (message.state, message.attempts) == (OutboxMessage.State.SENT, 1)
    assert message.sent_at is not None


def test_names_do_not_break_the_mail(people: dict[str, User]) -> None:
    from crm.models import Lead

    decision = accepted(people)
    Lead.objects.filter(pk=decision.lead_id).update(first_name="x")
    handoff = decision.handoff
    handoff.packet["lead"]["name"] = "Eve\r\nBcc: all@example.org <b>&"
    from qualification.handoff.mail import mail_of

    sent = mail_of(handoff, key="k")
    assert "\n" not in sent.subject
    assert "<b>&" in sent.body
    assert email.message_from_bytes(sent.message().as_bytes())["Bcc"] is None


def test_it_sends_once(people: dict[str, User]) -> None:
    accepted(people)
    assert [deliver_due(now=DUE), deliver_due(now=DUE), deliver_due(now=DUE + MINUTE)] == [1, 0, 0]
    assert len(mail.outbox) == 1


def test_what_was_undone_is_never_sent(people: dict[str, User]) -> None:
    decision = accepted(people)
    undo_decision(decision=decision, by=people["sdr"], now=DECIDED + SECOND)
    assert deliver_due(now=DUE) == 0
    assert not mail.outbox


def test_a_reversal_stops_a_message_even_if_nobody_cancelled_it(people: dict[str, User]) -> None:
    decision = accepted(people)
    undo_decision(decision=decision, by=people["sdr"], now=DECIDED + SECOND)
    OutboxMessage.objects.update(state=OutboxMessage.State.WAITING)
    assert deliver_due(now=DUE) == 0
    assert only().state == OutboxMessage.State.CANCELLED


def test_a_failed_message_waits_and_does_not_hold_up_others(people: dict[str, User]) -> None:
    accepted(people)
    accepted(people, now=DECIDED + SECOND)
    bad = OutboxMessage.objects.order_by("id").first()
    assert bad is not None
    OutboxMessage.objects.filter(pk=bad.pk).update(payload={"handoff": 0})
    assert deliver_due(now=DUE + MINUTE) == 1
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == (OutboxMessage.State.WAITING, 1)
    assert bad.error.startswith("DoesNotExist")
    assert bad.due_at >= DUE + MINUTE + 30 * SECOND


def test_it_gives_up_after_eight_attempts(people: dict[str, User], settings: Any) -> None:
    accepted(people)
    settings.EMAIL_BACKEND = NOWHERE
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    now = DUE
    for attempt in range(1, 9):
        assert deliver_due(now=now) == 0
        assert deliver_due(now=now) == 0
        message = only()
        assert message.attempts == attempt
        now = message.due_at
    assert message.state == OutboxMessage.State.DEAD
    assert "ConnectionRefusedError" in message.error
    assert deliver_due(now=now + dt.timedelta(days=1)) == 0


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_after(n).total_seconds() for n in range(1, 10)]
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_an_ae_without_address_is_given_up_at_once(people: dict[str, User]) -> None:
    accepted(people)
    User.objects.filter(pk=people["ae"].pk).update(email="")
    assert deliver_due(now=DUE) == 0
    message = only()
    assert (message.state, message.attempts) == (OutboxMessage.State.DEAD, 1)
    assert "no e-mail address" in message.error


def test_a_sender_that_died_is_replaced_after_its_lease(people: dict[str, User]) -> None:
    accepted(people)
    OutboxMessage.objects.update(attempts=1, due_at=DUE + LEASE)
    assert deliver_due(now=DUE + LEASE - SECOND) == 0
    assert deliver_due(now=DUE + LEASE) == 1
    assert only().attempts == 2


def test_one_that_died_in_its_last_attempt_is_given_up(people: dict[str, User]) -> None:
    accepted(people)
    OutboxMessage.objects.update(attempts=8, due_at=DUE)
    assert deliver_due(now=DUE) == 0
    assert only().state == OutboxMessage.State.DEAD


class Postman(socketserver.StreamRequestHandler):
    """Says what an SMTP server says, counts mails, looks for open transactions meanwhile."""

    def handle(self) -> None:
        server: Any = self.server
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline().upper():
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                server.open_transactions.append(open_transactions())
                server.mails += 1
            if line.startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@contextmanager
def postman() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postman) as server:
        server.mails, server.open_transactions = 0, []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def deliver_to(server: Any, settings: Any) -> None:
    settings.EMAIL_BACKEND = NOWHERE
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_mail_is_sent(
    people: dict[str, User], settings: Any
) -> None:
    for _ in range(3):
        accepted(people)
    with postman() as server:
        deliver_to(server, settings)
        assert deliver_due(now=DUE) == 3
    assert server.open_transactions == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_send_each_message_once(people: dict[str, User], settings: Any) -> None:
    for _ in range(6):
        accepted(people)
    sent: list[int] = []
    with postman() as server:
        deliver_to(server, settings)
        all_done([lambda: sent.append(deliver_due(now=DUE))] * 3)
    assert server.mails == sum(sent) == Decision.objects.count() == 6
    assert not OutboxMessage.objects.exclude(state=OutboxMessage.State.SENT).exists()


@pytest.mark.django_db(transaction=True)
def test_control_without_a_lease_a_message_is_sent_twice(people: dict[str, User]) -> None:
    accepted(people)
    both_have_read = threading.Barrier(2)

    def send_without_lease() -> None:
        message = OutboxMessage.objects.get(state=OutboxMessage.State.WAITING)
        both_have_read.wait()
        mail.EmailMessage(subject=message.key, to=["ae@leadqual.example"]).send()
        OutboxMessage.objects.filter(pk=message.pk).update(state=OutboxMessage.State.SENT)

    all_done([send_without_lease, send_without_lease])
    assert len(mail.outbox) == 2
