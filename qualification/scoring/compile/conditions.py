"""Decides how a condition becomes SQL: two-valued (fired or not) and three-valued (unknown).
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
    """`test` is true or false; `maybe` is NULL while a missing fact could change it."""

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


# {0} is the fact, {1} and {2} its values, {all} the values as an array.
_SQL = {
    "is": "{0} = {1}",
    "is_one_of": "{0} = ANY({all})",
    "is_not_one_of": "{0} <> ALL({all})",
    "contains": "strpos({0}, {1}) > 0",
    "starts_with": "starts_with({0}, {1})",
    "at_least": "{0} >= {1}",
    "at_most": "{0} <= {1}",
    "between": "{0} BETWEEN {1} AND {2}",
    "is_true": "{0}",
    "is_false": "NOT {0}",
    "days_since_at_most": "f.today - {0} <= {1}",
}


def _compare(found: Comparison, fact: str, facts: Facts) -> str:
    kind = ValueType.NUMBER if found.op == "days_since_at_most" else facts.type_of(found.subject)
    values = [_value(value, kind, facts) for value in found.values]
    return _SQL[found.op].format(fact, *values, all=f"ARRAY[{', '.join(values)}]")


def _value(value: Scalar, kind: ValueType, facts: Facts) -> str:
    """A value as SQL of the type it is compared with; texts folded as PostgreSQL stores them."""
    if kind is ValueType.TEXT:
        return f"lower(btrim({facts.params.add(str(value))}::text))"
    if kind is ValueType.NUMBER:
        number = Decimal(str(value))
        if number == number.to_integral_value():
            # Whole numbers against whole columns need no slow numeric arithmetic.
            return f"{facts.params.add(int(number))}::bigint"
        return f"{facts.params.add(number)}::numeric"
    return f"{facts.params.add(value)}::{'date' if kind is ValueType.DATE else 'boolean'}"
