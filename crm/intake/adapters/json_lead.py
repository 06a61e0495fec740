"""Our own JSON message (docs/intake.md): flat keys about the person, attributes, one activity.

Strict where leniency would store nonsense: repeated keys, NaN, NUL, lone surrogates are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from crm.exceptions import PayloadInvalid
from crm.intake.attributes import fit_types
from crm.intake.payload import (
    ACCOUNT_FIELDS,
    LEAD_FIELDS,
    MAX_EXTERNAL_ID,
    MAX_LENGTH,
    PARENT,
    ActivityPayload,
    LeadPayload,
    Value,
    read_field,
)
from crm.intake.values import FALSE_WORDS, TRUE_WORDS, digest, read_boolean
from crm.matching.normalize import split_name

MAX_DEPTH = 20
MAX_KEYS = 5_000
MAX_EVENT_ID = 150
MAX_MESSAGE = 10_000
# Clocks differ; what claims to lie further ahead happened when it arrived.
CLOCK_SKEW = timedelta(minutes=5)
# Keys of what is said of the person and of the company.
FIELDS = (*LEAD_FIELDS, *ACCOUNT_FIELDS, PARENT)
# Keys that only label the message.
LABELS = ("event_id", "id")
KNOWN_KEYS = frozenset(
    [
        *(*FIELDS, *LABELS),
        *("name", "external_id", "message", "occurred_at", "type", "attributes", "properties"),
        "answers",
    ]
)

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object, fit to be stored; raises PayloadInvalid with the reason otherwise."""
    try:
        document = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise PayloadInvalid("not UTF-8 text") from None
    except RecursionError:
        raise PayloadInvalid("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise PayloadInvalid(f"not JSON: {error.msg}, line {error.lineno}") from None
    except ValueError:  # an integer of thousands of digits
        raise PayloadInvalid("a number is too long") from None
    if not isinstance(document, dict):
        raise PayloadInvalid("not a JSON object")
    check_storable(document)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise PayloadInvalid("a key stands twice")
    return keys


def _no_constant(name: str) -> Any:
    raise PayloadInvalid(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise PayloadInvalid("a number is too large")
    return number


def check_storable(document: dict[str, Any]) -> None:
    """Raises PayloadInvalid for what PostgreSQL cannot store, and for bombs."""
    level: list[Any] = [document]
    seen = 0
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        seen += len(level)
        if seen > MAX_KEYS:
            raise PayloadInvalid("too many values")
        if not level:
            return
    raise PayloadInvalid("nested too deeply")


def _children(node: Any) -> Iterator[Any]:
    """What is inside; a text is checked on the way."""
    if isinstance(node, str):
        if _UNSTORABLE.search(node):
            raise PayloadInvalid("holds a NUL or half a surrogate pair")
    elif isinstance(node, dict):
        yield from node.keys()
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def event_key(body: bytes) -> str:
    """The sender's event id where there is a short one, else a hash of the body."""
    try:
        document = parse(body)
    except PayloadInvalid:
        document = {}
    for label in LABELS:
        value = document.get(label)
        if isinstance(value, str) and 0 < len(value.strip()) <= MAX_EVENT_ID:
            return f"id:{value.strip()}"
    return f"sha256:{digest(body)}"


def read(body: bytes, key: str, received_at: datetime) -> LeadPayload:
    """What the message says about a person; raises PayloadInvalid."""
    return read_document(parse(body), key, received_at)


def read_document(document: dict[str, Any], key: str, received_at: datetime) -> LeadPayload:
    """Same for a parsed object. What cannot be used is left out and noted, the rest is taken."""
    notes = [f"unknown key {name[:60]!r}" for name in document if name not in KNOWN_KEYS]
    said = _values(document, notes)
    attributes, left_out = fit_types(_object(document, "attributes"))
    occurred_at = _instant(document.get("occurred_at"), received_at, notes)
    payload = LeadPayload(values=said)
    external_id = _external_id(document) or payload.email_key or payload.phone_key
    if not external_id:
        raise PayloadInvalid("no e-mail, telephone number or external_id" + _because(notes))
    return LeadPayload(
        external_id=external_id,
        values=said,
        attributes=attributes,
        answers=_answers(document, notes),
        received_at=received_at,
        stated_at=occurred_at,
        activity=ActivityPayload(
            type=_type(document),
            occurred_at=occurred_at,
            event_key=key,
            properties=_properties(document),
        ),
        notes=(*notes, *left_out),
    )


def _values(document: dict[str, Any], notes: list[str]) -> dict[str, Value]:
    given = {key: document[key] for key in FIELDS if key in document}
    full_name = document.get("name")
    if isinstance(full_name, str) and not {"first_name", "last_name"} & set(given):
        given["first_name"], given["last_name"] = split_name(full_name)
    said: dict[str, Value] = {}
    for key, value in given.items():
        if value is None or value == "":
            continue
        try:
            read = _opted_out(value) if key == "opted_out" else read_field(key, _text(value))
        except PayloadInvalid as error:
            notes.append(f"{key}: {error}")
        else:
            said |= {key: read} if read != "" else {}
    return said


def _answers(document: dict[str, Any], notes: list[str]) -> dict[str, Value]:
    """What the person answered; what is no plain value is left out and noted."""
    found: dict[str, Value] = {}
    for key, value in _object(document, "answers").items():
        if isinstance(value, str | int | float) and value != "":
            found[key] = value
        elif value not in (None, ""):
            notes.append(f"answers.{key[:60]}: not a plain value")
    return found


def _opted_out(value: Any) -> bool:
    return value if isinstance(value, bool) else read_boolean(_text(value), TRUE_WORDS, FALSE_WORDS)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PayloadInvalid("not a text")
    return str(value)


def _external_id(document: dict[str, Any]) -> str:
    value = document.get("external_id")
    if value is None or value == "":
        return ""
    text = _text(value).strip() if not isinstance(value, bool) else ""
    if not text or len(text) > MAX_EXTERNAL_ID:
        raise PayloadInvalid(f"external_id: not a text of up to {MAX_EXTERNAL_ID} characters")
    return text


def _because(notes: list[str]) -> str:
    return f" ({'; '.join(notes[:3])})" if notes else ""


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadInvalid(f"{key}: not an object")
    return value


def _properties(document: dict[str, Any]) -> dict[str, Any]:
    """Of the activity: its own, and what the person said in this message."""
    said = {
        key: str(document[key])[: MAX_MESSAGE if key == "message" else MAX_LENGTH[key]]
        for key in ("message", "topic", "channel", "campaign")
        if document.get(key) not in (None, "")
    }
    return {**said, **_object(document, "properties")}


def _type(document: dict[str, Any]) -> str:
    value = document.get("type", "form_submit")
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise PayloadInvalid("type: not a name (a-z, 0-9, _)")
    return value


def _instant(value: Any, received_at: datetime, notes: list[str]) -> datetime:
    if value in (None, ""):
        return received_at
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else timezone.make_aware(moment)
        if aware <= received_at + CLOCK_SKEW and aware.year > 1990:
            return aware
    except (TypeError, ValueError, OverflowError):
        pass
    notes.append("occurred_at: no usable ISO time; the time of arrival is taken")
    return received_at
