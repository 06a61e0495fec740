"""The signed JSON webhook: stored once or refused, whatever the body; never a server error."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.intake import inbox
from crm.models import InboxMessage, Lead, Source
from qualification import pipeline
from tests import factories
from tests.qualification.queue_support import all_done

NOW = factories.NOW
SECRET = "s3cret-of-the-tests"
BODY = b'{"event_id": "e1", "email": "ana@brightwater.com", "name": "Ana Lund"}'


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(
    source: Source, body: bytes = BODY, signature: str | None = None, **extra: Any
) -> HttpResponse:
    """Deliver the body; signed rightly unless another signature is given."""
    headers = {"X-Signature": signed(body) if signature is None else signature}
    return Client(raise_request_exception=False).post(
        f"/intake/{source.name}/{source.credential}/",
        data=body,
        content_type="application/json",
        headers={name: value for name, value in headers.items() if value},
        **extra,
    )


@pytest.fixture
def source(db: None) -> Source:
    return factories.SourceFactory()


def test_it_stores_the_body_byte_for_byte(source: Source) -> None:
    answer = post(source)
    message = InboxMessage.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"id": message.pk, "status": "stored"}
    assert bytes(message.body) == BODY
    assert (message.event_key, message.state, message.source) == ("id:e1", "new", source)
    assert not Lead.objects.exists()


def test_it_has_a_known_event_already(source: Source) -> None:
    first = post(source).json()
    again = post(source)
    assert again.status_code == 200
    assert again.json() == {"id": first["id"], "status": "already have it"}
    assert InboxMessage.objects.count() == 1


def test_it_keeps_the_events_of_two_sources_apart(source: Source) -> None:
    assert post(source).status_code == post(factories.SourceFactory()).status_code == 202


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"event_id": "a", "id": "b"}', "id:a"),
        (b'{"id": "b"}', "id:b"),
        (b'{"id": 7}', None),
        (b'{"id": ""}', None),
        (b'{"id": "' + b"x" * 151 + b'"}', None),
        (b"{}", None),
        (b"not json", None),
    ],
)
def test_it_takes_the_senders_event_id_or_a_hash(
    source: Source, body: bytes, key: str | None
) -> None:
    post(source, body)
    expected = key or f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert InboxMessage.objects.get().event_key == expected


@pytest.mark.parametrize(
    "signature",
    [
        "",
        signed(BODY).removeprefix("sha256="),
        signed(BODY).upper(),
        signed(BODY)[:-1],
        signed(BODY)[:-1] + ("0" if signed(BODY)[-1] != "0" else "1"),
        signed(BODY + b" "),
        signed(BODY, "another secret"),
        "sha256=",
        "sha1=" + "0" * 40,
        "sha256=\xff\xfe",
    ],
)
def test_it_refuses_a_wrong_signature_and_stores_nothing(source: Source, signature: str) -> None:
    assert post(source, signature=signature).status_code == 401
    assert not InboxMessage.objects.exists()


def test_it_refuses_every_flipped_bit_of_the_body(source: Source) -> None:
    for place in range(0, len(BODY) * 8, 7):
        flipped = bytearray(BODY)
        flipped[place // 8] ^= 1 << place % 8
        assert post(source, bytes(flipped), signature=signed(BODY)).status_code == 401
    assert not InboxMessage.objects.exists()


def test_it_refuses_a_source_without_a_secret(source: Source) -> None:
    nothing = Source(name="x", kind="json", secret="")
    from qualification.views.intake import SignatureInvalid, check_signature

    for header in ("", signed(BODY, ""), "sha256="):
        with pytest.raises(SignatureInvalid):
            check_signature(nothing.secret, BODY, header)


def test_it_knows_no_other_source_credential_or_kind(source: Source) -> None:
    closed = factories.SourceFactory(is_active=False)
    file = factories.SourceFactory(kind="file", secret="")
    strange = Source(name=source.name, credential="another")
    absent = Source(name="absent", credential=source.credential)
    for unknown in (closed, file, strange, absent):
        assert post(unknown).status_code == 404
    assert Client().post(f"/intake/{source.name}/a%00b/").status_code == 404
    assert not InboxMessage.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_it_takes_posts_only(source: Source, method: str) -> None:
    path = f"/intake/{source.name}/{source.credential}/"
    assert getattr(Client(), method)(path).status_code == 405


def test_it_refuses_more_than_a_megabyte(source: Source) -> None:
    assert post(source, b'"' + b"x" * 1_000_000 + b'"').status_code == 413
    assert post(source, b'"' + b"x" * 999_998 + b'"').status_code == 202
    assert InboxMessage.objects.count() == 1


# --- junk, validly signed -------------------------------------------------------------------------

JUNK: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not JSON"),
    "cut": (BODY[:-5], "not JSON"),
    "two documents": (b"{}{}", "not JSON"),
    "a list": (b"[1]", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "latin-1": ('{"name": "Jörg"}'.encode("latin-1"), "not UTF-8"),
    "utf-16": ('{"name": "Ana"}'.encode("utf-16"), "not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00rest", "not UTF-8"),
    "raw NUL": (b'{"email": "a\x00@b.com"}', "not JSON"),
    "escaped NUL": (b'{"external_id": "a\\u0000"}', "NUL"),
    "NUL in a key": (b'{"external_id": "1", "a\\u0000": 1}', "NUL"),
    "half a surrogate": (b'{"external_id": "\\ud800"}', "surrogate"),
    "deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
    "deep list": (b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", "nested too deeply"),
    "rather deep": (b'{"properties":' + b"[" * 30 + b"]" * 30 + b"}", "nested too deeply"),
    "wide": (b'{"properties": [' + b"1," * 6000 + b"1]}", "too many values"),
    "NaN": (b'{"attributes": {"a": NaN}}', "NaN"),
    "infinity": (b'{"attributes": {"a": 1e999}}', "too large"),
    "endless number": (b'{"attributes": {"a": ' + b"9" * 5000 + b"}}", "too long"),
    "key twice": (b'{"email": "a@b.com", "email": "c@d.com"}', "stands twice"),
    "nobody": (b'{"name": "Ana"}', "no e-mail, telephone number or external_id"),
    "bad address": (b'{"email": "nonsense"}', "not an e-mail address"),
    "list as id": (b'{"external_id": ["a"]}', "not a text"),
    "long id": (b'{"external_id": "' + b"x" * 201 + b'"}', "external_id"),
    "text as attributes": (b'{"external_id": "1", "attributes": "x"}', "attributes: not an object"),
    "strange type": (b'{"external_id": "1", "type": "Form Submit!"}', "type: not a name"),
}


@pytest.mark.parametrize("case", JUNK)
def test_it_stores_junk_and_sets_it_aside_with_the_reason(source: Source, case: str) -> None:
    body, reason = JUNK[case]
    assert post(source, body).status_code == 202
    message = pipeline.process(InboxMessage.objects.get().pk, now=NOW)
    assert message.state == "quarantined"
    assert reason in message.error
    assert bytes(message.body) == body
    assert not Lead.objects.exists()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
KEYS = """
    event_id id email name first_name phone company website employees revenue country title type
    occurred_at external_id attributes properties message opted_out topic
