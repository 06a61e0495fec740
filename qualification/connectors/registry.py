"""THE list of connectors. Another vendor is a module and a line here."""

from __future__ import annotations

import os
import re

from django.utils.translation import gettext as _

from qualification.connectors.base import Access, Connector
from qualification.connectors.hubspot import HubSpot
from qualification.connectors.webhook import SignedWebhook
from qualification.models import CrmConnection
from qualification.outbox.deliver import LaneDown, Undeliverable

CONNECTORS: dict[str, Connector] = {"webhook": SignedWebhook(), "hubspot": HubSpot()}
# Only such variables are read: nobody can name SECRET_KEY and have it sent somewhere.
SECRET_NAME = re.compile(r"CRM_SECRET_[A-Z0-9_]{1,60}")


def connector_of(connection: CrmConnection) -> Connector:
    """Who speaks to this CRM. Raises Undeliverable for a kind that is gone."""
    connector = CONNECTORS.get(connection.kind)
    if connector is None:
        raise Undeliverable(f"no connector speaks {connection.kind}")
    return connector


def access_to(connection: CrmConnection) -> Access:
    """Address, secret and options. Raises LaneDown while the variable of the secret is not set."""
    is_allowed = SECRET_NAME.fullmatch(connection.secret_name) is not None
    secret = os.environ.get(connection.secret_name, "").strip() if is_allowed else ""
    if not secret:
        raise LaneDown(_("%(name)s is not set") % {"name": connection.secret_name})
    defaults = connector_of(connection).defaults
    return Access(url=connection.url, secret=secret, options={**defaults, **connection.options})
