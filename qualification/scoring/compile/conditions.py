"""Decides how a condition becomes SQL: once two-valued (fired or not), once three-valued (unknown).
Used by the compiler only."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from qualification.scoring.compile.facts import Facts
from qualification.scoring.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NotThis,
    Scalar,
)
from qualification.scoring.operators import ValueType


@dataclass(frozen=True)
class Compiled:
    """`test` is true or false; `maybe` is NULL while a missing fact could still change the answer."""

    test: str
    maybe: str


def compile_condition(condition: Condition, facts: Facts) -> Compiled:
    """SQL of a condition over the columns of the facts row."""
    match condition:
        case Comparison():
            return _comparison(condition, facts)
        case AllOf(parts):
            return _joined(" AND ", [compile_condition(part, facts) for part in parts])
        case AnyOf(parts):
            return _joined(" OR ", [compile_condition(part, facts) for part in parts])
        case NotThis(part):
            inner = compile_condition(part, facts)
            return Compiled(f"(NOT {inner.test})", f"(NOT {inner.maybe})")


def _joined(word: str, parts: list[Compiled]) -> Compiled:
    return Compiled(
        f"({word.join(part.test for part in parts)})",
        f"({word.join(part.maybe for part in parts)})",
    )


def _comparison(found: Comparison, facts: Facts) -> Compiled:
    fact = facts.column(found.subject)
    match found.op:
        case "is_known":
            return Compiled(f"({fact} IS NOT NULL)", f"nullif({fact} IS NOT NULL, false)")
        case "is_unknown":
            return Compiled(f"({fact} IS NULL)", f"({fact} IS NULL)")
    sql = _compare(found, fact, facts)
    return Compiled(f"(({sql}) IS TRUE)", f"({sql})")


def _compare(found: Comparison, fact: str, facts: Facts) -> str:
    kind = facts.type_of(found.subject)
    values = [_value(value, kind, facts) for value in found.values]
    listed = f"ARRAY[{', '.join(values)}]"
    match found.op:
        case "is":
            return f"{fact} = {values[0]}"
        case "is_one_of":
            return f"{fact} = ANY({listed})"
        case "is_not_one_of":
            return f"{fact} <> ALL({listed})"
        case "contains":
            return f"strpos({fact}, {values[0]}) > 0"
        case "starts_with":
            return f"starts_with({fact}, {values[0]})"
        case "at_least":
            return f"{fact} >= {values[0]}"
        case "at_most":
            return f"{fact} <= {values[0]}"
        case "between":
            return f"{fact} BETWEEN {values[0]} AND {values[1]}"
        case "is_true":
            return fact
        case "is_false":
            return f"NOT {fact}"
        case "days_since_at_most":
            return f"f.today - {fact} <= {facts.params.add(int(Decimal(str(found.values[0]))))}"
    raise AssertionError(f"operator {found.op} has no SQL")


def _value(value: Scalar, kind: ValueType, facts: Facts) -> str:
    """A value as SQL of the type it is compared with; texts are folded as PostgreSQL stored them."""
    if kind is ValueType.TEXT:
        return f"lower(btrim({facts.params.add(str(value))}::text))"
    if kind is ValueType.NUMBER:
        number = Decimal(str(value))
        # Whole numbers against whole columns need no slow numeric arithmetic.
        is_whole = number == number.to_integral_value()
        return f"{facts.params.add(int(number) if is_whole else number)}::{'bigint' if is_whole else 'numeric'}"
    if kind is ValueType.DATE:
        return f"{facts.params.add(value)}::date"
    return f"{facts.params.add(value)}::boolean"
