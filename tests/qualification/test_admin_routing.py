"""Routing is set up in the admin: what makes no sense is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client, RequestFactory

from crm.models import Team, User
from qualification.admin.routing import RoutingPoolAdmin
from qualification.models import Assignment, RoutingPool, RoutingRule, Segment, WorkProfile
from tests import factories
from tests.qualification import routing_support as routing

pytestmark = pytest.mark.django_db
ADMIN = "/admin/qualification/"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def add_rule(admin: Client, team: Team, **fields: Any) -> Any:
    data = {"position": 1, "name": "Large", "is_active": "on", "condition": "", "skills": ""}
    return admin.post(f"{ADMIN}routingrule/add/", {**data, "team": team.pk, **fields})


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", {}),
        (
            "{subject: account.employees, op: at_least, value: 1000}",
            {"subject": "account.employees", "op": "at_least", "value": 1000},
        ),
    ],
)
def test_a_rule_is_written_as_in_a_scoring_model(
    admin: Client, team: Team, text: str, stored: Any
) -> None:
    assert add_rule(admin, team, condition=text).status_code == 302
    assert RoutingRule.objects.get().condition == stored


def test_a_rule_by_segment_reads_as_a_sentence_and_keeps_what_it_said(
    admin: Client, team: Team
) -> None:
    assert add_rule(admin, team, segment="dach").status_code == 302
    rule = RoutingRule.objects.get()
    assert rule.segment == Segment.objects.get(key="dach")
    page = f"{ADMIN}routingrule/{rule.pk}/change/"
    data = {"position": 2, "name": "All", "segment": "", "condition": "", "skills": ""}
    assert admin.post(page, {**data, "team": team.pk}).status_code == 302
    html = admin.get(page).content.decode()
    assert f"1. Large: DACH: anybody of {team}" in html
    assert f"2. All: Every lead: anybody of {team} (off)" in html
    assert f"Every lead: anybody of {team}" in admin.get(f"{ADMIN}routingrule/").content.decode()


def test_a_segment_in_use_says_by_which_rules_and_stays(admin: Client, team: Team) -> None:
    add_rule(admin, team, segment="dach", name="German speakers")
    segment = Segment.objects.get(key="dach")
    page = f"{ADMIN}segment/{segment.pk}/"
    assert "German speakers" in admin.get(f"{page}change/").content.decode()
    html = admin.post(f"{page}delete/", {"post": "yes"}).content.decode()
    assert "is used by routing rules: German speakers" in html
    assert Segment.objects.filter(key="dach").exists()


def test_an_unusable_rule_breaks_neither_its_page_nor_the_routing_page(
    admin: Client, team: Team
) -> None:
    add_rule(admin, team, segment="dach")
    Segment.objects.filter(key="dach").update(query={"shoe_size": 44})
    rule = RoutingRule.objects.get()
    for page in (f"{ADMIN}routingrule/{rule.pk}/change/", f"{ADMIN}routingrule/", "/routing/"):
        assert "unknown filter" in admin.get(page).content.decode()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"condition": "{activity: call}"}, "not at activities"),
        ({"condition": "{subject: lead.stage, op: is_known}"}, "written after a decision"),
        ({"condition": "nonsense"}, "a condition is a mapping"),
        ({"condition": "{subject: [}"}, "not YAML"),
        ({"skills": "sap"}, "Skills choose among the people of a pool"),
        ({"to_account_owner": "on"}, "Name the pool"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    admin: Client, team: Team, fields: dict[str, Any], why: str
) -> None:
    response = add_rule(admin, team, **fields)
    assert response.status_code == 200
    assert why in response.content.decode()
    assert not RoutingRule.objects.exists()


def test_a_pool_of_another_team_is_refused(admin: Client, team: Team) -> None:
    other = routing.pool(factories.TeamFactory(name="US"), {})
    assert "belongs to US" in add_rule(admin, team, pool=other.pk).content.decode()


def test_a_profile_with_leave(admin: Client, people: dict[str, User]) -> None:
    data = {
        "person": people["sdr"].pk,
        "capacity": "20",
        "reserved": "3",
        "skills": "SAP , french,",
        "work_days": ["5", "1", "2"],
        "leaves-TOTAL_FORMS": "1",
        "leaves-INITIAL_FORMS": "0",
        "leaves-0-starts_on": "2026-12-01",
        "leaves-0-ends_on": "2026-12-05",
    }
    assert admin.post(f"{ADMIN}workprofile/add/", data).status_code == 302
    profile = WorkProfile.objects.get()
    assert (profile.skills, profile.leaves.count()) == (["french", "sap"], 1)
    assert profile.reserved == 3
    page = f"{ADMIN}workprofile/{profile.pk}/change/"
    refused = admin.post(page, {**data, "reserved": "21", "leaves-TOTAL_FORMS": "0"})
    assert "No more than the open leads" in refused.content.decode()


def test_members_are_edited_on_the_page_of_their_pool_and_balances_are_not(
    admin: Client, team: Team, people: dict[str, User]
) -> None:
    pool = routing.pool(team, {people["sdr"]: 1})
    routing.rule(pool)
    routing.arriving(team)
    member = pool.members.get()
    data = {
        "name": "Renamed",
        "team": team.pk,
        "balances": "{}",
        "members-TOTAL_FORMS": "1",
        "members-INITIAL_FORMS": "1",
        "members-0-id": member.pk,
        "members-0-pool": pool.pk,
        "members-0-person": member.person_id,
        "members-0-weight": "3",
    }
    before = RoutingPool.objects.get().balances
    assert admin.post(f"{ADMIN}routingpool/{pool.pk}/change/", data).status_code == 302
    pool.refresh_from_db()
    assert (pool.name, pool.members.get().weight, pool.balances) == ("Renamed", 3, before)


def test_rules_and_pools_are_not_deleted_and_assignments_only_read(
    admin: Client, team: Team, people: dict[str, User]
) -> None:
    pool = routing.pool(team, {people["sdr"]: 1})
    rule = routing.rule(pool)
    routing.arriving(team)
    assignment = Assignment.objects.get()
    for path in (f"routingrule/{rule.pk}/delete/", f"routingpool/{pool.pk}/delete/"):
        assert admin.post(f"{ADMIN}{path}", {"post": "yes"}).status_code == 403
    assert admin.get(f"{ADMIN}assignment/{assignment.pk}/change/").status_code == 200
    assert admin.post(f"{ADMIN}assignment/{assignment.pk}/change/").status_code == 403
    for path in ("routingrule", "routingpool", "workprofile", "accountowner", "assignment"):
        assert admin.get(f"{ADMIN}{path}/").status_code == 200


@pytest.mark.parametrize("role", ["manager", "sdr"])
def test_for_admins_only(
    people: dict[str, User], login: Callable[[User], Client], role: str
) -> None:
    assert login(people[role]).get(f"{ADMIN}routingrule/").status_code in (302, 403)


def test_a_page_that_was_open_meanwhile_puts_no_old_balances_back(
    team: Team, people: dict[str, User], rf: RequestFactory
) -> None:
    pool = routing.pool(team, {people["sdr"]: 1, people["manager"]: 1})
    routing.rule(pool)
    opened = RoutingPool.objects.get()
    routing.arriving(team)
    opened.name = "Renamed"
    RoutingPoolAdmin(RoutingPool, site).save_model(rf.post("/"), opened, None, True)
    found = RoutingPool.objects.get()
    assert found.name == "Renamed"
    assert found.balances[str(people["sdr"].pk)] == "-1/2"
