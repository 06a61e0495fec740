"""SLA policies in the admin: made for exceptions; the one for every lead stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Team, User
from qualification.models import SLAPolicy
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db
PATH = "/admin/qualification/slapolicy/"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def written(**fields: object) -> dict[str, object]:
    return {
        "kind": "first_response",
        "tier": "",
        "source": "",
        "segment": "",
        "team": "",
        "is_active": "on",
        "minutes": "9",
        "warn_minutes": "2",
        "on_breach": "reassign",
        "escalate_after": "30, 120",
        "on_escalation": "notify",
        **fields,
    }


def general() -> SLAPolicy:
    return SLAPolicy.objects.get(kind="first_response", tier="")


def test_a_policy_for_a_team_is_used_from_then_on(admin: Client, team: Team) -> None:
    assert admin.post(f"{PATH}add/", written(team=team.pk)).status_code == 302
    made = SLAPolicy.objects.get(team=team)
    assert made.escalate_after == [30, 120]
    timer = rows.waiting_item(team=team).timers.get()
    assert (timer.policy, timer.due_at) == (made, rows.NOW + rows.minutes(9))
    assert timer.escalate_at == [timer.due_at + rows.minutes(n) for n in (30, 120)]
    assert "EMEA" in admin.get(PATH).content.decode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"escalate_after": "120, 30"}, "in rising order"),
        ({"escalate_after": "0"}, "Minutes above 0"),
        ({"escalate_after": "1,2,3,4,5,6"}, "no more than 5"),
        ({"warn_minutes": "10"}, "cannot warn before"),
        ({"minutes": "0"}, "At least one minute"),
    ],
)
def test_what_makes_no_sense_is_said(
    admin: Client, team: Team, fields: dict[str, object], said: str
) -> None:
    response = admin.post(f"{PATH}add/", written(team=team.pk, **fields))
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not SLAPolicy.objects.filter(team=team).exists()


@pytest.mark.parametrize(
    "fields", [{"is_active": ""}, {"tier": "hot", "minutes": "3"}, {"kind": "decision"}]
)
def test_the_policy_for_every_lead_stays_that(admin: Client, fields: dict[str, object]) -> None:
    kept = general()
    given = written(**fields)
    if not given["is_active"]:
        given.pop("is_active")
    response = admin.post(f"{PATH}{kept.pk}/change/", given)
    assert response.status_code == 200
    assert "every lead without another one" in response.content.decode()
    assert general().minutes == kept.minutes
    assert admin.post(f"{PATH}{kept.pk}/delete/", {"post": "yes"}).status_code == 403
    assert general() == kept


def test_its_times_may_change_and_nobody_else_gets_in(
    admin: Client, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    response = admin.post(f"{PATH}{general().pk}/change/", written(minutes="77"))
    assert response.status_code == 302
    assert general().minutes == 77
    assert login(people["manager"]).get(PATH).status_code in (302, 403)


def test_the_list_tells_lengths_of_open_time(admin: Client, team: Team) -> None:
    admin.post(f"{PATH}add/", written(team=team.pk, minutes=2880, warn_minutes=90))
    page = admin.get(PATH).content.decode()
    assert "48 h" in page
    assert "1 h 30 m" in page


def test_a_reason_says_what_its_switches_do(admin: Client) -> None:
    page = admin.get("/admin/qualification/rejectionreason/add/").content.decode()
    assert "Refused without a note." in page
