"""One module a kind of source: bytes in, LeadPayload out, else PayloadInvalid with the reason."""

from __future__ import annotations

from crm.exceptions import PayloadInvalid
from crm.intake.adapters import form, json_lead
from crm.intake.payload import LeadPayload
from crm.models import InboxMessage, Source


def payload_of(message: InboxMessage) -> LeadPayload:
    """What the message says; raises PayloadInvalid with the reason it is set aside for."""
    body = bytes(message.body)
    if message.source.kind == Source.Kind.JSON:
        return json_lead.read(body, message.event_key, message.received_at)
    if message.source.kind == Source.Kind.FORM:
        return form.read(body, message.event_key, message.received_at)
    raise PayloadInvalid(f"a source of kind {message.source.kind} takes no messages")


def event_key(kind: str, body: bytes) -> str:
    """What makes a delivery the same delivery: never raises, whatever the body is."""
    return form.event_key(body) if kind == Source.Kind.FORM else json_lead.event_key(body)
