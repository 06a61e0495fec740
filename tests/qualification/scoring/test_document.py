"""The file format: what loads, what is refused, in one line that names rule and reason."""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from crm.models import AttributeDefinition
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel, Segment
from qualification.scoring import document_rows, drafts
from qualification.scoring.document import checked_document, read_document, read_file
from qualification.scoring.export import to_yaml
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

EVERY_KEY = """
name: Every key once
base: {fit: 10, intent: 0}
limits: {fit: [-50, 50], intent: [-20, 50], total: [0, 100]}
thresholds: {mql: 60, accept: 80, fit: {A: 40, B: 25, C: 10}, intent: {1: 40, 2: 25, 3: 10}}
tiers: {hot: [A1, A2, B1], warm: [A3, B2, B3, C1, C2], cool: [A4, B4, C3, D1, D2], cold: [C4, D3, D4]}
actions: {accept: [A1, A2, B1, B2], engage: [A3, A4, B3, B4], nurture: [C1, C2, D1, D2], reject: [C3, C4, D3, D4]}
caps: {browsing: 20}
account_fit: {poor_below: 10, cap: 45}
rules:
  - {name: Decision maker, dimension: fit, when: {subject: lead.seniority, op: is_one_of, value: [C-level, VP]}, points: 12.5}
  - {name: Free mail, dimension: fit, when: {all: [{subject: lead.email_kind, op: is, value: free}, {not: {subject: account.name, op: is_known}}]}, points: -10}
  - {name: Logistics in DACH, dimension: fit, segment: dach, when: {subject: account.industry, op: is, value: logistics}, points: 8}
  - {name: Budget, dimension: fit, when: {subject: checklist.budget.state, op: is, value: confirmed}, points: 5}
  - {name: Pricing, dimension: intent, group: browsing, when: {activity: page_view, where: {path: [/pricing, /plans]}, within_days: 90, half_life_days: 30, max_points: 20}, points: 6}
  - {name: Three visits, dimension: intent, group: browsing, when: {activity: page_view, within_days: 7, at_least_times: 3}, points: 5}
  - {name: Demo, dimension: intent, when: {activity: demo_request, within_days: 30, per: once}, points: 20}
  - {name: Quiet, dimension: intent, when: {no_activity: any, within_days: 60, after_first: true}, points: -6}
  - {name: Contract, dimension: intent, when: {subject: attributes.contract_signed_on, op: days_since_at_most, value: 365}, points: 3}
  - {name: Opted out, dimension: intent, disqualifies: opted_out, when: {subject: lead.opted_out, op: is_true}, points: 0}
"""


def test_it_loads_every_key_and_writes_the_same(load_model: LoadModel, now: dt.datetime) -> None:
    first = drafts.load_draft(read_document(EVERY_KEY.encode()), by=None, now=now)
    text = to_yaml(document_rows.document_of(first))
    assert yaml.safe_load(text) == yaml.safe_load(EVERY_KEY)
    second = drafts.load_draft(read_document(text.encode()), by=None, now=now)
    assert to_yaml(document_rows.document_of(second)) == text
    assert [r.key for r in second.rules.all()] == [r.key for r in first.rules.all()]


def test_it_fills_in_the_defaults(load_model: LoadModel) -> None:
    raw = document(rule({"subject": "lead.title", "op": "is_known"}))
    del raw["limits"]
    model = load_model(raw | {"thresholds": raw["thresholds"] | {"mql": 90}})
    assert (model.total_min, model.total_max, model.accept) == (0, 100, 100)
    assert (model.fit_min, model.intent_max, model.base_fit) == (None, None, 0)
    assert model.tiers["cold"] == ["C4", "D3", "D4"]
    assert model.actions["engage"] == ["A3", "A4", "B3", "B4"]


