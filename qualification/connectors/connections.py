"""Decides how a connection to a CRM comes to be, and whether it works. Called by the admin.

The only writer of connections' sources and of the place from which outcomes are read.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.models import Source
from qualification.connectors.registry import access_to, connector_of
from qualification.models import CrmConnection
from qualification.outbox.deliver import LaneDown, Undeliverable
from qualification.outbox.http import Refused


@dataclass(frozen=True)
class Tried:
    """What trying a connection out showed, in words without secrets."""

    is_fine: bool
    words: str


def set_up(connection: CrmConnection, *, now: datetime) -> None:
    """A new connection: what it tells comes in under a source of its own, from now on."""
    connection.created_at = now
    connection.source = Source.objects.create(
        name=f"{slugify(connection.name)[:40] or 'crm'}-{secrets.token_hex(3)}",
        label=connection.name,
        kind=Source.Kind.CRM,
        credential=secrets.token_urlsafe(24),
        created_at=now,
    )
    if connector_of(connection).reads_outcomes:
        connection.poll_due_at = now
        connection.polled_until = now


def try_out(connection: CrmConnection) -> Tried:
    """Asks the CRM whether address and secret are taken. Not called inside a transaction."""
    try:
        connector_of(connection).try_out(access_to(connection))
    except (LaneDown, Undeliverable, Refused) as error:
        return Tried(is_fine=False, words=str(error))
    return Tried(is_fine=True, words=_("It answers and takes the secret."))
