"""Scores that follow from the people of an account: each counts once, as of any moment."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from crm import committee
from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_lead
from crm.models import Account, Activity, ActivityVerdict, Lead
from qualification import pipeline, sweeps
from qualification.models import LeadScore, ScoringDue
from qualification.scoring.colleagues import reached
from qualification.scoring.compile import at_moments, compile_model, leads_between, leads_now
from qualification.scoring.crossing import crossing_types
from qualification.scoring.ledger import Ledger, ledger_of, ledgers
from tests import factories
from tests.qualification.scoring.conftest import LoadModel, document, load_model, rule

__all__ = ["load_model"]
pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def counted(subject: str, least: int, points: float, name: str) -> dict[str, Any]:
    """A fit rule about the people of the account."""
    when = {"subject": f"account.{subject}", "op": "at_least", "value": least}
    return rule(when, points=points, name=name)


PEOPLE = [counted("people", 2, 1, "People"), counted("active_people", 5, 10, "Active")]
PEOPLE += [counted("active_people", 1, 4, "Somebody"), counted("roles_covered", 2, 7, "Roles")]


def does(lead: Lead, at: dt.datetime, times: int = 1, **fields: Any) -> list[Activity]:
    return [
        lead.activities.create(type="page_view", occurred_at=at, **{"recorded_at": at, **fields})
        for _ in range(times)
    ]


def fired(ledger: Ledger) -> set[str]:
    return {line.name.rpartition(" ")[0] for line in ledger.lines if line.points_tenths}


def test_fifty_clicks_of_one_person_are_one_person(load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(document(*PEOPLE))
    busy, crowd = factories.AccountFactory(), factories.AccountFactory()
    one = factories.LeadFactory(account=busy)
    does(one, now - DAY, times=50)
    five = [factories.LeadFactory(account=crowd) for _ in range(5)]
    for lead in five:
        does(lead, now - DAY)
    assert fired(ledger_of(one.pk, model=model, now=now)) == {"Somebody"}
    assert fired(ledger_of(five[0].pk, model=model, now=now)) == {"People", "Active", "Somebody"}


def test_a_range_counts_like_single_leads(load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(document(*PEOPLE))
    accounts = [factories.AccountFactory() for _ in range(3)]
    leads = [factories.LeadFactory(account=account) for account in [*accounts, *accounts, None]]
    for lead in leads[::2]:
        does(lead, now - DAY)
    compiled = compile_model(model)
    middle = leads[2:4]  # their colleagues are outside of the range
    whole = ledgers(compiled, leads_between(middle[0].pk, middle[-1].pk, as_of=now), now)
    for lead in middle:
        alone = ledgers(compiled, leads_now([lead.pk], as_of=now), now)
        assert whole[lead.pk] == alone[lead.pk] == ledger_of(lead.pk, model=model, now=now)


def test_who_is_active_follows_window_machines_and_time(
    load_model: LoadModel, now: dt.datetime
) -> None:
    model = load_model(document(*PEOPLE))
    account = factories.AccountFactory()
    lead = factories.LeadFactory(account=account)
    does(lead, now - 90 * DAY)  # the edge is out
    does(lead, now - DAY, recorded_at=now + DAY)  # not told yet
    (click,) = does(lead, now - 2 * DAY)
    ActivityVerdict.objects.create(
        activity=click, is_machine=True, reason="scanner", recorded_at=now - DAY
    )
    assert fired(ledger_of(lead.pk, model=model, now=now)) == set()
    assert fired(ledger_of(lead.pk, model=model, now=now + DAY)) == {"Somebody"}


def history_clock(moment: dt.datetime) -> None:
    """What is written from here on was recorded at this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('leadqual.now', %s, true)", [moment.isoformat()])


def test_as_of_then_sees_who_belonged_what_they_did_and_were(
    load_model: LoadModel, now: dt.datetime
) -> None:
    """Membership, verdicts and roles as they were recorded by each moment, one a day."""
    model = load_model(document(*PEOPLE))
    joined, seen, told, left, end = (now + number * DAY for number in range(5))
    history_clock(joined)
    account, elsewhere = factories.AccountFactory(), factories.AccountFactory()
    lead, other = (factories.LeadFactory(account=account) for _ in range(2))
    (click,) = does(other, seen)
    by_call = {"source": "Call", "confidence": 100, "by": None}
    committee.record_role(lead=lead, role="end_user", now=told, **by_call)
    committee.record_role(lead=other, role="influencer", now=told, **by_call)
    history_clock(left)
    Lead.objects.filter(pk=other.pk).update(account=elsewhere)
    history_clock(end)
    Lead.objects.filter(pk=other.pk).update(account=account)
    ActivityVerdict.objects.create(
        activity=click, is_machine=True, reason="scanner", recorded_at=end
    )
    committee.end_role(lead=lead, role="end_user", now=end)
    moments = dict(enumerate([joined, seen, told, left, end]))
    source = at_moments((number, lead.pk, moment) for number, moment in moments.items())
    found = ledgers(compile_model(model), source, moments)
    assert [fired(found[number]) for number in moments] == [
        {"People"},
        {"People", "Somebody"},
        {"People", "Somebody", "Roles"},
        set(),
        {"People"},
    ]
    assert found[4].lines == ledger_of(lead.pk, model=model, now=end).lines


