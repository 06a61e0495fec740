"""What nobody needs any more goes at night; what was not read, sent or understood never does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.models import InboxMessage, Lead
from qualification.invariants import violations
from qualification.models import Notice, OutboxMessage
from qualification.personal import retention
from qualification.personal.retention import forget_old
from tests import factories
from tests.qualification.decision_support import NOW, accepted

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
OLD = NOW - 10 * DAY
YOUNG = NOW - DAY


@pytest.fixture(autouse=True)
def five_days(settings: Any) -> None:
    settings.KEEP_DAYS = {"READ_NOTICES": 5, "SENT_MESSAGES": 5, "MESSAGE_BODIES": 5}


def notice(key: str, **fields: Any) -> Notice:
    person = factories.UserFactory()
    return Notice.objects.create(
        person=person, kind="task_due", key=key, words={"task": "x"}, at=OLD, **fields
    )


def outgoing(key: str, **fields: Any) -> OutboxMessage:
    return OutboxMessage.objects.create(
        key=key, kind="notice-mail", not_before=OLD, due_at=OLD, **fields
    )


def incoming(key: str, **fields: Any) -> InboxMessage:
    return InboxMessage.objects.create(
        source=factories.SourceFactory(),
        event_key=key,
        received_at=OLD,
        due_at=OLD,
        body=b"said",
        **fields,
    )


def test_read_notices_go_and_others_stay() -> None:
    notice("read long ago", read_at=OLD)
    notice("read lately", read_at=YOUNG)
    notice("never read")
    notice("read, and its mail is to be planned", read_at=OLD, due_at=NOW)
    assert forget_old(now=NOW)["READ_NOTICES"] == 1
    assert not Notice.objects.filter(key="read long ago").exists()
    assert Notice.objects.count() == 3
    assert forget_old(now=NOW)["READ_NOTICES"] == 0


def test_sent_messages_go_and_others_stay() -> None:
    outgoing("sent long ago", state="sent", sent_at=OLD)
    outgoing("sent lately", state="sent", sent_at=YOUNG)
    outgoing("waits")
    outgoing("given up", state="dead")
    assert forget_old(now=NOW)["SENT_MESSAGES"] == 1
    keys = set(OutboxMessage.objects.values_list("key", flat=True))
    assert keys == {"sent lately", "waits", "given up"}


def test_that_an_ae_was_told_stays(people: Any) -> None:
    accepted(people)
    OutboxMessage.objects.update(state="sent", sent_at=OLD)
    forget_old(now=NOW + 400 * DAY)
    assert OutboxMessage.objects.count() == 1
    assert violations(now=NOW) == []


def test_bytes_of_leads_go_and_the_rest_stays(people: Any) -> None:
    lead = factories.LeadFactory()
    done = incoming("a", state="done", processed_at=OLD, lead=lead)
    for key, fields in {
        "b": {"state": "done", "processed_at": YOUNG},
        "c": {"state": "quarantined", "processed_at": OLD},
        "d": {"state": "new"},
    }.items():
        incoming(key, **fields)
    assert forget_old(now=NOW)["MESSAGE_BODIES"] == 1
    done.refresh_from_db()
    assert (bytes(done.body), done.event_key, done.lead) == (b"", "a", lead)
    assert InboxMessage.objects.exclude(body=b"").count() == 3
    assert forget_old(now=NOW)["MESSAGE_BODIES"] == 0


def test_zero_keeps_for_ever(settings: Any) -> None:
    settings.KEEP_DAYS = dict.fromkeys(settings.KEEP_DAYS, 0)
    notice("read", read_at=OLD)
    outgoing("sent", state="sent", sent_at=OLD)
    incoming("a", state="done", processed_at=OLD)
    assert set(forget_old(now=NOW + 9999 * DAY).values()) == {0}


def test_it_goes_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCHES", 2)
    for number in range(7):
        notice(f"read {number}", read_at=OLD)
        incoming(f"done {number}", state="done", processed_at=OLD)
    assert forget_old(now=NOW)["READ_NOTICES"] == 4
    assert (Notice.objects.count(), InboxMessage.objects.exclude(body=b"").count()) == (3, 3)
    forget_old(now=NOW)
    assert (Notice.objects.count(), InboxMessage.objects.exclude(body=b"").count()) == (0, 0)
    assert not Lead.objects.exists()
