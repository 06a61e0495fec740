"""Decides which operators exist, which value each takes and which type of fact it may compare.
Pure. Read by conditions, the compiler and the wording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ValueType(StrEnum):
    """What a fact is. ANY: nobody said yet; only whether it is known can be asked."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    ANY = "any"


class Shape(StrEnum):
    """How many values an operator takes."""

    NONE = "none"
    ONE = "one"
    LIST = "list"
    PAIR = "pair"
    DAYS = "days"


@dataclass(frozen=True)
class Operator:
    """An operator: name in the file, shape of its value, types it compares, words of a reader."""

    name: str
    shape: Shape
    types: frozenset[ValueType]
    words: str


def _operator(name: str, shape: Shape, types: str, words: str) -> Operator:
    return Operator(name, shape, frozenset(ValueType(kind) for kind in types.split()), words)


_EVERY_TYPE = "text number boolean date any"

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        _operator("is", Shape.ONE, "text number boolean", "is"),
        _operator("is_one_of", Shape.LIST, "text number", "is"),
        _operator("is_not_one_of", Shape.LIST, "text number", "is not"),
        _operator("contains", Shape.ONE, "text", "contains"),
        _operator("starts_with", Shape.ONE, "text", "starts with"),
        _operator("at_least", Shape.ONE, "number date", "at least"),
        _operator("at_most", Shape.ONE, "number date", "at most"),
        _operator("between", Shape.PAIR, "number date", "between"),
        _operator("is_true", Shape.NONE, "boolean", ": yes"),
        _operator("is_false", Shape.NONE, "boolean", ": no"),
        _operator("is_known", Shape.NONE, _EVERY_TYPE, "is known"),
        _operator("is_unknown", Shape.NONE, _EVERY_TYPE, "is unknown"),
        _operator("days_since_at_most", Shape.DAYS, "date", "days ago, at most"),
    )
}

# These tell nothing about the type of what they ask for.
TYPELESS = frozenset({"is_known", "is_unknown"})
