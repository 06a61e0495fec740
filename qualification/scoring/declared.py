"""Decides the type of every fact a model looks at: as declared, else as first used.
Called when a document is checked and by the compiler; `declare` also by versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm.models import AttributeDefinition
from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import Comparison, When, comparisons, value_type
from qualification.scoring.operators import OPERATORS, ValueType
from qualification.scoring.subjects import Catalogue, Subject


def used_types(whens: Iterable[When], catalogue: Catalogue) -> dict[str, ValueType]:
    """Type of each attribute and checklist subject in these conditions, by subject name.

    By the first use that tells one, else as declared, else ANY: by use first, so that a frozen
    version means the same for ever, whatever is declared anew.
    """
    found: dict[str, ValueType] = {}
    asked: dict[str, Subject] = {}
    for when in whens:
        for comparison in comparisons(when):
            subject = comparison.subject
            if subject.family not in {"attributes", "checklist"}:
                continue
            asked[subject.name] = subject
            kind = value_type(comparison)
            if kind is not None:
                found.setdefault(subject.name, kind)
    for name, subject in asked.items():
        found.setdefault(name, catalogue.type_of(subject) or ValueType.ANY)
    return found


def subject_type(
    subject: Subject, used: Mapping[str, ValueType], catalogue: Catalogue
) -> ValueType:
    """The type a subject is compared as; ANY when nobody said."""
    return used.get(subject.name) or catalogue.type_of(subject) or ValueType.ANY


def check_types(when: When, used: Mapping[str, ValueType], catalogue: Catalogue) -> None:
    """Raises ModelInvalid when a comparison does not fit the type of its subject.

    `used`: what earlier rules of the same model use, by subject name.
    """
    for comparison in comparisons(when):
        subject = comparison.subject
        declared = catalogue.type_of(subject)
        if subject.family == "checklist" and declared is None:
            raise ModelInvalid(f"unknown checklist criterion '{subject.part}'")
        _check_one(comparison, declared or used.get(subject.name, ValueType.ANY))


def _check_one(comparison: Comparison, kind: ValueType) -> None:
    used = value_type(comparison)
    if used is None or kind is ValueType.ANY:
        return
    name, op = comparison.subject.name, comparison.op
    if kind not in OPERATORS[op].types:
        raise ModelInvalid(f"operator '{op}' is not for a {kind} ({name})")
    if used is not kind:
        hint = "; write texts in quotes" if kind is ValueType.TEXT else ""
        raise ModelInvalid(f"{name} is a {kind}, the value is a {used}{hint}")


def declare(used: Mapping[str, ValueType]) -> None:
    """Declare the attributes whose type became known by use; others stay undeclared."""
    AttributeDefinition.objects.bulk_create(
        [
            AttributeDefinition(name=name.removeprefix("attributes."), type=str(kind))
            for name, kind in sorted(used.items())
            if name.startswith("attributes.") and kind is not ValueType.ANY
        ],
        ignore_conflicts=True,
    )
