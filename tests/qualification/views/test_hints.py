"""The first steps of each role: who sees them where, putting them away and bringing them back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from crm.models import Team, User
from crm.roles import Role
from qualification.audit.verify import verify
from qualification.hints import HINTS, hide_hints, hints_for, show_hints
from tests import factories
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
# A letter by itself, but for “A lead …”.
KEY = re.compile(r"\b[A-Z]\b(?! lead)")
PANEL = 'id="hints"'


def start(client: Client) -> str:
    """The page where this person starts."""
    return client.get("/", follow=True).content.decode()


@pytest.mark.parametrize("role", Role.values)
def test_each_role_sees_its_three_steps_where_it_starts(
    people: dict[str, User], login: Login, role: str
) -> None:
    html = start(login(people[role]))
    assert PANEL in html
    panel = html[html.index(PANEL) :]
    panel = panel[: panel.index("</section>")]
    assert panel.count("<li>") == 3
    assert f"/hints/{role}/hide/" in panel
    for step in HINTS[role].steps:
        assert not step.url or f'href="{reverse(step.url)}"' in panel


@pytest.mark.parametrize("role", Role.values)
def test_each_step_leads_where_its_role_may_go(
    people: dict[str, User], login: Login, role: str
) -> None:
    client = login(people[role])
    for step in HINTS[role].steps:
        assert not step.url or client.get(reverse(step.url)).status_code == 200, step.url


def test_no_step_names_a_key_where_there_is_none(people: dict[str, User]) -> None:
    """Whatever names a key says it without one for fingers."""
    for hints in HINTS.values():
        for step in hints.steps:
            assert step.touch or not KEY.search(str(step.text)), step.text
            assert not KEY.search(str(step.touch)), step.touch


def test_other_pages_have_none(people: dict[str, User], login: Login) -> None:
    client = login(people["manager"])
    assert PANEL not in client.get("/my-work/").content.decode()
    assert PANEL not in client.get("/sources/").content.decode()


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_put_away_they_stay_away_for_this_person(
    people: dict[str, User], team: Team, login: Login, headers: dict[str, str]
) -> None:
    client, colleague = login(people["sdr"]), factories.person("sdr", team)
    answer = client.post("/hints/sdr/hide/", headers=headers)
    assert answer.status_code == (200 if headers else 302)
    assert PANEL not in answer.content.decode()
    assert PANEL not in start(client)
    assert PANEL not in start(login(people["sdr"]))
    assert PANEL in start(login(colleague))
    assert User.objects.get(pk=people["sdr"].pk).hidden_hints == ["sdr"]


def test_they_come_back(people: dict[str, User], login: Login) -> None:
    client = login(people["ae"])
    client.post("/hints/ae/hide/")
    assert PANEL not in start(client)
    assert client.post("/hints/show/")["Location"] == "/"
    assert PANEL in start(client)


def test_somebody_with_two_roles_sees_one_after_the_other(
    people: dict[str, User], login: Login
) -> None:
    person = people["sdr"]
    person.groups.add(Group.objects.get(name="manager"))
    client = login(User.objects.get(pk=person.pk))
    assert "/hints/sdr/hide/" in start(client)
    client.post("/hints/sdr/hide/")
    assert "/hints/manager/hide/" in start(client)
    client.post("/hints/manager/hide/")
    assert PANEL not in start(client)


@pytest.mark.parametrize("role", ["manager", "nobody"])
def test_only_those_of_a_role_one_holds(people: dict[str, User], login: Login, role: str) -> None:
    assert login(people["sdr"]).post(f"/hints/{role}/hide/").status_code == 404
    with pytest.raises(PermissionDenied):
        hide_hints(person=people["sdr"], role=role)
    assert User.objects.get(pk=people["sdr"].pk).hidden_hints == []


def test_twice_is_once(people: dict[str, User]) -> None:
    for _ in range(2):
        hide_hints(person=people["sdr"], role="sdr")
    assert User.objects.get(pk=people["sdr"].pk).hidden_hints == ["sdr"]
    show_hints(person=people["sdr"])
    assert hints_for(User.objects.get(pk=people["sdr"].pk), "qualification:queue") is not None


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_once(people: dict[str, User]) -> None:
    rows.in_threads([lambda: hide_hints(person=people["sdr"], role="sdr") for _ in range(4)])
    assert User.objects.get(pk=people["sdr"].pk).hidden_hints == ["sdr"]


def test_postgresql_knows_the_roles(people: dict[str, User]) -> None:
    with pytest.raises(IntegrityError, match="crm_user_known_hints"), transaction.atomic():
        User.objects.filter(pk=people["sdr"].pk).update(hidden_hints=["president"])


def test_it_is_no_matter_of_rights(people: dict[str, User]) -> None:
    """The chain tells what a person may do, not what they were shown."""
    before = verify().entries
    hide_hints(person=people["sdr"], role="sdr")
    assert verify().entries == before


# --- an empty queue says why ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "way"),
    [
        ("sdr", "/notices/preferences/"),
        ("manager", "/routing/"),
        ("admin", "/admin/crm/source/"),
    ],
)
def test_where_nothing_came_it_says_so(
    people: dict[str, User], login: Login, role: str, way: str
) -> None:
    rows.active_model()
    html = main(login(people[role]))
    assert "No lead has come in yet" in html
    assert f'href="{way}"' in html


@pytest.mark.parametrize(
    ("role", "way"), [("sdr", "/models/"), ("admin", "/admin/qualification/scoringmodel/")]
)
def test_where_no_rules_are_live_it_says_so(
    people: dict[str, User], login: Login, role: str, way: str
) -> None:
    html = main(login(people[role]))
    assert "No rules are live" in html
    assert f'href="{way}"' in html


@pytest.mark.parametrize(("role", "way"), [("sdr", "/practice/"), ("manager", "/rejected/")])
def test_where_all_is_done_it_says_so(
    people: dict[str, User], team: Team, login: Login, role: str, way: str
) -> None:
    rows.active_model()
    factories.LeadFactory(team=team)
    html = main(login(people[role]))
    assert "Queue clear" in html
    assert f'href="{way}"' in html


def main(client: Client) -> str:
    """The list of the queue."""
    html = client.get("/queue/").content.decode()
    return html[html.index('id="queue-body"') :]
