"""Our public web form: urlencoded fields, one of them a trap for machines.

The view reads a post the same way before it stores it, to show the person what is wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from crm.exceptions import PayloadInvalid
from crm.intake.adapters import json_lead
from crm.intake.payload import PARENT, LeadPayload
from crm.intake.values import digest
from crm.matching.normalize import normal_email

CONTENT_TYPE = "application/x-www-form-urlencoded"
PERSON = ("name", "first_name", "last_name", "email", "phone", "country", "topic")
FIELDS = (*PERSON, "company", PARENT)
MESSAGE = "message"
# People do not see this field; what fills it in is a machine.
TRAP = "fax_number"
TOKEN = "event_id"  # noqa: S105  # nosec
MAX_FIELDS = 60


def fields_of(body: bytes) -> dict[str, str]:
    """The fields, the last one of a name wins; raises PayloadInvalid."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except UnicodeDecodeError:
        raise PayloadInvalid("not UTF-8 text") from None
    except ValueError:
        raise PayloadInvalid("too many fields") from None
    return dict(pairs)


def event_key(body: bytes) -> str:
    """A hash of what was sent, the token of our page in it: a double click is one message, a page
    sent again with other words is another."""
    return f"sha256:{digest(body)}"


def is_trapped(fields: dict[str, str]) -> bool:
    """Whether a machine filled it in."""
    return bool(fields.get(TRAP, "").strip())


def has_address(fields: dict[str, str]) -> bool:
    """Whether somebody could be answered: the one thing the form insists on."""
    return bool(normal_email(fields.get("email", "")))


def read(body: bytes, key: str, received_at: datetime) -> LeadPayload:
    """What the form says about a person; raises PayloadInvalid."""
    fields = fields_of(body)
    if is_trapped(fields):
        raise PayloadInvalid("the hidden field was filled in: a machine")
    document: dict[str, Any] = {name: fields[name] for name in FIELDS if fields.get(name)}
    if fields.get(MESSAGE):
        document[MESSAGE] = fields[MESSAGE]
    json_lead.check_storable(document)
    document["channel"] = "web form"
    return json_lead.read_document(document, key, received_at)
