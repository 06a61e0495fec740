"""While somebody writes a rule the answer says what it does, what is wrong, how often it fires."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from qualification.models import ScoringModel, ScoringRule
from tests import factories
from tests.qualification.admin.support import form_data, rule_of, rule_path

CHECK = "/admin/qualification/scoringrule/check/"


@pytest.fixture
def rule(draft: ScoringModel) -> ScoringRule:
    """The rule that is written."""
    return rule_of(draft, "director")


def sent(client: Client, rule: ScoringRule, **more: Any) -> dict[str, Any]:
    """The form of a rule with its fields as first drawn, and what was changed in them."""
    page = client.get(rule_path(rule)).content.decode()
    fields = page.split('id="lq-fields"')[1].split('id="lq-says"')[0]
    data = form_data(client, rule_path(rule)) | {"rule": rule.pk, **drawn(fields)}
    data["was"] = data["condition"]
    return data | more


def drawn(fragment: str) -> dict[str, str]:
    """What the fields in a piece of a page would send; of lists of equal names the last."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", fragment):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="radio"' not in tag or " checked" in tag):
            found[name[1]] = html.unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select [^>]*name="([^"]*)".*?>(.*?)</select>', fragment, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inner)
        found[name] = chosen[1] if chosen else ""
    for name, inner in re.findall(
        r'<textarea [^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', fragment, re.S
    ):
        found[name] = html.unescape(inner)
    return found


def checked(client: Client, data: dict[str, Any]) -> str:
    """The answer, its entities resolved."""
    response = client.post(CHECK, data)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def yaml_in(answer: str) -> str:
    """The YAML the answer brings back."""
    return re.search(r'name="condition"[^>]*>\n(.*?)</textarea>', answer, re.S)[1].strip()  # type: ignore[index]


def test_it_says_what_the_rule_does_and_how_often_it_fires(
    admin: Client, rule: ScoringRule
) -> None:
    factories.LeadFactory(title="Director of IT")
    factories.LeadFactory(title="Clerk")
    factories.LeadFactory(title="")
    answer = checked(admin, sent(admin, rule))
    assert "+25.0 fit when title contains “director”" in answer
    assert "<strong>1</strong> of the newest 3 leads (33.3 %)" in answer
    assert "For 1 a fact is missing" in answer
    # Nothing differs, so nothing is drawn anew.
    assert 'id="lq-fields"' not in answer
    assert 'id="lq-yaml"' not in answer


def test_fields_become_yaml(admin: Client, rule: ScoringRule) -> None:
    answer = checked(admin, sent(admin, rule, **{"n.value": "head of"}))
    assert yaml_in(answer) == "{subject: lead.title, op: contains, value: head of}"
    assert "title contains “head of”" in answer
    assert 'id="lq-fields"' not in answer


def test_yaml_becomes_fields(admin: Client, rule: ScoringRule) -> None:
    unless = "{not: {subject: lead.phone, op: is_known}}"
    text = f"{{all: [{{subject: lead.country, op: is, value: Spain}}, {unless}]}}"
    answer = checked(admin, sent(admin, rule, condition=text))
    assert "when country is Spain, unless phone is known" in answer
    fields = drawn(answer.split('id="lq-fields"')[1])
    assert fields["n.kind"] == "all"
    assert (fields["n.0.subject"], fields["n.0.value"]) == ("lead.country", "Spain")
    assert (fields["n.1.op"], fields["n.1.not"]) == ("is_known", "on")


def test_another_type_offers_other_operators(admin: Client, rule: ScoringRule) -> None:
    answer = checked(admin, sent(admin, rule, **{"n.subject": "account.employees"}))
    fields = answer.split('id="lq-fields"')[1]
    assert 'type="number"' in fields
    assert 'value="at_least"' in fields
    assert 'value="contains"' not in fields


def test_rows_and_groups_come_and_go(admin: Client, rule: ScoringRule) -> None:
    data = sent(admin, rule, do="wrap:n")
    answer = checked(admin, data)
    data |= drawn(answer.split('id="lq-fields"')[1])
    assert data["n.parts"] == "0,1"
    data["do"] = "group:n"
    data |= drawn(checked(admin, data).split('id="lq-fields"')[1])
    assert (data["n.2.kind"], data["n.2.parts"]) == ("any", "0,1")
    data["do"] = "remove:n.1"
    data |= drawn(checked(admin, data).split('id="lq-fields"')[1])
    assert (data["n.parts"], data["n.1.kind"]) == ("0,1", "any")


def test_what_they_did_has_fields_of_its_own(admin: Client, rule: ScoringRule) -> None:
    data = sent(admin, rule, what="activity") | {
        "a.type": ["page_view", "download"],
        "a.where.name": ["path"],
        "a.where.lines": ["/pricing\n/plans"],
        "a.within_days": "60",
        "a.half_life_days": "30",
        "a.max_points": "12.5",
        "a.per": "once",
    }
    answer = checked(admin, data)
    assert yaml_in(answer) == (
        "activity: [page_view, download]\nwhere:\n  path: [/pricing, /plans]\n"
        "within_days: 60\nhalf_life_days: 30\nper: once\nmax_points: 12.5"
    )
    assert "for the latest page view or download in the last 60 days" in answer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n.value": ""}, "a value is blank"),
        ({"condition": "{subject: ["}, "not YAML"),
        ({"condition": "{all: [{subject: lead.age, op: is_known}]}"}, "protected"),
        ({"points": "1.25"}, "Points:"),
        ({"name": "Far away"}, "stands there twice"),
    ],
)
def test_it_says_what_is_wrong(
    admin: Client, rule: ScoringRule, change: dict[str, str], words: str
) -> None:
    answer = checked(admin, sent(admin, rule, **change))
    assert 'class="lq-error"' in answer
    assert words in answer


def test_what_cannot_be_read_leaves_the_fields_alone(admin: Client, rule: ScoringRule) -> None:
    answer = checked(admin, sent(admin, rule, condition="{subject: ["))
    assert "hx-swap-oob" not in answer


def test_the_wrong_row_is_marked(admin: Client, rule: ScoringRule) -> None:
    # The second row of the new group has no value yet.
    answer = checked(admin, sent(admin, rule, do="wrap:n"))
    assert 'data-wrong="n.1"' in answer


def test_it_stores_nothing(admin: Client, rule: ScoringRule) -> None:
    checked(admin, sent(admin, rule, **{"n.value": "head of"}))
    rule.refresh_from_db()
    assert rule.condition["value"] == "director"


def test_saving_takes_the_fields_unless_the_yaml_was_changed(
    admin: Client, rule: ScoringRule
) -> None:
    data = sent(admin, rule, **{"n.value": "head of"})
    assert admin.post(rule_path(rule), data).status_code == 302
    rule.refresh_from_db()
    assert rule.condition["value"] == "head of"
    text = "{subject: lead.title, op: contains, value: chief}"
    data = sent(admin, rule, **{"n.value": "ignored", "condition": text})
    assert admin.post(rule_path(rule), data).status_code == 302
    rule.refresh_from_db()
    assert rule.condition["value"] == "chief"
