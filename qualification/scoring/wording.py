"""Decides how rules and facts are put into words: what a rule asks for, what fired it, the sums.
Called by the ledger and the proposals; it says what the expression found and evaluates nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NoActivityTest,
    NotThis,
    Scalar,
    When,
    comparisons,
)
from qualification.scoring.operators import OPERATORS, Shape
from qualification.scoring.points import points_text
from qualification.scoring.subjects import Subject

LONGEST_FACT = 80

LabelOf = Callable[[Subject], str]


@dataclass(frozen=True)
class Found:
    """What a lead has: `shown` the facts as written, by subject name; `held` which comparisons were
    true; `label_of` names a subject."""

    label_of: LabelOf
    shown: Mapping[str, str | None]
    held: Mapping[Comparison, bool]
    today: date

    def fact(self, subject: Subject) -> str:
        """The fact as written; blank when nobody knows it."""
        return (self.shown.get(subject.name) or "").strip()


# --- what a rule asks for ----------------------------------------------------------------------


def asked_words(when: When, label_of: LabelOf) -> str:
    """The condition of a rule, such as `Employees between 200 and 5,000`."""
    match when:
        case Comparison():
            return _asked_comparison(when, label_of(when.subject))
        case AllOf(parts):
            return " and ".join(_asked_part(part, label_of) for part in parts)
        case AnyOf(parts):
            return " or ".join(_asked_part(part, label_of) for part in parts)
        case NotThis(part):
            return f"not ({asked_words(part, label_of)})"
        case NoActivityTest():
            return activity_words(when, 0)
    times = f", at least {when.at_least_times:,} times" if when.at_least_times else ""
    text = f"{_kind(when)}{_window(when)}{times}"
    return text[:1].upper() + text[1:]


def _asked_part(part: Condition, label_of: LabelOf) -> str:
    words = asked_words(part, label_of)
    return f"({words})" if isinstance(part, AllOf | AnyOf) else words


def _asked_comparison(asked: Comparison, label: str) -> str:
    if asked.op == "days_since_at_most":
        return f"{label} at most {_days(asked.values[0])} ago"
    return f"{label}{_joint(asked)}{test_words(asked)}"


def _joint(asked: Comparison) -> str:
    return "" if asked.op in {"is_true", "is_false"} else " "


def test_words(asked: Comparison) -> str:
    """Operator and values without the subject, such as `between 200 and 5,000`."""
    operator = OPERATORS[asked.op]
    values = [value_text(value) for value in asked.values]
    if asked.op in {"contains", "starts_with"}:
        values = [f"“{value}”" for value in values]
    listed = " and ".join(values) if operator.shape is Shape.PAIR else _either(values)
    return f"{operator.words} {listed}".rstrip()


def _either(values: list[str]) -> str:
    return " or ".join(part for part in (", ".join(values[:-1]), *values[-1:]) if part)


def segment_name(key: str) -> str:
    """A segment as readers call it, such as `segment dach`."""
    return f"segment {_name(key).replace('-', ' ')}"


# --- what a lead has ---------------------------------------------------------------------------


def condition_words(condition: Condition, found: Found) -> str:
    """What made the condition true, such as `Employees 640, between 200 and 5,000`."""
    match condition:
        case Comparison():
            return _comparison_words(condition, found)
        case AllOf(parts):
            return " and ".join(condition_words(part, found) for part in parts)
        case AnyOf(parts):
            true = [part for part in parts if is_held(part, found.held)]
            return " and ".join(condition_words(part, found) for part in true)
        case NotThis(part):
            facts = dict.fromkeys(_plain_fact(leaf.subject, found) for leaf in comparisons(part))
            return f"{', '.join(facts)}, not ({asked_words(part, found.label_of)})"


def is_held(condition: Condition, held: Mapping[Comparison, bool]) -> bool:
    """Whether a part was true, from what the expression said of its comparisons."""
    match condition:
        case Comparison():
            return held[condition]
        case AllOf(parts):
            return all(is_held(part, held) for part in parts)
        case AnyOf(parts):
            return any(is_held(part, held) for part in parts)
        case NotThis(part):
            return not is_held(part, held)


def _comparison_words(true: Comparison, found: Found) -> str:
    label, fact = found.label_of(true.subject), found.fact(true.subject)
    match true.op:
        case "is" | "is_one_of" | "is_known":
            told = value_text(true.values[0]) if fact in {"true", "false"} and true.values else fact
            return f"{label} is {_fact_text(told)}"
        case "is_true" | "is_false" | "is_unknown":
            return f"{label}{_joint(true)}{test_words(true)}"
        case "contains" | "starts_with":
            return f"{label} “{_fact_text(fact)}” {test_words(true)}"
        case "days_since_at_most":
            return f"{label} {_day_text(fact, found.today)}, at most {value_text(true.values[0])}"
    return f"{label} {_fact_text(fact)}, {test_words(true)}"


def _plain_fact(subject: Subject, found: Found) -> str:
    fact = found.fact(subject)
    return f"{found.label_of(subject)} {_fact_text(fact) if fact else 'unknown'}"


def missing_words(labels: list[str]) -> str:
    """Which facts nobody knows."""
    return " and ".join(f"{label} is unknown" for label in dict.fromkeys(labels))


def _day_text(fact: str, today: date) -> str:
    try:
        day = date.fromisoformat(fact[:10])
    except ValueError:
        return fact
    return f"{_date_text(day)}, {_ago((today - day).days)}"


def _fact_text(fact: str) -> str:
    """Whole numbers of four digits and more get their commas; texts stay as written, shortened."""
    if fact.isdecimal() and len(fact) > 3 and not fact.startswith("0"):
        return f"{int(fact):,}"
    return fact if len(fact) <= LONGEST_FACT else f"{fact[: LONGEST_FACT - 1]}…"


def value_text(value: Scalar) -> str:
    """A value of a document as a reader writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return _date_text(value) if isinstance(value, date) else value


