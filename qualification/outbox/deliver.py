"""Sends what is due. Called by the sweep with the senders of all rooms.

A message is leased in a short transaction, sent in none, and marked in another; `token` tells
whether the row is still ours. A sender that dies leaves a lease that runs out: the message is sent
again under the same key.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from qualification.models import OutboxMessage

logger = logging.getLogger(__name__)

# Sends one message; raises one of the exceptions below, or anything else to try again later.
Sender = Callable[[OutboxMessage], None]

# Longer than one sending may take (EMAIL_TIMEOUT, 20 s of a webhook).
LEASE = timedelta(seconds=60)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
# Pauses are longer by up to this part, so that what failed together is not tried together.
JITTER = 0.25
MAX_ATTEMPTS = 8
PASS_LIMIT = 200
# A pass ends after this time, so that slow receivers do not keep the worker from other work.
PASS_SECONDS = 20.0
ERROR_LENGTH = 300


class Undeliverable(Exception):
    """No further attempt can help; the text says why."""


class NotWanted(Exception):
    """Nobody needs this message any more: it is cancelled."""


class LaneDown(Exception):
    """The place it goes to does not take messages now: the others for it wait for the next pass.
    `retry_after` is how long that place asked for."""

    def __init__(self, text: str, *, retry_after: timedelta = timedelta(0)) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def deliver_due(
    senders: Mapping[str, Sender],
    *,
    now: datetime,
    limit: int = PASS_LIMIT,
    seconds: float = PASS_SECONDS,
    closed: Collection[str] = (),
) -> int:
    """Sends the messages that are due, oldest first; returns how many left.

    One that fails waits longer each time and is given up after 8 attempts; others go on, except for
    a place that is down. Messages for the lanes in `closed` wait. Any number of senders may run at
    once.
    """
    started = time.monotonic()
    down: set[str] = set(closed)
    sent = 0
    for _ in range(limit):
        passed = time.monotonic() - started
        if passed >= seconds:
            break
        message = _lease(now + timedelta(seconds=passed), but_not=down)
        if message is None:
            break
        try:
            sent += _deliver(message, senders, clock=lambda: _later(now, started))
        except LaneDown:
            down.add(message.lane)
    return sent


def send_again(messages: QuerySet[OutboxMessage], *, now: datetime) -> int:
    """Messages that were given up are due again, as if never tried; how many."""
    return messages.filter(state=OutboxMessage.State.DEAD).update(
        state=OutboxMessage.State.WAITING, attempts=0, due_at=now, error=""
    )


def pause_after(attempts: int, *, chance: float = 0.0) -> timedelta:
    """How long to wait after so many failed attempts: doubling, capped at an hour, longer by up to
    a quarter (`chance` from 0 to 1)."""
    doublings = min(max(attempts - 1, 0), MAX_ATTEMPTS)
    pause: timedelta = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    return pause * (1 + JITTER * chance)


def _later(now: datetime, started: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - started)


# A message of the same order that was posted before and has not left.
_EARLIER = OutboxMessage.objects.filter(
    ~Q(order_key=""),
    state=OutboxMessage.State.WAITING,
    order_key=OuterRef("order_key"),
    pk__lt=OuterRef("pk"),
)


@transaction.atomic
def _lease(now: datetime, *, but_not: set[str]) -> OutboxMessage | None:
    """The next due message, put out of others' reach for a while; None when nothing is due."""
    _set_aside_ended(now)
    due = OutboxMessage.objects.filter(
        Q(decision=None) | Q(decision__reversal=None),
        state=OutboxMessage.State.WAITING,
        due_at__lte=now,
        not_before__lte=now,
        attempts__lt=MAX_ATTEMPTS,
    ).exclude(lane__in=but_not)
    due = due.filter(Q(order_key="") | ~Exists(_EARLIER))
    message = (
        due.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .order_by("due_at", "id")
        .first()
    )
    if message is None:
        return None
    OutboxMessage.objects.filter(pk=message.pk).update(
        due_at=now + LEASE, attempts=F("attempts") + 1, token=F("token") + 1
    )
    message.attempts += 1
    message.token += 1
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


def _deliver(
    message: OutboxMessage, senders: Mapping[str, Sender], *, clock: Callable[[], datetime]
) -> int:
    """Sends one leased message and writes down how it went; 1 if it left. LaneDown goes on up."""
    try:
        _send(message, senders)
    except NotWanted as why:
        _own(message).update(state=OutboxMessage.State.CANCELLED, error=str(why)[:ERROR_LENGTH])
        return 0
    except Undeliverable as error:
        _give_up(message, str(error))
        return 0
    except LaneDown as error:
        _fail(message, str(error), now=clock(), at_least=error.retry_after)
        raise
    except Exception as error:  # noqa: BLE001 - whatever one message meets, the others must go on
        _fail(message, f"{type(error).__name__}: {error}", now=clock())
        return 0
    return _own(message).update(state=OutboxMessage.State.SENT, sent_at=clock(), error="")


def _send(message: OutboxMessage, senders: Mapping[str, Sender]) -> None:
    sender = senders.get(message.kind)
    if sender is None:
        raise Undeliverable(f"nobody sends messages of the kind {message.kind}")
    sender(message)


def _fail(
    message: OutboxMessage, error: str, *, now: datetime, at_least: timedelta = timedelta(0)
) -> None:
    logger.warning("outbox.failed message=%s attempts=%s", message.pk, message.attempts)
    if message.attempts >= MAX_ATTEMPTS:
        _give_up(message, error)
        return
    pause = pause_after(message.attempts, chance=random.random())  # noqa: S311 - no secret
    _own(message).update(due_at=now + max(pause, at_least), error=error[:ERROR_LENGTH])


def _give_up(message: OutboxMessage, error: str) -> None:
    _own(message).update(state=OutboxMessage.State.DEAD, error=error[:ERROR_LENGTH])
    logger.error("outbox.dead message=%s", message.pk)


def _own(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """The row while it is still ours: a later lease has raised the token."""
    return OutboxMessage.objects.filter(
        pk=message.pk, state=OutboxMessage.State.WAITING, token=message.token
    )
