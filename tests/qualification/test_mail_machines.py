"""A scanner's clicks on the main road: judged on arrival, worth nothing, in whatever order."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from random import Random
from threading import Barrier
from typing import Any

import pytest
from django.db import transaction

from crm.intake import machines
from crm.intake.inbox import store_message
from crm.intake.machines import judge_mail_acts
from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_leads
from crm.models import Activity, ActivityVerdict, InboxMessage, Lead, Source
from qualification import pipeline
from qualification.models import LeadScore
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests import factories
from tests.qualification.queue_support import in_threads
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db
NOW = factories.NOW
CLICKS = rule({"activity": "email_click", "max_points": 20}, points=5, dimension="intent")
BURST = [
    {"type": "email_click", "at": number, "link": f"https://leadqual.example/{number}"}
    for number in range(4)
]
OPEN = {"type": "email_open", "at": 1}
LATER = {"type": "email_click", "at": 300, "link": "https://leadqual.example/2"}


@pytest.fixture
def source(db: None) -> Source:
    draft = drafts.load_draft(checked_document(document(CLICKS)), by=None, now=NOW)
    versions.activate_as_operator(model=draft, now=NOW)
    return factories.SourceFactory(name="mail-tool")


def arrive(source: Source, event: dict[str, Any], **properties: Any) -> None:
    """One event comes by webhook and is processed."""
    at = NOW - dt.timedelta(hours=1) + dt.timedelta(seconds=event["at"])
    said = {"message_id": "m1", "link": event.get("link"), **properties}
    body = {"email": "ana@brightwater.example", "type": event["type"], "properties": said}
    message, _ = store_message(
        source=source,
        event_key=f"{event['type']}-{event['at']}-{event.get('link')}",
        body=json.dumps(body | {"occurred_at": at.isoformat()}).encode(),
        content_type="application/json",
        now=NOW,
    )
    pipeline.process(message.pk, now=NOW)
    message.refresh_from_db()
    assert message.state == InboxMessage.State.DONE


def judged() -> set[str]:
    """The reasons machines were found for, by act."""
    rows = ActivityVerdict.objects.values_list("activity__type", "activity__properties", "reason")
    return {f"{kind} {said.get('link') or ''}: {reason}" for kind, said, reason in rows}


@pytest.mark.parametrize("seed", range(8))
def test_a_burst_is_worth_nothing_in_whatever_order_it_comes(source: Source, seed: int) -> None:
    events = [*BURST, OPEN, LATER]
    Random(seed).shuffle(events)
    for event in events:
        arrive(source, event)
    assert ActivityVerdict.objects.count() == 5
    assert not ActivityVerdict.objects.filter(
        activity__occurred_at__gt=NOW - dt.timedelta(hours=1) + dt.timedelta(seconds=10)
    ).exists()
    assert LeadScore.objects.get().intent_tenths == 50  # the later click, by a person


def test_the_beginning_of_a_burst_counts_until_it_is_one(source: Source) -> None:
    for event, expected in zip(BURST, (50, 100, 150, 0), strict=True):
        arrive(source, event)
        assert LeadScore.objects.get().intent_tenths == expected


def test_a_known_scanner_is_worth_nothing(source: Source) -> None:
    arrive(source, LATER, user_agent="BarracudaCentral/1.0")
    assert judged() == {f"email_click {LATER['link']}: known mail scanner"}
    assert LeadScore.objects.get().total_tenths == 0


def test_an_event_told_twice_is_judged_once(source: Source) -> None:
    for event in [*BURST, *BURST]:
        arrive(source, event)
    assert (Activity.objects.count(), ActivityVerdict.objects.count()) == (4, 4)


def test_a_person_overrules_and_it_stays(source: Source) -> None:
    for event in BURST:
        arrive(source, event)
    verdict = ActivityVerdict.objects.order_by("pk").first()
    assert verdict is not None
    ActivityVerdict.objects.create(
        activity=verdict.activity, is_machine=False, reason="it was her", recorded_at=NOW
    )
    arrive(source, {**LATER, "at": 5, "link": "https://leadqual.example/9"})
    assert verdict.activity.verdicts.count() == 2
    assert LeadScore.objects.get().intent_tenths == 50


def test_a_file_of_events_is_judged_like_single_ones(source: Source) -> None:
    payloads = [
        LeadPayload(
            external_id="e1",
            values={"email": "ana@brightwater.example"},
            activity=ActivityPayload(
                type=event["type"],
                occurred_at=NOW + dt.timedelta(seconds=event["at"]),
                event_key=str(number),
                properties={"message_id": "m1", "link": event.get("link")},
            ),
        )
        for number, event in enumerate([*BURST, OPEN, LATER])
    ]
    upsert_leads(payloads=payloads, source=source, now=NOW)
    assert ActivityVerdict.objects.count() == 5


def halves(barrier: Barrier, *, and_before_commit: bool) -> list[Callable[[], int]]:
    """Two deliveries, each with half of a burst, that record before either judges."""
    lead = factories.LeadFactory()

    def deliver(part: list[dict[str, Any]]) -> int:
        with transaction.atomic():
            acts = [
                Activity.objects.create(
                    lead=lead,
                    type=event["type"],
                    occurred_at=NOW + dt.timedelta(seconds=event["at"]),
                    recorded_at=NOW,
                    properties={"link": event["link"]},
                )
                for event in part
            ]
            barrier.wait(timeout=30)
            found = judge_mail_acts(acts, now=NOW)
            if and_before_commit:
                barrier.wait(timeout=30)
            return found

    return [lambda: deliver(BURST[:2]), lambda: deliver(BURST[2:])]


@pytest.mark.django_db(transaction=True)
def test_two_halves_at_once_are_one_burst() -> None:
    found = in_threads(halves(Barrier(2), and_before_commit=False))
    assert sorted(found) == [0, 4]
    assert ActivityVerdict.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_miss_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_lock", lambda lead_ids: None)
    assert in_threads(halves(Barrier(2), and_before_commit=True)) == [0, 0]
    assert Lead.objects.get().activities.count() == 4
