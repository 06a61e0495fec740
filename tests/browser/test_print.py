"""The packet of a handoff on paper: its pieces in the order of a call, nothing to click, links
written out, dark ink in the dark theme as well."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from pypdf import PdfReader

from crm.models import User
from qualification.choices import ItemState
from qualification.models import Handoff
from qualification.review.decisions import accept_lead
from tests import factories
from tests.qualification import decision_support as hands

pytestmark = pytest.mark.django_db(transaction=True)
EVIDENCE = "https://notes.example/call-17"
# In this order: whom to call, what to say, what was said, what it rests on.
PIECES = (
    *("Hannah", "Brightwater GmbH", "Contact", "hannah@brightwater.example", "+49 30 901820"),
    *("Before you call", "Ask for the third site", "What they said", "Budget", EVIDENCE),
    *("Contacts so far", "What they did", "Why this score", "Total"),
)
# What can be clicked, and what would be wrong an hour later.
ONLY_ON_SCREEN = ("My work", "Notices", "Return", "Take", "Print", "Theme", "to answer")


@pytest.fixture
def handoff(people: dict[str, User]) -> Handoff:
    """A lead that an AE has to answer, with evidence for what it said."""
    hands.active_model()
    item = hands.held_item(
        people["sdr"],
        state=ItemState.OWNED,
        first_name="Hannah",
        title="VP",
        email="hannah@brightwater.example",
        email_key="hannah@brightwater.example",
        phone="+49 30 901820",
        account=factories.AccountFactory(name="Brightwater GmbH"),
    )
    hands.answer_required(item.lead, people["sdr"])
    hands.answer(item.lead, "budget", people["sdr"], evidence_url=EVIDENCE)
    item.refresh_from_db()
    decision = accept_lead(
        item=item,
        token=item.token,
        to=people["ae"],
        by=people["sdr"],
        note="Ask for the third site",
        now=hands.NOW + 5 * hands.MINUTE,
    )
    return Handoff.objects.get(decision=decision)


def printed(page: Page) -> list[str]:
    """The text of each sheet."""
    pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    return [" ".join(sheet.extract_text().split()) for sheet in pdf.pages]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_packet_is_whole_on_paper(
    handoff: Handoff, people: dict[str, User], open_browser: Callable[..., Page], theme: Any
) -> None:
    page = open_browser(people["ae"], theme=theme)
    page.goto(f"/handoffs/{handoff.pk}/")
    sheets = printed(page)
    text = " ".join(sheets)
    places = [text.find(piece) for piece in PIECES]
    assert -1 not in places, dict(zip(PIECES, places, strict=True))
    assert places == sorted(places), dict(zip(PIECES, places, strict=True))
    assert [words for words in ONLY_ON_SCREEN if words in text] == []
    assert len(sheets) <= 2
    page.emulate_media(media="print", color_scheme=theme)
    for part in ("body", "h1", ".card"):
        ink = page.locator(part).first.evaluate("el => getComputedStyle(el).color")
        assert brightness(ink) < 100, (part, ink)


def brightness(colour: str) -> float:
    """Of `rgb(r, g, b)`, from 0 to 255."""
    parts = [float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(parts) / 3