def test_it_declares_attributes_by_first_use(load_model: LoadModel) -> None:
    load_model(
        document(
            rule({"subject": "attributes.seats", "op": "at_least", "value": 3}),
            rule({"subject": "attributes.signed", "op": "at_least", "value": dt.date(2026, 1, 1)}),
            rule({"subject": "attributes.vip", "op": "is_true"}),
            rule({"subject": "attributes.plan", "op": "contains", "value": "x"}),
            rule({"subject": "attributes.any_kind", "op": "is_known"}),
        )
    )
    declared = dict(AttributeDefinition.objects.values_list("name", "type"))
    assert declared == {"seats": "number", "signed": "date", "vip": "boolean", "plan": "text"}


def known(subject: str) -> dict[str, Any]:
    return {"subject": subject, "op": "is_known"}


TITLE_IS = {"subject": "lead.title", "op": "is", "value": "x"}

REFUSED_CONDITIONS = [
    ({"subject": "lead.title", "op": "isnt", "value": 1}, "unknown operator 'isnt'"),
    (
        {"subject": "lead.title", "op": "at_least", "value": 1},
        "operator 'at_least' is not for a text",
    ),
    ({"subject": "account.employees", "op": "contains", "value": "1"}, "is not for a number"),
    (
        {"subject": "account.employees", "op": "is", "value": "1"},
        "is a number, the value is a text",
    ),
    ({"subject": "lead.country", "op": "is", "value": False}, "write texts in quotes"),
    ({"all": []}, "'all' needs at least one condition"),
    ({"any": []}, "'any' needs at least one condition"),
    ({}, "a condition is a mapping"),
    ({"not": {}}, "not: a condition is a mapping"),
    ({"all": [{"activity": "page_view"}]}, "all[1]: activity conditions stand alone"),
    ({"not": {"no_activity": "any", "within_days": 1}}, "activity conditions stand alone"),
    (known("lead.age"), "protected attribute (age)"),
    (known("attributes.Gender"), "protected attribute (gender)"),
    (known("attributes.customer_religion"), "protected attribute (religion)"),
    (known("attributes.maritalStatus"), "protected attribute (marital)"),
    (known("attributes.nationality"), "protected attribute"),
    ({"activity": "form_submit", "where": {"sex": "f"}}, "protected attribute (sex)"),
    (known("lead.stage"), "written after a decision"),
    (known("lead.owner"), "written after a decision"),
    (known("attributes.reject_reason"), "written after a decision"),
    ({"activity": "stage_change"}, "written after a decision"),
    (known("lead.shoe_size"), "unknown subject 'lead.shoe_size'"),
    (known("weather.today"), "unknown subject"),
    (known("checklist.shoe_size"), "unknown checklist criterion 'shoe_size'"),
    ({"op": "is_known"}, "missing key 'subject'"),
    ({"subject": "lead.title"}, "missing key 'op'"),
    ({"subject": "lead.title", "op": "is"}, "missing key 'value'"),
    (TITLE_IS | {"extra": 1}, "unknown key 'extra'"),
    (TITLE_IS | {"value": "  "}, "a value is blank"),
    (known("lead.title") | {"value": 1}, "takes no value"),
    ({"subject": "lead.title", "op": "is_one_of", "value": []}, "at least one entry"),
    ({"subject": "account.employees", "op": "between", "value": [5, 1]}, "between is reversed"),
    ({"subject": "account.employees", "op": "between", "value": [5]}, "[lowest, highest]"),
    ({"subject": "attributes.a", "op": "days_since_at_most", "value": -1}, "whole number"),
    ({"activity": "page_view", "within": 3}, "unknown key 'within'"),
    ({"activity": []}, "needs at least one type"),
    ({"activity": "page_view", "within_days": 0}, "within_days must be"),
    ({"activity": "page_view", "half_life_days": "x"}, "half_life_days must be"),
    ({"activity": "page_view", "at_least_times": 0}, "at_least_times must be"),
    ({"activity": "page_view", "per": "week"}, "per is 'occurrence' or 'once'"),
    ({"activity": "page_view", "max_points": 1.25}, "more than one decimal"),
    ({"no_activity": "any"}, "missing key 'within_days'"),
    ({"no_activity": "any", "within_days": 3, "where": {}}, "unknown key 'where'"),
]


