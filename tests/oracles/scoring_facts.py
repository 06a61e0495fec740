"""What the scoring oracle knows of a lead: plain facts, by subject and type, as of a moment.

Imports nothing from the app; see `scoring_oracle.py` for the shape of facts.
"""

# ruff: noqa: PLR0911
from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

MISSING = object()
UNDECIDED = None
TEXT_FIELDS = {
    "lead": {
        *("first_name", "last_name", "company_name", "email", "email_kind", "phone", "title"),
        *("seniority", "department", "country", "city", "channel", "campaign", "topic", "source"),
        *("phone_kind", "buying_roles"),
    },
    "account": {"name", "website", "industry", "country", "city"},
}
COUNTED = ("people", "active_people", "roles_covered")
RECENT = dt.timedelta(days=90)
# Filters of a segment that ask one thing of one fact.
PLAIN_FILTERS = {
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
DEFAULT_TIERS = {
    "hot": "A1 A2 B1",
    "warm": "A3 B2 B3 C1 C2",
    "cool": "A4 B4 C3 D1 D2",
    "cold": "C4 D3 D4",
}


def fold(text: str) -> str:
    """Lower case letter by letter, without surrounding spaces."""
    return "".join(letter.lower()[0] for letter in text).strip(" ")


def tenths(points: object) -> int:
    """Exact integer tenths."""
    return int(Decimal(str(points)) * 10)


def leaves(when: dict[str, Any]) -> list[dict[str, Any]]:
    """All comparisons of a nested condition."""
    if "all" in when or "any" in when:
        return [leaf for part in when.get("all", when.get("any")) for leaf in leaves(part)]
    if "not" in when:
        return leaves(when["not"])
    return [when] if "subject" in when else []


def inside(query: dict[str, Any]) -> dict[str, Any]:
    """What a segment asks of a lead: all of its filters."""
    asked: list[dict[str, Any]] = []
    for name, value in query.items():
        if name in PLAIN_FILTERS:
            subject, op = PLAIN_FILTERS[name]
            asked.append({"subject": subject, "op": op, "value": value})
        elif name == "market":  # the company's country, where that is not known the person's
            company, person = (
                {"subject": f"{row}.country", "op": "is_one_of", "value": value}
                for row in ("account", "lead")
            )
            nobody = {"subject": "account.country", "op": "is_unknown"}
            asked.append({"any": [company, {"all": [nobody, person]}]})
        elif name == "attribute":
            subject = f"attributes.{value}"
            asked.append({"subject": subject, "op": "is", "value": query["attribute_value"]})
    return {"all": asked}


class Facts:
    """One document; `declared` gives the types of attributes and criteria by subject name,
    `segments` the queries its rules may name."""

    def __init__(
        self,
        document: dict[str, Any],
        declared: dict[str, str] | None = None,
        segments: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.document = document
        self.segments = {key: inside(query) for key, query in (segments or {}).items()}
        self.types: dict[str, str] = {}
        named = [rule["segment"] for rule in document["rules"] if rule.get("segment")]
        whens = [rule["when"] for rule in document["rules"]]
        for when in [*whens, *(self.segments[key] for key in named)]:
            for leaf in leaves(when):
                kind = self.told_type(leaf)
                if kind:
                    self.types.setdefault(leaf["subject"], kind)
        for subject, kind in (declared or {}).items():
            self.types.setdefault(subject, kind)

    def told_type(self, leaf: dict[str, Any]) -> str | None:
        """What an operator and its value say about the type of what they compare."""
        op, value = leaf["op"], leaf.get("value")
        if op in ("is_known", "is_unknown"):
            return None
        if op in ("is_true", "is_false"):
            return "boolean"
        if op == "days_since_at_most":
            return "date"
        one = value[0] if isinstance(value, list) else value
        if isinstance(one, bool):
            return "boolean"
        if isinstance(one, (int, float)):
            return "number"
        is_date = isinstance(one, dt.date) or re.fullmatch(r"\d{4}-\d\d-\d\d", one)
        if op in ("at_least", "at_most", "between") and is_date:
            return "date"
        return "text"

    def fact(self, subject: str, facts: dict[str, Any], as_of: dt.datetime) -> Any:
        """The value to compare, or MISSING."""
        family, _, part = subject.partition(".")
        if family == "checklist":
            key, _, state = part.partition(".")
            answer = facts.get("checklist", {}).get(key)
            if answer is None:
                return MISSING
            if state:
                return answer["state"]
            return self.typed(answer["value"], self.types.get(subject, "text"))
        if family == "attributes":
            value = facts["attributes"].get(part, None)
            return self.typed(value, self.types.get(subject, "any"))
        row = facts[family]
        if row is None:
            return MISSING
        value = row[part] if part in row else self.worked_out(subject, facts, as_of)
        if value is None:
            return MISSING
        if part in TEXT_FIELDS[family]:
            return self.typed(value, "text")
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).date()
        return value

    def worked_out(self, subject: str, facts: dict[str, Any], as_of: dt.datetime) -> Any:
        """What no row says by itself: derived from the lead, or counted over its account."""
        people = [facts, *facts.get("colleagues", [])]
        match subject:
            case "lead.phone_kind":
                phone = facts["lead"].get("phone", "").strip(" ")
                kind = "real" if facts["lead"].get("phone_key") else "fake"
                return kind if phone else None
            case "lead.buying_roles":
                return ", ".join(sorted(self.roles(facts, as_of))) or None
            case "account.people":
                return Decimal(len(people))
            case "account.active_people":
                recent = as_of - RECENT
                return Decimal(
                    sum(
                        any(a["occurred_at"] > recent for a in self.seen(person, as_of))
                        for person in people
                    )
                )
            case "account.roles_covered":
                covered = [self.roles(person, as_of) for person in people]
                return Decimal(len(set().union(*covered)))
        return None

    def roles(self, person: dict[str, Any], as_of: dt.datetime) -> set[str]:
        """The parts somebody played as far as it was written down by then."""
        return {
            held["role"]
            for held in person.get("roles", [])
            if held["recorded_at"] <= as_of
            and (held["ended_at"] is None or held["ended_at"] > as_of)
        }

    def typed(self, value: Any, kind: str) -> Any:
        """A JSON value as the type it is compared as; MISSING when it is of another."""
        if value is None:
            return MISSING
        if kind == "any":
            return MISSING if value == "" or (isinstance(value, str) and not fold(value)) else value
        if kind == "text":
            if not isinstance(value, str):
                return MISSING
            return fold(value) or MISSING
        if kind == "boolean":
            return value if isinstance(value, bool) else MISSING
        if kind == "number":
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return Decimal(str(value)) if is_number else MISSING
        if not isinstance(value, str):
            return MISSING
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)(?=$|[Tt ])", value.strip(" "))
        try:
            return dt.date(*map(int, found.groups())) if found else MISSING
        except ValueError:
            return MISSING

    def seen(self, facts: dict[str, Any], as_of: dt.datetime) -> list[dict[str, Any]]:
        """What people did and was recorded by then."""
        found = []
        for activity in facts.get("activities", []):
            if activity["occurred_at"] > as_of or activity["recorded_at"] > as_of:
                continue
            verdicts = [v for v in activity.get("verdicts", []) if v[0] <= as_of]
            # Of two at the same instant the one told later counts: sorting is stable.
            if verdicts and sorted(verdicts, key=lambda v: v[0])[-1][1]:
                continue
            found.append(activity)
        return found
