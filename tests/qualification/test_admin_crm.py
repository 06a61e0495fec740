"""Connections to CRMs are set up in the admin: no secret in the database, a try that says how it
went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.models import Team, User
from qualification.models import CrmConnection
from tests.fakes.hubspot import TOKEN, hubspot
from tests.qualification.crm_support import SECRET_NAME, connection_to

pytestmark = pytest.mark.django_db
URL = "/admin/qualification/crmconnection/"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def typed(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Our CRM",
        "kind": "hubspot",
        "url": "https://api.hubapi.com",
        "secret_name": SECRET_NAME,
        "options": "{}",
        "is_active": "on",
        **fields,
    }


def test_a_connection_is_set_up(admin: Client, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_NAME, TOKEN)
    assert admin.post(f"{URL}add/", typed(team=team.pk)).status_code == 302
    made = CrmConnection.objects.get()
    assert (made.kind, made.team, made.is_active) == ("hubspot", team, True)
    assert made.source.kind == "crm"
    assert made.poll_due_at == made.polled_until == made.created_at
    for page in (URL, f"{URL}{made.pk}/change/", f"{URL}{made.pk}/history/"):
        assert TOKEN not in admin.get(page).content.decode()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"secret_name": "SECRET_KEY"}, "starts with CRM_SECRET_"),
        ({"secret_name": ""}, "required"),
        ({"url": "http://crm.example"}, "Only https"),
        ({"url": "https://me:pass@crm.example"}, "without a log-in"),
        ({"kind": "salesfarce"}, "not one of the available choices"),
        ({"options": '{"pipelin": "x"}'}, "pipelin: not an option"),
        ({"options": '{"pipeline": 3}'}, "Names with texts"),
        ({"options": "[1]"}, "Names with texts"),
    ],
)
def test_what_makes_no_sense_is_refused(admin: Client, fields: Any, why: str) -> None:
    answer = admin.post(f"{URL}add/", typed(**fields))
    assert why in answer.content.decode()
    assert not CrmConnection.objects.exists()


def test_trying_it_out_says_how_it_went(
    admin: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with hubspot() as crm:
        made = connection_to(crm.url)

        def tried() -> str:
            chosen = {"action": "try_out", "_selected_action": [made.pk]}
            return admin.post(URL, chosen, follow=True).content.decode()

        assert f"{SECRET_NAME} is not set" in tried()
        monkeypatch.setenv(SECRET_NAME, "wrong-token-canary")
        page = tried()
        assert "answered 401: invalid authentication" in page
        assert "wrong-token-canary" not in page
        monkeypatch.setenv(SECRET_NAME, TOKEN)
        assert "It answers and takes the secret." in tried()


def test_a_connection_is_switched_off_not_deleted(admin: Client) -> None:
    made = connection_to("https://crm.example")
    assert admin.post(f"{URL}{made.pk}/delete/", {"post": "yes"}).status_code == 403


def test_its_kind_stays(admin: Client) -> None:
    made = connection_to("https://crm.example", "webhook")
    fields = typed(kind="hubspot", url="https://other.example")
    assert admin.post(f"{URL}{made.pk}/change/", fields).status_code == 302
    made.refresh_from_db()
    assert (made.kind, made.url) == ("webhook", "https://other.example")


def test_others_stay_out(people: dict[str, User], login: Callable[[User], Client]) -> None:
    assert login(people["manager"]).get(URL).status_code in (302, 403)
