"""Cadences in the admin: changed while nobody is in them, else by a new version."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.choices import ItemState
from qualification.models import Cadence
from qualification.review.cadences import start_cadence
from tests.factories import NOW
from tests.qualification.decision_support import held_item

pytestmark = pytest.mark.django_db
LIST = "/admin/qualification/cadence/"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def test_steps_can_be_edited_until_it_is_started(admin: Client, people: dict[str, User]) -> None:
    cadence = Cadence.objects.get()
    page = f"{LIST}{cadence.pk}/change/"
    assert 'name="steps-0-task"' in admin.get(page).content.decode()
    item = held_item(people["sdr"], ItemState.OWNED)
    start_cadence(lead=item.lead, cadence=cadence, by=people["sdr"], now=NOW)
    assert 'name="steps-0-task"' not in admin.get(page).content.decode()
    assert admin.post(f"{LIST}{cadence.pk}/delete/").status_code == 403


def test_a_new_version_takes_its_place(admin: Client) -> None:
    old = Cadence.objects.get()
    given = {"action": "make_new_version", "_selected_action": old.pk}
    assert admin.post(LIST, given).status_code == 302
    made = Cadence.objects.get(version=2)
    old.refresh_from_db()
    assert (made.is_default, made.is_active, old.is_default, old.is_active) == (
        True,
        True,
        False,
        False,
    )
    assert list(made.steps.values_list("task")) == list(old.steps.values_list("task"))


@pytest.mark.parametrize("role", ["sdr", "manager", "ae", "marketing"])
def test_admins_only(people: dict[str, User], login: Callable[[User], Client], role: str) -> None:
    assert login(people[role]).get(LIST).status_code in (302, 403)
