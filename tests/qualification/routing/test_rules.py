"""Which rule fits: territory, account value, product line, source, owner; the first one counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from crm.models import AttributeDefinition, Lead, Team, User
from qualification.exceptions import ModelInvalid
from qualification.models import AccountOwner, RoutingRule, Segment
from qualification.routing.rules import active_rules, rule_of_leads, rule_sentence
from qualification.scoring.holds import checked_condition
from qualification.scoring.subjects import Catalogue
from qualification.segment_filter import members_of
from tests import factories
from tests.qualification import routing_support as routing

pytestmark = pytest.mark.django_db
NOW = routing.NOW


def fitting(lead: Lead) -> RoutingRule | None:
    """The rule that fits one lead."""
    return rule_of_leads([lead.pk], rules=active_rules(), now=NOW)[lead.pk]


def compare(subject: str, op: str, value: Any) -> dict[str, Any]:
    return {"subject": subject, "op": op, "value": value}


DACH = compare("lead.country", "is_one_of", ["Germany", "Austria", "Switzerland"])
LARGE = {
    "any": [
        compare("account.employees", "at_least", 1000),
        compare("account.revenue", "at_least", 500_000_000),
    ]
}


@pytest.mark.parametrize(
    ("country", "fits"), [("Germany", True), (" austria ", True), ("France", False), ("", False)]
)
def test_territory(team: Team, country: str, fits: bool) -> None:
    rule = routing.rule(team, DACH)
    assert fitting(factories.LeadFactory(country=country)) == (rule if fits else None)


@pytest.mark.parametrize(
    ("account", "fits"),
    [
        ({"employees": 1000}, True),
        ({"employees": 999}, False),
        ({"revenue": 500_000_000}, True),
        ({"employees": 10, "revenue": 10}, False),
        ({}, False),
        (None, False),
    ],
)
def test_value_of_the_account(team: Team, account: dict[str, int] | None, fits: bool) -> None:
    rule = routing.rule(team, LARGE)
    company = None if account is None else factories.AccountFactory(**account)
    assert fitting(factories.LeadFactory(account=company)) == (rule if fits else None)


def test_product_line_as_topic_or_attribute(team: Team) -> None:
    AttributeDefinition.objects.create(name="product", type="text")
    topic = routing.rule(team, compare("lead.topic", "contains", "SAP"))
    product = routing.rule(team, compare("attributes.product", "is", "Warehouse"))
    assert fitting(factories.LeadFactory(topic="Integration with SAP")) == topic
    assert fitting(factories.LeadFactory(attributes={"product": "warehouse"})) == product
    assert fitting(factories.LeadFactory(attributes={"product": "Fleet"})) is None


def test_source_and_target_accounts(team: Team) -> None:
    partner = factories.SourceFactory(name="partner")
    of_source = routing.rule(team, compare("lead.source", "is", "partner"))
    of_target = routing.rule(team, {"subject": "account.is_target", "op": "is_true"})
    target = factories.AccountFactory(is_target=True)
    assert fitting(factories.LeadFactory(source=partner, account=target)) == of_source
    assert fitting(factories.LeadFactory(account=target)) == of_target


def test_the_first_by_position_counts_and_those_switched_off_do_not(team: Team) -> None:
    last = routing.rule(team, position=9)
    first = routing.rule(team, DACH, position=3)
    routing.rule(team, position=1, is_active=False)
    assert fitting(factories.LeadFactory(country="Germany")) == first
    assert fitting(factories.LeadFactory(country="France")) == last


def test_many_leads_in_one_statement(team: Team, django_assert_num_queries: Any) -> None:
    rules = [routing.rule(team, DACH), routing.rule(team, LARGE)]
    german = [factories.LeadFactory(country="Germany").pk for _ in range(5)]
    other = [factories.LeadFactory(country="Peru").pk for _ in range(5)]
    with django_assert_num_queries(3):  # two for what is declared
        found = rule_of_leads([*german, *other], rules=rules, now=NOW)
    assert found == {**dict.fromkeys(german, rules[0]), **dict.fromkeys(other)}


def test_owner_rules_are_for_named_accounts_only(team: Team, aisha: User, ben: User) -> None:
    pool = routing.pool(team, {ben: 1})
    rule = routing.rule(pool, to_account_owner=True)
    account = factories.AccountFactory()
    AccountOwner.objects.create(account=account, person=aisha)
    assert fitting(factories.LeadFactory(account=account)) == rule
    assert fitting(factories.LeadFactory(account=factories.AccountFactory())) is None
    assert fitting(factories.LeadFactory()) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"activity": "form_submit"},
        {"no_activity": "any", "within_days": 7},
        {"subject": "lead.nationality", "op": "is_known"},
        {"subject": "lead.stage", "op": "is_known"},
        {"subject": "account.employees", "op": "contains", "value": "many"},
        {"all": []},
        [],
        None,
    ],
)
def test_conditions_that_make_no_sense_are_refused(raw: Any) -> None:
    with pytest.raises(ModelInvalid):
        checked_condition(raw)


def dach(**query: Any) -> Segment:
    """The shipped segment, or one that asks this."""
    found = Segment.objects.get(key="dach")
    if query:
        found.query = query
        found.save()
    return found


@pytest.mark.parametrize(
    ("country", "company", "fits"),
    [
        ("Germany", None, True),
        ("Peru", "Austria", True),
        ("Germany", "Peru", False),  # where the company sits counts, as in lists
        ("Peru", None, False),
    ],
)
def test_a_saved_segment(team: Team, country: str, company: str | None, fits: bool) -> None:
    rule = routing.rule(team, segment=dach())
    account = company and factories.AccountFactory(country=company)
    lead = factories.LeadFactory(country=country, account=account or None)
    assert fitting(lead) == (rule if fits else None)
    in_lists = members_of(dach().query, among=Lead.objects.all())
    assert in_lists.filter(pk=lead.pk).exists() is fits


def test_a_segment_and_a_condition_must_both_hold(team: Team) -> None:
    rule = routing.rule(team, compare("lead.topic", "contains", "sap"), segment=dach())
    assert fitting(factories.LeadFactory(country="Germany", topic="SAP")) == rule
    assert fitting(factories.LeadFactory(country="Germany")) is None
    assert fitting(factories.LeadFactory(country="Peru", topic="SAP")) is None


def test_a_segment_that_was_changed_counts_as_it_is_saved_now(team: Team) -> None:
    rule = routing.rule(team, segment=dach())
    lead = factories.LeadFactory(country="Peru")
    assert fitting(lead) is None
    dach(market=["Peru"])
    assert fitting(lead) == rule


def test_a_rule_whose_segment_makes_no_sense_is_passed_over(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    broken = routing.rule(team, segment=dach(shoe_size=44), position=1)
    last = routing.rule(team, position=2)
    assert fitting(factories.LeadFactory(country="Germany")) == last
    assert f"routing.rule_unusable rule={broken.pk}" in caplog.text
    assert "unknown filter" in rule_sentence(broken, Catalogue.load())


def test_a_segment_a_rule_names_cannot_be_removed(team: Team) -> None:
    routing.rule(team, segment=dach(), is_active=False)
    with pytest.raises(ProtectedError), transaction.atomic():
        dach().delete()
    with transaction.atomic():
        Segment.objects.filter(key="dach")._raw_delete("default")
        with pytest.raises(IntegrityError, match="foreign key"):
            connection.check_constraints()
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Every lead: anybody of EMEA"),
        ({"segment": True}, "DACH: anybody of EMEA"),
        (
            {"segment": True, "condition": LARGE, "pool": True, "skills": ["german", "sap"]},
            "DACH and (Employees at least 1,000 or Revenue at least 500,000,000): next in turn in"
            " Seniors who has german, sap",
        ),
        (
            {"pool": True, "to_account_owner": True},
            "Named accounts: Every lead: the owner, else next in turn in Seniors",
        ),
    ],
)
def test_rules_read_as_sentences(team: Team, fields: dict[str, Any], said: str) -> None:
    Team.objects.filter(pk=team.pk).update(name="EMEA")
    team.refresh_from_db()
    named = {**fields, "segment": dach() if fields.get("segment") else None}
    named["pool"] = routing.pool(team, {}, name="Seniors") if fields.get("pool") else None
    assert rule_sentence(routing.rule(team, **named), Catalogue.load()) == said
