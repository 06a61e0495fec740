"""Decides which facts of a lead are worth asking about: changes that would make one rule hold.
Pure; values come from the rules. Called by `changers.py`, which scores every one of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from itertools import islice, product
from typing import Any

from qualification.choices import AnswerState
from qualification.scoring import wording
from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NotThis,
    Scalar,
)
from qualification.scoring.facts import GivenFacts
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import ACCOUNT_FIELDS, Subject

# What somebody can find out or correct. Names and addresses are who it is, not what is true of
# them; how a lead came to us and what they consented to stays as it is.
_LEAD = frozenset({"title", "seniority", "department", "country", "city", "topic"})
_ACCOUNT = frozenset({"industry", "employees", "revenue", "country", "city"})
# More at once is no advice.
LARGEST = 3
# Of a condition with many branches the first ways are tried.
MOST_WAYS = 50


class Effort(IntEnum):
    """What it takes: a question, something that must happen, or that what we know is wrong."""

    ASK = 0
    HAPPEN = 1
    CORRECT = 2


@dataclass(frozen=True)
class Change:
    """One fact that could be otherwise. `subject` as rules name it, or `activity`; that makes the
    account's active people so many, if it counts them (None: no more than before)."""

    subject: str
    value: Any = field(hash=False)
    words: str = field(compare=False)
    effort: Effort
    active_people: int | None = None

    @property
    def target(self) -> str:
        """What it writes: two changes of one target exclude each other."""
        if self.subject != "activity":
            return self.subject
        return f"activity {self.value['type']} {sorted(self.value['properties'].items())}"

    def applied(self, facts: GivenFacts) -> GivenFacts:
        """The facts as they would be."""
        family, _, part = self.subject.partition(".")
        match family:
            case "lead":
                return replace(facts, lead={**facts.lead, part: self.value})
            case "account":
                return replace(facts, account={**(facts.account or {}), part: self.value})
            case "attributes":
                return replace(facts, attributes={**facts.attributes, part: self.value})
            case "checklist":
                return replace(facts, checklist={**facts.checklist, **self._answer(facts, part)})
        account = facts.account
        if account is not None and self.active_people is not None:
            account = {**account, "active_people": self.active_people}
        return replace(facts, account=account, activities=(*facts.activities, self.value))

    def _answer(self, facts: GivenFacts, part: str) -> dict[str, Any]:
        key, _, is_state = part.partition(".")
        before = facts.checklist.get(key, {"value": None, "state": AnswerState.CONFIRMED.value})
        return {key: {**before, "state" if is_state else "value": self.value}}


@dataclass(frozen=True)
class Known:
    """What the expression found: which comparisons hold, which subjects nobody knows."""

    held: Mapping[Comparison, bool]
    unknown: frozenset[str]
    has_account: bool
    as_of: datetime
    label_of: wording.LabelOf


def ways_to_hold(condition: Condition, known: Known) -> Iterator[tuple[Change, ...]]:
    """Sets of changes that would make the condition hold; empty when it does already."""
    match condition:
        case Comparison():
            if known.held[condition]:
                yield ()
            elif (change := change_for(condition, known)) is not None:
                yield (change,)
        case AnyOf(parts):
            for part in parts:
                yield from ways_to_hold(part, known)
        case AllOf(parts):
            yield from _ways_of_all(parts, known)
        case NotThis(part):
            if not wording.is_held(part, known.held):
                yield ()


def _ways_of_all(parts: tuple[Condition, ...], known: Known) -> Iterator[tuple[Change, ...]]:
    each = [list(islice(ways_to_hold(part, known), LARGEST)) for part in parts]
    for chosen in islice(product(*each), MOST_WAYS):
        merged = merge(change for way in chosen for change in way)
        if merged is not None:
            yield merged


def merge(changes: Iterable[Change]) -> tuple[Change, ...] | None:
    """The changes as one set; None when two contradict each other or they are too many."""
    found: dict[str, Change] = {}
    for change in changes:
        if found.setdefault(change.target, change).value != change.value:
            return None
    return tuple(found.values()) if len(found) <= LARGEST else None


def change_for(asked: Comparison, known: Known) -> Change | None:
    """The change of one fact that makes a comparison hold, if it is one to propose."""
    subject = asked.subject
    is_unknown = subject.name in known.unknown
    if not _is_open(subject, known):
        return None
    value = _wanted(asked, known)
    if value is None:
        return None
    can_ask = is_unknown or subject.family == "checklist"
    return Change(
        subject=subject.name,
        value=value,
        words=wording.change_words(asked, value, known.label_of(subject)),
        effort=Effort.ASK if can_ask else Effort.CORRECT,
    )


def _is_open(subject: Subject, known: Known) -> bool:
    match subject.family:
        case "lead":
            return subject.part in _LEAD
        case "account":
            return known.has_account and subject.part in _ACCOUNT
    return True


def _wanted(asked: Comparison, known: Known) -> Any:
    """A value that passes, as JSON has it; None when there is none to name."""
    match asked.op:
        case "is" | "is_one_of" | "contains" | "starts_with":
            first = asked.values[0]
        case "at_least" | "at_most" | "between":
            first = _boundary(asked)
        case "is_true" | "is_false":
            first = asked.op == "is_true"
        case "days_since_at_most":
            first = known.as_of.date()
        case _:
            return None
    return _as_json(first, asked.subject)


def _boundary(asked: Comparison) -> Scalar:
    """The end of the range the fact would come to first; whole where columns are."""
    first = asked.values[0]
    if asked.subject.family == "account" and isinstance(first, Decimal):
        return Decimal(math.floor(first) if asked.op == "at_most" else math.ceil(first))
    return first


def _as_json(value: Scalar, subject: Subject) -> Any:
    is_number_column = subject.family == "account" and (
        ACCOUNT_FIELDS.get(subject.part) is ValueType.NUMBER
    )
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            whole = int(value)
            return None if is_number_column and whole < 0 else whole
        return None if is_number_column else float(value)
    return value.isoformat() if isinstance(value, date) else value


def one_more(test: ActivityTest, facts: GivenFacts, *, count: int, was_active: bool) -> Change:
    """That they do it once more, now; they did it `count` times, and `was_active` lately or are one
    more of the active people."""
    moment = facts.as_of.isoformat()
    active = None if was_active else (facts.account or {}).get("active_people", 0) + 1
    properties = {name: _as_json(values[0], _NOTHING) for name, values in test.where}
    return Change(
        subject="activity",
        value={
            "type": test.types[0],
            "occurred_at": moment,
            "recorded_at": moment,
            "properties": properties,
            "machine": False,
        },
        words=wording.one_more_words(test, count),
        effort=Effort.HAPPEN,
        active_people=active,
    )


_NOTHING = Subject("activity", "activity", "")
