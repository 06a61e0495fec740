"""A HubSpot on this machine: keeps records, speaks the part of the v3 and v4 protocol that is
documented for them, and fails as told. Imports nothing of the app.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "pat-test-token"
UNIQUE = "leadqual_id"
KINDS = ("contacts", "companies", "deals")
# What may happen to a request: answered late or never, before or after it had its effect.
BEFORE = ("500", "429", "reset")
AFTER = ("reset_after", "hang_after")
Told = tuple[int, dict[str, Any]]


@dataclass
class HubSpot:
    """The records, and how it fails: `faults` first, one a request; else by `chances`."""

    url: str = ""
    token: str = TOKEN
    # As if it had no unique property: every upsert creates.
    is_naive: bool = False
    # Off: as if the path were not there.
    deletes_for_good: bool = True
    faults: list[str] = field(default_factory=list)
    chances: dict[str, float] = field(default_factory=dict)
    retry_after: str = "1"
    hang_seconds: float = 30.0
    seed: int = 1
    records: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    lines: set[tuple[str, str, str, str]] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    unique: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(KINDS, True))
    on_request: Callable[[], None] = lambda: None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self._next = 1000

    def fault(self) -> str:
        """What happens to the next request; blank: nothing."""
        with self.lock:
            if self.faults:
                return self.faults.pop(0)
            for name, chance in self.chances.items():
                if self._draw.random() < chance:
                    return name
            return ""

    def add(self, kind: str, **properties: Any) -> str:
        """A record somebody made there."""
        with self.lock:
            self._next += 1
            pk = str(self._next)
            self.records[kind][pk] = {}
            self.change(kind, pk, properties)
            return pk

    def change(self, kind: str, pk: str, properties: dict[str, Any]) -> None:
        """Other values; the record counts as changed now."""
        with self.lock:
            record = self.records[kind][pk]
            record.update({name: str(value) for name, value in properties.items()})
            record["hs_lastmodifieddate"] = properties.get(
                "hs_lastmodifieddate", time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            )

    def keys(self, kind: str = "deals") -> Counter[str]:
        """How many records each external id has."""
        with self.lock:
            return Counter(
                record[UNIQUE] for record in self.records[kind].values() if UNIQUE in record
            )

    # --- the protocol -----------------------------------------------------------------------------

    def answer(self, method: str, target: str, body: dict[str, Any], token: str) -> Told:
        """(status, JSON) of one request."""
        if token != f"Bearer {self.token}":
            return _error(401, "INVALID_AUTHENTICATION")
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        with self.lock:
            for pattern, verb, act in self._routes():
                found = re.fullmatch(pattern, path)
                if found and verb == method:
                    return act(*map(unquote, found.groups()), body=body, query=query)
        return _error(404, "OBJECT_NOT_FOUND")

    def _routes(self) -> list[tuple[str, str, Any]]:
        kind = r"(contacts|companies|deals)"
        return [
            (rf"/crm/v3/objects/{kind}/batch/upsert", "POST", self._upsert),
            (r"/crm/v3/objects/contacts/gdpr-delete", "POST", self._gdpr_delete),
            (rf"/crm/v3/objects/{kind}/search", "POST", self._search),
            (rf"/crm/v3/objects/{kind}/([^/]+)", "GET", self._get),
            (rf"/crm/v3/objects/{kind}/([^/]+)", "PATCH", self._patch),
            (rf"/crm/v3/properties/{kind}/{UNIQUE}", "GET", self._property),
            (
                rf"/crm/v4/objects/{kind}/([^/]+)/associations/default/{kind}/([^/]+)",
                "PUT",
                self._associate,
            ),
        ]

    def _upsert(self, kind: str, *, body: dict[str, Any], query: Any) -> Told:
        results = []
        for one in body["inputs"]:
            properties = one["properties"]
            if "poison" in properties.get("email", ""):
                return _error(400, "VALIDATION_ERROR", f"{properties['email']} is bad", ["email"])
            pk = "" if self.is_naive else self._by(kind, one["idProperty"], one["id"])
            other = self._by(kind, "email", properties.get("email", "")) if not pk else ""
            if kind == "contacts" and other and not self.is_naive:
                return _error(409, "CONFLICT", f"Contact already exists. Existing ID: {other}")
            is_new = not pk
            pk = pk or self.add(kind)
            self.change(kind, pk, properties)
            results.append({"id": pk, "new": is_new, "properties": self.records[kind][pk]})
        return 200, {"status": "COMPLETE", "results": results}

    def _gdpr_delete(self, *, body: dict[str, Any], query: Any) -> Told:
        if not self.deletes_for_good:
            return _error(404, "NOT_FOUND")
        if self.records["contacts"].pop(body["objectId"], None) is None:
            return _error(404, "OBJECT_NOT_FOUND")
        return 204, {}

    def _by(self, kind: str, name: str, value: str) -> str:
        found = self.records[kind].items()
        return next((pk for pk, record in found if value and record.get(name) == value), "")

    def _get(self, kind: str, key: str, *, body: Any, query: dict[str, list[str]]) -> Told:
        name = query.get("idProperty", [""])[0]
        pk = self._by(kind, name, key) if name else key
        if pk not in self.records[kind] or self.is_naive:
            return _error(404, "OBJECT_NOT_FOUND")
        return 200, {"id": pk, "properties": self.records[kind][pk]}

    def _patch(self, kind: str, pk: str, *, body: dict[str, Any], query: Any) -> Told:
        if pk not in self.records[kind]:
            return _error(404, "OBJECT_NOT_FOUND")
        other = self._by(kind, UNIQUE, body["properties"].get(UNIQUE, ""))
        if other and other != pk:
            return _error(409, "CONFLICT")
        self.change(kind, pk, body["properties"])
        return 200, {"id": pk, "properties": self.records[kind][pk]}

    def _property(self, kind: str, *, body: Any, query: Any) -> Told:
        return 200, {"name": UNIQUE, "hasUniqueValue": self.unique[kind]}

    def _associate(
        self, kind: str, pk: str, other_kind: str, other: str, *, body: Any, query: Any
    ) -> Told:
        if pk not in self.records[kind] or other not in self.records[other_kind]:
            return _error(404, "OBJECT_NOT_FOUND")
        self.lines.add((kind, pk, other_kind, other))
        return 200, {"status": "COMPLETE", "results": []}

    def _search(self, kind: str, *, body: dict[str, Any], query: Any) -> Told:
        filters = body["filterGroups"][0]["filters"]
        found = [
            (pk, record)
            for pk, record in self.records[kind].items()
            if all(_meets(record, condition) for condition in filters)
        ]
        if body.get("sorts"):
            found.sort(key=lambda one: (_millis(one[1]["hs_lastmodifieddate"]), int(one[0])))
        first, limit = int(body.get("after") or 0), int(body["limit"])
        page = found[first : first + limit]
        told: dict[str, Any] = {
            "total": len(found),
            "results": [
                {"id": pk, "properties": {name: record.get(name) for name in body["properties"]}}
                for pk, record in page
            ],
        }
        if first + limit < len(found):
            told["paging"] = {"next": {"after": str(first + limit)}}
        return 200, told


def _millis(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _meets(record: dict[str, Any], condition: dict[str, Any]) -> bool:
    value, operator = record.get(condition["propertyName"]), condition["operator"]
    if operator == "HAS_PROPERTY":
        return value is not None
    if operator == "NOT_HAS_PROPERTY":
        return value is None
    if operator == "GTE":
        return value is not None and _millis(value) >= int(condition["value"])
    return bool(value == condition["value"])


def _error(status: int, category: str, message: str = "", names: list[str] | None = None) -> Told:
    errors = [{"message": message, "context": {"propertyName": names}}] if names else []
    return status, {
        "status": "error",
        "category": category,
        "message": message,
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        "errors": errors,
    }


class Handler(BaseHTTPRequestHandler):
    """HTTP for the HubSpot of its server."""

    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        crm: HubSpot = self.server.crm  # type: ignore[attr-defined]
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with crm.lock:
            crm.requests.append((self.command, self.path))
            crm.bodies.append(raw.decode())
        crm.on_request()
        fault = crm.fault()
        if fault in BEFORE:
            self._fail(crm, fault)
            return
        body = json.loads(raw or b"{}")
        token = self.headers.get("Authorization", "")
        status, told = crm.answer(self.command, self.path, body, token)
        if fault == "hang_after":
            time.sleep(crm.hang_seconds)
        if fault in AFTER:
            self.close_connection = True
            return
        self._say(status, told)

    do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815 - http.server's names

    def _fail(self, crm: HubSpot, fault: str) -> None:
        if fault == "500":
            self._say(*_error(500, "INTERNAL_ERROR"))
        elif fault == "429":
            self._say(*_error(429, "RATE_LIMITS"), {"Retry-After": crm.retry_after})
        else:
            self.close_connection = True

    def _say(
        self, status: int, told: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        raw = json.dumps(told).encode()
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except OSError:  # who asked has gone
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def hubspot(**settings: Any) -> Iterator[HubSpot]:
    """A running HubSpot."""
    crm = HubSpot(**settings)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.crm = crm  # type: ignore[attr-defined]
        server.daemon_threads = True
        server.handle_error = lambda *args: None  # type: ignore[method-assign]
        crm.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield crm
        finally:
            server.shutdown()
            thread.join()