def test_a_lead_without_account_has_no_people(load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(document(*PEOPLE))
    lead = factories.LeadFactory(account=None)
    does(lead, now)
    for found in (
        ledger_of(lead.pk, model=model, now=now),
        ledger_of(lead.pk, model=model, as_of=dt.datetime.now(dt.UTC)),
    ):
        assert [line.is_unknown for line in found.lines] == [True] * 4
        assert found.lines[0].fact == "People of the company is unknown"


# --- the cap of a poor account -----------------------------------------------------------------

LARGE = rule({"subject": "account.employees", "op": "at_least", "value": 200}, points=20)
IS_VP = rule({"subject": "lead.title", "op": "is", "value": "VP"}, points=60)


def test_a_poor_account_caps_its_leads(load_model: LoadModel, now: dt.datetime) -> None:
    poor = {"poor_below": 10, "cap": 45}
    limits = {"total": [0, 100]}
    model = load_model(document(LARGE, IS_VP, account_fit=poor, limits=limits), activate=True)
    small, large = (factories.AccountFactory(employees=size) for size in (20, 500))
    leads = [factories.LeadFactory(account=account, title="VP") for account in (small, large, None)]
    pipeline.score_and_queue([lead.pk for lead in leads], now=now)
    totals = [LeadScore.objects.get(lead=lead).total_tenths for lead in leads]
    assert totals == [450, 800, 600]
    line = ledger_of(leads[0].pk, model=model, now=now).lines[-1]
    assert (line.kind, line.dimension, line.points_tenths) == ("account_cap", "", -150)
    assert line.fact == "at most 45.0: the account earns 0.0, less than 10.0"


# --- the main road -----------------------------------------------------------------------------


def inquiry(email: str, number: int, now: dt.datetime) -> LeadPayload:
    return LeadPayload(
        external_id=f"e{number}",
        values={"email": email},
        activity=ActivityPayload("form_submit", now, f"k{number}"),
    )


def test_what_a_colleague_does_brings_everybodys_score_along(
    load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(document(*PEOPLE), activate=True)
    source = factories.SourceFactory()
    for number, name in enumerate("abcde"):
        payload = inquiry(f"{name}@brightwater.example", number, now)
        result = upsert_lead(payload=payload, source=source, now=now)
        pipeline.facts_changed(result.affected, now=now)
        pipeline.score_and_queue(list(result.affected), now=now)
    assert Account.objects.count() == 1
    assert ScoringDue.objects.count() == 4  # everybody but the one just scored
    sweeps.run_all(now=now)
    assert set(LeadScore.objects.values_list("total_tenths", flat=True)) == {150}


def test_colleagues_are_left_alone_while_no_rule_counts_them(
    load_model: LoadModel, now: dt.datetime
) -> None:
    account = factories.AccountFactory()
    lead, other = (factories.LeadFactory(account=account) for _ in range(2))
    assert reached([lead.pk]) == [lead.pk]
    load_model(document(IS_VP), activate=True)
    assert reached([lead.pk]) == [lead.pk]
    load_model(document(*PEOPLE), activate=True)
    assert reached([lead.pk]) == sorted([lead.pk, other.pk])


# --- one type of activity alone -----------------------------------------------------------------


def test_people_made_active_count_towards_crossing_alone(load_model: LoadModel) -> None:
    active = counted("active_people", 1, 20, "Active")
    views = rule({"activity": "page_view", "max_points": 15}, points=5, dimension="intent")
    assert crossing(load_model, views) == []
    assert crossing(load_model, active) == []
    assert crossing(load_model, active, views) == ["page_view"]
    assert crossing(load_model, active | {"points": 30}) == ["any"]


def crossing(load_model: LoadModel, *rules: dict[str, Any]) -> list[str]:
    model = load_model(document(*rules))
    return crossing_types(model, list(model.rules.all()))
