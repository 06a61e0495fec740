"""Two leads compared, merged and two again, and a company under another one: by keyboard alone, in
front of axe, and on a phone without moving sideways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crm.models import Account, Lead, LeadMerge, Team, User
from tests import factories
from tests.browser.axe import Visit, check
from tests.qualification.merging.support import a_lead, a_way_in, did

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]
LONG = "Chief Officer of Everything that Moves through any of the Halls"


@pytest.fixture
def pair(team: Team) -> tuple[Lead, Lead]:
    """Two leads that say different things at some length."""
    account = factories.AccountFactory(name="Teranga Foods", name_key="teranga foods")
    stays = a_lead(team, first_name="Awa", title=LONG, city="Kiel", account=account)
    goes = a_lead(team, first_name="Ava", title="COO", city="Bonn", topic="Prices", phone="12")
    a_way_in(stays, title=LONG, city="Kiel")
    did(goes, "demo_request")
    return stays, goes


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the focus is there."""
    for _step in range(80):
        if page.locator(selector).first.evaluate("el => el === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


@pytest.mark.parametrize("width", [1440, 390])
def test_both_values_are_in_sight(
    pair: tuple[Lead, Lead], people: dict[str, User], open_browser: Open, width: int
) -> None:
    stays, goes = pair
    page = open_browser(people["manager"], width=width, height=844)
    page.goto(f"/leads/{stays.pk}/compare/{goes.pk}/")
    rows = page.locator(".compare tbody tr")
    assert rows.count() > 6
    for row in rows.all():
        row.scroll_into_view_if_needed()
        cells = [cell.bounding_box() for cell in row.locator("td").all()]
        assert len(cells) == 2
        for cell in cells:
            assert cell is not None
            assert cell["x"] >= 0
            assert cell["x"] + cell["width"] <= width
        assert not row.evaluate(
            "el => [...el.querySelectorAll('td, td *')].some((one) =>"
            " one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')"
        ), row.text_content()
    names = page.locator(".compare thead th a").all_text_contents()
    assert names == [stays.name, goes.name]


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_merged_and_two_again_by_keyboard(
    pair: tuple[Lead, Lead], people: dict[str, User], open_browser: Open, width: int, theme: Any
) -> None:
    stays, goes = pair
    page = open_browser(people["manager"], width=width, height=844, theme=theme)
    page.goto(f"/leads/{stays.pk}/compare/{goes.pk}/")
    tab_to(page, "input[name=city]:checked")
    page.keyboard.press("ArrowRight")
    chosen = page.locator("input[name=city]:checked")
    expect(chosen).to_be_focused()
    takes = chosen.get_attribute("value")
    tab_to(page, "button.primary")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/leads/{stays.pk}/")
    expect(page.locator("#toasts .toast").first).to_contain_text("is part of this lead now")
    stays.refresh_from_db()
    assert stays.city == {"mine": "Kiel", "theirs": "Bonn"}[takes or ""]
    if width < 1000:
        page.get_by_role("radio", name="Lead", exact=True).focus()
        page.keyboard.press("Space")
    expect(page.locator("#duplicates form button")).to_be_visible()
    tab_to(page, "#duplicates form button")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts .toast").first).to_contain_text("is a lead of its own again")
    assert LeadMerge.objects.get().undone_at is not None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_parent_company_by_keyboard(
    pair: tuple[Lead, Lead], people: dict[str, User], open_browser: Open, theme: Any
) -> None:
    account = Account.objects.get(name="Teranga Foods")
    factories.AccountFactory(name="Group", name_key="group")
    page = open_browser(people["manager"], theme=theme)
    page.goto(f"/accounts/{account.pk}/")
    tab_to(page, "#parent")
    page.keyboard.type("Nobody at all")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No single company")).to_be_visible()
    tab_to(page, "#parent")
    page.keyboard.press("Control+a")
    page.keyboard.type("Group")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Teranga Foods belongs to Group.")).to_be_visible()


def test_no_page_of_it_is_a_barrier(
    pair: tuple[Lead, Lead], people: dict[str, User], open_browser: Open
) -> None:
    stays, goes = pair
    account = Account.objects.get(name="Teranga Foods")
    page = open_browser(people["manager"])
    compare = f"/leads/{stays.pk}/compare/{goes.pk}/"
    visits = [Visit("compare", compare), Visit("parent", f"/accounts/{account.pk}/")]
    found = check(page, visits)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(compare)
    page.locator("button.primary").click()
    page.wait_for_url(f"**/leads/{stays.pk}/")
    merged = [
        Visit("merged", f"/leads/{stays.pk}/"),
        Visit("a part", f"/leads/{goes.pk}/?part=1"),
        Visit("company of a merged lead", f"/accounts/{account.pk}/"),
    ]
    assert not found + check(page, merged)
