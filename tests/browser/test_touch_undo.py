"""A touch by the wrong key: Z or a press on Undo takes the last one back, in My work, on the lead
page and on a phone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.choices import EntryReason
from qualification.models import ReviewItem, Touch
from qualification.review.claims import claim_item
from qualification.review.queue import enter_queue
from tests.browser.test_follow_up import owned, shoot
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]


@pytest.fixture
def claimed(people: dict[str, User]) -> ReviewItem:
    now = timezone.now() - dt.timedelta(minutes=5)
    lead = LeadFactory(team=people["sdr"].team)
    (number,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=now)
    return claim_item(item=ReviewItem.objects.get(pk=number), by=people["sdr"], now=now)


def says(page: Page, what: str) -> None:
    expect(page.locator("#toasts .toast").first).to_contain_text(what)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_z_takes_the_last_one_back(
    people: dict[str, User], open_browser: Open, claimed: ReviewItem, theme: str
) -> None:
    page = open_browser(people["sdr"], theme=theme)
    page.goto(f"/leads/{claimed.lead_id}/")
    for key, said in (("v", "voicemail"), ("m", "sent")):
        page.keyboard.press(key)
        says(page, f"Logged: {said}.")
    shoot(page, f"touch-toast-{theme}")
    page.keyboard.press("z")
    says(page, "Undone: sent.")
    assert [touch.result for touch in Touch.objects.standing()] == ["voicemail"]
    expect(page.locator("#journey s")).to_have_count(1)
    expect(page.locator("#decision-bar")).to_contain_text("Snooze", use_inner_text=True)
    shoot(page, f"touch-undone-{theme}")


def test_the_first_one_is_a_claim_again(
    people: dict[str, User], open_browser: Open, claimed: ReviewItem
) -> None:
    page = open_browser(people["sdr"])
    page.goto(f"/leads/{claimed.lead_id}/")
    page.keyboard.press("y")
    says(page, "Logged: spoke.")
    expect(page.locator("main")).not_to_contain_text("Claimed by you")
    page.keyboard.press("z")
    says(page, "Undone: spoke.")
    expect(page.locator("main")).to_contain_text("Claimed by you")


def test_the_row_of_my_work_is_as_before(people: dict[str, User], open_browser: Open) -> None:
    item = owned(people["sdr"])
    page = open_browser(people["sdr"])
    page.goto("/my-work/")
    expect(page.get_by_text("Step 1 of 7")).to_be_visible()
    page.keyboard.press("0")
    says(page, "Logged: no answer.")
    expect(page.get_by_text("Step 2 of 7")).to_be_visible()
    page.keyboard.press("z")
    says(page, "Undone: no answer.")
    expect(page.get_by_text("Step 1 of 7")).to_be_visible()
    expect(page.locator(f"#lead-{item.lead_id}")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone(
    people: dict[str, User], open_browser: Open, claimed: ReviewItem, theme: str
) -> None:
    page = open_browser(people["sdr"], width=390, height=844, theme=theme)
    page.goto(f"/leads/{claimed.lead_id}/")
    page.locator("#decision-bar [data-focus-key=touch]").click()
    page.get_by_role("button", name="Voicemail").click()
    says(page, "Logged: voicemail.")
    assert page.locator("#toasts kbd:visible").count() == 0
    shoot(page, f"touch-toast-phone-{theme}")
    page.get_by_role("button", name="Undo").click()
    says(page, "Undone: voicemail.")
    shoot(page, f"touch-undone-phone-{theme}")
    claimed.refresh_from_db()
    assert claimed.state == "claimed"
