"""Checklists in the admin: drafts, versions, translations, rules that choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Criterion, Framework, FrameworkItem, FrameworkRule, FrameworkText

pytestmark = pytest.mark.django_db
LIST = "/admin/qualification/framework/"
RULES = "/admin/qualification/frameworkrule/"
ITEMS = "/admin/qualification/frameworkitem/"


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


@pytest.fixture
def bant(db: None) -> Framework:
    return Framework.objects.get(key="bant")


def act(admin: Client, action: str, framework: Framework) -> str:
    """What the list says after an action on one row."""
    given = {"action": action, "_selected_action": framework.pk}
    return admin.post(LIST, given, follow=True).content.decode()


def test_a_draft_is_edited_and_a_published_one_read(admin: Client, bant: Framework) -> None:
    assert "Copied: BANT, v2." in act(admin, "make_version", bant)
    draft = Framework.objects.get(key="bant", version=2)
    assert 'name="items-0-question"' in admin.get(f"{LIST}{draft.pk}/change/").content.decode()
    assert 'name="items-0-question"' not in admin.get(f"{LIST}{bant.pk}/change/").content.decode()
    assert admin.post(f"{LIST}{bant.pk}/delete/").status_code == 403
    assert "Published: BANT, v2." in act(admin, "publish", draft)
    assert "was published before" in act(admin, "publish", draft)
    assert "On offer: BANT, v1." in act(admin, "offer_again", bant)


def test_an_own_checklist_from_a_template(admin: Client, bant: Framework) -> None:
    act(admin, "make_own", bant)
    own = Framework.objects.get(name="BANT, own")
    rows = own.items.order_by("position")
    data: dict[str, Any] = {"key": "freight", "name": "Freight"}
    data |= {"items-TOTAL_FORMS": 1, "items-INITIAL_FORMS": 1}
    first = rows[0]
    data |= {
        "items-0-id": first.pk,
        "items-0-framework": own.pk,
        "items-0-position": 0,
        "items-0-part": "Freight",
        "items-0-criterion": first.criterion_id,
        "items-0-question": "How many tons a month?",
        "items-0-is_required": "on",
    }
    assert admin.post(f"{LIST}{own.pk}/change/", data).status_code == 302
    own.refresh_from_db()
    first.refresh_from_db()
    assert (own.key, first.question, first.is_required) == (
        "freight",
        "How many tons a month?",
        True,
    )
    assert bant.items.get(criterion=first.criterion).question != first.question


def test_what_cannot_be_is_said(admin: Client, bant: Framework) -> None:
    assert "make another one the default first" in act(admin, "take_off", bant)
    gpct = Framework.objects.get(key="gpct")
    assert "The default: GPCT, v1." in act(admin, "make_default", gpct)
    assert "Off offer: BANT, v1." in act(admin, "take_off", bant)


def test_a_translation_is_added_to_a_published_question(admin: Client, bant: Framework) -> None:
    item = bant.items.get(criterion__key="timing")
    page = f"{ITEMS}{item.pk}/change/"
    data = {
        "texts-TOTAL_FORMS": 1,
        "texts-INITIAL_FORMS": 0,
        "texts-0-item": item.pk,
        "texts-0-language": "de",
        "texts-0-question": "Bis wann?",
    }
    assert admin.post(page, data).status_code == 302
    assert FrameworkText.objects.get(item=item, language="de").question == "Bis wann?"
    item.refresh_from_db()
    assert item.question == FrameworkItem.objects.get(pk=item.pk).question
    assert admin.post(page, data | {"texts-0-language": "xx"}).status_code == 200


def test_a_rule_is_checked_and_said_in_words(admin: Client) -> None:
    data = {
        "position": 1,
        "name": "Large deals",
        "is_active": "on",
        "condition": "{subject: account.revenue, op: at_least, value: 10000000}",
        "framework_key": "meddic",
    }
    assert admin.post(f"{RULES}add/", data).status_code == 302
    assert "Revenue at least 10,000,000: MEDDIC" in admin.get(RULES).content.decode()
    for change, wrong in (
        ({"condition": "{activity: call}"}, "not at activities"),
        ({"condition": "{subject: lead.gone, op: is_known}"}, "lead.gone"),
        ({"framework_key": "nothing"}, "not one of the available choices"),
    ):
        answer = admin.post(f"{RULES}add/", data | {"name": "Other"} | change)
        assert answer.status_code == 200
        assert wrong in answer.content.decode()
    assert FrameworkRule.objects.count() == 1


def test_the_age_of_an_answer_is_set_at_its_criterion(admin: Client) -> None:
    criterion = Criterion.objects.get(key="timing")
    page = f"/admin/qualification/criterion/{criterion.pk}/change/"
    assert admin.post(page, {"label": "Timing", "stale_after_days": 0}).status_code == 200
    assert admin.post(page, {"label": "Timing", "stale_after_days": 90}).status_code == 302
    criterion.refresh_from_db()
    assert criterion.stale_after_days == 90


@pytest.mark.parametrize("role", ["sdr", "manager", "ae", "marketing"])
@pytest.mark.parametrize("page", [LIST, RULES, ITEMS])
def test_admins_only(
    people: dict[str, User], login: Callable[[User], Client], role: str, page: str
) -> None:
    assert login(people[role]).get(page).status_code in (302, 403)
