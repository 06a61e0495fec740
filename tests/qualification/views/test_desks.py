"""The desks of all AEs: what waits, for managers only, and the dialog that moves it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.models import Handoff
from tests import factories
from tests.qualification.decision_support import MINUTE, accepted

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def handoff(people: dict[str, User]) -> Handoff:
    return accepted(people, now=timezone.now() - MINUTE).handoff


@pytest.fixture
def bea(team: Team) -> User:
    return factories.person("ae", team, first_name="Bea", last_name="Okafor")


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


def test_it_lists_what_waits(manager: Client, handoff: Handoff) -> None:
    html = manager.get("/desks/").content.decode()
    assert "1 handoff without an answer" in html
    assert handoff.packet["lead"]["name"] in html
    assert str(handoff.ae) in html
    assert "data-due" in html


def test_it_says_when_all_is_answered(manager: Client) -> None:
    assert "Every handoff is answered" in manager.get("/desks/").content.decode()


def test_it_moves_one(manager: Client, handoff: Handoff, bea: User) -> None:
    url = f"/handoffs/{handoff.pk}/move/"
    dialog = manager.get(url, headers=HTMX).content.decode()
    assert "Bea Okafor" in dialog
    assert f'value="{handoff.ae_id}"' not in dialog
    done = manager.post(url, {"to": f"ae:{bea.pk}", "reason": "Elena is away"}, headers=HTMX)
    assert done["HX-Redirect"] == "/desks/"
    html = manager.get("/desks/").content.decode()
    assert "is now on the desk of Bea Okafor" in html
    assert "Elena is away" in html


def test_it_keeps_what_was_typed(manager: Client, handoff: Handoff, bea: User) -> None:
    url = f"/handoffs/{handoff.pk}/move/"
    for data in (
        {"to": "", "reason": "Typed-Kx7"},
        {"to": f"ae:{handoff.ae_id}", "reason": "Typed-Kx7"},
    ):
        answered = manager.post(url, data, headers=HTMX)
        assert answered.status_code == 422
        assert "Typed-Kx7" in answered.content.decode()
    assert manager.post(url, {"to": f"ae:{bea.pk}", "reason": " "}, headers=HTMX).status_code == 422


def test_an_answered_one_is_gone(manager: Client, handoff: Handoff) -> None:
    Handoff.objects.filter(pk=handoff.pk).update(state="accepted", answered_at=timezone.now())
    assert manager.get(f"/handoffs/{handoff.pk}/move/").status_code == 404
    assert "Every handoff is answered" in manager.get("/desks/").content.decode()


def test_a_manager_of_another_team_does_not_know_it(
    login: Callable[[User], Client], handoff: Handoff, bea: User
) -> None:
    client = login(factories.person("manager", factories.TeamFactory(name="US")))
    assert handoff.packet["lead"]["name"] not in client.get("/desks/").content.decode()
    assert client.get(f"/handoffs/{handoff.pk}/move/").status_code == 404
    answered = client.post(f"/handoffs/{handoff.pk}/move/", {"to": f"ae:{bea.pk}", "reason": "x"})
    assert answered.status_code == 404


def test_its_queries_do_not_grow(
    manager: Client, people: dict[str, User], django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _each in range(4):
        accepted(people, now=timezone.now() - MINUTE)
    manager.get("/desks/")
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        manager.get("/desks/")
