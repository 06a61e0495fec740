"""Decides which facts may be given as JSON: one object a lead, checked as strictly as stored facts.
Called by score_facts; what would change the verdict makes the same objects from stored rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from qualification.choices import AnswerState
from qualification.exceptions import FactsInvalid
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import ACCOUNT_FIELDS, LEAD_FIELDS

# The longest line read; more than a thousand activities fit in.
MAX_LINE = 4_000_000
# A whole number beyond this fits no column.
MAX_WHOLE = 2**63 - 1
MAX_DEPTH = 20

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class GivenFacts:
    """What is known of one lead as of a moment, as plain JSON values; a missing field is unknown.

    Moments inside are ISO text in UTC. `account` None: the lead has none.
    """

    as_of: datetime
    lead: Raw = field(default_factory=dict)
    account: Raw | None = None
    attributes: Raw = field(default_factory=dict)
    activities: tuple[Raw, ...] = ()
    checklist: Raw = field(default_factory=dict)

    def to_json(self) -> str:
        """The facts as one JSON text; their moment goes beside it."""
        known = {
            "lead": self.lead,
            "attributes": self.attributes,
            "activities": self.activities,
            "checklist": self.checklist,
        }
        return json.dumps(known if self.account is None else known | {"account": self.account})


def read_line(line: str, *, now: datetime) -> GivenFacts:
    """The facts of one line of JSON; `now` is their moment unless they name one.

    Raises FactsInvalid with the place and the reason.
    """
    try:
        raw = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise FactsInvalid("not JSON") from None
    return read_facts(raw, now=now)


def read_facts(raw: object, *, now: datetime) -> GivenFacts:
    """The facts of one object. Raises FactsInvalid with the place and the reason."""
    found = _mapping(raw, "a line")
    _only(found, {"lead", "account", "attributes", "activities", "checklist", "as_of"}, "")
    _check_plain(found, "", 0)
    as_of = found.get("as_of")
    account = found.get("account")
    return GivenFacts(
        as_of=now if as_of is None else _moment(as_of, "as_of"),
        lead=_fields(found.get("lead"), LEAD_FIELDS, "lead"),
        account=None if account is None else _fields(account, ACCOUNT_FIELDS, "account"),
        attributes=_mapping(found.get("attributes") or {}, "attributes"),
        activities=_activities(found.get("activities")),
        checklist=_checklist(found.get("checklist")),
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _only(found: Raw, known: set[str], place: str) -> None:
    for key in found:
        if key not in known:
            raise FactsInvalid(f"unknown key '{place}{key}'")


def _mapping(raw: object, place: str) -> Raw:
    if not isinstance(raw, dict):
        raise FactsInvalid(f"{place} is not an object")
    return raw


def _check_plain(value: object, place: str, depth: int) -> None:
    """Raises FactsInvalid for what PostgreSQL cannot hold: NUL, half a character, no number."""
    where = place.lstrip(".") or "a line"
    if depth > MAX_DEPTH:
        raise FactsInvalid(f"{where} is nested deeper than {MAX_DEPTH}")
    match value:
        case dict():
            for key, inner in value.items():
                _check_text(key, f"a key of {where}")
                _check_plain(inner, f"{place}.{key}", depth + 1)
        case list():
            for number, inner in enumerate(value):
                _check_plain(inner, f"{place}[{number}]", depth + 1)
        case str():
            _check_text(value, where)
        case float():
            if not math.isfinite(value):
                raise FactsInvalid(f"{where} is no usable number")


def _check_text(text: str, where: str) -> None:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise FactsInvalid(f"{where} is no usable text")


def _fields(raw: object, types: Mapping[str, ValueType], family: str) -> Raw:
    """The fields of lead or account, each of its type; null is as good as missing."""
    found = _mapping({} if raw is None else raw, family)
    _only(found, set(types), f"{family}.")
    return {
        name: _READ[types[name]](value, f"{family}.{name}")
        for name, value in found.items()
        if value is not None
    }


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise FactsInvalid(f"{place} is not a text")
    return value


def _boolean(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise FactsInvalid(f"{place} is not true or false")
    return value


def _whole(value: object, place: str) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value != int(value) or not 0 <= value <= MAX_WHOLE:  # type: ignore[call-overload,operator]
        raise FactsInvalid(f"{place} is not a whole number of 0 or more")
    return int(value)  # type: ignore[call-overload,no-any-return]


def _moment(value: object, place: str) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is not None and 2 <= found.year <= 9998:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise FactsInvalid(f"{place} is no moment with an offset, such as 2026-11-23T09:00:00Z")


def _moment_text(value: object, place: str) -> str:
    return _moment(value, place).isoformat()


_READ: dict[ValueType, Callable[[object, str], Any]] = {
    ValueType.TEXT: _text,
    ValueType.BOOLEAN: _boolean,
    ValueType.NUMBER: _whole,
    ValueType.DATE: _moment_text,
}


def _activities(raw: object) -> tuple[Raw, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise FactsInvalid("activities is not a list")
    return tuple(_activity(one, f"activities[{number}]") for number, one in enumerate(raw))


def _activity(raw: object, place: str) -> Raw:
    found = _mapping(raw, place)
    _only(found, {"type", "occurred_at", "recorded_at", "properties", "machine"}, f"{place}.")
    kind = found.get("type")
    if not isinstance(kind, str) or not kind.strip():
        raise FactsInvalid(f"{place}.type is not a text")
    occurred_at = _moment_text(found.get("occurred_at"), f"{place}.occurred_at")
    recorded_at = found.get("recorded_at")
    machine = found.get("machine")
    return {
        "type": kind,
        "occurred_at": occurred_at,
        "recorded_at": (
            occurred_at
            if recorded_at is None
            else _moment_text(recorded_at, f"{place}.recorded_at")
        ),
        "properties": _mapping(found.get("properties") or {}, f"{place}.properties"),
        "machine": False if machine is None else _boolean(machine, f"{place}.machine"),
    }


def _checklist(raw: object) -> Raw:
    """Answers by criterion; without a state an answer counts as confirmed."""
    answers = {}
    for key, answer in _mapping({} if raw is None else raw, "checklist").items():
        found = _mapping(answer, f"checklist.{key}")
        _only(found, {"value", "state"}, f"checklist.{key}.")
        state = found.get("state", AnswerState.CONFIRMED.value)
        if state not in AnswerState.values:
            raise FactsInvalid(f"checklist.{key}.state is none of {', '.join(AnswerState.values)}")
        answers[key] = {"value": found.get("value"), "state": str(state)}
    return answers
