"""Whether a condition of a rule holds on plain facts, and what activities it counts.

Imports nothing from the app; see `scoring_oracle.py` for the shape of facts.
"""

# ruff: noqa: PLR0911
from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

from tests.oracles.scoring_facts import MISSING, UNDECIDED, Facts, fold, tenths


class Conditions(Facts):
    """Facts that conditions are asked of."""

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
