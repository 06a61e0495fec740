"""Requests to HubSpot and what its answers mean. Called by `hubspot.py`.

One budget of time for all requests of a message: together they end before its lease does.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from qualification.connectors.base import Access
from qualification.outbox.deliver import LaneDown, Undeliverable
from qualification.outbox.http import ANSWER_SECONDS, Answer, Refused, exchange

BUDGET_SECONDS = 45.0
ANSWER_BYTES = 1_000_000
# The token or its rights are wrong, or HubSpot is overloaded, moving or away: for every message.
FOR_ALL = frozenset({401, 403, 423, 429, 477, 502, 503, 504, 521, 522, 523, 524, 525, 530})
# Something else changed in between, or HubSpot stumbled over this one: it may work later.
LATER = frozenset({404, 408, 409, 500})
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
EXISTING = re.compile(r"Existing ID: (\d{1,30})")


class Conflict(Refused):
    """Another record has this unique value already; `existing` is its id, blank if unknown."""

    def __init__(self, text: str, existing: str) -> None:
        super().__init__(text)
        self.existing = existing


class Gone(Refused):
    """There is no such record."""


class Calls:
    """The requests of one message, one after the other."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._ends = time.monotonic() + BUDGET_SECONDS

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer as JSON. Raises what its status means."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise LaneDown("too slow: the time for one message is over")
        answer = exchange(
            method=method,
            url=self._access.url.rstrip("/") + path,
            headers={
                "Authorization": f"Bearer {self._access.secret}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=None if body is None else json.dumps(body).encode(),
            seconds=min(ANSWER_SECONDS, left),
            reads=ANSWER_BYTES,
        )
        found = _json(answer)
        _judge(answer, found)
        return found

    def find(self, kind: str, *, by: str, key: str) -> str:
        """The id of the record whose property `by` is `key`; blank when there is none."""
        try:
            found = self.send("GET", f"/crm/v3/objects/{kind}/{quote(key)}?idProperty={by}")
        except Gone:
            return ""
        return str(found.get("id") or "")

    def upsert(self, kind: str, *, by: str, key: str, properties: Mapping[str, Any]) -> str:
        """The id of the one record whose property `by` is `key`, made or changed."""
        one = {"id": key, "idProperty": by, "properties": {**properties, by: key}}
        found = self.send("POST", f"/crm/v3/objects/{kind}/batch/upsert", {"inputs": [one]})
        results = found.get("results") or []
        if not results:
            raise Refused(f"answered without a result {_words(found)}".strip())
        return str(results[0]["id"])


def _judge(answer: Answer, found: dict[str, Any]) -> None:
    status, why = answer.status, _words(found)
    text = f"answered {status}: {why}" if why else f"answered {status}"
    if status == 207 and found.get("errors"):
        _judge_errors(found["errors"], text)
    if 200 <= status < 300:
        return
    if status in FOR_ALL:
        raise LaneDown(text, retry_after=answer.retry_after)
    if status == 409:
        raise Conflict(text, _existing(found))
    if status == 404:
        raise Gone(text)
    if status in LATER or status >= 500:
        raise Refused(text)
    raise Undeliverable(text)


def _judge_errors(errors: list[dict[str, Any]], text: str) -> None:
    """Some of a batch failed; ours are batches of one."""
    first = errors[0] if isinstance(errors[0], dict) else {}
    if first.get("category") == "CONFLICT":
        raise Conflict(text, _existing(first))
    raise Refused(f"{text} {_words(first)}".strip())


def _json(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _existing(found: dict[str, Any]) -> str:
    told = EXISTING.search(str(found.get("message", "")))
    return told.group(1) if told else ""


def _words(found: dict[str, Any]) -> str:
    """Category and names of properties. Never the message: it repeats what was sent."""
    words = _known([found.get(name) for name in ("category", "subCategory")])
    words = [word.replace("_", " ").lower() for word in words]
    for error in found.get("errors") or []:
        context = error.get("context") if isinstance(error, dict) else None
        names = context.get("propertyName") if isinstance(context, dict) else None
        words += _known([names] if isinstance(names, str) else names or [])
    return ", ".join(words)[:120]


def _known(words: Iterable[Any]) -> list[str]:
    """Those that look like a name of theirs, not like something somebody typed."""
    return [str(word) for word in words if WORD.fullmatch(str(word or ""))]
