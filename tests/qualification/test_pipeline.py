"""From a stored message to a lead, its score and its place in the queue; once, whatever happens."""

from __future__ import annotations

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.db import connection

from crm.intake import upsert
from crm.intake.inbox import store_message
from crm.matching import locks, resolve
from crm.models import (
    Account,
    AccountDomain,
    Activity,
    AttributeDefinition,
    InboxMessage,
    Lead,
    LeadIdentity,
    Source,
    StageEvent,
    User,
)
from crm.stages import Stage
from qualification import pipeline, sweeps
from qualification.models import LeadScore, ReviewItem, ScoringDue
from tests import factories
from tests.qualification import decision_support
from tests.qualification.queue_support import active_model, give_score

NOW = factories.NOW
ANA = {"email": "ana@brightwater.com", "name": "Ana Lund", "company": "Brightwater GmbH"}


@pytest.fixture
def source(db: None) -> Source:
    return factories.SourceFactory(name="website")


def arrive(source: Source, now: dt.datetime = NOW, **document: Any) -> InboxMessage:
    """Store a message as the webhook does; not processed."""
    body = json.dumps(document).encode()
    key = f"test:{InboxMessage.objects.count()}"
    message, _ = store_message(
        source=source, event_key=key, body=body, content_type="application/json", now=now
    )
    return message


def take(source: Source, now: dt.datetime = NOW, **document: Any) -> InboxMessage:
    """Store and process."""
    return pipeline.process(arrive(source, now, **document).pk, now=now)


# --- new and known -------------------------------------------------------------------------------


def test_it_makes_a_lead_with_everything_said(source: Source) -> None:
    message = take(
        source,
        **ANA,
        title="CTO",
        phone="+49 30 901820",
        website="https://www.brightwater.com",
        industry="Logistics",
        employees=120,
        topic="Pricing",
        message="Call me",
        attributes={"seats": 40, "trial": True, "plan": "Pro"},
        properties={"path": "/pricing"},
        occurred_at="2026-11-22T10:00:00+01:00",
        type="demo_request",
    )
    lead, activity, account = Lead.objects.get(), Activity.objects.get(), Account.objects.get()
    assert (message.state, message.lead, message.error) == ("done", lead, "")
    assert (lead.name, lead.title, lead.stage, lead.email_kind) == (
        "Ana Lund",
        "CTO",
        "new",
        "corporate",
    )
    assert lead.attributes == {"seats": 40, "trial": True, "plan": "Pro"}
    assert lead.received_at == NOW
    assert lead.team.is_fallback
    assert (account.name, account.industry, account.employees) == (
        "Brightwater GmbH",
        "Logistics",
        120,
    )
    assert lead.account == account
    assert (activity.type, activity.occurred_at.hour, activity.recorded_at) == (
        "demo_request",
        9,
        NOW,
    )
    assert activity.properties == {"path": "/pricing", "topic": "Pricing", "message": "Call me"}
    identity = LeadIdentity.objects.get()
    assert (identity.source, identity.external_id) == (source, "ana@brightwater.com")
    assert dict(AttributeDefinition.objects.values_list("name", "type")) == {
        "seats": "number",
        "trial": "boolean",
        "plan": "text",
    }


def test_it_gives_the_sources_team(source: Source) -> None:
    source.team = factories.TeamFactory()
    source.save()
    assert take(source, **ANA).lead.team == source.team


def test_it_does_nothing_the_second_time(source: Source) -> None:
    first = take(source, **ANA)
    again = pipeline.process(first.pk, now=NOW + dt.timedelta(hours=1))
    assert again.processed_at == NOW
    assert Lead.objects.count() == Activity.objects.count() == 1


@pytest.mark.parametrize(
    "again",
    [
        {"email": " ANA@Brightwater.com"},
        {"email": "ana@brightwater.com", "phone": "+49 30 1"},
        {"phone": "030 901820", "country": "Germany"},
        {"external_id": "a-1"},
        {"external_id": "a-1", "email": "ana.lund@brightwater.com"},
    ],
)
def test_it_knows_the_person_again(source: Source, again: dict[str, str]) -> None:
    take(source, **ANA, phone="+49 30 901820", external_id="a-1")
    take(source, **again)
    assert Lead.objects.count() == 1
    assert Activity.objects.count() == 2


def test_it_knows_nobody_by_a_number_that_several_share(source: Source) -> None:
    for name in ("ana", "bo"):
        take(source, email=f"{name}@brightwater.com", phone="+49 30 901820")
    take(source, phone="+49 30 901820")
    assert Lead.objects.count() == 3
    # From now on somebody is known by that number alone.
    take(source, phone="+49 30 901820")
    take(source, phone="+49 30 901820", email="cy@brightwater.com")
    assert Lead.objects.count() == 3


