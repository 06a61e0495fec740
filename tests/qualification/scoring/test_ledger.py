"""The ledger: lines in words, exact sums, frozen form, any past moment."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from crm.models import Account, Activity, ActivityVerdict, AttributeDefinition, Lead
from qualification.exceptions import ModelInvalid, NothingRecorded
from qualification.models import ChecklistAnswer, Criterion, ScoringModel
from qualification.scoring.compile import at_moments, compile_model, fired_matrix, leads_now
from qualification.scoring.conditions import parse_when
from qualification.scoring.ledger import Ledger, ledger_of, ledgers
from qualification.scoring.subjects import Catalogue, subject_of
from qualification.scoring.verdict import action_for, advice_for, verdict_of
from qualification.scoring.wording import asked_words
from tests.factories import AccountFactory, LeadFactory
from tests.qualification.scoring.conftest import LoadModel, StoreFacts, document, rule

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
EMPLOYEES = {"subject": "account.employees", "op": "between", "value": [200, 2000]}


@pytest.fixture
def lead(now: dt.datetime) -> Lead:
    account = AccountFactory(name="Brightwater", employees=1420, industry="Logistics")
    return LeadFactory(account=account, title="Head of Sales", attributes={"signed": "2026-11-13"})


def line_of(ledger: Ledger, name: str) -> Any:
    return next(line for line in ledger.lines if line.name == name)


WORDS = [
    (EMPLOYEES, "Employees 1,420, between 200 and 2,000"),
    (
        {"subject": "lead.title", "op": "contains", "value": "SALES"},
        "Title “Head of Sales” contains “SALES”",
    ),
    (
        {"subject": "account.industry", "op": "is_one_of", "value": ["logistics", "retail"]},
        "Industry is Logistics",
    ),
    ({"subject": "lead.opted_out", "op": "is_false"}, "Opted out: no"),
    ({"subject": "lead.city", "op": "is_unknown"}, "City is unknown"),
    (
        {"subject": "attributes.signed", "op": "days_since_at_most", "value": 30},
        "Signed 13 Nov 2026, 10 days ago, at most 30",
    ),
    (
        {"any": [EMPLOYEES, {"subject": "lead.title", "op": "is", "value": "CEO"}]},
        "Employees 1,420, between 200 and 2,000",
    ),
    (
        {"all": [EMPLOYEES, {"not": {"subject": "lead.city", "op": "is_known"}}]},
        "Employees 1,420, between 200 and 2,000 and City unknown, not (City is known)",
    ),
]


@pytest.mark.parametrize(("when", "words"), WORDS)
def test_it_says_what_fired(
    when: dict[str, Any], words: str, lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    ledger = ledger_of(lead.pk, model=load_model(document(rule(when))), now=now)
    assert [line.fact for line in ledger.lines] == [words]
    assert ledger.total_tenths == 100


ASKED = [
    (EMPLOYEES, "Employees between 200 and 2,000"),
    ({"subject": "lead.title", "op": "contains", "value": "sales"}, "Title contains “sales”"),
    (
        {"subject": "lead.country", "op": "is_not_one_of", "value": ["DE", "AT", "CH"]},
        "Country is not DE, AT or CH",
    ),
    ({"subject": "account.is_target", "op": "is_true"}, "Target account: yes"),
    ({"subject": "lead.phone", "op": "is_known"}, "Phone is known"),
    (
        {"subject": "attributes.signed", "op": "days_since_at_most", "value": 1},
        "Signed at most 1 day ago",
    ),
    (
        {"subject": "attributes.sites_in_use", "op": "at_least", "value": 2},
        "Sites in use at least 2",
    ),
    (
        {"subject": "checklist.pain.state", "op": "is", "value": "confirmed"},
        "Main pain answer is confirmed",
    ),
    (
        {"all": [{"any": [EMPLOYEES, EMPLOYEES]}, {"not": EMPLOYEES}]},
        "(Employees between 200 and 2,000 or Employees between 200 and 2,000)"
        " and not (Employees between 200 and 2,000)",
    ),
    (
        {"activity": ["page_view", "download"], "within_days": 60, "at_least_times": 3},
        "Page view or download in the last 60 days, at least 3 times",
    ),
    ({"no_activity": "any", "within_days": 45}, "No activity in the last 45 days"),
]


@pytest.mark.parametrize(("when", "words"), ASKED)
def test_it_says_what_a_rule_asks_for(when: dict[str, Any], words: str) -> None:
    assert asked_words(parse_when(when), Catalogue.load().label_of) == words


def test_it_calls_an_attribute_by_its_label() -> None:
    AttributeDefinition.objects.create(name="sites", type="number", label="warehouses run")
    subject = subject_of("attributes.sites")
    assert Catalogue.load().label_of(subject) == "Warehouses run"
    assert Catalogue().label_of(subject) == "Sites"


def test_it_says_when_a_single_activity_was(
    store_facts: StoreFacts, load_model: LoadModel, now: dt.datetime
) -> None:
    event = {"type": "webinar", "occurred_at": now - DAY, "recorded_at": now, "properties": {}}
    ids = store_facts([{"lead": {}, "account": None, "attributes": {}, "activities": [event]}])
    when = {"activity": "webinar", "within_days": 90, "per": "once", "half_life_days": 45}
    (line,) = ledger_of(ids[0], model=load_model(document(rule(when))), now=now).lines
    assert line.fact == "1 webinar in the last 90 days"
    assert line.note == "newest yesterday, half-life 45 d"


def test_it_shows_what_is_unknown_with_nothing(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    when = {"all": [{"subject": "lead.city", "op": "is", "value": "Rome"}, EMPLOYEES]}
    (line,) = ledger_of(lead.pk, model=load_model(document(rule(when))), now=now).lines
    assert (line.points_tenths, line.has_fired, line.is_unknown) == (0, False, True)
    assert line.fact == "City is unknown"


def test_it_opens_caps_limits_and_base_as_lines(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    raw = document(
        rule(EMPLOYEES, 30, group="size"),
        rule(EMPLOYEES, 20.5, group="size"),
        rule(EMPLOYEES, 70, dimension="intent", name="Eager"),
        base={"fit": 5},
        caps={"size": 40},
        limits={"fit": [0, 42], "total": [0, 100]},
    )
    ledger = ledger_of(lead.pk, model=load_model(raw), now=now)
    kinds = [(line.kind, line.dimension, line.points_tenths) for line in ledger.lines]
    assert kinds == [
        ("base", "fit", 50),
        ("rule", "fit", 300),
        ("rule", "fit", 205),
        ("group_cap", "fit", -105),
        ("limit", "fit", -30),
        ("rule", "intent", 700),
        ("total_limit", "", -120),
    ]
    assert sum(line.points_tenths for line in ledger.lines) == ledger.total_tenths == 1000
    assert line_of(ledger, "Cap size").fact == "at most 40.0, raw sum 50.5"
    assert line_of(ledger, "Total limit").fact == "at most 100.0, raw sum 112.0"


def test_the_first_disqualifier_gives_the_reason(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    raw = document(
        rule({"subject": "lead.city", "op": "is_known"}, 0, disqualifies="moved"),
        rule(EMPLOYEES, 0, disqualifies="too_big"),
        rule(EMPLOYEES, 0, disqualifies="later"),
        rule(EMPLOYEES, 12),
    )
    ledger = ledger_of(lead.pk, model=load_model(raw), now=now)
    assert (ledger.disqualified, ledger.grade, ledger.tier) == ("too_big", "", "")
    assert ledger.total_tenths == 120
    assert [line.kind for line in ledger.lines if line.has_fired] == [
        "disqualifier",
        "disqualifier",
        "rule",
    ]


def test_it_explains_activities(
    store_facts: StoreFacts, load_model: LoadModel, now: dt.datetime
) -> None:
    events = [
        {
            "type": "page_view",
            "occurred_at": now - days * DAY,
            "recorded_at": now - days * DAY,
            "properties": {"path": "/Pricing"},
        }
        for days in (0, 30, 60)
    ]
    ids = store_facts([{"lead": {}, "account": None, "attributes": {}, "activities": events}])
    when = {"activity": "page_view", "where": {"path": "/pricing"}, "half_life_days": 30}
    raw = document(rule(when | {"within_days": 90, "max_points": 15}, 10, dimension="intent"))
    (line,) = ledger_of(ids[0], model=load_model(raw), now=now).lines
    assert line.points_tenths == 150
    assert line.fact == "3 × page view (path /pricing) in the last 90 days"
    assert line.note == "newest today, half-life 30 d, capped from 17.5"


@pytest.mark.parametrize(("points", "tenths"), [(0.5, 3), (-0.5, -3), (0.3, 2), (0.4, 2)])
def test_it_rounds_half_away_from_zero(
    points: float, tenths: int, store_facts: StoreFacts, load_model: LoadModel, now: dt.datetime
) -> None:
    event = {"type": "call", "occurred_at": now - DAY, "recorded_at": now, "properties": {}}
    ids = store_facts([{"lead": {}, "account": None, "attributes": {}, "activities": [event]}])
    model = load_model(document(rule({"activity": "call", "half_life_days": 1}, points)))
    assert ledger_of(ids[0], model=model, now=now).total_tenths == tenths


def test_it_survives_freezing(lead: Lead, load_model: LoadModel, now: dt.datetime) -> None:
    ledger = ledger_of(lead.pk, model=load_model(document(rule(EMPLOYEES))), now=now)
    assert Ledger.from_json(ledger.to_json()) == ledger


def test_it_needs_a_live_version(lead: Lead) -> None:
    with pytest.raises(ModelInvalid, match="no scoring model is live"):
        ledger_of(lead.pk)


# --- as of a past moment -----------------------------------------------------------------------


def at(moment: dt.datetime) -> None:
    """History rows written from here on carry this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('leadqual.now', %s, true)", [moment.isoformat()])


