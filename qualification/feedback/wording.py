"""Puts the condition of a rule into words: what it asks for, not what a lead has.

Pure. Called by the proposal page.
"""

from __future__ import annotations

from typing import Any

from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    AnyOf,
    Comparison,
    NoActivityTest,
    NotThis,
    When,
    parse_when,
)
from qualification.scoring.operators import OPERATORS
from qualification.scoring.wording import activity_words, value_text


def rule_words(condition: Any) -> str:
    """Such as `account.employees is between 200 and 5,000`; blank for what no rule may say."""
    try:
        return _words(parse_when(condition))
    except ModelInvalid:
        return ""


def _words(when: When) -> str:
    match when:
        case Comparison():
            return _comparison(when)
        case AllOf(parts):
            return " and ".join(_inner(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(_inner(part) for part in parts)
        case NotThis(part):
            return f"not ({_words(part)})"
        case NoActivityTest():
            return activity_words(when, 0)
        case ActivityTest():
            times = f", at least {when.at_least_times} times" if when.at_least_times else ""
            return activity_words(when, 0).removeprefix("0 × ") + times


def _inner(part: When) -> str:
    return f"({_words(part)})" if isinstance(part, AllOf | AnyOf) else _words(part)


def _comparison(found: Comparison) -> str:
    values = [value_text(value) for value in found.values]
    listed = " and ".join(values) if found.op == "between" else ", ".join(values)
    if found.op == "days_since_at_most":
        return f"{found.subject.name} at most {listed} days ago"
    return f"{found.subject.name} {OPERATORS[found.op].words} {listed}".strip()
