"""A round of practice by keyboard alone, on a phone's width as well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.models import PracticeCase, PracticeRound
from tests import factories
from tests.qualification.practice.past_leads import decided

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def past(team: Team, people: dict[str, User]) -> None:
    """Five decisions of a colleague."""
    colleague = factories.person("sdr", team)
    at = timezone.now() - dt.timedelta(days=30)
    for kind in ("accept", "reject", "accept", "reject", "accept"):
        decided(kind, by=colleague, ae=people["ae"], at=at)


@pytest.mark.usefixtures("past")
def test_a_round_by_keyboard_alone(
    open_browser: Callable[..., Page], people: dict[str, User]
) -> None:
    page = open_browser(people["sdr"])
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/practice/")
    page.keyboard.press("1")
    for position in range(1, 6):
        page.wait_for_url(f"**/practice/*/{position}/")
        expect(page.locator("#truth")).to_have_count(0)
        if position == 2:
            page.keyboard.press("r")
            expect(page.locator("#find-reason")).to_be_focused()
            page.keyboard.type("too small")
            page.keyboard.press("Enter")
            page.keyboard.press("Control+Enter")
        else:
            page.keyboard.press("a" if position % 2 else "u")
        expect(page.locator("#truth")).to_be_visible()
        page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Lead by lead")).to_be_visible()
    choices = PracticeCase.objects.order_by("position").values_list("choice", flat=True)
    assert list(choices) == ["accept", "reject", "accept", "nurture", "accept"]
    page.keyboard.press("Escape")
    page.wait_for_url("**/practice/")
    expect(page.get_by_role("img", name="Agreement with the team")).to_be_visible()


@pytest.mark.usefixtures("past")
def test_the_choices_are_in_reach_on_a_phone(
    open_browser: Callable[..., Page], people: dict[str, User]
) -> None:
    page = open_browser(people["sdr"], width=390, height=844)
    page.goto("/practice/")
    page.get_by_role("button", name="5 leads").click()
    page.wait_for_url("**/practice/*/1/")
    bar = page.get_by_role("region", name="Your choice")
    expect(bar.get_by_role("button", name="Accept")).to_be_in_viewport(ratio=1)
    bar.get_by_role("button", name="Nurture").click()
    expect(page.locator("#truth")).to_be_visible()
    assert PracticeRound.objects.get().cases.filter(choice="nurture").count() == 1