def _date_text(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


# --- what they did -----------------------------------------------------------------------------


def activity_words(test: ActivityTest | NoActivityTest, count: int) -> str:
    """How many matched, in which window, such as `1 webinar in the last 90 days`."""
    if isinstance(test, NoActivityTest):
        return f"No {_kind(test)}{_window(test)}"
    return f"{count:,} {'' if count == 1 else '× '}{_kind(test)}{_window(test)}"


def activity_note(
    test: ActivityTest | NoActivityTest,
    *,
    count: int,
    raw_tenths: int,
    tenths: int,
    newest: datetime | None,
    as_of: datetime,
) -> str:
    """Age, decay and cap behind the points of an activity rule."""
    if newest is None:
        return ""
    age = _ago((timezone.localdate(as_of) - timezone.localdate(newest)).days)
    if isinstance(test, NoActivityTest):
        return f"last {age}"
    parts = [f"newest {age}" + (", only it counts" if test.is_once and count > 1 else "")]
    if test.half_life_days and test.at_least_times is None:
        parts.append(f"half-life {test.half_life_days.normalize():,f} d")
    if raw_tenths != tenths:
        parts.append(f"capped from {points_text(raw_tenths)}")
    return ", ".join(parts)


def excluded_words(test: ActivityTest, count: int) -> str:
    """What only machines did, such as `3 × email click by a machine, not counted`."""
    return f"{count:,} {'' if count == 1 else '× '}{_kind(test)} by a machine, not counted"


def with_excluded(note: str, count: int) -> str:
    """The note of an activity rule with what machines did beside it."""
    told = f"{count:,} more by a machine not counted" if count else ""
    return ", ".join(part for part in (note, told) if part)


def change_words(asked: Comparison, value: Any, label: str) -> str:
    """A fact as it would have to be for a comparison to hold, such as `Employees is 200`."""
    match asked.op:
        case "contains" | "starts_with" | "is_true" | "is_false":
            return _asked_comparison(asked, label)
    if isinstance(value, bool):
        return f"{label}: {value_text(value)}"
    if isinstance(value, int | float):
        return f"{label} is {value_text(Decimal(str(value)))}"
    day = _read_day(value)
    return f"{label} is {_date_text(day) if day else value}"


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def one_more_words(test: ActivityTest, count: int) -> str:
    """That they do something once more, such as `One more page view (path /pricing)`; `count`: how
    often they did."""
    return f"One{' more' if count else ''} {_kind(replace(test, types=test.types[:1]))}"


def _kind(test: ActivityTest | NoActivityTest) -> str:
    kind = _either([_name(name) for name in test.types]) or "activity"
    wanted = test.where if isinstance(test, ActivityTest) else ()
    if not wanted:
        return kind
    listed = (
        f"{_name(name)} {_either([value_text(v) for v in values])}" for name, values in wanted
    )
    return f"{kind} ({', '.join(listed)})"


def _name(name: str) -> str:
    return name.replace("_", " ")


def _window(test: ActivityTest | NoActivityTest) -> str:
    return f" in the last {_days(test.within_days)}" if test.within_days else ""


def _days(days: Scalar) -> str:
    return f"{Decimal(str(days)).normalize():,f} {'day' if days == 1 else 'days'}"


def _ago(days: int) -> str:
    match days:
        case 0:
            return "today"
        case 1:
            return "yesterday"
    return f"{days:,} days ago"
