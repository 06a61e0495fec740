"""Chat tools are set up in the admin: a secret is typed once, never shown; public https only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.models import WebhookTarget
from qualification.sweeps import deliver_due
from tests.factories import NOW
from tests.qualification.webhook_support import chat_tool

pytestmark = pytest.mark.django_db
URL = "/admin/qualification/webhooktarget/"
SECRET = "canary-secret-of-a-tool"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def typed(**fields: Any) -> dict[str, Any]:
    hook = "https://chat.example/hooks/1"
    return {"name": "Room", "url": hook, "secret": SECRET, "is_active": "on", **fields}


def test_a_secret_is_kept_and_never_shown(admin: Client, team: Team) -> None:
    assert admin.post(f"{URL}add/", typed(team=team.pk)).status_code == 302
    target = WebhookTarget.objects.get()
    assert (target.secret, target.team, target.is_active) == (SECRET, team, True)
    page = f"{URL}{target.pk}/change/"
    for shown in (page, URL, f"{URL}{target.pk}/history/"):
        assert SECRET not in admin.get(shown).content.decode()
    assert "/hooks/1" not in admin.get(URL).content.decode()
    assert admin.post(page, typed(secret="", name="Hall")).status_code == 302
    target.refresh_from_db()
    assert (target.secret, target.name, target.team) == (SECRET, "Hall", None)
    assert admin.post(page, typed(secret="another-secret-of-it")).status_code == 302
    target.refresh_from_db()
    assert target.secret == "another-secret-of-it"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"secret": ""}, "needs a secret"),
        ({"secret": "short"}, "at least 16"),
        ({"url": "http://chat.example/x"}, "Only https"),
        ({"url": "https://me:pass@chat.example/x"}, "without a log-in"),
        ({"url": "nonsense"}, "with a host"),
    ],
)
def test_what_makes_no_sense_is_refused(admin: Client, fields: Any, why: str) -> None:
    answer = admin.post(f"{URL}add/", typed(**fields))
    assert answer.status_code == 200
    assert why in answer.content.decode()
    assert not WebhookTarget.objects.exists()


def test_a_refused_form_does_not_show_the_secret(admin: Client) -> None:
    answer = admin.post(f"{URL}add/", typed(url="nonsense"))
    assert SECRET not in answer.content.decode()


def test_a_test_message_leaves_through_the_outbox(admin: Client, settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with chat_tool() as tool:
        made = [
            WebhookTarget.objects.create(
                name=name, url=tool.url, secret=SECRET, is_active=name == "Room", created_at=NOW
            )
            for name in ("Room", "Off")
        ]
        picked = {"action": "try_out", "_selected_action": [target.pk for target in made]}
        assert admin.post(URL, picked).status_code == 302
        assert deliver_due(now=timezone.now()) == 1
        assert tool.bodies == [b'{"text": "LeadQual reaches this chat."}']


def test_nobody_else_gets_in(people: dict[str, User], login: Callable[[User], Client]) -> None:
    target = WebhookTarget.objects.create(
        name="Room", url="https://chat.example/x", secret=SECRET, created_at=NOW
    )
    for role in ("sdr", "ae", "manager", "marketing"):
        assert login(people[role]).get(f"{URL}{target.pk}/change/").status_code == 302
