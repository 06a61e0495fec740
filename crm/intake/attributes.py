"""Custom attributes: fits JSON values to the declared type, declares what is new.

Called by adapters and imports; the type of a declared attribute never changes here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm.exceptions import PayloadInvalid
from crm.intake.payload import Value
from crm.intake.values import (
    FALSE_WORDS,
    TRUE_WORDS,
    read_boolean,
    read_date,
    read_number,
    read_text,
)
from crm.models import AttributeDefinition

Type = AttributeDefinition.Type

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
MAX_ATTRIBUTES = 200


def type_of(value: Any) -> str:
    """The type a JSON value declares; "" when it cannot be an attribute."""
    if isinstance(value, bool):
        return Type.BOOLEAN
    if isinstance(value, int | float):
        return Type.NUMBER
    return Type.TEXT if isinstance(value, str) else ""


def read_value(type_: str, value: Any) -> Value:
    """A JSON value as the declared type; raises PayloadInvalid when it does not fit."""
    given = type_of(value)
    if not given or (isinstance(value, bool) and type_ != Type.BOOLEAN):
        raise PayloadInvalid(f"not a {type_}")
    text = str(value).strip()
    if type_ == Type.NUMBER:
        return read_number(text)
    if type_ == Type.BOOLEAN:
        return value if isinstance(value, bool) else read_boolean(text, TRUE_WORDS, FALSE_WORDS)
    if type_ == Type.DATE:
        return read_date(text)
    return read_text(text)


def declare(types: Mapping[str, str]) -> dict[str, str]:
    """Declare what is new; returns the type that stands for each name, which may be another."""
    AttributeDefinition.objects.bulk_create(
        [
            AttributeDefinition(name=name, type=type_, label=name.replace("_", " ").capitalize())
            for name, type_ in sorted(types.items())
        ],
        ignore_conflicts=True,
    )
    found = AttributeDefinition.objects.filter(name__in=types)
    return dict(found.values_list("name", "type"))


def fit_types(raw: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    """(values that fit their declared type, what was left out and why); declares new names."""
    notes: list[str] = []
    given: dict[str, Any] = {}
    for name, value in list(raw.items())[:MAX_ATTRIBUTES]:
        if not NAME.fullmatch(name):
            notes.append(f"attribute {name[:60]!r}: not a name (a-z, 0-9, _)")
        elif value is not None and value != "":
            given[name] = value
    if len(raw) > MAX_ATTRIBUTES:
        notes.append(f"more than {MAX_ATTRIBUTES} attributes")
    usable = {name: type_of(value) for name, value in given.items() if type_of(value)}
    standing = declare(usable) if usable else {}
    values: dict[str, Value] = {}
    for name, value in given.items():
        try:
            values[name] = read_value(standing.get(name, Type.TEXT), value)
        except PayloadInvalid as error:
            notes.append(f"attribute {name}: {error}")
    return {name: value for name, value in values.items() if value != ""}, notes
