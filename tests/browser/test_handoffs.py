"""A handoff in three windows: the SDR accepts, a manager moves it to another desk, its AE gives it
back by keyboard, and it waits in the queue again with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import Team, User
from qualification.handoff.partner_links import token_for
from qualification.models import Decision, DestinationRule, Handoff, ReviewItem
from tests import factories
from tests.qualification.decision_support import (
    BANT_REQUIRED,
    MINUTE,
    active_model,
    answer,
)
from tests.qualification.handoff.destination_support import partner
from tests.qualification.queue_support import waiting_item

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]


@pytest.fixture
def waiting(team: Team, people: dict[str, User]) -> ReviewItem:
    """A lead in the queue whose required answers are there."""
    active_model()
    now = timezone.now()
    item = waiting_item(900, now=now - MINUTE, team=team, title="VP", first_name="Hannah")
    for key in BANT_REQUIRED:
        answer(item.lead, key, people["sdr"], now=now, answered_on=now.date())
    return item


def accept(page: Page) -> None:
    page.goto("/queue/")
    page.keyboard.press("n")
    page.wait_for_url("**/leads/*/")
    expect(page.locator("h1")).to_contain_text("Hannah")
    page.keyboard.press("a")
    expect(page.locator("#dialog")).to_contain_text("Accept and hand off")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts .toast").filter(has_text="Handed to").first).to_be_visible()


def give_back(page: Page) -> None:
    page.goto("/handoffs/")
    expect(page.get_by_text("1 lead waits for your answer")).to_be_visible()
    page.get_by_role("link", name="Hannah").click()
    page.wait_for_url("**/handoffs/*/")
    page.keyboard.press("r")
    expect(page.locator("#id_reason")).to_be_focused()
    page.keyboard.type("Wrong region for me")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()


def test_an_accepted_lead_comes_back(
    waiting: ReviewItem, people: dict[str, User], open_browser: Open
) -> None:
    sdr, ae = open_browser(people["sdr"]), open_browser(people["ae"])
    accept(sdr)
    give_back(ae)
    assert Handoff.objects.get().state == Handoff.State.RETURNED

    sdr.goto("/notices/")
    expect(sdr.get_by_text("Reason: Wrong region for me")).to_be_visible()
    sdr.goto("/queue/")
    row = sdr.locator("#queue-rows tr").first
    expect(row).to_contain_text("Hannah")
    sdr.goto(f"/leads/{waiting.lead_id}/")
    expect(sdr.get_by_text("Wrong region for me").first).to_be_visible()
    assert ReviewItem.objects.open().get().entry_reason == "returned"


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_manager_moves_it_to_another_desk(
    waiting: ReviewItem, people: dict[str, User], open_browser: Open, width: int, theme: str
) -> None:
    bea = factories.person("ae", people["ae"].team, first_name="Bea", last_name="Okafor")
    accept(open_browser(people["sdr"]))
    manager = open_browser(people["manager"], width=width, theme=theme)
    manager.goto("/desks/")
    expect(manager.get_by_text("1 handoff without an answer")).to_be_visible()
    first = Decision.objects.get().ae
    assert first is not None
    other = bea if first == people["ae"] else people["ae"]
    manager.get_by_role("link", name="to another desk").click()
    expect(manager.locator("#dialog")).to_contain_text(str(other))
    manager.fill("#id_reason", "She is on leave")
    manager.keyboard.press("Control+Enter")
    expect(manager.get_by_text("She is on leave")).to_be_visible()
    give_back(open_browser(other))
    manager.goto("/desks/")
    expect(manager.get_by_text("Every handoff is answered")).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_partner_gets_it_by_keyboard_and_takes_it(
    waiting: ReviewItem, people: dict[str, User], open_browser: Open, width: int, theme: str
) -> None:
    wisla = partner()
    DestinationRule.objects.create(name="All to Wisla", condition={}, partner=wisla)
    sdr = open_browser(people["sdr"], width=width, theme=theme)
    sdr.goto("/queue/")
    sdr.keyboard.press("n")
    sdr.wait_for_url("**/leads/*/")
    sdr.keyboard.press("a")
    expect(sdr.locator("#dialog input[name=to]:checked")).to_be_focused()
    expect(sdr.locator("#dialog")).to_contain_text("All to Wisla")
    # The first of the list; one further it is an AE, who needs neither consent nor country.
    consent = sdr.get_by_label("they said yes")
    expect(consent).to_be_visible()
    sdr.keyboard.press("ArrowDown")
    expect(consent).to_be_hidden()
    sdr.keyboard.press("ArrowUp")
    sdr.keyboard.press("Control+Enter")
    expect(sdr.locator("#dialog")).to_contain_text("still needed is")
    sdr.locator("#dialog input[name=to]:checked").focus()
    sdr.keyboard.press("Tab")
    expect(consent).to_be_focused()
    sdr.keyboard.press("Space")
    sdr.keyboard.press("Tab")
    sdr.keyboard.type("Poland")
    sdr.keyboard.press("Control+Enter")
    expect(sdr.locator("#toasts .toast").filter(has_text="Handed to Wisla").first).to_be_visible()

    handoff = Handoff.objects.get()
    stranger = open_browser(people["marketing"], width=width, theme=theme)
    stranger.context.clear_cookies()
    stranger.goto(f"/partner/{token_for(handoff)}/")
    expect(stranger.locator("h1")).to_contain_text("Hannah")
    stranger.get_by_role("button", name="We take it").click()
    expect(stranger.get_by_text("It is yours now")).to_be_visible()
    handoff.refresh_from_db()
    assert handoff.state == Handoff.State.ACCEPTED
