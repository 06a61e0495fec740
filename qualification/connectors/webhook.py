"""Speaks to any receiver of signed JSON: the packet with its ids, under one idempotency key.

The receiver may answer with what it calls them: `{"lead": "…", "account": "…", "handoff": "…"}`.
Outcomes come back through the signed door for outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from qualification.connectors.base import Access, Changes, Forgotten, Parcel
from qualification.outbox.http import post_signed

ANSWER_BYTES = 10_000
ID_LENGTH = 100
NAMES = ("lead", "account", "handoff")


class SignedWebhook:
    """The generic receiver."""

    label = "Signed webhook"
    defaults: Mapping[str, Any] = {}
    reads_outcomes = False

    def deliver(self, parcel: Parcel, access: Access) -> dict[str, str]:
        """Posts `lead.accepted`; returns the ids of the answer, if it names any."""
        body = {
            "event": "lead.accepted",
            "external_id": parcel.handoff_key,
            "lead_id": parcel.lead_id,
            "account_id": parcel.account_id,
            "handoff_id": parcel.handoff_id,
            "accepted_at": parcel.accepted_at.isoformat(),
            "target": dict(parcel.target),
            "ae": None if parcel.ae is None else dict(parcel.ae),
            "ids": dict(parcel.links),
            "packet": dict(parcel.packet),
        }
        return _ids_in(self._post(access, body, key=parcel.key))

    def forget(self, person: Forgotten, access: Access) -> None:
        """Posts `lead.erased`: the receiver deletes what it has under these ids."""
        body = {
            "event": "lead.erased",
            "lead_id": person.lead_id,
            "external_ids": list(person.handoffs),
            "ids": {
                "lead": person.vendor_id,
                "handoffs": [theirs for theirs in person.handoffs.values() if theirs],
            },
        }
        self._post(access, body, key=person.key)

    def try_out(self, access: Access) -> None:
        """Posts `test`, which asks for nothing but an answer of 2xx."""
        at = datetime.now(UTC)
        self._post(access, {"event": "test"}, key=f"test:{at:%Y%m%dT%H%M%S.%f}")

    def changes_since(self, access: Access, since: datetime) -> Changes:
        """Nothing: it tells by itself."""
        return Changes(outcomes=(), until=since)

    def _post(self, access: Access, body: Mapping[str, Any], *, key: str) -> bytes:
        return post_signed(
            url=access.url,
            secret=access.secret,
            body=json.dumps(body).encode(),
            key=key,
            reads=ANSWER_BYTES,
        )


def _ids_in(answer: bytes) -> dict[str, str]:
    """The ids a receiver names; none when it says something else."""
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    said = {name: found[name] for name in NAMES if isinstance(found.get(name), str | int)}
    return {name: str(value) for name, value in said.items() if 0 < len(str(value)) <= ID_LENGTH}
