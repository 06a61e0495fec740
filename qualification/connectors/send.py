"""Decides what a CRM gets of an accepted lead: its frozen packet and the ids. Sent by the outbox.

HTTP happens outside any transaction; what the CRM calls things is written down afterwards. A
sender that dies in between sends the same once more, under the same key and external id.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db.models import Q
from django.utils import timezone

from qualification.connectors.base import Parcel
from qualification.connectors.registry import access_to, connector_of
from qualification.models import CrmConnection, CrmLink, Handoff, OutboxMessage
from qualification.outbox.deliver import NotWanted

logger = logging.getLogger(__name__)

CRM_HANDOFF = "crm-handoff"
NOT_WANTED = (Handoff.State.RETURNED, Handoff.State.CANCELLED)


def handoff_key(handoff: Handoff) -> str:
    """`lead:<id>:handoff:<n>`, counting the handoffs of the lead; what a CRM keeps as external
    id."""
    earlier = Handoff.objects.filter(lead_id=handoff.lead_id, pk__lte=handoff.pk).count()
    return f"lead:{handoff.lead_id}:handoff:{earlier}"


def send_to_crm(message: OutboxMessage) -> None:
    """Delivers one handoff to one CRM. Raises NotWanted when it was given back meanwhile, and what
    connectors raise."""
    connection = CrmConnection.objects.get(pk=message.payload["connection"])
    parcel = _parcel(message, connection)
    found = connector_of(connection).deliver(parcel, access_to(connection))
    _remember(connection, parcel, found)
    logger.info("crm.delivered message=%s connection=%s", message.pk, connection.pk)


def lanes_off() -> list[str]:
    """Lanes of CRMs that are switched off: their messages wait."""
    return [connection.lane for connection in CrmConnection.objects.filter(is_active=False)]


def _parcel(message: OutboxMessage, connection: CrmConnection) -> Parcel:
    handoff = Handoff.objects.select_related("ae", "team", "partner", "lead").get(
        pk=message.payload["handoff"]
    )
    if handoff.state in NOT_WANTED:
        raise NotWanted("the lead was given back before it was delivered")
    return Parcel(
        key=message.key,
        handoff_key=handoff_key(handoff),
        lead_id=handoff.lead_id,
        account_id=handoff.lead.account_id,
        handoff_id=handoff.pk,
        accepted_at=handoff.created_at,
        target={
            "type": handoff.target,
            "name": str(handoff.to),
            "email": getattr(handoff.to, "email", ""),
        },
        ae={"name": str(handoff.ae), "email": handoff.ae.email} if handoff.ae else None,
        packet=handoff.packet,
        links=_links(connection, handoff),
    )


def _ours(lead_id: int, account_id: int | None, handoff_id: int) -> dict[str, int]:
    """Our ids by the kind of link."""
    ids = {CrmLink.Kind.LEAD: lead_id, CrmLink.Kind.HANDOFF: handoff_id}
    if account_id is not None:
        ids[CrmLink.Kind.ACCOUNT] = account_id
    return {str(kind): pk for kind, pk in ids.items()}


def _links(connection: CrmConnection, handoff: Handoff) -> dict[str, str]:
    wanted = Q(pk__in=[])
    for kind, pk in _ours(handoff.lead_id, handoff.lead.account_id, handoff.pk).items():
        wanted |= Q(kind=kind, our_id=pk)
    return dict(connection.links.filter(wanted).values_list("kind", "vendor_id"))


def _remember(connection: CrmConnection, parcel: Parcel, found: Mapping[str, str]) -> None:
    ours = _ours(parcel.lead_id, parcel.account_id, parcel.handoff_id)
    CrmLink.objects.bulk_create(
        [
            CrmLink(
                connection=connection,
                kind=kind,
                our_id=ours[kind],
                vendor_id=vendor_id[:100],
                at=timezone.now(),
            )
            for kind, vendor_id in found.items()
            if kind in ours
        ],
        update_conflicts=True,
        unique_fields=["connection", "kind", "our_id"],
        update_fields=["vendor_id", "at"],
    )