"""
keys = st.sampled_from(KEYS.split())
bodies = st.binary(max_size=300) | st.dictionaries(keys, values, max_size=8).map(
    lambda document: json.dumps(document).encode()
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bodies)
def test_it_never_fails_on_anything(source: Source, body: bytes) -> None:
    InboxMessage.objects.all().delete()
    assert post(source, body).status_code == 202
    message = pipeline.process(InboxMessage.objects.get().pk, now=NOW)
    assert message.state in ("done", "quarantined"), message.error
    assert message.attempts == 0, message.error


# --- the same event twenty times at once ----------------------------------------------------------


def deliver_at_once(source: Source, copies: int) -> list[HttpResponse]:
    return all_done([lambda: post(source)] * copies)


@pytest.mark.django_db(transaction=True)
def test_it_stores_an_event_once_delivered_twenty_times_at_once() -> None:
    answers = deliver_at_once(factories.SourceFactory(), 20)
    message = InboxMessage.objects.get()
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert {answer.json()["id"] for answer in answers} == {message.pk}


@pytest.mark.django_db(transaction=True)
def test_looking_before_the_insert_would_store_or_fail_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: without ON CONFLICT, deliveries that all looked first end badly."""
    copies = 5
    looked = threading.Barrier(copies)

    def look_first(**given: Any) -> tuple[InboxMessage, bool]:
        known = InboxMessage.objects.filter(event_key=given["event_key"]).first()
        looked.wait(10)
        if known:
            return known, False
        given["received_at"] = given["due_at"] = given.pop("now")
        return InboxMessage.objects.create(**given), True

    monkeypatch.setattr("qualification.views.intake.store_message", look_first)
    answers = deliver_at_once(factories.SourceFactory(), copies)
    assert sorted(answer.status_code for answer in answers) == [202] + [500] * (copies - 1)


def test_it_leaves_a_stored_event_as_it_is(source: Source) -> None:
    store: Callable[..., tuple[InboxMessage, bool]] = inbox.store_message
    given: dict[str, Any] = {"source": source, "event_key": "k", "content_type": "", "now": NOW}
    first, is_new = store(body=b"one", **given)
    again, is_new_again = store(body=b"two", **given)
    assert (is_new, is_new_again, first.pk) == (True, False, again.pk)
    assert bytes(again.body) == b"one"


@pytest.mark.parametrize("length", ["x", "-1", "9" * 5000])
def test_it_refuses_a_length_that_is_none(source: Source, length: str) -> None:
    assert post(source, CONTENT_LENGTH=length).status_code == 413
    assert not InboxMessage.objects.exists()
