"""What an SDR does on the way: everything a lead asks for is within reach of a thumb, and nothing
that stands above the page pushes its bar out of sight."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.choices import ItemState
from qualification.models import CadenceRun, OutboxMessage, ReviewItem, ScoringModel
from qualification.review.claims import claim_item
from qualification.scoring import versions
from qualification.scoring.document import checked_document
from qualification.scoring.drafts import load_draft
from tests import factories
from tests.qualification.crm_support import connection_to
from tests.qualification.decision_support import accepted, held_item
from tests.qualification.queue_support import waiting_item
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]
PHONE = {"width": 390, "height": 844}
MORE = "#decision-bar [data-focus-key=more]"


@pytest.fixture
def owned(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED, title="Head of Logistics")


@pytest.fixture
def live(people: dict[str, User]) -> ScoringModel:
    """A live version with one rule of many words."""
    values = [f"Warehouse software of kind {n}" for n in range(8)]
    condition = {"subject": "lead.title", "op": "is_one_of", "value": values}
    made = load_draft(checked_document(document(rule(condition, 5))), by=None, now=timezone.now())
    return versions.activate_as_operator(model=made, now=timezone.now())


def within(page: Page, selector: str) -> bool:
    """Whether the whole of it is in the window."""
    box = page.locator(selector).bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


def test_more_holds_what_the_bar_has_no_room_for(
    people: dict[str, User], open_browser: Open, owned: ReviewItem
) -> None:
    page = open_browser(people["sdr"], **PHONE)
    page.goto(f"/leads/{owned.lead_id}/")
    expect(page.locator(".review-head")).to_contain_text("Head of Logistics")
    page.locator(MORE).click()
    page.get_by_role("button", name="Seven touches in three weeks").click()
    expect(page.locator("#toasts .toast").first).to_be_visible()
    assert CadenceRun.objects.filter(lead=owned.lead).exists()
    page.locator(MORE).click()
    expect(page.locator("#decision-bar")).to_contain_text("Call for the first time")
    page.get_by_role("button", name="Snooze").click()
    expect(page.locator("#dialog")).to_contain_text("Snooze")
    page.locator("#dialog [data-submit]").click()
    expect(page.locator("#toasts .toast").filter(has_text="Snoozed until")).to_be_visible()
    page.locator(MORE).click()
    page.get_by_role("button", name="Release").click()
    page.wait_for_url("**/queue/")
    owned.refresh_from_db()
    assert owned.state == ItemState.WAITING


def test_a_claimed_lead_can_be_skipped(people: dict[str, User], open_browser: Open) -> None:
    now = timezone.now()
    item = claim_item(
        item=waiting_item(now=now, team=people["sdr"].team), by=people["sdr"], now=now
    )
    page = open_browser(people["sdr"], **PHONE)
    page.goto(f"/leads/{item.lead_id}/")
    page.locator(MORE).click()
    page.locator("#decision-bar").get_by_role("link", name="Skip").click()
    expect(page.locator("#dialog")).to_contain_text("Why somebody else should take it")


def test_keys_are_named_only_where_there_are_some(
    people: dict[str, User], open_browser: Open, owned: ReviewItem
) -> None:
    colleague = factories.person("sdr", people["sdr"].team)
    wide, phone = open_browser(colleague), open_browser(people["sdr"], **PHONE)
    for page in (wide, phone):
        page.goto("/queue/")
    hints = "#hints li:first-child"
    expect(wide.locator(hints)).to_contain_text("Press N", use_inner_text=True)
    expect(wide.locator(hints)).not_to_contain_text("above", use_inner_text=True)
    expect(phone.locator(hints)).to_contain_text("“Next lead” above", use_inner_text=True)
    expect(phone.locator(hints)).not_to_contain_text("Press N", use_inner_text=True)
    phone.goto(f"/leads/{owned.lead_id}/")
    phone.locator("#decision-bar [data-focus-key=touch]").click()
    assert phone.locator("kbd:visible").count() == 0


@pytest.mark.loses_network
@pytest.mark.parametrize("width", [1440, 390])
def test_a_banner_above_the_page_leaves_the_bar_in_sight(
    people: dict[str, User], open_browser: Open, owned: ReviewItem, width: int
) -> None:
    """A lost connection is said on top; the decisions below stay where they were."""
    page = open_browser(people["sdr"], width=width)
    # All that is fetched after the page: the next one that came through would take the banner away.
    page.route(re.compile(rf"/leads/{owned.lead_id}/\w+/"), lambda route: route.abort())
    page.goto(f"/leads/{owned.lead_id}/")
    expect(page.locator("[data-network-banner]")).to_be_visible()
    assert within(page, "#decision-bar")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_what_can_be_pressed_in_a_row_slides_under_the_head(
    people: dict[str, User], open_browser: Open
) -> None:
    for n in range(25):
        waiting_item(900 - n, team=people["sdr"].team, first_name=f"Lead {n}")
    page = open_browser(people["sdr"], height=500)
    page.goto("/queue/")
    head = page.locator(".queue thead th:last-child")
    rows = page.locator("#queue-rows tr")
    expect(rows).to_have_count(25)
    # A button of a row is where the head is.
    button = rows.nth(9).locator(".btn")
    button.evaluate("(el) => scrollBy(0, el.getBoundingClientRect().top - 4)")
    on_top = head.evaluate(
        """(th) => {
          const at = th.getBoundingClientRect();
          const found = document.elementsFromPoint(at.left + 20, at.top + at.height / 2);
          return [at.top, found.some((el) => el.closest(".own")), th.contains(found[0])];
        }"""
    )
    assert on_top == [0, True, True]


@pytest.mark.parametrize("width", [390, 660, 768, 900, 1024, 1100, 1101, 1280])
def test_half_a_screen_is_enough_for_a_lead(
    people: dict[str, User], open_browser: Open, owned: ReviewItem, width: int
) -> None:
    """Beside a dialler the window is half as wide: every verb is still in it."""
    page = open_browser(people["sdr"], width=width)
    page.goto(f"/leads/{owned.lead_id}/")
    expect(page.locator("#decision-bar [data-key=a]")).to_be_visible()
    cut = page.evaluate(
        """() => [...document.querySelectorAll("#decision-bar :is(.btn, .ready), #lead-top .btn")]
          .filter((el) => el.checkVisibility())
          .filter((el) => {
            const box = el.getBoundingClientRect();
            return box.left < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1;
          })
          .map((el) => el.textContent.trim())"""
    )
    assert cut == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_tables_of_managers_fit(
    people: dict[str, User], open_browser: Open, live: ScoringModel
) -> None:
    connection_to("https://crm.example", "webhook", "Our CRM")
    decision = accepted(people)
    why = "answered 400: [{" + '"isValid":false,"localizedErrorMessage":' * 5 + "}]"
    messages = OutboxMessage.objects.filter(decision=decision, kind="crm-handoff")
    messages.update(state=OutboxMessage.State.DEAD, attempts=8, error=why)
    page = open_browser(people["manager"], **PHONE)
    for path in ("/deliveries/", f"/models/{live.pk}/"):
        page.goto(path)
        assert page.locator(".table-wrap").count()
        for table in page.locator(".table-wrap").all():
            assert table.evaluate("it => it.scrollWidth - it.clientWidth") <= 0, path
