"""Tells a CRM that a person was erased and is to be forgotten there, too. Sent by the outbox.

What the CRM calls the person and the handoffs is kept until it was told, then forgotten here.
"""

from __future__ import annotations

import logging

from django.db.models import Q

from qualification.connectors.base import Forgotten
from qualification.connectors.registry import access_to, connector_of
from qualification.connectors.send import handoff_key
from qualification.models import CrmConnection, CrmLink, Handoff, OutboxMessage

logger = logging.getLogger(__name__)

CRM_ERASURE = "crm-erasure"


def send_erasure(message: OutboxMessage) -> None:
    """Delivers one erasure to one CRM. Raises what connectors raise."""
    connection = CrmConnection.objects.get(pk=message.payload["connection"])
    lead_id = message.payload["lead"]
    handoffs = list(Handoff.objects.filter(lead=lead_id).order_by("pk"))
    links = connection.links.filter(
        Q(kind=CrmLink.Kind.LEAD, our_id=lead_id)
        | Q(kind=CrmLink.Kind.HANDOFF, our_id__in=[handoff.pk for handoff in handoffs])
    )
    ids = {(link.kind, link.our_id): link.vendor_id for link in links}
    person = Forgotten(
        key=message.key,
        lead_id=lead_id,
        vendor_id=ids.get((CrmLink.Kind.LEAD, lead_id), ""),
        handoffs={
            handoff_key(handoff): ids.get((CrmLink.Kind.HANDOFF, handoff.pk), "")
            for handoff in handoffs
        },
    )
    connector_of(connection).forget(person, access_to(connection))
    links.delete()
    logger.info("crm.forgotten message=%s connection=%s", message.pk, connection.pk)
