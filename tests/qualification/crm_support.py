"""Connections to CRMs on this machine."""

from __future__ import annotations

from typing import Any

from crm.models import Source
from qualification.models import CrmConnection, OutboxMessage
from tests.factories import NOW

SECRET_NAME = "CRM_SECRET_TEST"


def connection_to(url: str, kind: str = "hubspot", name: str = "Our CRM", **fields: Any) -> Any:
    """An active connection of everybody's."""
    key = f"crm-{CrmConnection.objects.count()}"
    source = Source.objects.create(
        name=key, label=name, kind=Source.Kind.CRM, credential=key, created_at=NOW
    )
    return CrmConnection.objects.create(
        name=name,
        kind=kind,
        url=url,
        secret_name=SECRET_NAME,
        source=source,
        created_at=NOW,
        **fields,
    )


def to_crm() -> OutboxMessage:
    """The one message to a CRM."""
    return OutboxMessage.objects.get(kind="crm-handoff")
