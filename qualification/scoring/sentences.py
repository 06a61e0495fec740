"""Decides how a rule reads as one sentence, such as `+12.5 fit when seniority is C-level or VP`.
Called by the admin, the version page and the diff of two versions; it evaluates nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils.text import get_text_list

from qualification.models import ScoringRule
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
    parse_when,
)
from qualification.scoring.document import Rule
from qualification.scoring.points import points_text, tenths_of
from qualification.scoring.subjects import Catalogue
from qualification.scoring.wording import test_words, value_text

_ORDERED = {
    "at_least": ("at least", "on or after"),
    "at_most": ("at most", "on or before"),
    "between": ("between", "between"),
}


def rule_sentence(rule: ScoringRule | Rule, catalogue: Catalogue) -> str:
    """What a rule does, in one sentence without a full stop and without any lead's facts.

    Raises ModelInvalid when the stored condition is none.
    """
    when = rule.meaning if isinstance(rule, Rule) else parse_when(rule.condition)
    effect = effect_words(rule.dimension, rule.points, rule.disqualifies or "")
    sentence = f"{effect} {when_words(when, catalogue, points=rule.points)}"
    if rule.segment:
        return f"In segment “{_plain(rule.segment)}”: {sentence}"
    return sentence


def effect_words(dimension: str, points: Decimal, disqualifies: str = "") -> str:
    """What happens, such as `+12.5 fit` or `Disqualifies as “opted out”`."""
    given = f"{signed_points(points)} {dimension}"
    if not disqualifies:
        return given
    words = f"Disqualifies as “{_plain(disqualifies)}”"
    return f"{words} and gives {given}" if points else words


def signed_points(points: Decimal) -> str:
    """Points with one decimal, their plus or a real minus sign: +12.5, −3.0, 0.0."""
    return points_text(tenths_of(points), signed=points > 0).replace("-", "−")


def when_words(when: When, catalogue: Catalogue, *, points: Decimal) -> str:
    """The clause after the points: `when …`, `unless …`, `for each …`."""
    match when:
        case ActivityTest():
            return _activity(when, points)
        case NoActivityTest():
            return _absence(when)
        case NotThis(part) if not isinstance(part, NotThis):
            return f"unless {_words(part, catalogue)}"
        case AllOf(parts):
            return _all_unless(parts, catalogue)
    return f"when {_words(when, catalogue)}"


def _all_unless(parts: tuple[Condition, ...], catalogue: Catalogue) -> str:
    """`when a and b, unless c or d`: what must not be so comes last."""
    wanted = tuple(part for part in parts if not isinstance(part, NotThis))
    refused = tuple(part.part for part in parts if isinstance(part, NotThis))
    unless = _words(AnyOf(refused), catalogue) if refused else ""
    if not wanted:
        return f"unless {unless}"
    when = f"when {_words(AllOf(wanted), catalogue)}"
    return f"{when}, unless {unless}" if unless else when


# --- comparisons and what joins them -----------------------------------------------------------


def _words(condition: Condition, catalogue: Catalogue) -> str:
    match condition:
        case Comparison():
            return _comparison(condition, catalogue)
        case AllOf(parts):
            return _joined(parts, "and", catalogue)
        case AnyOf(parts):
            return _joined(parts, "or", catalogue)
        case NotThis(part):
            return _negated(part, catalogue)


def _joined(parts: Sequence[Condition], word: str, catalogue: Catalogue) -> str:
    if len(parts) == 1:
        return _words(parts[0], catalogue)
    words = [_inner(part, catalogue) for part in parts]
    if any(_is_joint(part) for part in parts):
        return f"; {word} ".join(words) if len(parts) > 2 else f", {word} ".join(words)
    return _listed(words, word)


def _inner(part: Condition, catalogue: Catalogue) -> str:
    """A part of a longer condition; two of several are held together by a word in front."""
    words = _words(part, catalogue)
    match part:
        case AllOf(parts) if len(parts) > 1:
            return f"{'both' if len(parts) == 2 else 'all of'} {words}"
        case AnyOf(parts) if len(parts) > 1:
            return f"either {words}"
    return words


def _negated(part: Condition, catalogue: Catalogue) -> str:
    """True for lack of facts as well, so it does not read as `is not`."""
    match part:
        case NotThis(inner):
            return _words(inner, catalogue)
        case AnyOf(parts) if len(parts) > 1:
            return f"none of {_words(part, catalogue)}"
        case AllOf(parts) if len(parts) > 1:
            return f"not {_inner(part, catalogue)}"
    return f"it is not so that {_words(part, catalogue)}"


def _is_joint(part: Condition) -> bool:
    """Whether a part joins several itself, so that a plain list would not tell where it ends."""
    match part:
        case AllOf(parts) | AnyOf(parts):
            return len(parts) > 1 or _is_joint(parts[0])
        case NotThis(inner):
            return _is_joint(inner)
    return False


def _comparison(asked: Comparison, catalogue: Catalogue) -> str:
    label = _small(catalogue.label_of(asked.subject))
    match asked.op:
        case "is_true" | "is_false":
            return f"{label} is {'yes' if asked.op == 'is_true' else 'no'}"
        case "at_least" | "at_most" | "between":
            number_word, date_word = _ORDERED[asked.op]
            word = date_word if isinstance(asked.values[0], date) else number_word
            return f"{label} {_is(label)} {word} {_listed(_texts(asked.values), 'and')}"
        case "days_since_at_most":
            days = Decimal(str(asked.values[0]))
            return f"{label} at most {'1 day' if days == 1 else _days(days)} ago"
    return f"{label} {test_words(asked)}"


def _is(label: str) -> str:
    """`employees are at least 50`, `revenue is at least 50`."""
    words = label.split()
    is_plural = words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is"))
    return "are" if is_plural or {"people", "roles"}.intersection(words) else "is"


def _small(label: str) -> str:
    """A label inside a sentence; abbreviations such as `CRM` stay large."""
    return label if label[1:2].isupper() else f"{label[:1].lower()}{label[1:]}"


# --- what they did -----------------------------------------------------------------------------


def _activity(test: ActivityTest, points: Decimal) -> str:
    kind, window, where = _listed(_names(test.types), "or"), _window(test.within_days), _where(test)
    if test.at_least_times:
        times = "once" if test.at_least_times == 1 else f"{test.at_least_times:,} times"
        happened = f"when {kind} happened at least {times}{window}{where}"
        return f"{happened}{_most(test, points)}"
    which = "the latest" if test.is_once else "each"
    decay = f", halved every {_days(test.half_life_days)}" if test.half_life_days else ""
    return f"for {which} {kind}{window}{where}{decay}{_most(test, points)}"


def _where(test: ActivityTest) -> str:
    tests = [f"{_plain(name)} is {_listed(_texts(values), 'or')}" for name, values in test.where]
    return f" where {_listed(tests, 'and')}" if tests else ""


def _most(test: ActivityTest, points: Decimal) -> str:
    if test.max_points is None:
        return ""
    side, most = ("at most", test.max_points) if points >= 0 else ("at least", -test.max_points)
    return f", {side} {signed_points(most)} in all"


def _absence(test: NoActivityTest) -> str:
    kind = _listed(_names(test.types), "or") or "activity at all"
    before = ", though there was one before" if test.after_first else ""
    return f"when there was no {kind}{_window(test.within_days)}{before}"


def _window(days: Decimal | None) -> str:
    return f" in the last {_days(days)}" if days else ""


def _days(days: Decimal) -> str:
    return "day" if days == 1 else f"{days.normalize():,f} days"


# --- words -------------------------------------------------------------------------------------


def _names(types: tuple[str, ...]) -> list[str]:
    return [_plain(name) for name in types]


def _texts(values: tuple[Scalar, ...]) -> list[str]:
    return [value_text(value) for value in values]


def _listed(words: Sequence[str], last_word: str) -> str:
    return get_text_list(list(words), last_word)


def _plain(name: str) -> str:
    return name.replace("_", " ")
