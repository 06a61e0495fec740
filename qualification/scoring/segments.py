"""Decides what a saved segment asks for: its filters as a condition of the rule language.
Called by the document, the compiler, and the filters of lists and reports. One table says which
filter asks what, so that a rule, a list and a report mean the same leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qualification.choices import ModelStatus
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel, ScoringRule, Segment
from qualification.scoring.conditions import (
    ActivityTest,
    Condition,
    NoActivityTest,
    parse_when,
)
from qualification.scoring.subjects import Catalogue
from qualification.scoring.wording import asked_words

Query = Mapping[str, Any]

# Filter → the subject it looks at and the operator that takes its value.
ASKED: dict[str, tuple[str, str]] = {
    "country": ("lead.country", "is_one_of"),
    "city": ("lead.city", "is_one_of"),
    "seniority": ("lead.seniority", "is_one_of"),
    "department": ("lead.department", "is_one_of"),
    "title": ("lead.title", "contains"),
    "source": ("lead.source", "is_one_of"),
    "channel": ("lead.channel", "is_one_of"),
    "campaign": ("lead.campaign", "is_one_of"),
    "topic": ("lead.topic", "contains"),
    "email_kind": ("lead.email_kind", "is_one_of"),
    "opted_out": ("lead.opted_out", "is"),
    "received_within": ("lead.received_at", "days_since_at_most"),
    "industry": ("account.industry", "is_one_of"),
    "account_country": ("account.country", "is_one_of"),
    "employees_min": ("account.employees", "at_least"),
    "employees_max": ("account.employees", "at_most"),
    "revenue_min": ("account.revenue", "at_least"),
    "revenue_max": ("account.revenue", "at_most"),
    "is_target": ("account.is_target", "is"),
    "is_competitor": ("account.is_competitor", "is"),
}
# Where the company sits; where nobody knows that, where the person does.
MARKET = "market"
# A custom attribute by name, and the value it has.
ATTRIBUTE, ATTRIBUTE_VALUE = "attribute", "attribute_value"
FILTERS = frozenset({*ASKED, MARKET, ATTRIBUTE, ATTRIBUTE_VALUE})


def when_of(query: Query) -> dict[str, Any]:
    """The query as a `when` of the file format. Raises ModelInvalid: nothing asked, or unknown."""
    unknown = sorted(set(query) - FILTERS)
    if unknown:
        raise ModelInvalid(f"unknown filter '{unknown[0]}'")
    parts = [
        {"subject": subject, "op": op, "value": query[name]}
        for name, (subject, op) in ASKED.items()
        if name in query
    ]
    if MARKET in query:
        parts.append(_market(query[MARKET]))
    if ATTRIBUTE in query or ATTRIBUTE_VALUE in query:
        parts.append(_attribute(query))
    if not parts:
        raise ModelInvalid("a segment needs at least one filter")
    return {"all": parts} if len(parts) > 1 else parts[0]


def _market(countries: Any) -> dict[str, Any]:
    of_person = {"subject": "lead.country", "op": "is_one_of", "value": countries}
    return {
        "any": [
            {"subject": "account.country", "op": "is_one_of", "value": countries},
            {"all": [{"subject": "account.country", "op": "is_unknown"}, of_person]},
        ]
    }


def _attribute(query: Query) -> dict[str, Any]:
    if ATTRIBUTE not in query or ATTRIBUTE_VALUE not in query:
        raise ModelInvalid("an attribute needs a value, and a value its attribute")
    subject = f"attributes.{query[ATTRIBUTE]}"
    return {"subject": subject, "op": "is", "value": query[ATTRIBUTE_VALUE]}


def segment_condition(query: Query) -> Condition:
    """The typed condition of a query. Raises ModelInvalid with where and why."""
    condition = parse_when(when_of(query))
    if isinstance(condition, ActivityTest | NoActivityTest):  # no filter asks for activities
        raise ModelInvalid("a segment looks at facts, not at activities")
    return condition


def segment_words(query: Query, catalogue: Catalogue) -> str:
    """What the query asks for, such as `Company country is Germany or Austria`."""
    return asked_words(segment_condition(query), catalogue.label_of)


def in_use(keys: Iterable[str]) -> dict[str, list[ScoringModel]]:
    """Versions whose rules name these segments and that still count, by key; retired ones keep
    what they were frozen with."""
    standing = [ModelStatus.DRAFT, ModelStatus.SHADOW, ModelStatus.ACTIVE]
    rules = ScoringRule.objects.filter(segment__in=list(keys), model__status__in=standing)
    found: dict[str, dict[int, ScoringModel]] = {}
    for rule in rules.select_related("model").order_by("model__version"):
        found.setdefault(rule.segment, {})[rule.model_id] = rule.model
    return {key: list(models.values()) for key, models in found.items()}


def queries_of(rules: Iterable[ScoringRule]) -> dict[str, dict[str, Any]]:
    """The queries of the segments these rules name, by key, as they are saved now.

    Raises ModelInvalid naming rule and segment when there is none of that key.
    """
    asked = {rule.segment: rule.name for rule in rules if rule.segment}
    return saved_queries(asked)


def saved_queries(asked: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The saved queries of segments, given as key → name of a rule that asks for it.

    Raises ModelInvalid naming rule and segment when there is none of that key.
    """
    if not asked:
        return {}
    saved = dict(Segment.objects.filter(key__in=asked).values_list("key", "query"))
    for key, rule in asked.items():
        if key not in saved:
            raise ModelInvalid(f"rule '{rule}': unknown segment '{key}'")
    return saved