@pytest.mark.parametrize(("when", "reason"), REFUSED_CONDITIONS)
def test_it_refuses_a_condition(when: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        checked_document(document(rule(when, name="Odd one")))
    assert str(refused.value).startswith("rule 'Odd one': when: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


KNOWN = rule(known("lead.title"))
REFUSED_DOCUMENTS = [
    (document(KNOWN) | {"colour": 1}, "unknown key 'colour'"),
    (document(KNOWN | {"colour": 1}), "rule 'A rule': unknown key 'colour'"),
    ({k: v for k, v in document(KNOWN).items() if k != "thresholds"}, "missing key 'thresholds'"),
    (document({k: v for k, v in KNOWN.items() if k != "points"}), "missing key 'points'"),
    (document(KNOWN) | {"rules": []}, "rules: "),
    (
        document(KNOWN) | {"rules": [KNOWN, KNOWN | {"name": "a RULE"}]},
        "the name stands there twice",
    ),
    (document(KNOWN | {"points": 1.25}), "has more than one decimal"),
    (document(KNOWN | {"points": True}), "must be a number"),
    (document(KNOWN | {"points": float("nan")}), "must be below a million"),
    (document(KNOWN | {"dimension": "luck"}), "rule 'A rule': dimension: "),
    (document(KNOWN | {"segment": "nowhere"}), "rule 'A rule': unknown segment 'nowhere'"),
    (document(KNOWN, tiers={"hot": ["A1"]}), "tiers: grade A2 is missing"),
    (document(KNOWN, actions={"accept": ["A1", "A1"]}), "actions: grade A1 stands there twice"),
    (document(KNOWN, tiers={"boiling": ["A1"]}), "tiers: unknown key 'boiling'"),
    (document(KNOWN, actions={"accept": ["E1"]}), "unknown grade 'E1'"),
    (document(KNOWN, limits={"total": [5, 5]}), "limits: total: the lowest value comes first"),
    (document(KNOWN, caps={"g": -1}), "caps: g: a cap is a size"),
    (
        document(KNOWN | {"group": "g"}, KNOWN | {"group": "g", "dimension": "intent"}),
        "group 'g' is one of the other dimension",
    ),
    (
        document(
            rule({"subject": "attributes.a", "op": "at_least", "value": 1}),
            rule({"subject": "attributes.a", "op": "contains", "value": "x"}),
        ),
        "rule 'A rule 1': when: operator 'contains' is not for a number (attributes.a)",
    ),
]


@pytest.mark.parametrize(("raw", "reason"), REFUSED_DOCUMENTS)
def test_it_refuses_a_document(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        checked_document(raw)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_it_refuses_another_type_than_declared() -> None:
    AttributeDefinition.objects.create(name="seats", type="text")
    with pytest.raises(ModelInvalid, match="operator 'at_least' is not for a text"):
        checked_document(
            document(rule({"subject": "attributes.seats", "op": "at_least", "value": 1}))
        )


REFUSED_FILES = [
    (b"\xff\xfe\x00", "not UTF-8 text (byte 1)"),
    (b"a: [1, 2", "not YAML: line 1"),
    (b"- just\n- a list", "not a scoring model"),
    (b"", "not a scoring model"),
    (b"\x00", "not YAML"),
    (b"name: a\nname: b\n", "key 'name' stands there twice"),
    (b"a: !!python/object/apply:os.system [ls]", "not YAML"),
    (b"[" * 100_000, "not YAML"),
    (
        b"name: x\nthresholds: {mql: 1, fit: {A: 3, B: 2, C: 1}, intent: {1: 3, 2: 2, 3: 1}}\n"
        b"rules: [{name: Loop, dimension: fit, points: 1, when: &a {any: [*a]}}]",
        "rule 'Loop': when: circular condition",
    ),
    (
        b"name: x\nthresholds: {mql: 1, fit: {A: 3, B: 2, C: 1}, intent: {1: 3, 2: 2, 3: 1}}\n"
        b"rules: [{name: Loop, dimension: fit, points: 1, when: {not: &a {not: *a}}}]",
        "circular condition",
    ),
    (
        b"name: x\nthresholds: {mql: 1, fit: {A: 3, B: 2, C: 1}, intent: {1: 3, 2: 2, 3: 1}}\n"
        b"rules: [{name: Big, dimension: fit, points: 1, when: {all: ["
        b"&a {all: [&b {all: [&c {all: [&d {subject: lead.title, op: is_known},*d,*d,*d,*d,*d]}"
        b",*c,*c,*c,*c,*c]},*b,*b,*b,*b,*b]},*a,*a,*a,*a,*a]}}]",
        "more than 500 parts",
    ),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED_FILES)
def test_it_refuses_a_file_in_one_line(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_bytes(content)
    with pytest.raises(ModelInvalid) as refused:
        read_file(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_it_refuses_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="No such file"):
        read_file(tmp_path / "absent.yaml")


def test_it_leaves_nothing_of_a_refused_load(now: dt.datetime) -> None:
    raw = document(
        rule({"subject": "attributes.fresh", "op": "at_least", "value": 1}),
        rule({"subject": "lead.title", "op": "at_least", "value": 1}),
    )
    with pytest.raises(ModelInvalid):
        drafts.load_draft(checked_document(raw), by=None, now=now)
    assert not ScoringModel.objects.exists()
    assert not AttributeDefinition.objects.exists()


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not on this machine")
def test_the_example_of_every_key_loads_and_comes_back(now: dt.datetime) -> None:
    first = drafts.load_draft(read_file(DATA / "example_rules.yaml"), by=None, now=now)
    assert first.rules.get(name="Logistics in DACH").segment == "dach"
    text = to_yaml(document_rows.document_of(first))
    assert "segment: dach" in text
    second = drafts.load_draft(read_document(text.encode()), by=None, now=now)
    assert to_yaml(document_rows.document_of(second)) == text


def test_it_names_the_rule_of_an_unknown_segment() -> None:
    Segment.objects.filter(key="dach").delete()
    with pytest.raises(ModelInvalid, match=r"^rule 'A rule': unknown segment 'dach'$"):
        checked_document(document(KNOWN | {"segment": "dach"}))


def test_a_cap_for_poor_accounts_comes_back(now: dt.datetime) -> None:
    raw = document(KNOWN, account_fit={"poor_below": 10, "cap": 45.5})
    first = drafts.load_draft(checked_document(raw), by=None, now=now)
    assert (first.account_poor_below, first.account_cap) == (10, Decimal("45.5"))
    text = to_yaml(document_rows.document_of(first))
    assert "account_fit: {poor_below: 10, cap: 45.5}" in text
    second = drafts.load_draft(read_document(text.encode()), by=None, now=now)
    assert to_yaml(document_rows.document_of(second)) == text


@pytest.mark.parametrize(
    ("account_fit", "reason"),
    [
        ({"poor_below": 10}, "account_fit: missing key 'cap'"),
        ({"poor_below": 10, "cap": 40, "floor": 1}, "account_fit: unknown key 'floor'"),
        ({"poor_below": 10.25, "cap": 40}, "more than one decimal"),
        ({"poor_below": 10, "cap": 101}, "the cap lies within the limits of the total"),
        ({"poor_below": 10, "cap": -1}, "the cap lies within the limits of the total"),
    ],
)
def test_it_refuses_a_cap_that_is_none(account_fit: dict[str, Any], reason: str) -> None:
    raw = document(KNOWN, limits={"total": [0, 100]}, account_fit=account_fit)
    with pytest.raises(ModelInvalid, match=reason):
        checked_document(raw)
