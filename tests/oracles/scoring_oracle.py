"""Scores plain facts under a plain model document, one rule after the other, in plain Python.

Written from the rules of scoring alone: imports nothing from the app. Facts are
`{"lead": {}, "account": {} | None, "attributes": {}, "checklist": {key: {"value", "state"}},
"activities": [{"type", "occurred_at", "recorded_at", "properties", "verdicts": [(at, machine)]}],
"roles": [{"role", "recorded_at", "ended_at"}], "colleagues": [{"activities", "roles"}]}`.
What is counted or derived (people, active people, roles covered, kind of phone number, buying
roles) is taken literally where the facts name it.
"""

# ruff: noqa: PLR0911
from __future__ import annotations

import datetime as dt
import math
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


class Oracle:
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

    # --- facts ---------------------------------------------------------------------------------

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

    # --- conditions ----------------------------------------------------------------------------

    def compare(self, leaf: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime) -> Any:
        """True, False, or UNDECIDED for lack of the fact."""
        fact = self.fact(leaf["subject"], facts, as_of)
        op, value = leaf["op"], leaf.get("value")
        if op == "is_known":
            return UNDECIDED if fact is MISSING else True
        if op == "is_unknown":
            return fact is MISSING
        if fact is MISSING:
            return UNDECIDED
        if op == "is_true":
            return fact is True
        if op == "is_false":
            return fact is False
        if op == "days_since_at_most":
            return (as_of.astimezone(dt.UTC).date() - fact).days <= value
        wanted = [self.wanted(one) for one in (value if isinstance(value, list) else [value])]
        if isinstance(fact, dt.date):
            wanted = [dt.date.fromisoformat(str(one)) for one in wanted]
        return self.holds(op, fact, wanted)

    def wanted(self, value: Any) -> Any:
        """A value of the document as facts are compared."""
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return Decimal(str(value))
        return fold(value) if isinstance(value, str) else value

    def holds(self, op: str, fact: Any, wanted: list[Any]) -> bool:
        """The operators."""
        match op:
            case "is":
                return bool(fact == wanted[0])
            case "is_one_of":
                return fact in wanted
            case "is_not_one_of":
                return fact not in wanted
            case "contains":
                return wanted[0] in fact
            case "starts_with":
                return bool(fact.startswith(wanted[0]))
            case "at_least":
                return bool(fact >= wanted[0])
            case "at_most":
                return bool(fact <= wanted[0])
            case "between":
                return bool(wanted[0] <= fact <= wanted[1])
        raise KeyError(op)

    def test(self, when: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime) -> bool:
        """Two-valued: a comparison with a missing value is false, `not` turns that round."""
        if "all" in when:
            return all(self.test(part, facts, as_of) for part in when["all"])
        if "any" in when:
            return any(self.test(part, facts, as_of) for part in when["any"])
        if "not" in when:
            return not self.test(when["not"], facts, as_of)
        return self.compare(when, facts, as_of) is True

    def could(self, when: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime) -> Any:
        """Three-valued: UNDECIDED while a missing fact could still change the answer."""
        if "not" in when:
            inner = self.could(when["not"], facts, as_of)
            return UNDECIDED if inner is UNDECIDED else not inner
        if "all" in when or "any" in when:
            decisive = "any" in when
            found = [self.could(p, facts, as_of) for p in when.get("any", when.get("all"))]
            if decisive in found:
                return decisive
            return UNDECIDED if UNDECIDED in found else not decisive
        return self.compare(when, facts, as_of)

    # --- activities ----------------------------------------------------------------------------

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

    def matches(self, when: dict[str, Any], activity: dict[str, Any]) -> bool:
        """Type and properties."""
        types = when["activity"] if isinstance(when["activity"], list) else [when["activity"]]
        if activity["type"] not in types:
            return False
        for name, value in when.get("where", {}).items():
            allowed = value if isinstance(value, list) else [value]
            if not any(self.same(activity["properties"].get(name), one) for one in allowed):
                return False
        return True

    def same(self, stored: Any, wanted: Any) -> bool:
        """Equality of JSON values, texts folded; true is not 1."""
        if isinstance(stored, str) and isinstance(wanted, str):
            return fold(stored) == fold(wanted)
        if isinstance(stored, bool) or isinstance(wanted, bool):
            return stored is wanted
        is_number = isinstance(stored, (int, float)) and isinstance(wanted, (int, float))
        return is_number and Decimal(str(stored)) == Decimal(str(wanted))

    def activity(
        self, rule: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime
    ) -> tuple[bool, int]:
        """Whether an activity rule fired, and its tenths."""
        when, points = rule["when"], tenths(rule.get("points", 0))
        window = when.get("within_days")
        found = [a for a in self.seen(facts, as_of) if self.matches(when, a)]
        if window is not None:
            found = [a for a in found if a["occurred_at"] > as_of - dt.timedelta(days=window)]
        ages = sorted((as_of - a["occurred_at"]).total_seconds() / 86_400 for a in found)
        if "at_least_times" in when:
            value = float(points) if len(ages) >= when["at_least_times"] else 0.0
            has_fired = len(ages) >= when["at_least_times"]
        else:
            has_fired = bool(ages)
            counted = ages[:1] if when.get("per") == "once" else ages
            half_life = when.get("half_life_days")
            weights = [2 ** -(age / half_life) if half_life else 1.0 for age in counted]
            value = points * math.fsum(weights)
        rounded = int(math.copysign(math.floor(abs(value) + 0.5), value))
        most = when.get("max_points")
        if most is not None:
            rounded = max(-tenths(most), min(tenths(most), rounded))
        return has_fired, rounded

    def absence(self, when: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime) -> bool:
        """Whether nothing matched in the window (though there was something before)."""
        types = when["no_activity"]
        types = types if isinstance(types, list) else [types]
        found = [a for a in self.seen(facts, as_of) if "any" in types or a["type"] in types]
        edge = as_of - dt.timedelta(days=when["within_days"])
        if any(a["occurred_at"] > edge for a in found):
            return False
        return bool(found) or not when.get("after_first", False)

    # --- the score -----------------------------------------------------------------------------

    def score(self, facts: dict[str, Any], as_of: dt.datetime) -> dict[str, Any]:
        """fit, intent, total (tenths), grade, tier, disqualified, lines (name, tenths, unknown)."""
        lines: list[tuple[str, int, bool]] = []
        disqualified = ""
        sums = {}
        for dimension in ("fit", "intent"):
            sums[dimension] = self.dimension(dimension, facts, as_of, lines)
        for rule in self.document["rules"]:
            reason = rule.get("disqualifies")
            if reason and not disqualified and self.fired(rule, facts, as_of)[0]:
                disqualified = reason
        low, high = self.document.get("limits", {}).get("total", (0, 100))
        raw = sums["fit"] + sums["intent"]
        total = max(tenths(low), min(tenths(high), raw))
        if total != raw:
            lines.append(("total limit", total - raw, False))
        total = self.capped_by_account(total, facts, as_of, lines)
        grade = "" if disqualified else self.grade(sums["fit"], sums["intent"])
        return {
            **sums,
            "total": total,
            "grade": grade,
            "tier": self.tier(grade),
            "disqualified": disqualified,
            "lines": lines,
        }

    def capped_by_account(
        self,
        total: int,
        facts: dict[str, Any],
        as_of: dt.datetime,
        lines: list[tuple[str, int, bool]],
    ) -> int:
        """A poor account keeps its people below the cap; appends its line."""
        asked = self.document.get("account_fit")
        if asked is None or facts["account"] is None:
            return total
        earned = 0
        for rule in self.document["rules"]:
            looked_at = [leaf["subject"] for leaf in leaves(rule["when"])]
            is_of_account = looked_at and all(name.startswith("account.") for name in looked_at)
            if rule["dimension"] == "fit" and is_of_account:
                earned += self.fired(rule, facts, as_of)[1]
        capped = min(total, tenths(asked["cap"]))
        if earned >= tenths(asked["poor_below"]) or capped == total:
            return total
        lines.append(("account cap", capped - total, False))
        return capped

    def fired(
        self, rule: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime
    ) -> tuple[bool, int, bool]:
        """Fired, tenths, unknown; a rule of a segment fires for the leads inside it."""
        has_fired, value, is_unknown = self.fired_for_all(rule, facts, as_of)
        if not rule.get("segment"):
            return has_fired, value, is_unknown
        segment, when = self.segments[rule["segment"]], rule["when"]
        is_inside = self.test(segment, facts, as_of)
        if is_inside and has_fired:
            return True, value, False
        if "activity" in when or "no_activity" in when:
            could = has_fired and not is_inside and self.could(segment, facts, as_of) is UNDECIDED
            return False, 0, could
        both = {"all": [segment, when]}
        return False, 0, self.could(both, facts, as_of) is UNDECIDED

    def fired_for_all(
        self, rule: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime
    ) -> tuple[bool, int, bool]:
        """Fired, tenths, unknown, whomever the rule is for."""
        when = rule["when"]
        if "activity" in when:
            return *self.activity(rule, facts, as_of), False
        if "no_activity" in when:
            has_fired, is_unknown = self.absence(when, facts, as_of), False
        else:
            has_fired = self.test(when, facts, as_of)
            is_unknown = not has_fired and self.could(when, facts, as_of) is UNDECIDED
        return has_fired, tenths(rule.get("points", 0)) if has_fired else 0, is_unknown

    def dimension(
        self,
        dimension: str,
        facts: dict[str, Any],
        as_of: dt.datetime,
        lines: list[tuple[str, int, bool]],
    ) -> int:
        """The sum of one dimension; appends its lines."""
        base = tenths(self.document.get("base", {}).get(dimension, 0))
        total = base
        if base:
            lines.append((f"{dimension} base", base, False))
        groups: dict[str, int] = {}
        for rule in self.document["rules"]:
            if rule["dimension"] != dimension:
                continue
            has_fired, value, is_unknown = self.fired(rule, facts, as_of)
            if has_fired or is_unknown:
                lines.append((rule["name"], value, is_unknown))
            total += value
            if rule.get("group"):
                groups[rule["group"]] = groups.get(rule["group"], 0) + value
        for group, value in groups.items():
            cap = self.document.get("caps", {}).get(group)
            if cap is not None and abs(value) > tenths(cap):
                cut = int(math.copysign(tenths(cap), value)) - value
                lines.append((f"cap {group}", cut, False))
                total += cut
        low, high = self.document.get("limits", {}).get(dimension, (None, None))
        clamped = total if high is None else min(tenths(high), total)
        clamped = clamped if low is None else max(tenths(low), clamped)
        if clamped != total:
            lines.append((f"{dimension} limit", clamped - total, False))
        return clamped

    def grade(self, fit: int, intent: int) -> str:
        """Letter and number."""
        lines = self.document["thresholds"]
        letter = next((x for x in "ABC" if fit >= tenths(lines["fit"][x])), "D")
        numbers = {str(key): value for key, value in lines["intent"].items()}
        number = next((x for x in "123" if intent >= tenths(numbers[x])), "4")
        return letter + number

    def tier(self, grade: str) -> str:
        """The word of a grade."""
        tiers = self.document.get("tiers") or {k: v.split() for k, v in DEFAULT_TIERS.items()}
        return next((word for word, grades in tiers.items() if grade in grades), "")
