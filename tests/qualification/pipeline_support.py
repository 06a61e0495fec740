"""Messages as the webhook stores them, taken or waiting."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from crm.intake.inbox import store_message
from crm.models import (
    InboxMessage,
    Source,
)
from qualification import pipeline
from tests import factories

NOW = factories.NOW
ANA = {"email": "ana@brightwater.com", "name": "Ana Lund", "company": "Brightwater GmbH"}


@pytest.fixture
def source(db: None) -> Source:
    return factories.SourceFactory(name="website")


def arrive(source: Source, now: dt.datetime = NOW, **document: Any) -> InboxMessage:
    """Store a message as the webhook does; not processed."""
    body = json.dumps(document).encode()
    key = f"test:{InboxMessage.objects.count()}"
    message, _ = store_message(
        source=source, event_key=key, body=body, content_type="application/json", now=now
    )
    return message


def take(source: Source, now: dt.datetime = NOW, **document: Any) -> InboxMessage:
    """Store and process."""
    return pipeline.process(arrive(source, now, **document).pk, now=now)
