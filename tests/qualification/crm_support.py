"""Connections to CRMs on this machine."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import Source
from qualification.models import CrmConnection, OutboxMessage
from tests.factories import NOW
from tests.fakes.hubspot import TOKEN

SECRET_NAME = "CRM_SECRET_TEST"
SECRET = TOKEN


@pytest.fixture(autouse=True)
def reachable(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CRMs of this machine may be called, and the secret is set; for modules that import it."""
    settings.WEBHOOKS_TO_LOOPBACK = True
    monkeypatch.setenv(SECRET_NAME, SECRET)


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