def test_it_sets_a_stolen_address_aside(source: Source) -> None:
    take(source, **ANA, external_id="a-1")
    take(source, email="bo@brightwater.com", external_id="b-1")
    message = take(source, email="ana@brightwater.com", external_id="b-1")
    assert (message.state, message.error) == ("quarantined", "email: belongs to another lead")


def test_it_keeps_what_a_person_set_since(source: Source) -> None:
    take(source, **ANA, title="CTO", industry="Logistics")
    Lead.objects.update(title="Chief Technology Officer")
    Account.objects.update(industry="Shipping")
    take(source, **{**ANA, "name": "Ana Lund-Berg"}, title="VP", industry="Trucks", city="Kiel")
    lead = Lead.objects.get()
    assert (lead.title, lead.account.industry) == ("Chief Technology Officer", "Shipping")  # type: ignore[union-attr]
    assert (lead.last_name, lead.city) == ("Lund-Berg", "Kiel")


def test_it_lets_the_later_event_win_in_any_order(source: Source) -> None:
    early, late = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"
    take(source, external_id="a", city="Kiel", occurred_at=late)
    take(source, external_id="a", city="Rome", country="Italy", occurred_at=early)
    lead = Lead.objects.get()
    assert (lead.city, lead.country) == ("Kiel", "Italy")
    take(source, external_id="a", city="Oslo", occurred_at=late.replace("11:", "12:"))
    assert Lead.objects.get().city == "Oslo"


def test_it_leaves_out_values_of_another_type_and_says_so(source: Source) -> None:
    AttributeDefinition.objects.create(name="seats", type="number")
    AttributeDefinition.objects.create(name="since", type="date")
    message = take(
        source,
        **ANA,
        employees="many",
        colour="red",
        attributes={
            "seats": "a lot",
            "since": "2026-02-30",
            "plan": ["x"],
            "Bad Name": 1,
            "ok": "5",
        },
    )
    assert message.state == "done"
    assert Lead.objects.get().attributes == {"ok": "5"}
    for said in ("employees: not a number", "'colour'", "seats", "since", "plan", "'Bad Name'"):
        assert said in message.error
    take(source, **ANA, attributes={"seats": "12.5", "since": "2026-02-28T10:00:00Z"})
    assert Lead.objects.get().attributes == {"ok": "5", "seats": 12.5, "since": "2026-02-28"}


def test_it_does_not_believe_the_future(source: Source) -> None:
    message = take(source, **ANA, occurred_at="2031-01-01T00:00:00Z")
    assert Activity.objects.get().occurred_at == NOW
    assert "occurred_at" in message.error


# --- companies -----------------------------------------------------------------------------------


def test_it_finds_the_company_by_domain_then_by_name(source: Source) -> None:
    documents: list[dict[str, str]] = [
        {"email": "a@brightwater.com"},
        {"email": "b@mail.brightwater.com", "company": "Brightwater GmbH"},
        {"email": "c@gmail.com", "company": "BRIGHTWATER"},
        {"email": "d@brightwater.de", "company": "Brightwater AG"},
        {"email": "e@gmail.com", "website": "www.brightwater.de/jobs"},
    ]
    for document in documents:
        take(source, **document)
    account = Account.objects.get()
    assert account.name == "Brightwater GmbH"
    assert {domain.domain for domain in account.domains.all()} == {
        "brightwater.com",
        "brightwater.de",
    }
    assert Lead.objects.filter(account=account).count() == 5


def test_it_makes_no_company_of_a_free_mail_host(source: Source) -> None:
    take(source, email="ana@gmail.com", website="https://linkedin.com/in/ana")
    assert not Account.objects.exists()


def test_it_rescores_colleagues_when_the_company_changes(source: Source) -> None:
    take(source, email="bo@brightwater.com")
    ScoringDue.objects.all().delete()
    arrived = arrive(source, email="ana@brightwater.com", industry="Logistics")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "_score_or_leave_due", lambda lead_id, now: None)
        pipeline.process(arrived.pk, now=NOW)
    assert ScoringDue.objects.count() == 2


# --- asking again --------------------------------------------------------------------------------


def stage_lead(stage: str, by: str = "person") -> Lead:
    """A lead in a stage, brought there on allowed ways."""
    ways = {
        "new": (),
        "mql": ("mql",),
        "working": ("mql", "working"),
        "nurture": ("mql", "working", "nurture"),
        "sql": ("mql", "working", "sql"),
        "opportunity": ("mql", "working", "sql", "opportunity"),
        "won": ("mql", "working", "sql", "opportunity", "won"),
        "lost": ("mql", "working", "sql", "lost"),
        "disqualified": ("mql", "working", "disqualified"),
    }
    lead = factories.LeadFactory(email=ANA["email"])
    for step in ways[stage]:
        by_whom = by if step == "disqualified" else ""
        Lead.objects.filter(pk=lead.pk).update(stage=step, disqualified_by=by_whom)
    return lead


