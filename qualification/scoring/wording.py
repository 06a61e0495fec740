"""Decides how a rule's facts are put into words: what fired it, what is missing, the sums.
Called by the ledger; it says what the expression found and evaluates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NoActivityTest,
    NotThis,
    Scalar,
)
from qualification.scoring.operators import OPERATORS
from qualification.scoring.points import points_text

DAY = timedelta(days=1)

Shown = Mapping[str, str | None]
Held = Mapping[Comparison, bool]


def condition_words(condition: Condition, shown: Shown, held: Held, today: date) -> str:
    """What made the condition true. `shown`: fact as written, by subject; `held`: which comparisons
    were true."""
    match condition:
        case Comparison():
            return comparison_words(condition, shown.get(condition.subject.name), today)
        case AllOf(parts):
            return " and ".join(condition_words(part, shown, held, today) for part in parts)
        case AnyOf(parts):
            true = [part for part in parts if is_held(part, held)]
            return " and ".join(condition_words(part, shown, held, today) for part in true)
        case NotThis(part):
            return f"not ({condition_words_plain(part, shown, today)})"


def condition_words_plain(condition: Condition, shown: Shown, today: date) -> str:
    """The whole condition with its facts, whether true or not."""
    match condition:
        case Comparison():
            return comparison_words(condition, shown.get(condition.subject.name), today)
        case NotThis(part):
            return f"not ({condition_words_plain(part, shown, today)})"
    word = " and " if isinstance(condition, AllOf) else " or "
    return word.join(condition_words_plain(part, shown, today) for part in condition.parts)


def is_held(condition: Condition, held: Held) -> bool:
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


def comparison_words(found: Comparison, fact: str | None, today: date) -> str:
    """Such as `account.employees 420 is between 200 and 2,000`."""
    name, words = found.subject.name, OPERATORS[found.op].words
    values = [value_text(value) for value in found.values]
    known = (fact or "").strip()
    if found.op == "is_unknown":
        return f"{name} {words}"
    if found.op == "days_since_at_most":
        return f"{name} {known or 'unknown'} is {_days_ago(known, today)}, at most {values[0]}"
    if found.op in {"is_true", "is_false"}:
        return f"{name} {words}"
    if found.op in {"is", "is_one_of"} and known:
        return f"{name} is {_fact_text(known)}"
    listed = " and ".join(values) if found.op == "between" else ", ".join(values)
    return " ".join(part for part in (name, _fact_text(known) or "unknown", words, listed) if part)


def _days_ago(fact: str, today: date) -> str:
    try:
        days = (today - date.fromisoformat(fact[:10])).days
    except ValueError:
        return "no date"
    return f"{days:,} {'day' if days == 1 else 'days'} ago"


def _fact_text(fact: str) -> str:
    """Whole numbers of four digits and more get their commas; texts stay as written, shortened."""
    if fact.isdecimal() and len(fact) > 3 and not fact.startswith("0"):
        return f"{int(fact):,}"
    return fact if len(fact) <= 80 else f"{fact[:79]}…"


def value_text(value: Scalar) -> str:
    """A value of a document as a reader writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return value.isoformat() if isinstance(value, date) else value


def missing_words(names: list[str]) -> str:
    """Which facts nobody knows."""
    return " and ".join(f"{name} is unknown" for name in dict.fromkeys(names))


def activity_words(test: ActivityTest | NoActivityTest, count: int) -> str:
    """How many matched, in which window."""
    kind = " or ".join(test.types) or "activity"
    if isinstance(test, NoActivityTest):
        return f"no {kind} in the last {_days(test.within_days)}"
    if test.where:
        kind += f" ({', '.join(f'{name} {_listed(values)}' for name, values in test.where)})"
    window = f" in the last {_days(test.within_days)}" if test.within_days else ""
    return f"{count:,} × {kind}{window}"


def activity_note(
    test: ActivityTest | NoActivityTest, raw_tenths: int, tenths: int, newest_age: float | None
) -> str:
    """Decay, cap and age behind the points of an activity rule."""
    if isinstance(test, NoActivityTest):
        return "" if newest_age is None else f"last {_age(newest_age)}"
    parts = []
    if newest_age is not None:
        parts.append(f"latest {_age(newest_age)}" + (", only that counts" if test.is_once else ""))
    if test.half_life_days and test.at_least_times is None:
        parts.append(f"half-life {_days(test.half_life_days)}")
    if raw_tenths != tenths:
        parts.append(f"raw {points_text(raw_tenths)}, at most {points_text(abs(tenths))}")
    return ", ".join(parts)


def _listed(values: tuple[Scalar, ...]) -> str:
    return " or ".join(value_text(value) for value in values)


def _days(days: Decimal) -> str:
    return f"{days.normalize():,f} {'day' if days == 1 else 'days'}"


def _age(seconds: float) -> str:
    days = int(seconds // DAY.total_seconds())
    if days < 1:
        return "less than a day ago"
    return f"{days:,} {'day' if days == 1 else 'days'} ago"
