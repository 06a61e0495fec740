"""What the editor offers: subjects by family, and types, properties and values seen lately.

Nothing here decides what a rule may say. Values that name a person are never offered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from crm.models import Activity, Lead
from qualification.choices import AnswerState
from qualification.models import Criterion
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import ACCOUNT_FIELDS, LEAD_FIELDS, Catalogue, subject_of

LOOKED_AT = 1_000
SHOWN = 30
# Fields of a lead whose values tell nothing about who it is.
TELLING = ("title", "seniority", "department", "country", "channel", "campaign", "topic")
FAMILIES = {
    "lead": gettext_lazy("Lead"),
    "account": gettext_lazy("Account"),
    "attributes": gettext_lazy("Attributes"),
    "checklist": gettext_lazy("Answers"),
}


@dataclass(frozen=True)
class Choice:
    """A subject as the list of the editor names it."""

    name: str
    label: str


@dataclass(frozen=True)
class Suggestions:
    """Subjects by family; activity types and properties; values by subject."""

    subjects: tuple[tuple[str, tuple[Choice, ...]], ...]
    activity_types: tuple[str, ...]
    properties: tuple[str, ...]
    values: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls, catalogue: Catalogue) -> Suggestions:
        """From the catalogue and the newest rows, a bounded number of them."""
        types, properties = _recorded()
        return cls(_subjects(catalogue), types, properties, _values(catalogue))

    @property
    def known(self) -> frozenset[str]:
        """Names of all subjects in the list."""
        return frozenset(choice.name for _, choices in self.subjects for choice in choices)


def _subjects(catalogue: Catalogue) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    names = [f"lead.{name}" for name in LEAD_FIELDS]
    names += [f"account.{name}" for name in ACCOUNT_FIELDS]
    names += [f"attributes.{name}" for name in sorted(catalogue.attributes)]
    for key in sorted(catalogue.criteria):
        names += [f"checklist.{key}", f"checklist.{key}.state"]
    subjects = [subject_of(name) for name in names]
    return tuple(
        (
            str(label),
            tuple(Choice(s.name, catalogue.label_of(s)) for s in subjects if s.family == family),
        )
        for family, label in FAMILIES.items()
        if any(s.family == family for s in subjects)
    )


def _recorded() -> tuple[tuple[str, ...], tuple[str, ...]]:
    types: Counter[str] = Counter()
    names: Counter[str] = Counter()
    rows = Activity.objects.order_by("-pk").values_list("type", "properties")[:LOOKED_AT]
    for kind, properties in rows:
        types[kind] += 1
        names.update(key for key, value in properties.items() if not isinstance(value, dict | list))
    return _most(types), _most(names)


def _values(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    seen: dict[str, Counter[str]] = {}
    rows = Lead.objects.order_by("-pk").values("attributes", "account__industry", *TELLING)
    for row in rows[:LOOKED_AT]:
        for name, value in _told(row, catalogue):
            seen.setdefault(name, Counter())[value] += 1
    found = {name: _most(counts) for name, counts in seen.items()}
    states = tuple(AnswerState.values)
    keys = Criterion.objects.values_list("key", flat=True)
    return found | {f"checklist.{key}.state": states for key in keys}


def _told(row: dict[str, Any], catalogue: Catalogue) -> list[tuple[str, str]]:
    found = [(f"lead.{name}", row[name]) for name in TELLING if row[name]]
    if row["account__industry"]:
        found.append(("account.industry", row["account__industry"]))
    for name, value in row["attributes"].items():
        is_text = catalogue.attributes.get(name) is ValueType.TEXT
        if is_text and isinstance(value, str) and 0 < len(value) <= 60:
            found.append((f"attributes.{name}", value))
    return found


def _most(counts: Counter[str]) -> tuple[str, ...]:
    # What stands there once may be about one person.
    return tuple(name for name, count in counts.most_common(SHOWN) if count > 1)
