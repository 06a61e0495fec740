"""Outcomes come by a signed door, by a file and by asking the CRM: one way into the one table."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from crm.models import Lead, Outcome, Source, User
from qualification.models import CrmConnection, OutboxMessage
from qualification.outcomes.poll import AFTER_FAILURE, EVERY, poll, poll_due
from qualification.sweeps import deliver_due, run_all
from tests.factories import NOW, LeadFactory, SourceFactory
from tests.fakes.hubspot import TOKEN, HubSpot, hubspot
from tests.qualification.crm_support import SECRET_NAME, connection_to
from tests.qualification.decision_support import MINUTE, accepted
from tests.qualification.webhook_support import open_transactions

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-the-tests"
DUE = NOW + 6 * MINUTE
DAY = dt.timedelta(days=1)


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(name="our-crm", credential="c0ffee")


# --- the signed door ------------------------------------------------------------------------------


def tell(
    client: Client, body: object, *, secret: str = SECRET, path: str = "our-crm/c0ffee"
) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return client.post(
        f"/intake/{path}/outcomes/",
        raw,
        content_type="application/json",
        headers={"X-Signature": f"sha256={signature}"},
    )


def one(lead: Lead | str, **changes: Any) -> dict[str, Any]:
    lead_ref = lead if isinstance(lead, str) else lead.pk
    return {
        "id": "006A",
        "outcome": "won",
        "at": "2026-11-24T10:00:00+01:00",
        "lead": lead_ref,
        **changes,
    }


def test_the_door_keeps_what_is_signed(
    client: Client, people: dict[str, User], source: Source
) -> None:
    lead = accepted(people).lead
    body = {"outcomes": [one(lead), one("L-9", id="006B")]}
    answer = tell(client, body)
    assert (answer.status_code, answer.json()) == (
        200,
        {"recorded": 2, "known": 0, "unmatched": ["006B"]},
    )
    assert tell(client, body).json() == {"recorded": 0, "known": 2, "unmatched": ["006B"]}
    lead.refresh_from_db()
    assert lead.stage == "won"


def test_it_takes_nothing_unsigned_or_elsewhere(client: Client, source: Source) -> None:
    body = {"outcomes": [one("x")]}
    assert tell(client, body, secret="other").status_code == 401
    assert tell(client, body, path="our-crm/other").status_code == 404
    SourceFactory(name="a-file", kind="file", credential="f")
    assert tell(client, body, path="a-file/f").status_code == 404
    assert client.get("/intake/our-crm/c0ffee/outcomes/").status_code == 405
    assert not Outcome.objects.exists()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "no JSON"),
        ([], "must list"),
        ({"outcomes": []}, "must list"),
        ({"outcomes": [one("x")] * 501}, "must list"),
        ({"outcomes": [one("x"), one("x", at="yesterday")]}, r"outcomes\[1\]: A day"),
        ({"outcomes": [one("x", at="2026-11-24T10:00:00")]}, "A day"),
        ({"outcomes": [one("x", at="2026-99-99")]}, "A day"),
        ({"outcomes": [one("x", at="2999-01-01")]}, "future"),
        ({"outcomes": [one("x", amount=5)]}, "Only at, id"),
        ({"outcomes": [one("x", months="3")]}, "whole number"),
        ({"outcomes": [one("x") | {"lead": True}]}, "which lead"),
        ({"outcomes": ["won"]}, "Only at, id"),
    ],
)
def test_one_wrong_and_none_is_kept(client: Client, source: Source, body: Any, why: str) -> None:
    answer = tell(client, body)
    assert answer.status_code == 422
    assert re.search(why, answer.json()["error"])
    assert not Outcome.objects.exists()


# --- a file ---------------------------------------------------------------------------------------


def csv_of(*rows: str) -> bytes:
    return "\n".join(["id,lead,outcome,at,months", *rows, ""]).encode()


def upload(client: Client, body: bytes) -> Any:
    return client.post("/outcomes/", {"file": SimpleUploadedFile("outcomes.csv", body)})


@pytest.fixture
def manager(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["manager"])


def test_a_manager_loads_a_file(people: dict[str, User], manager: Client) -> None:
    lead = accepted(people).lead
    body = csv_of(f"d1,{lead.pk},won,2026-11-24,", f"d1,lead:{lead.pk},retained,2026-11-25,12")
    answer = upload(manager, body)
    assert answer.status_code == 302
    page = manager.get("/outcomes/").content.decode()
    assert "2 outcomes are new, 0 known before, 0 without a lead." in page
    assert "Retained, 12 months" in page
    assert lead.last_name in page
    upload(manager, body)
    assert "0 outcomes are new, 2 known before" in manager.get("/outcomes/").content.decode()
    assert Outcome.objects.count() == 2


def test_errors_are_told_by_row_and_nothing_is_half_done(
    people: dict[str, User], manager: Client
) -> None:
    lead = accepted(people).lead
    answer = upload(
        manager,
        csv_of(f"d1,{lead.pk},won,2026-11-24,", "d2,7,sold,2026-11-24,", "d3,7,won,soon,"),
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "2 rows are wrong: nothing was kept" in page
    assert "“sold” is no outcome" in page
    assert '<td class="num">3</td>' in page
    assert not Outcome.objects.exists()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"id;lead\n", "missing: id, lead"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b'id,lead,outcome,at\n"a,b', "cannot be read"),
        (b"x" * 2_000_001, "larger than 2 MB"),
    ],
)
def test_what_is_no_such_file_is_refused(manager: Client, body: bytes, why: str) -> None:
    answer = upload(manager, body)
    assert (answer.status_code, why in answer.content.decode()) == (422, True)


def test_no_file_is_refused(manager: Client) -> None:
    assert manager.post("/outcomes/", {}).status_code == 422


def test_a_manager_sees_and_finds_leads_in_sight_only(
    people: dict[str, User], manager: Client
) -> None:
    elsewhere = LeadFactory(team__name="APAC", last_name="Canary")
    upload(manager, csv_of(f"d1,{elsewhere.pk},won,2026-11-24,"))
    outcome = Outcome.objects.get()
    assert outcome.lead is None
    assert "Canary" not in manager.get("/outcomes/").content.decode()
    page = manager.get("/outcomes/?which=without").content.decode()
    assert f"lead:{elsewhere.pk}" in page
    assert "No lead is known as" in page
    answer = manager.post(f"/outcomes/{outcome.pk}/look/", follow=True)
    assert "Still nobody is known" in answer.content.decode()


def test_a_look_finds_who_has_come_meanwhile(people: dict[str, User], manager: Client) -> None:
    upload(manager, csv_of("d1,L-1,won,2026-11-24,"))
    from crm.models import LeadIdentity

    outcome = Outcome.objects.get()
    lead = LeadFactory(team=people["sdr"].team)
    LeadIdentity.objects.create(
        lead=lead, source=outcome.source, external_id="L-1", first_seen_at=NOW, last_seen_at=NOW
    )
    answer = manager.post(f"/outcomes/{outcome.pk}/look/", follow=True)
    assert "Found: it stands with its lead now." in answer.content.decode()
    assert manager.post(f"/outcomes/{outcome.pk}/look/").status_code == 404


def test_the_command(people: dict[str, User], tmp_path: Path) -> None:
    lead = accepted(people).lead
    name, out, err = tmp_path / "o.csv", StringIO(), StringIO()
    name.write_bytes(csv_of(f"d1,{lead.pk},opportunity,2026-11-24,"))
    call_command("import_outcomes", name, "--dry-run", stdout=out)
    assert not Outcome.objects.exists()
    call_command("import_outcomes", name, stdout=out)
    call_command("import_outcomes", name, stdout=out)
    assert out.getvalue().splitlines() == [
        "recorded=1 known=0 unmatched=0 failed=0",
        "recorded=1 known=0 unmatched=0 failed=0",
        "recorded=0 known=1 unmatched=0 failed=0",
    ]
    name.write_bytes(csv_of("d1,1,won,2026-11-24,", "d2,1,won,soon,"))
    with pytest.raises(SystemExit) as exit_:
        call_command("import_outcomes", name, stdout=out, stderr=err)
    assert (exit_.value.code, out.getvalue().splitlines()[-1]) == (
        1,
        "recorded=0 known=0 unmatched=0 failed=1",
    )
    assert err.getvalue().startswith("line 3: ")
    for wrong in ([name, "--source", "none"], [tmp_path / "absent.csv"]):
        with pytest.raises(CommandError) as caught:
            call_command("import_outcomes", *wrong, stdout=out)
        assert caught.value.returncode == 2


# --- asking the CRM -------------------------------------------------------------------------------


@pytest.fixture
def crm(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubSpot]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    monkeypatch.setenv(SECRET_NAME, TOKEN)
    with hubspot() as running:
        yield running


def delivered(people: dict[str, User], crm: HubSpot) -> tuple[Lead, str, CrmConnection]:
    """A lead whose deal is there, and the id of the deal."""
    theirs = connection_to(crm.url, poll_due_at=NOW, polled_until=NOW)
    lead = accepted(people).lead
    assert deliver_due(now=DUE) == 2
    (deal,) = crm.records["deals"]
    return lead, deal, theirs


def moved(crm: HubSpot, deal: str, **properties: str) -> None:
    crm.change("deals", deal, {"hs_lastmodifieddate": "2026-11-25T09:00:00Z", **properties})


WON = {
    "hs_v2_date_entered_qualifiedtobuy": "2026-11-24T09:00:00Z",
    "hs_is_closed": "true",
    "hs_is_closed_won": "true",
    "closedate": "2026-11-25T08:00:00Z",
}


def test_a_deal_won_there_is_a_lead_won_here(people: dict[str, User], crm: HubSpot) -> None:
    lead, deal, theirs = delivered(people, crm)
    moved(crm, deal, **WON)
    now = NOW + 3 * DAY
    assert run_all(now=now)["outcomes"] == 2
    lead.refresh_from_db()
    kept = Outcome.objects.order_by("occurred_at")
    assert (lead.stage, [one.value for one in kept]) == ("won", ["opportunity", "won"])
    assert {(one.source, one.external_id) for one in kept} == {(theirs.source, deal)}
    assert kept[1].occurred_at == dt.datetime(2026, 11, 25, 8, tzinfo=dt.UTC)
    assert poll_due(now=now + EVERY) == 0
    assert Outcome.objects.count() == 2


def test_a_deal_lost_there(people: dict[str, User], crm: HubSpot) -> None:
    lead, deal, _theirs = delivered(people, crm)
    moved(crm, deal, **{**WON, "hs_is_closed_won": "false"})
    assert poll_due(now=NOW + 3 * DAY) == 2
    lead.refresh_from_db()
    assert lead.stage == "lost"


def test_it_asks_once_in_five_minutes(people: dict[str, User], crm: HubSpot) -> None:
    _lead, _deal, theirs = delivered(people, crm)
    before = len(crm.requests)
    poll_due(now=DUE)
    poll_due(now=DUE + EVERY / 2)
    assert len(crm.requests) == before + 1
    assert poll(theirs, now=DUE) == 0  # somebody else has taken this turn
    assert len(crm.requests) == before + 1


def test_many_changes_are_read_page_by_page(people: dict[str, User], crm: HubSpot) -> None:
    theirs = connection_to(crm.url, poll_due_at=NOW, polled_until=NOW)
    for number in range(730):
        at = (NOW + dt.timedelta(seconds=number)).isoformat()
        crm.add("deals", leadqual_id=f"lead:{10**9 + number}", hs_lastmodifieddate=at, **WON)
    now, new = NOW + 3 * DAY, 0
    for _turn in range(2):
        theirs.refresh_from_db()
        new += poll(theirs, now=now)
    theirs.refresh_from_db()
    assert (new, Outcome.objects.filter(lead=None).count()) == (1460, 1460)
    assert theirs.poll_due_at == now + EVERY


@pytest.mark.parametrize("fault", ["500", "429", "reset"])
def test_one_that_is_down_is_asked_later_from_the_same_place(
    people: dict[str, User], crm: HubSpot, fault: str
) -> None:
    _lead, deal, theirs = delivered(people, crm)
    moved(crm, deal, **WON)
    crm.faults = [fault]
    assert poll_due(now=NOW + 3 * DAY) == 0
    theirs.refresh_from_db()
    assert theirs.poll_error
    assert theirs.poll_due_at == NOW + 3 * DAY + AFTER_FAILURE
    assert poll_due(now=theirs.poll_due_at) == 2
    theirs.refresh_from_db()
    assert theirs.poll_error == ""


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_it_asks(people: dict[str, User], crm: HubSpot) -> None:
    delivered(people, crm)
    seen: list[int] = []
    crm.on_request = lambda: seen.append(open_transactions())
    poll_due(now=NOW + 3 * DAY)
    assert seen == [0]


# --- where it shows -------------------------------------------------------------------------------


def test_timeline_decision_and_list_show_it(
    people: dict[str, User], manager: Client, source: Source
) -> None:
    from qualification.connectors.base import ToldOutcome
    from qualification.outcomes.record import record_outcome

    decision = accepted(people)
    lead = decision.lead
    told = ToldOutcome("d1", "won", NOW + 9 * DAY, f"lead:{lead.pk}")
    record_outcome(told=told, source=source, now=max(timezone.now(), NOW + 9 * DAY))
    assert "Outcome: Won" in manager.get(f"/leads/{lead.pk}/timeline/").content.decode()
    page = manager.get(f"/decisions/{decision.pk}/").content.decode()
    assert "What became of it" in page
    assert "8 days to close" in page
    assert "Delivered to" in page
    assert OutboxMessage.objects.count() == 1