@pytest.mark.parametrize("stage", ["disqualified", "lost", "nurture"])
def test_it_brings_back_who_asks_again(source: Source, stage: str) -> None:
    lead = stage_lead(stage)
    take(source, **ANA)
    lead.refresh_from_db()
    item = ReviewItem.objects.get()
    assert (lead.stage, item.entry_reason, item.lead) == (Stage.MQL, "reinquiry", lead)
    assert StageEvent.objects.get().to_stage == "mql"


def test_an_inquiry_from_long_before_the_decision_reopens_nothing(source: Source) -> None:
    lead = stage_lead("lost")
    old = (lead.stage_at - dt.timedelta(days=2)).isoformat()
    take(source, **ANA, occurred_at=old)
    lead.refresh_from_db()
    assert lead.stage == "lost"
    assert Activity.objects.get().type == "form_submit"


@pytest.mark.parametrize("stage", ["new", "mql", "working", "sql", "opportunity", "won"])
def test_it_only_records_the_activity_elsewhere(source: Source, stage: str) -> None:
    lead = stage_lead(stage)
    take(source, **ANA)
    lead.refresh_from_db()
    assert lead.stage == stage
    assert Activity.objects.get().lead == lead
    assert not ReviewItem.objects.exists()


def test_it_does_not_bring_back_whom_a_rule_disqualified(source: Source) -> None:
    lead = stage_lead("disqualified", by="rule")
    take(source, **ANA)
    lead.refresh_from_db()
    assert lead.stage == "disqualified"


def test_it_does_not_take_a_page_view_for_asking(source: Source) -> None:
    lead = stage_lead("lost")
    take(source, **ANA, type="page_view")
    lead.refresh_from_db()
    assert lead.stage == "lost"
    assert Activity.objects.get().type == "page_view"


# --- score and queue -----------------------------------------------------------------------------


def test_it_scores_and_queues_at_once(source: Source) -> None:
    active_model(base_fit="45.0")
    take(source, **ANA)
    assert LeadScore.objects.get().total_tenths == 450
    assert ReviewItem.objects.get().entry_reason == "threshold"
    assert Lead.objects.get().stage == "mql"
    assert not ScoringDue.objects.exists()


def test_it_leaves_a_lead_below_the_line_alone(source: Source) -> None:
    active_model(base_fit="39.9")
    take(source, **ANA)
    assert Lead.objects.get().stage == "new"
    assert not ReviewItem.objects.exists()


def test_a_failing_score_keeps_the_lead_for_the_sweep(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    active_model(base_fit="45.0")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.rescore, "score_leads", None)
        assert take(source, **ANA).state == "done"
    assert ScoringDue.objects.count() == 1
    assert pipeline.finish_due(NOW) == 1
    assert Lead.objects.get().stage == "mql"


# --- what goes wrong -----------------------------------------------------------------------------


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


# --- at once -------------------------------------------------------------------------------------


def at_once(*works: Any) -> list[Exception]:
    """Run each in a thread with a connection of its own; what they raised."""
    barrier = threading.Barrier(len(works))
    raised: list[Exception] = []

    def run(work: Any) -> None:
        try:
            barrier.wait(10)
            work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_workers_process_a_message_once() -> None:
    message = arrive(factories.SourceFactory(), **ANA)
    works = [lambda: pipeline.process(message.pk, now=NOW)] * 8
    assert at_once(*works) == []
    assert Lead.objects.count() == Activity.objects.count() == 1


def same_person_at_once(copies: int) -> list[InboxMessage]:
    """Messages of one person without an account, all processed at the same time."""
    source = factories.SourceFactory()
    document = {"phone": "+49 30 901820", "company": "Brightwater"}
    messages = [arrive(source, **document, external_id=f"e-{n}") for n in range(copies)]
    works = [lambda pk=message.pk: pipeline.process(pk, now=NOW) for message in messages]
    assert at_once(*works) == []
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
        at_once(*[lambda pk=m.pk: pipeline.process(pk, now=NOW) for m in messages])
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


def test_an_inquiry_that_corrects_the_disqualifying_fact_comes_back(
    source: Source, people: dict[str, User]
) -> None:
    model = decision_support.active_model(points="50.0")
    decision = decision_support.rejected(people["sdr"])
    give_score(decision.lead, 900, disqualified="competitor")
    LeadScore.objects.update(model=model)
    take(source, NOW + dt.timedelta(hours=1), email=decision.lead.email, type="demo_request")
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.MQL
