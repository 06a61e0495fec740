"""What somebody did to a draft, in words: the text of a ModelChange."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from qualification.exceptions import ModelInvalid
from qualification.models import ScoringRule
from qualification.scoring.sentences import rule_sentence, signed_points
from qualification.scoring.subjects import Catalogue


def sentence_or_error(rule: ScoringRule, catalogue: Catalogue) -> str:
    """What the rule does; why it cannot be told where its stored condition is none."""
    try:
        return rule_sentence(rule, catalogue)
    except ModelInvalid as error:
        return str(error)


def added_words(rule: ScoringRule, catalogue: Catalogue) -> str:
    """A new rule and what it does."""
    figures = {"rule": rule.name, "does": rule_sentence(rule, catalogue)}
    return _("Added: %(rule)s. %(does)s") % figures


def edited_words(before: ScoringRule, after: ScoringRule, catalogue: Catalogue) -> str:
    """What an edit changed, such as `Director: +25.0 → +17.5`; blank when nothing did."""
    parts = [*_renamed(before, after), *_changed_sentence(before, after, catalogue)]
    for name, words in (("group", _("group")), ("position", _("position"))):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            parts.append(f"{words} {old or '–'} → {new or '–'}")
    return f"{before.name}: {'; '.join(parts)}" if parts else ""


def _renamed(before: ScoringRule, after: ScoringRule) -> list[str]:
    return [_("now called %(name)s") % {"name": after.name}] if before.name != after.name else []


def _changed_sentence(before: ScoringRule, after: ScoringRule, catalogue: Catalogue) -> list[str]:
    """Points alone are said as points; anything else as the sentence it reads as now."""
    now = rule_sentence(after, catalogue)
    is_same = now == sentence_or_error(before, catalogue)
    if is_same and before.condition == after.condition:
        return []
    only_points = [getattr(before, name) == getattr(after, name) for name in _MEANING]
    if all(only_points):
        return [points_step(before, after)]
    return [now]


_MEANING = ("condition", "dimension", "segment", "disqualifies")


def points_step(before: ScoringRule, after: ScoringRule) -> str:
    """Old and new points, such as `+25.0 → +17.5`."""
    return f"{signed_points(before.points)} → {signed_points(after.points)}"


def joined(parts: Iterable[str]) -> str:
    """Several changes as one text of at most 300 characters, which ends in … when it was longer."""
    text = "; ".join(part for part in parts if part)
    return text if len(text) <= 300 else f"{text[:299]}…"
