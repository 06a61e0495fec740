"""Messages that were set aside or given up go back on their way from the admin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.intake.inbox import store_message
from crm.models import InboxMessage, User
from qualification.models import OutboxMessage
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import accepted

pytestmark = pytest.mark.django_db


def again(client: Client, model: str, *keys: int) -> None:
    """Picks rows of a list and asks for the action."""
    data = {"action": "try_again", "_selected_action": list(keys)}
    assert client.post(f"/admin/{model}/", data).status_code == 302


def test_it_takes_back_only_what_was_set_aside(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    source = factories.SourceFactory()
    made = [
        store_message(source=source, event_key=key, body=b"x", content_type="", now=NOW)[0]
        for key in ("aside", "done")
    ]
    aside, done = made
    InboxMessage.objects.filter(pk=aside.pk).update(state="quarantined", attempts=5, error="why")
    InboxMessage.objects.filter(pk=done.pk).update(state="done")
    again(login(people["admin"]), "crm/inboxmessage", aside.pk, done.pk)
    aside.refresh_from_db()
    done.refresh_from_db()
    assert (aside.state, aside.attempts, aside.error, done.state) == ("new", 0, "", "done")
    assert aside.due_at <= timezone.now()


def test_it_sends_again_only_what_was_given_up(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    decision = accepted(people)
    message = OutboxMessage.objects.get(decision=decision)
    client = login(people["admin"])
    OutboxMessage.objects.filter(pk=message.pk).update(state="sent", sent_at=NOW)
    again(client, "qualification/outboxmessage", message.pk)
    message.refresh_from_db()
    assert message.state == "sent"
    OutboxMessage.objects.filter(pk=message.pk).update(state="dead", sent_at=None, attempts=8)
    again(client, "qualification/outboxmessage", message.pk)
    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == ("waiting", 0, "")
