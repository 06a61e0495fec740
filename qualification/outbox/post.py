"""Puts a message into the outbox. Called inside the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qualification.models import Decision, OutboxMessage

MAIL_LANE = "mail"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message to post. `key` lets the other side drop a repeat; a second message with the key of
    one there is, is none. `lane` names where it goes; letters of one `order_key` leave in the order
    they were posted; the payload holds ids only."""

    key: str
    kind: str
    payload: dict[str, Any]
    not_before: datetime
    lane: str = MAIL_LANE
    order_key: str = ""
    decision: Decision | None = None


def post(letters: Sequence[Letter]) -> None:
    """These messages leave once they may."""
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                key=letter.key,
                kind=letter.kind,
                payload=letter.payload,
                lane=letter.lane,
                order_key=letter.order_key,
                decision=letter.decision,
                not_before=letter.not_before,
                due_at=letter.not_before,
            )
            for letter in letters
        ],
        ignore_conflicts=True,
    )
