"""Scores plain facts under a plain model document, one rule after the other, in plain Python.

Written from the rules of scoring alone: imports nothing from the app. Facts are
`{"lead": {}, "account": {} | None, "attributes": {}, "checklist": {key: {"value", "state"}},
"activities": [{"type", "occurred_at", "recorded_at", "properties", "verdicts": [(at, machine)]}],
"roles": [{"role", "recorded_at", "ended_at"}], "colleagues": [{"activities", "roles"}]}`.
What is counted or derived (people, active people, roles covered, kind of phone number, buying
roles) is taken literally where the facts name it.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from tests.oracles.scoring_conditions import Conditions
from tests.oracles.scoring_facts import DEFAULT_TIERS, UNDECIDED, leaves, tenths


class Oracle(Conditions):
    """The score of one document."""

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
