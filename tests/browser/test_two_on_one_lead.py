"""Two windows at one lead: each sees the other, and the lead change hands, without a reload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.review.claims import reassign_item
from tests import factories
from tests.qualification.decision_support import active_model
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lead(team: Team) -> ReviewItem:
    active_model()
    return waiting_item(700, now=timezone.now(), team=team, title="VP", first_name="Hannah")


def half_a_minute_later(page: Page) -> None:
    """What the page does every 30 s."""
    page.evaluate("document.body.dispatchEvent(new CustomEvent('poll'))")


def test_chatwoot_1576_helpdesk_494_each_sees_who_else_is_looking_and_then_who_has_it(
    open_browser: Callable[..., Page], people: dict[str, User], team: Team, lead: ReviewItem
) -> None:
    aisha = factories.person("sdr", team, first_name="Aisha", last_name="Rahman")
    first, second = open_browser(people["sdr"]), open_browser(aisha)
    for window in (first, second):
        window.goto(f"/leads/{lead.lead_id}/")
    expect(second.locator(".presence")).to_contain_text("Maya is looking")
    half_a_minute_later(first)
    expect(first.locator(".presence")).to_contain_text("Aisha is looking")
    expect(first.get_by_role("button", name="Claim")).to_be_visible()

    second.keyboard.press("c")
    expect(second.locator("#decision-bar")).to_contain_text("Accept")
    second.get_by_role("link", name="Change: Title").click()
    expect(second.locator("#fact-title input[name=text]")).to_be_focused()
    second.keyboard.press("Escape")

    half_a_minute_later(first)
    expect(first.locator("#lead-top")).to_contain_text("Aisha Rahman holds this lead")
    expect(first.locator("#toasts .toast").first).to_contain_text("Aisha holds this lead.")
    expect(first.get_by_role("button", name="Claim")).to_have_count(0)
    expect(first.locator(".presence")).to_contain_text("Aisha is looking")

    reassign_item(item=lead, to=people["sdr"], by=people["manager"], now=timezone.now())
    half_a_minute_later(first)
    expect(first.locator("#decision-bar")).to_contain_text("Accept")
    half_a_minute_later(second)
    expect(second.locator("#decision-bar")).to_contain_text("Read only")
    expect(second.get_by_role("link", name="Change: Title")).to_have_count(0)
