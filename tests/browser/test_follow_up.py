"""Follow-up by keyboard: a cadence started, touches by one key and by two, a plan previewed."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.choices import EntryReason, TouchKind, TouchResult
from qualification.models import Cadence, CadenceRun, NurturePlan, ReviewItem, Touch
from qualification.review.cadences import start_cadence
from qualification.review.claims import claim_item
from qualification.review.decisions import nurture_lead
from qualification.review.nurture import WakeWish
from qualification.review.queue import enter_queue
from qualification.review.touches import log_touch
from tests.factories import LeadFactory
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]


def owned(by: User, **fields: Any) -> ReviewItem:
    now = timezone.now() - dt.timedelta(minutes=20)
    lead = LeadFactory(team=by.team, **fields)
    (number,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=now)
    item = ReviewItem.objects.get(pk=number)
    item = claim_item(item=item, by=by, now=now)
    log_touch(item=item, by=by, kind=TouchKind.CALL, result=TouchResult.VOICEMAIL, now=now)
    start_cadence(lead=item.lead, cadence=Cadence.objects.get(), by=by, now=now)
    ReviewItem.objects.filter(pk=item.pk).update(next_task_at=now + dt.timedelta(minutes=5))
    return item


def shoot(page: Page, name: str) -> None:
    """Keeps a picture where somebody wants to look (SHOTS names a folder)."""
    folder = os.environ.get("SHOTS")
    if folder:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_it_follows_up(people: dict[str, User], open_browser: Open, width: int, theme: str) -> None:
    sdr = people["sdr"]
    item = owned(sdr, country="Germany", title="Head of Operations")
    page = open_browser(sdr, width=width, theme=theme)
    page.goto("/my-work/")
    expect(page.get_by_text("Step 1 of 7")).to_be_visible()
    expect(page.get_by_text("Due now")).to_be_visible()
    shoot(page, f"my-work-{width}")
    page.keyboard.press("t")
    shoot(page, f"my-work-menu-{width}")
    page.keyboard.press("1")
    expect(page.get_by_text("Step 2 of 7")).to_be_visible()
    page.goto(f"/leads/{item.lead_id}/")
    there = timezone.now().astimezone(ZoneInfo("Europe/Berlin"))
    clocks = [f"{there - dt.timedelta(minutes=n):%H:%M}" for n in (0, 1)]
    assert any(clock in (page.locator("#contact-hours").text_content() or "") for clock in clocks)
    shoot(page, f"lead-{width}")
    if width > 1000:
        page.keyboard.press("d")
        shoot(page, f"lead-cadence-{width}")
        page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.locator("#nurture-preview")).to_contain_text("Back in any case")
    page.fill("#id_wake_rise", "12.5")
    page.locator("#id_wake_rise").dispatch_event("change")
    expect(page.locator("#nurture-preview")).to_contain_text("12.5 more to go")
    shoot(page, f"nurture-{width}")
    page.select_option("#id_reason", str(reason("not_ready").pk))
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "/leads/" not in url)
    assert NurturePlan.objects.get().wake_score_tenths is not None
    assert not CadenceRun.objects.filter(ended_at=None).exists()
    page.goto("/nurture/")
    shoot(page, f"nurture-list-{width}")
    page.get_by_role("link", name="Change").click()
    expect(page.locator("#nurture-preview")).to_contain_text("Back in any case")
    shoot(page, f"nurture-change-{width}")
    page.get_by_role("button", name="Back to the queue now").click()
    page.wait_for_url(f"**/leads/{item.lead_id}/")
    assert ReviewItem.objects.open().filter(lead=item.lead_id).count() == 1


def test_a_sleeping_lead_is_followed_up(people: dict[str, User], open_browser: Open) -> None:
    sdr = people["sdr"]
    item = owned(sdr)
    item.refresh_from_db()
    now = timezone.now()
    decision = nurture_lead(
        item=item,
        token=item.token,
        by=sdr,
        reason=reason("no_project"),
        wake=WakeWish(on=timezone.localdate() + dt.timedelta(days=30)),
        now=now,
    )
    page = open_browser(sdr)
    page.goto(f"/leads/{decision.lead_id}/")
    expect(page.get_by_text("Asleep", exact=True)).to_be_visible()
    page.keyboard.press("d")
    page.get_by_role("button", name="Seven touches in three weeks").click()
    expect(page.get_by_text("Step 1 of 7")).to_be_visible()
    shoot(page, "lead-asleep")


def last_result() -> str:
    touch = Touch.objects.order_by("-pk").first()
    assert touch is not None
    return touch.result


def test_an_attempt_is_one_keystroke(people: dict[str, User], open_browser: Open) -> None:
    """In My work for the row of the cursor, on the page of a lead for that lead; while somebody
    types, a letter is a letter."""
    sdr = people["sdr"]
    first, second = owned(sdr, first_name="Ada"), owned(sdr, first_name="Bo")
    page = open_browser(sdr)
    page.goto("/my-work/")
    row = page.locator(f"#lead-{second.lead_id}")
    expect(page.locator(".work-row")).to_have_count(2)
    while row.get_attribute("aria-current") != "true":
        page.keyboard.press("j")
    page.keyboard.press("0")
    expect(page.locator("#toasts .toast").first).to_contain_text("Logged: no answer.")
    assert (Touch.objects.filter(item=second).count(), last_result()) == (2, "no_answer")
    assert Touch.objects.filter(item=first).count() == 1
    page.goto(f"/leads/{first.lead_id}/")
    for key, said, result in (("v", "voicemail", "voicemail"), ("m", "sent", "sent")):
        page.keyboard.press(key)
        toast = page.locator("#toasts .toast").filter(has_text=f"Logged: {said}")
        expect(toast.first).to_be_visible()
        assert last_result() == result
    logged = Touch.objects.count()
    page.keyboard.press("s")
    page.fill("#dialog #id_task", "")
    page.locator("#dialog #id_task").press_sequentially("vmwy0")
    expect(page.locator("#dialog #id_task")).to_have_value("vmwy0")
    assert Touch.objects.count() == logged


def test_a_row_of_my_work_is_put_off_by_s(people: dict[str, User], open_browser: Open) -> None:
    item = owned(people["sdr"])
    page = open_browser(people["sdr"])
    page.goto("/my-work/")
    shoot(page, "my-work-snooze")
    expect(page.get_by_text("Due now")).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator("#dialog")).to_contain_text("Snooze")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts .toast").first).to_contain_text("Snoozed until")
    expect(page.locator("[data-section=snoozed]")).to_be_visible()
    expect(page.get_by_text("Due now")).to_have_count(0)
    item.refresh_from_db()
    assert item.snoozed_until is not None


def test_c_claims_a_row_of_my_work_and_gives_it_back(
    people: dict[str, User], open_browser: Open
) -> None:
    sdr = people["sdr"]
    lead = LeadFactory(team=sdr.team, first_name="Ada")
    (pk,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=timezone.now())
    ReviewItem.objects.filter(pk=pk).update(assignee=sdr)
    page = open_browser(sdr)
    page.goto("/my-work/")
    shoot(page, "my-work-claim")
    expect(page.locator("[data-section=waiting]")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("#toasts .toast").first).to_contain_text("Claimed: Ada")
    expect(page.locator("[data-section=claimed]")).to_be_visible()
    assert ReviewItem.objects.get(pk=pk).holder == sdr
    page.keyboard.press("c")
    expect(page.locator("#toasts .toast").filter(has_text="Released: Ada").first).to_be_visible()
    expect(page.locator("[data-section=claimed]")).to_have_count(0)
    assert ReviewItem.objects.get(pk=pk).holder is None