@pytest.fixture
def past(lead: Lead, load_model: LoadModel, now: dt.datetime) -> tuple[Lead, ScoringModel]:
    """A lead whose facts change day by day before `now`, and a model that reads all of them."""
    at(now - 5 * DAY)
    account = Account.objects.create(
        name="Old", employees=10, created_at=now - 5 * DAY, updated_at=now - 5 * DAY
    )
    Lead.objects.filter(pk=lead.pk).delete()
    lead = LeadFactory(account=account, title="", attributes={"seats": 1})
    at(now - 4 * DAY)
    Lead.objects.filter(pk=lead.pk).update(title="CEO", attributes={"seats": 50})
    at(now - 3 * DAY)
    Account.objects.filter(pk=account.pk).update(employees=500)
    click = Activity.objects.create(
        lead=lead, type="click", occurred_at=now - 5 * DAY, recorded_at=now - 2 * DAY
    )
    ActivityVerdict.objects.create(
        activity=click, is_machine=True, reason="scanner", recorded_at=now - DAY
    )
    budget = Criterion.objects.get(key="budget")
    answer = {"criterion": budget, "lead": lead, "answered_on": now.date()}
    ChecklistAnswer.objects.create(
        **answer, state="inferred", recorded_at=now - 3 * DAY, superseded_at=now - 2 * DAY
    )
    ChecklistAnswer.objects.create(**answer, state="confirmed", recorded_at=now - 2 * DAY)
    model = load_model(
        document(
            rule({"subject": "lead.title", "op": "is", "value": "ceo"}, 1),
            rule({"subject": "attributes.seats", "op": "at_least", "value": 50}, 2),
            rule(EMPLOYEES, 4),
            rule({"activity": "click"}, 8),
            rule({"subject": "checklist.budget.state", "op": "is", "value": "confirmed"}, 16),
            rule({"subject": "checklist.budget.state", "op": "is", "value": "inferred"}, 32),
        )
    )
    return lead, model


