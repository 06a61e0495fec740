"""Conditions outside of scoring: the same editor, its own check; blank is every lead."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client

from crm.models import Team
from qualification.models import RoutingRule
from tests import factories
from tests.qualification.admin.test_live_check import drawn, yaml_in

ADMIN = "/admin/qualification/"
CHECK = f"{ADMIN}scoringrule/condition/check/"
OTHERS = ("routingrule", "frameworkrule", "destinationrule", "material")


def page_of(client: Client, model: str) -> str:
    return client.get(f"{ADMIN}{model}/add/").content.decode()


def fields_in(page: str) -> dict[str, str]:
    """What the editor on a page would send."""
    return drawn(page.split('id="lq-editor"')[1].split("</details>", maxsplit=1)[0]) | {"was": ""}


def checked(client: Client, data: dict[str, Any]) -> str:
    response = client.post(CHECK, data)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


@pytest.mark.parametrize("model", OTHERS)
def test_every_form_asks_the_check_of_its_own_kind(admin: Client, model: str) -> None:
    page = page_of(admin, model)
    assert f'hx-post="{CHECK}"' in page
    assert "scoringrule/check/" not in page
    assert "admin/leadqual/scoring.css" in page
    assert "admin/leadqual/editor.js" in page


@pytest.mark.parametrize("model", OTHERS)
def test_nothing_of_scoring_is_asked_for(admin: Client, model: str) -> None:
    """The version and the points of a rule are no part of these forms."""
    factories.LeadFactory(title="Director of IT")
    factories.LeadFactory(title="Clerk")
    sent = fields_in(page_of(admin, model))
    assert sent["what"] == "every"
    answer = checked(admin, sent)
    assert "Every lead" in answer
    assert "required" not in answer
    assert "lq-error" not in answer
    assert "Holds for <strong>2</strong> of the newest 2 leads" in answer


def test_from_every_lead_to_some_and_back(admin: Client) -> None:
    factories.LeadFactory(title="Director of IT")
    factories.LeadFactory(title="Clerk")
    sent = fields_in(page_of(admin, "routingrule"))
    some = checked(admin, sent | {"what": "facts"})
    assert 'name="n.subject"' in some
    fields = drawn(some.split('id="lq-fields"')[1].split('id="lq-yaml"')[0])
    named = checked(admin, sent | fields | {"n.value": "director"})
    assert yaml_in(named) == "{subject: lead.title, op: contains, value: director}"
    assert "Holds for <strong>1</strong> of the newest 2 leads" in named
    both = {"condition": yaml_in(named), "was": yaml_in(named)}
    back = checked(admin, sent | fields | both | {"what": "every"})
    assert yaml_in(back) == ""
    assert 'name="n.subject"' not in back


def test_what_they_did_is_refused_with_the_reason(admin: Client) -> None:
    sent = fields_in(page_of(admin, "routingrule"))
    answer = checked(admin, sent | {"condition": "{activity: page_view}"})
    assert "it looks at who somebody is, not at activities" in answer


def test_what_cannot_be_read_says_why(admin: Client) -> None:
    sent = fields_in(page_of(admin, "routingrule"))
    answer = checked(admin, sent | {"condition": "{subject: lead.shoe_size"})
    assert 'class="lq-error"' in answer


def test_every_lead_is_stored_blank_and_some_by_their_fields(admin: Client, team: Team) -> None:
    data = {"position": 1, "name": "All", "is_active": "on", "skills": "", "team": team.pk}
    every = {"what": "every", "condition": "", "was": ""}
    assert admin.post(f"{ADMIN}routingrule/add/", data | every).status_code == 302
    rule = RoutingRule.objects.get()
    assert rule.condition == {}
    some = {"what": "facts", "n.kind": "row", "n.subject": "lead.title", "n.op": "is_known"}
    page = f"{ADMIN}routingrule/{rule.pk}/change/"
    assert admin.post(page, data | every | some).status_code == 302
    rule.refresh_from_db()
    assert rule.condition == {"subject": "lead.title", "op": "is_known"}
    assert admin.post(page, data | some | every | {"condition": "x", "was": "x"}).status_code == 302
    rule.refresh_from_db()
    assert rule.condition == {}


def test_it_is_for_admins(login: Any, people: Any) -> None:
    for role in ("manager", "sdr", "ae", "marketing"):
        assert login(people[role]).post(CHECK).status_code in (302, 403)
    assert login(people["admin"]).get(CHECK).status_code == 405
