"""From a stored message to a lead, its score and its place in the queue."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import (
    Account,
    Activity,
    AttributeDefinition,
    Lead,
    LeadIdentity,
    Source,
)
from qualification import pipeline
from qualification.models import LeadScore, ReviewItem, ScoringDue
from tests import factories
from tests.qualification.pipeline_support import ANA, NOW, arrive, source, take
from tests.qualification.queue_support import active_model

__all__ = ["source"]


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
