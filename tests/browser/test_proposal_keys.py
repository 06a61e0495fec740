"""Proposals by keyboard: J and K move, A approves and R declines the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from crm.models import User
from qualification.models import RuleProposal
from tests.qualification.views.proposal_support import proposed

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_keys_act_on_the_proposal_under_the_cursor(
    open_browser: Callable[..., Page], people: dict[str, User]
) -> None:
    assert len(list(proposed(people))) > 1
    page = open_browser(people["manager"])
    page.goto("/proposals/")
    cards = page.locator(".proposal")
    first, second = cards.nth(0), cards.nth(1)
    expect(first).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(second).to_have_attribute("aria-current", "true")
    page.keyboard.press("r")
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text(second.get_by_role("heading").inner_text())
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("k")
    pk = str(first.get_attribute("id")).removeprefix("proposal-")
    page.keyboard.press("a")
    expect(page.locator(f"#proposal-{pk}")).to_have_count(0)
    assert RuleProposal.objects.get(pk=pk).status == "in_draft"
