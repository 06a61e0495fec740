"""Decides what a `when` of the file format means: raw mapping in, typed condition out, or a reason.
Pure. Called by the document (checking) and by the compiler (reading rows)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from qualification.exceptions import ModelInvalid
from qualification.scoring.operators import OPERATORS, TYPELESS, Shape, ValueType
from qualification.scoring.subjects import (
    POST_DECISION_ACTIVITIES,
    Subject,
    refuse_name,
    subject_of,
)

Scalar = str | bool | Decimal | date

MAX_DEPTH = 20
MAX_PARTS = 500
MAX_TEXT = 500
MAX_DAYS = 36_500
ANY_ACTIVITY = "any"


@dataclass(frozen=True)
class Comparison:
    """One subject against the values of one operator."""

    subject: Subject
    op: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class AllOf:
    """True when every part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """True when one part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class NotThis:
    """True when the part is not, whether for its facts or for their lack."""

    part: Condition


Condition = Comparison | AllOf | AnyOf | NotThis


@dataclass(frozen=True)
class ActivityTest:
    """What they did: which activities count, in which window, how they add up. Days are numbers."""

    types: tuple[str, ...]
    where: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()
    within_days: Decimal | None = None
    half_life_days: Decimal | None = None
    is_once: bool = False
    at_least_times: int | None = None
    max_points: Decimal | None = None


@dataclass(frozen=True)
class NoActivityTest:
    """What they did not do in the window; no types means any activity at all."""

    types: tuple[str, ...]
    within_days: Decimal
    after_first: bool = False


When = Condition | ActivityTest | NoActivityTest


def parse_when(raw: object) -> When:
    """The condition of a rule. Raises ModelInvalid with where and why."""
    if isinstance(raw, Mapping) and "activity" in raw:
        return _activity(raw)
    if isinstance(raw, Mapping) and "no_activity" in raw:
        return _no_activity(raw)
    return _Parser().parse(raw, ())


class _Parser:
    """Walks a nested condition; counts parts and remembers the way down, so that a document that
    refers to itself or explodes is refused instead of followed."""

    def __init__(self) -> None:
        self.count = 0

    def parse(self, raw: object, above: tuple[int, ...]) -> Condition:
        self.count += 1
        if id(raw) in above:
            raise ModelInvalid("circular condition")
        if len(above) > MAX_DEPTH:
            raise ModelInvalid(f"nested deeper than {MAX_DEPTH}")
        if self.count > MAX_PARTS:
            raise ModelInvalid(f"more than {MAX_PARTS} parts")
        if not isinstance(raw, Mapping) or not raw:
            raise ModelInvalid("a condition is a mapping such as {subject, op, value}")
        if "activity" in raw or "no_activity" in raw:
            raise ModelInvalid("activity conditions stand alone, not inside all, any, not")
        for word in ("all", "any", "not"):
            if word in raw:
                _known_keys(raw, {word})
                return self.combine(word, raw[word], (*above, id(raw)))
        return _comparison(raw)

    def combine(self, word: str, inner: object, above: tuple[int, ...]) -> Condition:
        if word == "not":
            return NotThis(_inside("not", partial(self.parse, inner, above)))
        if not isinstance(inner, list) or not inner:
            raise ModelInvalid(f"'{word}' needs at least one condition")
        if id(inner) in above:
            raise ModelInvalid("circular condition")
        way = (*above, id(inner))
        parts = tuple(
            _inside(f"{word}[{number}]", partial(self.parse, part, way))
            for number, part in enumerate(inner, start=1)
        )
        return AllOf(parts) if word == "all" else AnyOf(parts)


def _inside(place: str, parse: Callable[[], Condition]) -> Condition:
    try:
        return parse()
    except ModelInvalid as error:
        if str(error) == "circular condition":
            raise
        raise ModelInvalid(f"{place}: {error}") from None


def _known_keys(raw: Mapping[Any, Any], known: set[str]) -> None:
    for key in raw:
        if key not in known:
            raise ModelInvalid(f"unknown key '{key}'")


def _comparison(raw: Mapping[Any, Any]) -> Comparison:
    _known_keys(raw, {"subject", "op", "value"})
    for key in ("subject", "op"):
        if key not in raw:
            raise ModelInvalid(f"missing key '{key}'")
    subject = subject_of(str(raw["subject"]))
    operator = OPERATORS.get(str(raw["op"]))
    if operator is None:
        raise ModelInvalid(f"unknown operator '{raw['op']}'")
    if operator.shape is Shape.NONE:
        if "value" in raw:
            raise ModelInvalid(f"operator '{operator.name}' takes no value")
        return Comparison(subject, operator.name, ())
    if "value" not in raw:
        raise ModelInvalid("missing key 'value'")
    values = _values(raw["value"], operator.shape)
    return _checked(Comparison(subject, operator.name, values))


def _values(raw: object, shape: Shape) -> tuple[Scalar, ...]:
    match shape:
        case Shape.ONE:
            return (scalar(raw),)
        case Shape.DAYS:
            return (Decimal(_whole(raw, "value", least=0)),)
    if not isinstance(raw, list) or not raw:
        raise ModelInvalid("value must be a list with at least one entry")
    if shape is Shape.PAIR and len(raw) != 2:
        raise ModelInvalid("value must be [lowest, highest]")
    return tuple(scalar(entry) for entry in raw)


def scalar(raw: object) -> Scalar:
    """One value of a document: text, yes or no, a number or a date. Raises ModelInvalid."""
    if isinstance(raw, bool) or (isinstance(raw, date) and not isinstance(raw, datetime)):
        return raw
    if isinstance(raw, int | float | Decimal):
        number = Decimal(str(raw))
        if not number.is_finite() or abs(number) >= 10**18:
            raise ModelInvalid(f"{raw} is no usable number")
        return number
    if not isinstance(raw, str):
        raise ModelInvalid("a value is a text, a number, a date, true or false")
    if not raw.strip():
        raise ModelInvalid("a value is blank; is_unknown asks for what is missing")
    if "\x00" in raw or len(raw) > MAX_TEXT:
        raise ModelInvalid(f"a text has at most {MAX_TEXT} characters and no NUL")
    return raw


def _checked(found: Comparison) -> Comparison:
    """The comparison with ISO dates read as dates where an order is asked for."""
    kind = value_type(found)
    if kind is ValueType.DATE and found.op != "days_since_at_most":
        found = Comparison(found.subject, found.op, tuple(as_date(v) for v in found.values))
    if found.op == "between" and found.values[0] > found.values[1]:  # type: ignore[operator]
        raise ModelInvalid("between is reversed: the lowest value comes first")
    return found


def value_type(found: Comparison) -> ValueType | None:
    """The type a comparison speaks of by its operator and values; None when it says nothing.

    Raises ModelInvalid when its values do not fit the operator or one another.
    """
    if found.op in TYPELESS:
        return None
    if found.op in {"is_true", "is_false"}:
        return ValueType.BOOLEAN
    if found.op == "days_since_at_most":
        return ValueType.DATE
    kinds = {_kind_of(value, found.op) for value in found.values}
    if len(kinds) != 1:
        raise ModelInvalid("the values are of different types")
    kind = kinds.pop()
    if kind not in OPERATORS[found.op].types:
        raise ModelInvalid(f"operator '{found.op}' cannot compare with a {kind}")
    return kind


def _kind_of(value: Scalar, op: str) -> ValueType:
    if isinstance(value, bool):
        return ValueType.BOOLEAN
    if isinstance(value, Decimal):
        return ValueType.NUMBER
    if isinstance(value, date):
        return ValueType.DATE
    # Rows are JSON: a date in an ordered comparison comes back as ISO text.
    is_ordered = op in {"at_least", "at_most", "between"}
    return ValueType.DATE if is_ordered and _iso_date(value) else ValueType.TEXT


def _iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def as_date(value: Scalar) -> date:
    """A value that is a date, or ISO text of one. Raises ModelInvalid."""
    found = _iso_date(value) if isinstance(value, str) else value
    if not isinstance(found, date):
        raise ModelInvalid(f"'{value}' is no date")
    return found


def _whole(raw: object, key: str, *, least: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= MAX_DAYS:
        raise ModelInvalid(f"{key} must be a whole number from {least} to {MAX_DAYS:,}")
    return raw


def _days(raw: object, key: str) -> Decimal:
    is_number = isinstance(raw, int | float | Decimal) and not isinstance(raw, bool)
    if not is_number or not 0 < Decimal(str(raw)) <= MAX_DAYS:
        raise ModelInvalid(f"{key} must be a number of days above 0, at most {MAX_DAYS:,}")
    return Decimal(str(raw))


def _types(raw: object, key: str) -> tuple[str, ...]:
    listed = raw if isinstance(raw, list) else [raw]
    if not listed:
        raise ModelInvalid(f"{key} needs at least one type")
    names = []
    for entry in listed:
        if not isinstance(entry, str) or not entry.strip() or "\x00" in entry:
            raise ModelInvalid(f"{key} is a type of activity or a list of them")
        name = entry.strip().lower()
        if name in POST_DECISION_ACTIVITIES:
            raise ModelInvalid(f"activity '{name}' is written after a decision: never a subject")
        names.append(name)
    return tuple(dict.fromkeys(names))


def _activity(raw: Mapping[Any, Any]) -> ActivityTest:
    keys = {"activity", "where", "within_days", "half_life_days", "per", "at_least_times"}
    _known_keys(raw, keys | {"max_points"})
    per = raw.get("per", "occurrence")
    if per not in {"occurrence", "once"}:
        raise ModelInvalid("per is 'occurrence' or 'once'")
    times, most = raw.get("at_least_times"), raw.get("max_points")
    return ActivityTest(
        types=_types(raw["activity"], "activity"),
        where=_where(raw.get("where")),
        within_days=_days(raw["within_days"], "within_days") if "within_days" in raw else None,
        half_life_days=(
            _days(raw["half_life_days"], "half_life_days") if "half_life_days" in raw else None
        ),
        is_once=per == "once",
        at_least_times=_whole(times, "at_least_times", least=1) if times is not None else None,
        max_points=parse_points(most, "max_points", least=0) if most is not None else None,
    )


def _where(raw: object) -> tuple[tuple[str, tuple[Scalar, ...]], ...]:
    if raw is None:
        return ()
    if not isinstance(raw, Mapping) or not raw:
        raise ModelInvalid("where is a mapping of properties to values")
    found = []
    for name, wanted in raw.items():
        if not isinstance(name, str) or "\x00" in name:
            raise ModelInvalid("where: a property is named by a text")
        refuse_name(name, what=f"property '{name}'")
        listed = wanted if isinstance(wanted, list) else [wanted]
        if not listed:
            raise ModelInvalid(f"where: '{name}' needs at least one value")
        values = tuple(scalar(value) for value in listed)
        # Properties are JSON, which has no dates: they stand there as text.
        plain = (v.isoformat() if isinstance(v, date) else v for v in values)
        found.append((name, tuple(plain)))
    return tuple(found)


def _no_activity(raw: Mapping[Any, Any]) -> NoActivityTest:
    _known_keys(raw, {"no_activity", "within_days", "after_first"})
    if "within_days" not in raw:
        raise ModelInvalid("missing key 'within_days'")
    after_first = raw.get("after_first", False)
    if not isinstance(after_first, bool):
        raise ModelInvalid("after_first is true or false")
    types = _types(raw["no_activity"], "no_activity")
    return NoActivityTest(
        types=() if ANY_ACTIVITY in types else types,
        within_days=_days(raw["within_days"], "within_days"),
        after_first=after_first,
    )


def parse_points(raw: object, key: str = "points", *, least: int | None = None) -> Decimal:
    """Points of a document: a number with at most one decimal. Raises ModelInvalid."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise ModelInvalid(f"{key} must be a number")
    points = Decimal(str(raw))
    if not points.is_finite() or abs(points) >= 1_000_000:
        raise ModelInvalid(f"{key} must be below a million")
    if points != points.quantize(Decimal("0.1")):
        raise ModelInvalid(f"{key} {raw} has more than one decimal")
    if least is not None and points < least:
        raise ModelInvalid(f"{key} must be at least {least}")
    return points.quantize(Decimal("0.1"))


def comparisons(when: When) -> Iterator[Comparison]:
    """Every comparison of a condition, from left to right."""
    match when:
        case Comparison():
            yield when
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from comparisons(part)
        case NotThis(part):
            yield from comparisons(part)
