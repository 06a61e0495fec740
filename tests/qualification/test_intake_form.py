"""The public form: no script, no token, one trap, stored like everything else."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from crm.models import Activity, InboxMessage, Lead, Source
from qualification import pipeline
from qualification.views import intake
from tests import factories

NOW = factories.NOW
FIELDS = {
    "name": "Ana Lund",
    "email": "ana@brightwater.com",
    "company": "Brightwater",
    "phone": "+49 30 901820",
    "topic": "Pricing",
    "message": "Please <b>call</b> me",
    "fax_number": "",
}


@pytest.fixture
def source(db: None) -> Source:
    cache.clear()
    return factories.SourceFactory(kind="form", secret="")


def path(source: Source) -> str:
    return f"/intake/{source.name}/{source.credential}/"


def send(source: Source, client: Client | None = None, **changed: str) -> HttpResponse:
    """What a browser sends, from a page that may be another site's."""
    return (client or Client(enforce_csrf_checks=True)).post(
        path(source),
        urlencode({**FIELDS, **changed}),
        content_type="application/x-www-form-urlencoded",
        headers={"Origin": "https://elsewhere.example"},
    )


def test_it_shows_a_form_that_needs_no_script(source: Source) -> None:
    page = Client().get(path(source))
    assert page.status_code == 200
    text = page.content.decode()
    assert 'method="post"' in text
    for name in FIELDS:
        assert f'name="{name}"' in text
    assert re.search(r'name="event_id" value="[-\w]{16,}"', text)
    assert 'style="' not in text


def test_it_stores_and_thanks(source: Source) -> None:
    answer = send(source, event_id="token-1")
    assert answer.status_code == 200
    assert "Thank you" in answer.content.decode()
    message = InboxMessage.objects.get()
    assert (message.event_key[:7], message.state) == ("sha256:", "new")
    pipeline.process(message.pk, now=NOW)
    lead, activity = Lead.objects.get(), Activity.objects.get()
    assert (lead.first_name, lead.last_name, lead.phone_key) == ("Ana", "Lund", "+4930901820")
    assert (lead.topic, lead.channel) == ("Pricing", "web form")
    assert (activity.type, activity.properties["message"]) == ("form_submit", FIELDS["message"])


def test_it_takes_a_double_click_once(source: Source) -> None:
    for _ in range(2):
        assert send(source, event_id="token-1").status_code == 200
    send(source, event_id="token-2")
    assert InboxMessage.objects.count() == 2


def test_it_shows_what_is_missing_and_keeps_the_words(source: Source) -> None:
    answer = send(source, email="nonsense", event_id="token-1")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in text
    assert "Please &lt;b&gt;call&lt;/b&gt; me" in text
    assert 'value="token-1"' in text
    assert not InboxMessage.objects.exists()


def test_it_sets_machines_aside_and_thanks_them(source: Source) -> None:
    answer = send(source, fax_number="+1", email="")
    assert answer.content == send(source, event_id="other").content
    trapped = pipeline.process(InboxMessage.objects.order_by("pk")[0].pk, now=NOW)
    assert trapped.state == "quarantined"
    assert "machine" in trapped.error
    assert not Lead.objects.exists()


def test_it_stops_an_address_that_sends_too_often(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FORM_LIMIT", 3)
    statuses = [send(source, event_id=str(n)).status_code for n in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert send(source, Client(REMOTE_ADDR="203.0.113.9"), event_id="x").status_code == 200
    assert InboxMessage.objects.count() == 4


def test_it_ignores_a_forged_proxy_header(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FORM_LIMIT", 1)
    for n, expected in enumerate([200, 429]):
        client = Client(headers={"X-Forwarded-For": f"203.0.113.{n}"})
        assert send(source, client, event_id=str(n)).status_code == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"=", 422),
        (b"email=%00@b.com", 422),
        (b"email=a@b.com&name=%ff%fe", 400),
        (b"email=a@b.com&name=%00", 200),
        (b"\xff\xfe", 400),
        (b"&".join(b"a=1" for _ in range(100)), 400),
        (b"x" * 1_000_001, 413),
    ],
)
def test_it_never_fails_on_junk(source: Source, body: bytes, status: int) -> None:
    client = Client(raise_request_exception=False)
    answer = client.post(path(source), body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == status
    for message in InboxMessage.objects.all():
        assert pipeline.process(message.pk, now=NOW).state in ("done", "quarantined")


def test_it_takes_plain_fields_only(source: Source) -> None:
    assert Client().post(path(source), {"email": "a@b.com"}).status_code == 415
    assert Client().put(path(source)).status_code == 405


def test_a_page_sent_again_with_other_words_is_another_message(source: Source) -> None:
    send(source, event_id="token-1", email="ana@brightwater.con")
    send(source, event_id="token-1")
    assert InboxMessage.objects.count() == 2
