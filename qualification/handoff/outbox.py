"""Decides when a message leaves: after the undo time, at least once, again later when it failed.

Called by the sweep. No transaction is open while a message is being sent.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.template.loader import render_to_string

from qualification.handoff.handover import HANDOFF_MAIL
from qualification.models import Handoff, OutboxMessage

logger = logging.getLogger(__name__)

# Longer than one sending may take (EMAIL_TIMEOUT); a message of a dead sender comes due after it.
LEASE = timedelta(seconds=60)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
MAX_ATTEMPTS = 8
PASS_LIMIT = 200
ERROR_LENGTH = 300


class Undeliverable(Exception):
    """No further attempt can help; the text says why."""


def deliver_due(*, now: datetime, limit: int = PASS_LIMIT) -> int:
    """Sends the messages that are due, oldest first; returns how many left.

    A message that fails waits longer each time and is given up after 8 attempts; others go on.
    """
    started = time.monotonic()
    sent = 0
    for _ in range(limit):
        message = _lease(now + timedelta(seconds=time.monotonic() - started))
        if message is None:
            break
        sent += _deliver(message, now=now + timedelta(seconds=time.monotonic() - started))
    return sent


def send_again(messages: QuerySet[OutboxMessage], *, now: datetime) -> int:
    """Messages that were given up are due again, as if never tried; how many."""
    return messages.filter(state=OutboxMessage.State.DEAD).update(
        state=OutboxMessage.State.WAITING, attempts=0, due_at=now, error=""
    )


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, capped at an hour."""
    doublings = min(max(attempts - 1, 0), MAX_ATTEMPTS)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


@transaction.atomic
def _lease(now: datetime) -> OutboxMessage | None:
    """The next due message, put out of others' reach for a while; None when nothing is due."""
    _set_aside_ended(now)
    due = OutboxMessage.objects.filter(
        state=OutboxMessage.State.WAITING,
        due_at__lte=now,
        not_before__lte=now,
        attempts__lt=MAX_ATTEMPTS,
        decision__reversal=None,
    )
    message = (
        due.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("due_at", "id")
        .first()
    )
    if message is None:
        return None
    OutboxMessage.objects.filter(pk=message.pk).update(
        due_at=now + LEASE, attempts=F("attempts") + 1
    )
    message.attempts += 1
    return message


def _set_aside_ended(now: datetime) -> None:
    """Messages of decisions taken back are cancelled; those whose last sender died are given up."""
    due = OutboxMessage.objects.filter(state=OutboxMessage.State.WAITING, due_at__lte=now)
    due.filter(decision__reversal__isnull=False).update(state=OutboxMessage.State.CANCELLED)
    given_up = due.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=OutboxMessage.State.DEAD, error="the sender ended without an answer"
    )
    if given_up:
        logger.error("outbox.dead messages=%s", given_up)


def _deliver(message: OutboxMessage, *, now: datetime) -> int:
    """Sends one leased message and writes down how it went; 1 if it left."""
    try:
        _send(message)
    except Undeliverable as error:
        _fail(message, str(error), now=now, is_final=True)
        return 0
    except Exception as error:  # noqa: BLE001 - whatever the mail server does, the others must go on
        logger.warning("outbox.failed message=%s error=%s", message.pk, type(error).__name__)
        _fail(message, f"{type(error).__name__}: {error}", now=now)
        return 0
    return _own(message).update(state=OutboxMessage.State.SENT, sent_at=now, error="")


def _fail(message: OutboxMessage, error: str, *, now: datetime, is_final: bool = False) -> None:
    if is_final or message.attempts >= MAX_ATTEMPTS:
        _own(message).update(state=OutboxMessage.State.DEAD, error=error[:ERROR_LENGTH])
        logger.error("outbox.dead message=%s", message.pk)
        return
    due_at = now + pause_after(message.attempts)
    _own(message).update(due_at=due_at, error=error[:ERROR_LENGTH])


def _own(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """The row while it is still ours: a later lease has counted one attempt more."""
    return OutboxMessage.objects.filter(
        pk=message.pk, state=OutboxMessage.State.WAITING, attempts=message.attempts
    )


def _send(message: OutboxMessage) -> None:
    if message.kind != HANDOFF_MAIL:
        raise Undeliverable(f"nobody sends messages of the kind {message.kind}")
    handoff = Handoff.objects.select_related("ae", "lead", "decision__by").get(
        pk=message.payload["handoff"]
    )
    if not handoff.ae.email:
        raise Undeliverable(f"{handoff.ae} has no e-mail address")
    _mail_of(handoff, key=message.key).send()


def _mail_of(handoff: Handoff, *, key: str) -> EmailMessage:
    """The mail about a handoff; its Message-ID stays the same when it is sent again."""
    context = {"handoff": handoff, "packet": handoff.packet, "lead": handoff.lead}
    subject = render_to_string("emails/handoff-subject.txt", context)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=render_to_string("emails/handoff-body.txt", context),
        to=[handoff.ae.email],
        headers={"Message-ID": f"<{key.replace(':', '.')}@{domain}>"},
    )
