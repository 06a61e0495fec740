"""The first sentence for the AE: suggested from a fact, or in the SDR's own words, then frozen."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Handoff
from qualification.review.decisions import accept_lead
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, answer, answer_required, held_item

pytestmark = pytest.mark.django_db
SUGGESTED = "You told us: “Late freight”. What has changed since?"


def accepted(people: dict[str, User], opening: str) -> dict[str, str]:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    answer(item.lead, "pain", people["sdr"], value="Late freight", now=NOW + 3 * MINUTE)
    accept_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        to=people["ae"],
        opening=opening,
        now=NOW + 5 * MINUTE,
    )
    packet: dict[str, dict[str, str]] = Handoff.objects.get().packet
    return packet["opening"]


@pytest.mark.parametrize("opening", ["", "  ", SUGGESTED])
def test_the_suggestion_cites_its_fact(people: dict[str, User], opening: str) -> None:
    found = accepted(people, opening)
    assert found["text"] == SUGGESTED
    assert found["fact"].startswith("Main pain, confirmed")


def test_own_words_keep_what_was_suggested(people: dict[str, User], client: Client) -> None:
    found = accepted(people, "Greet her from Jonas.")
    assert found == {"text": "Greet her from Jonas.", "fact": "", "suggested": SUGGESTED}
    client.force_login(people["ae"])
    html = client.get(f"/handoffs/{Handoff.objects.get().pk}/").content.decode()
    assert "Greet her from Jonas." in html
    assert "in their own words" in html
    assert "data-print" in html


def test_the_dialog_shows_it_to_be_changed(people: dict[str, User], client: Client) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    client.force_login(people["sdr"])
    html = client.get(f"/leads/{item.lead_id}/accept/").content.decode()
    assert 'name="opening"' in html
    assert "You told us: “pain known”" in html
