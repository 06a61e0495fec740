"""A message is taken once, whatever goes wrong and whoever is at it."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection

from crm.intake import upsert
from crm.matching import locks, resolve
from crm.models import (
    Account,
    AccountDomain,
    Activity,
    InboxMessage,
    Lead,
    LeadIdentity,
    Source,
)
from qualification import pipeline, sweeps
from tests import factories
from tests.qualification.pipeline_support import ANA, NOW, arrive, source
from tests.qualification.queue_support import active_model, all_done, in_threads

__all__ = ["source"]


def test_it_tries_again_later_and_gives_up_after_five(
    source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    message = arrive(source, **ANA)

    def broken(**_: Any) -> None:
        raise ValueError("about ana@brightwater.com")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "upsert_lead", broken)
        waits = []
        for attempt in range(1, 5):
            message = pipeline.process(message.pk, now=NOW)
            assert (message.state, message.attempts) == ("new", attempt)
            waits.append((message.due_at - NOW).total_seconds())
        assert waits == [30, 60, 120, 240]
        message = pipeline.process(message.pk, now=NOW)
    assert (message.state, message.attempts) == ("quarantined", 5)
    assert "ValueError" in message.error
    # What people wrote stands neither in the reason nor in the log.
    assert "brightwater" not in message.error + caplog.text
    assert not Lead.objects.exists()


def test_it_goes_on_when_the_trouble_is_over(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = arrive(source, **ANA)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.review_queue, "apply_line", None)
        patch.setattr(pipeline, "facts_changed", None)
        pipeline.process(message.pk, now=NOW)
    assert not Lead.objects.exists()
    assert pipeline.process(message.pk, now=NOW).state == "done"
    assert Lead.objects.count() == 1


def test_the_sweep_finishes_what_a_dead_worker_left(source: Source) -> None:
    """Killed after the message was stored: no bell rang, nothing but the row is there."""
    active_model(base_fit="45.0")
    message = arrive(source, **ANA)
    sweeps.run_all(now=NOW)
    message.refresh_from_db()
    assert message.state == "done"
    assert Lead.objects.get().stage == "mql"


@pytest.mark.django_db(transaction=True)
def test_two_workers_process_a_message_once() -> None:
    message = arrive(factories.SourceFactory(), **ANA)
    works = [lambda: pipeline.process(message.pk, now=NOW)] * 8
    all_done(works)
    assert Lead.objects.count() == Activity.objects.count() == 1


def same_person_at_once(copies: int) -> list[InboxMessage]:
    """Messages of one person without an account, all processed at the same time."""
    source = factories.SourceFactory()
    document = {"phone": "+49 30 901820", "company": "Brightwater"}
    messages = [arrive(source, **document, external_id=f"e-{n}") for n in range(copies)]
    works = [lambda pk=message.pk: pipeline.process(pk, now=NOW) for message in messages]
    all_done(works)
    return list(InboxMessage.objects.all())


@pytest.mark.django_db(transaction=True)
def test_one_person_at_once_is_one_lead_of_one_company() -> None:
    messages = same_person_at_once(8)
    assert {message.state for message in messages} == {"done"}
    assert Lead.objects.count() == Account.objects.count() == 1
    assert LeadIdentity.objects.count() == Activity.objects.count() == 8


@pytest.mark.django_db(transaction=True)
def test_without_the_locks_one_person_would_be_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: everybody looks before anybody writes."""
    copies = 4
    looked = threading.Barrier(copies)
    monkeypatch.setattr(upsert, "lock_keys", lambda keys: None)
    known = resolve.KnownAccounts.__init__

    def slow(self: resolve.KnownAccounts, *args: Any, **kwargs: Any) -> None:
        known(self, *args, **kwargs)
        looked.wait(10)

    monkeypatch.setattr(resolve.KnownAccounts, "__init__", slow)
    same_person_at_once(copies)
    assert Lead.objects.count() == Account.objects.count() == copies


@pytest.mark.django_db(transaction=True)
def test_unique_keys_stand_behind_the_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even without locks no address and no domain belongs to two; the loser is tried again."""
    copies = 4
    looked = threading.Barrier(copies)
    source = factories.SourceFactory()
    messages = [arrive(source, **ANA) for _ in range(copies)]
    known = resolve.KnownAccounts.__init__

    def slow(self: resolve.KnownAccounts, *args: Any, **kwargs: Any) -> None:
        known(self, *args, **kwargs)
        looked.wait(10)

    with monkeypatch.context() as patch:
        patch.setattr(upsert, "lock_keys", lambda keys: None)
        patch.setattr(resolve.KnownAccounts, "__init__", slow)
        in_threads([lambda pk=m.pk: pipeline.process(pk, now=NOW) for m in messages])
    assert Lead.objects.count() == AccountDomain.objects.count() == 1
    states = list(InboxMessage.objects.values_list("state", "attempts"))
    assert sorted(states) == [("done", 0)] + [("new", 1)] * (copies - 1)
    sweeps.run_all(now=NOW + dt.timedelta(minutes=5))
    assert set(InboxMessage.objects.values_list("state", flat=True)) == {"done"}
    assert Lead.objects.count() == 1
    assert Activity.objects.count() == copies


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_never_sets_a_message_aside() -> None:
    """An import holds the locks of everybody longer than a message waits."""
    message = arrive(factories.SourceFactory(), **ANA)
    importer = connection.copy()
    try:
        with importer.cursor() as held, connection.cursor() as cursor:
            held.execute("SELECT pg_advisory_lock(%s)", [locks._EVERYBODY])
            cursor.execute("SET lock_timeout = '20ms'")
            for n in range(8):
                message = pipeline.process(message.pk, now=NOW + dt.timedelta(hours=n))
                assert message.state == "new"
            cursor.execute("RESET lock_timeout")
    finally:
        importer.close()
    later = NOW + dt.timedelta(hours=9)
    assert pipeline.process(message.pk, now=later).state == "done"
