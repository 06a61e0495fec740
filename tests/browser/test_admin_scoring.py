"""The scoring pages of the admin in a real browser: no barrier, and a rule written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.models import RunKind, ScoringModel, ScoringRule
from qualification.runner import work_runs
from qualification.scoring import drafts, runs
from tests import factories
from tests.browser.axe import Visit, check
from tests.qualification.feedback_support import live_model

pytestmark = pytest.mark.django_db(transaction=True)
VERSION, RULE = "/admin/qualification/scoringmodel/", "/admin/qualification/scoringrule/"


@pytest.fixture
def draft(people: dict[str, User]) -> ScoringModel:
    """A draft like the live version, its rules counted over two leads."""
    now = timezone.now()
    factories.LeadFactory(title="Head of logistics", attributes={"big": True})
    factories.LeadFactory(title="Clerk")
    made = drafts.copy_to_draft(model=live_model(), by=people["admin"], now=now)
    runs.start_run(kind=RunKind.USAGE, model=made, now=now)
    work_runs(now=now)
    return made


def ours(name: str, path: str, open_up: Callable[[Page], None] = lambda page: None) -> Visit:
    """A page of the admin; the frame around ours is the theme's."""
    return Visit(name, path, open_up, within=".lq-page")


def test_pages_of_scoring_meet_no_barrier(
    draft: ScoringModel, people: dict[str, User], open_browser: Callable[..., Page]
) -> None:
    rule = ScoringRule.objects.filter(model=draft).first()
    lead = factories.LeadFactory(attributes={"visited": True})
    assert rule is not None
    visits = [
        ours("version", f"{VERSION}{draft.pk}/change/"),
        ours("versions", VERSION),
        ours("matrix", f"{VERSION}{draft.pk}/matrix/"),
        ours("trial", f"{VERSION}{draft.pk}/trial/?lead={lead.pk}"),
        ours("impact", f"{VERSION}{draft.pk}/impact/"),
        ours("usage", f"{VERSION}{draft.pk}/usage/"),
        ours("import", f"{VERSION}import/"),
        Visit("rule", f"{RULE}{rule.pk}/change/", _said, ".lq-editor"),
        Visit("group", f"{RULE}{rule.pk}/change/", _grouped, ".lq-editor"),
        Visit("activity", f"{RULE}{rule.pk}/change/", _did, ".lq-editor"),
        Visit("review", f"{RULE}{rule.pk}/change/", _said, ".lq-review"),
    ]
    assert check(open_browser(people["admin"]), visits) == []


def _said(page: Page) -> None:
    expect(page.locator("#lq-says .lq-sentence")).to_be_visible()


def _grouped(page: Page) -> None:
    _said(page)
    page.get_by_role("button", name="Another condition").click()
    expect(page.get_by_role("button", name="Add group")).to_be_visible()
    expect(page.locator("#lq-says .lq-error")).to_be_visible()


def _did(page: Page) -> None:
    _said(page)
    page.get_by_label("What they did", exact=True).check()
    expect(page.get_by_label("Half-life in days")).to_be_visible()


def test_a_rule_is_written_without_yaml(
    draft: ScoringModel, people: dict[str, User], open_browser: Callable[..., Page]
) -> None:
    page = open_browser(people["admin"])
    page.goto(f"{RULE}add/?model={draft.pk}")
    page.get_by_label("Name").fill("Heads who asked")
    page.get_by_label("Points").fill("7.5")
    page.get_by_label("Value", exact=True).fill("head")
    says = page.locator("#lq-says")
    expect(says).to_contain_text("+7.5 fit when title contains “head”")
    expect(says).to_contain_text("Fires on 1 of the newest 2 leads")
    page.get_by_role("button", name="Another condition").click()
    wrong = page.locator(".lq-row.is-wrong")
    expect(wrong).to_have_count(1)
    second = page.get_by_label("Condition", exact=True).nth(1)
    second.get_by_label("What is looked at").select_option("lead.opted_out")
    expect(second.get_by_label("Value", exact=True)).to_have_count(0)
    second.get_by_label("Must it be so?").select_option("on")
    expect(says).to_contain_text("+7.5 fit when title contains “head”, unless opted out")
    expect(wrong).to_have_count(0)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**{VERSION}{draft.pk}/change/**")
    rule = ScoringRule.objects.get(model=draft, key="heads-who-asked")
    assert rule.condition["all"][1]["not"]["subject"] == "lead.opted_out"
    expect(page.get_by_text("Added: Heads who asked.").first).to_be_visible()
