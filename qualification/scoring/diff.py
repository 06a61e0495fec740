"""Decides how the difference of two versions reads: a line per rule or setting that differs.
Called by release notes and the version page; evaluates nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.document import ACTIONS, TIERS
from qualification.scoring.sentences import rule_sentence, signed_points
from qualification.scoring.subjects import Catalogue

ADDED, REMOVED, CHANGED, SETTING = "added", "removed", "changed", "setting"
KINDS = {
    ADDED: gettext_lazy("New rule"),
    REMOVED: gettext_lazy("Rule gone"),
    CHANGED: gettext_lazy("Rule changed"),
    SETTING: gettext_lazy("Setting"),
}
SETTINGS = {
    "base_fit": gettext_lazy("Fit every lead starts with"),
    "base_intent": gettext_lazy("Intent every lead starts with"),
    "fit_min": gettext_lazy("Lowest fit"),
    "fit_max": gettext_lazy("Highest fit"),
    "intent_min": gettext_lazy("Lowest intent"),
    "intent_max": gettext_lazy("Highest intent"),
    "total_min": gettext_lazy("Lowest score"),
    "total_max": gettext_lazy("Highest score"),
    "mql": gettext_lazy("Queue line"),
    "accept": gettext_lazy("Accept line"),
    "account_poor_below": gettext_lazy("Account fit counts as poor below"),
    "account_cap": gettext_lazy("Highest score with a poor account"),
}
NAMED_POINTS = {
    "fit_thresholds": gettext_lazy("Fit %(name)s from"),
    "intent_thresholds": gettext_lazy("Intent %(name)s from"),
    "caps": gettext_lazy("Most that group “%(name)s” gives or takes"),
}
GRADE_WORDS = {
    "tiers": gettext_lazy("Tier of %(name)s"),
    "actions": gettext_lazy("Suggestion for %(name)s"),
}
GRADE_LISTS = {
    "tiers": gettext_lazy("Tier %(word)s"),
    "actions": gettext_lazy("Suggest %(word)s for"),
}
# PostgreSQL keeps JSON keys in an order of its own.
WORD_ORDER = {"tiers": tuple(TIERS), "actions": tuple(ACTIONS)}
RULE_WORDS = {
    "name": gettext_lazy("name"),
    "dimension": gettext_lazy("dimension"),
    "group": gettext_lazy("group"),
    "segment": gettext_lazy("segment"),
    "disqualifies": gettext_lazy("disqualifies as"),
}


@dataclass(frozen=True)
class Change:
    """One difference: of a rule (by its key) or of a setting; `text` says it in words.

    `before`, `after`: the sentences of a rule of which more than the points differs, else blank.
    """

    kind: str
    text: str
    rule_key: str = ""
    before: str = ""
    after: str = ""

    @property
    def label(self) -> str:
        """What kind of difference this is."""
        return str(KINDS[self.kind])

    @property
    def words(self) -> str:
        """The whole difference in one line."""
        parts = [f"{self.label}: {self.text}"]
        parts += [f"{self.before} → {self.after}"] if self.before else []
        return "; ".join(parts)


def diff_of(before: ScoringModel, after: ScoringModel) -> tuple[Change, ...]:
    """What `after` says differently: rules first, in its order, then settings; empty if nothing."""
    catalogue = Catalogue.load()
    old, new = _rules(before), _rules(after)
    rules = [_rule_change(old.get(rule.key), rule, catalogue) for rule in new.values()]
    gone = [
        Change(REMOVED, f"{rule.name}: {rule_sentence(rule, catalogue)}", rule.key)
        for rule in old.values()
        if rule.key not in new
    ]
    found = [change for change in rules if change is not None]
    return (*found, *gone, *_order(old, new), *_settings(before, after))


def settings_of(model: ScoringModel) -> tuple[tuple[str, str], ...]:
    """(setting, value) in words of a version, as the differences name them."""
    found = [
        (str(label), _shown(value))
        for column, label in SETTINGS.items()
        if (value := getattr(model, column)) is not None
    ]
    for column, label in NAMED_POINTS.items():
        named = sorted(_points(getattr(model, column)).items())
        found += [(str(label) % {"name": name}, _shown(value)) for name, value in named]
    for column in GRADE_WORDS:
        grades = getattr(model, column)
        found += [
            (str(GRADE_LISTS[column]) % {"word": word}, ", ".join(grades[word]))
            for word in WORD_ORDER[column]
            if word in grades
        ]
    return tuple(found)


def _rules(model: ScoringModel) -> dict[str, ScoringRule]:
    return {rule.key: rule for rule in model.rules.order_by("position", "id")}


def _rule_change(old: ScoringRule | None, rule: ScoringRule, catalogue: Catalogue) -> Change | None:
    sentence = rule_sentence(rule, catalogue)
    if old is None:
        return Change(ADDED, f"{rule.name}: {sentence}", rule.key)
    words = list(_rule_words(old, rule))
    if old.condition != rule.condition:
        words.append(_("counts for other leads or activities"))
    if not words:
        return None
    text = f"{rule.name}: {', '.join(words)}"
    if len(words) == 1 and old.points != rule.points:
        return Change(CHANGED, text, rule.key)
    return Change(CHANGED, text, rule.key, rule_sentence(old, catalogue), sentence)


def _rule_words(old: ScoringRule, rule: ScoringRule) -> Iterator[str]:
    if old.points != rule.points:
        yield _("%(before)s → %(after)s points") % {
            "before": signed_points(old.points),
            "after": signed_points(rule.points),
        }
    for column, label in RULE_WORDS.items():
        before, after = getattr(old, column), getattr(rule, column)
        if before != after:
            yield f"{label} {_shown(before)} → {_shown(after)}"


def _order(old: Mapping[str, ScoringRule], new: Mapping[str, ScoringRule]) -> Iterator[Change]:
    """The first disqualifier names the reason, so their order counts; other rules add up anyhow."""
    both = [key for key, rule in new.items() if rule.disqualifies and key in old]
    was = [key for key in old if key in both]
    if both != was:
        names = ", ".join(new[key].name for key in both)
        yield Change(SETTING, _("Order of the disqualifiers: %(names)s") % {"names": names})


def _settings(before: ScoringModel, after: ScoringModel) -> Iterator[Change]:
    if before.name != after.name:
        yield _setting(_("Name"), before.name, after.name)
    for column, label in SETTINGS.items():
        yield from _pair(str(label), getattr(before, column), getattr(after, column))
    for column, label in NAMED_POINTS.items():
        old, new = _points(getattr(before, column)), _points(getattr(after, column))
        for name in sorted(old.keys() | new.keys()):
            yield from _pair(str(label) % {"name": name}, old.get(name), new.get(name))
    for column, label in GRADE_WORDS.items():
        old_words, new_words = _by_grade(before, column), _by_grade(after, column)
        for grade in sorted(old_words.keys() | new_words.keys()):
            name = str(label) % {"name": grade}
            yield from _pair(name, old_words.get(grade), new_words.get(grade))
    yield from _segments(before, after)


def _segments(before: ScoringModel, after: ScoringModel) -> Iterator[Change]:
    """Segments that both versions froze and that meant something else; drafts read them as they
    are today."""
    for key in sorted(before.segments.keys() & after.segments.keys()):
        if before.segments[key] != after.segments[key]:
            yield Change(SETTING, _("Segment “%(key)s” means other leads") % {"key": key})


def _pair(label: str, before: Any, after: Any) -> Iterator[Change]:
    if before != after:
        yield _setting(label, before, after)


def _setting(label: str, before: Any, after: Any) -> Change:
    return Change(SETTING, f"{label}: {_shown(before)} → {_shown(after)}")


def _points(stored: Mapping[str, Any]) -> dict[str, Decimal]:
    return {name: Decimal(str(value)) for name, value in stored.items()}


def _by_grade(model: ScoringModel, column: str) -> dict[str, str]:
    words: Iterable[tuple[str, list[str]]] = getattr(model, column).items()
    return {grade: word for word, grades in words for grade in grades}


def _shown(value: Any) -> str:
    if value is None or value == "":
        return _("none")
    return f"{value:.1f}".replace("-", "−") if isinstance(value, Decimal) else str(value)