def test_it_sees_what_was_recorded_by_then(
    past: tuple[Lead, ScoringModel], now: dt.datetime
) -> None:
    lead, model = past
    found = [ledger_of(lead.pk, model=model, as_of=now - days * DAY) for days in (5, 4, 3, 2, 1, 0)]
    assert [ledger.total_tenths // 10 for ledger in found] == [0, 3, 39, 31, 23, 23]
    assert found[-1].lines == ledger_of(lead.pk, model=model, now=now).lines
    with pytest.raises(NothingRecorded):
        ledger_of(lead.pk, model=model, as_of=now - 6 * DAY)


def test_many_moments_of_one_lead_are_one_statement(
    past: tuple[Lead, ScoringModel], now: dt.datetime
) -> None:
    lead, model = past
    moments = [(900 + days, lead.pk, now - days * DAY) for days in (0, 3, 5, 6)]
    matrix = fired_matrix(model, at_moments(moments))
    assert matrix.row_ids == (900, 903, 905)
    assert [total for _, _, total in matrix.totals] == [230, 390, 0]
    assert matrix.tenths[1] == (10, 20, 40, 0, 0, 320)
    assert matrix.fired[1] == (True, True, True, False, False, True)
    one_by_one = [ledger_of(lead.pk, model=model, as_of=at) for _, _, at in moments[:3]]
    assert [ledger.total_tenths for ledger in one_by_one] == [230, 390, 0]


def test_only_needed_tables_are_joined(lead: Lead, load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(document(rule({"subject": "lead.title", "op": "is_known"})))
    sql, _ = compile_model(model).totals(leads_now([lead.pk], as_of=now))
    assert "JOIN" not in sql
    assert ledgers(compile_model(model), leads_now([lead.pk], as_of=now), now).keys() == {lead.pk}


# --- verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "blocking", "word"),
    [
        (900, "Opted out", "Opted out"),
        (829, "", "Borderline"),
        (830, "", "Accept likely"),
        (771, "", "Borderline"),
        (770, "", "Nurture"),
        (600, "", "Nurture"),
        (599, "", "Reject likely"),
    ],
)
def test_the_first_word_that_holds(total: int, blocking: str, word: str) -> None:
    model = ScoringModel(mql=Decimal(60), accept=Decimal(80))
    assert verdict_of(total_tenths=total, model=model, blocking=blocking).word == word


def test_the_action_of_a_grade(load_model: LoadModel) -> None:
    model = load_model(document(rule(EMPLOYEES)))
    assert [action_for(grade, model) for grade in ("A1", "B3", "C2", "D4", "")] == [
        "accept",
        "engage",
        "nurture",
        "reject",
        "",
    ]


# --- what machines did -------------------------------------------------------------------------


def test_it_says_what_machines_did_and_nobody_counts(
    store_facts: StoreFacts, load_model: LoadModel, now: dt.datetime
) -> None:
    judged = {"verdicts": [(now - DAY, True)]}
    click = {"type": "email_click", "occurred_at": now - DAY, "recorded_at": now - DAY}
    click |= {"properties": {}}
    view = click | {"type": "page_view"}
    events = [click | judged, click | judged, view, view | judged, view | {"verdicts": []}]
    ids = store_facts([{"lead": {}, "account": None, "attributes": {}, "activities": events}])
    raw = document(
        rule({"activity": "email_click", "within_days": 7}, 5, name="Click"),
        rule({"activity": "page_view"}, 3, name="View"),
        rule({"activity": "demo_request"}, 3, name="Demo"),
        rule({"no_activity": "email_click", "within_days": 7}, -1, name="Quiet"),
    )
    ledger = ledger_of(ids[0], model=load_model(raw), now=now)
    assert [(line.kind, line.points_tenths, line.fact, line.note) for line in ledger.lines] == [
        ("excluded", 0, "2 × email click by a machine, not counted", ""),
        ("rule", 60, "2 × page view", "newest yesterday, 1 more by a machine not counted"),
        ("rule", -10, "No email click in the last 7 days", ""),
    ]
    assert ledger.lines[0].rule_key == "click-0"
    assert not ledger.lines[0].has_fired


ACTIONS = {
    "accept": ["A1", "A2", "B1", "B2"],
    "engage": ["A3", "A4", "B3", "B4"],
    "nurture": ["C1", "C2", "D1", "D2"],
    "reject": ["C3", "C4", "D3", "D4"],
}


@pytest.mark.parametrize("grade", [f"{fit}{intent}" for fit in "ABCD" for intent in "1234"])
def test_every_cell_of_fit_and_intent_suggests_one_action(grade: str) -> None:
    advice = advice_for(grade, ScoringModel(actions=ACTIONS))
    wanted = {("AB", "12"): "accept", ("AB", "34"): "engage", ("CD", "12"): "nurture"}
    cell = next((key for key in wanted if grade[0] in key[0] and grade[1] in key[1]), None)
    assert advice is not None
    assert (advice.action, advice.fit, advice.intent) == (
        wanted.get(cell, "reject") if cell else "reject",
        grade[0],
        grade[1],
    )


def test_without_a_grade_nothing_is_suggested() -> None:
    assert advice_for("", ScoringModel(actions=ACTIONS)) is None
