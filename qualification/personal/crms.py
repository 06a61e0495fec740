"""Tells the CRMs that got an erased person to forget them, and calls back what has not left."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from crm.models import Lead
from qualification.choices import DecisionKind
from qualification.connectors.forget import CRM_ERASURE
from qualification.connectors.send import CRM_HANDOFF
from qualification.models import CrmConnection, CrmLink, Decision, Handoff, OutboxMessage
from qualification.outbox.deliver import LEASE
from qualification.outbox.post import Letter, post

State = OutboxMessage.State


def call_back_messages(lead: Lead) -> list[CrmConnection]:
    """Cancels every message about the lead that has not left; the CRMs that have, or may have,
    heard of it."""
    messages = OutboxMessage.objects.filter(decision__lead=lead)
    tried = messages.filter(kind=CRM_HANDOFF).filter(Q(state=State.SENT) | Q(attempts__gt=0))
    lanes = set(tried.values_list("lane", flat=True))
    messages.filter(state__in=[State.WAITING, State.DEAD]).update(state=State.CANCELLED)
    handoffs = Handoff.objects.filter(lead=lead).values("pk")
    linked = CrmLink.objects.filter(
        Q(kind=CrmLink.Kind.LEAD, our_id=lead.pk)
        | Q(kind=CrmLink.Kind.HANDOFF, our_id__in=handoffs)
    )
    ids = set(linked.values_list("connection", flat=True))
    connections = CrmConnection.objects.order_by("pk")
    return [one for one in connections if one.lane in lanes or one.pk in ids]


def ask_to_forget(lead: Lead, *, told: list[CrmConnection], now: datetime) -> None:
    """One message for each of these CRMs, after whatever is being sent to it right now."""
    accepts = Decision.objects.filter(lead=lead, kind=DecisionKind.ACCEPT, reversal=None)
    decision = accepts.order_by("-pk").first()
    post(
        [
            Letter(
                key=f"lead:{lead.pk}:erased:{connection.lane}",
                kind=CRM_ERASURE,
                payload={"lead": lead.pk, "connection": connection.pk},
                not_before=now + LEASE,
                lane=connection.lane,
                order_key=f"{connection.lane}:lead:{lead.pk}",
                decision=decision,
            )
            for connection in told
        ]
    )
