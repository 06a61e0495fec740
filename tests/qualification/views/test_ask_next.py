"""The question on the lead page: why it comes first, and how it is put off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ChecklistAnswer, ReviewItem
from qualification.review.tallies import learn_tallies
from tests.factories import NOW
from tests.qualification.tally_support import past_decisions

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]
TIMING = "<blockquote>“When does it have to work?”</blockquote>"
BUDGET = "<blockquote>“Is money set aside, or is there a path to it?”</blockquote>"


@pytest.fixture
def learned(people: dict[str, User]) -> None:
    past_decisions(people, {"timing": [("confirmed", True), ("contradicted", False)] * 20})
    learn_tallies(now=NOW)


def test_it_says_that_the_checklist_decides(sdr: Client, claimed: Make) -> None:
    html = sdr.get(f"/leads/{claimed().lead_id}/").content.decode()
    assert BUDGET in html
    assert "In the order of the checklist" in html


@pytest.mark.usefixtures("learned")
def test_it_says_why_a_question_comes_first(sdr: Client, claimed: Make) -> None:
    item = claimed()
    html = sdr.get(f"/leads/{item.lead_id}/").content.decode()
    assert TIMING in html
    assert "judging by 40 past decisions" in html
    other = sdr.get(f"/leads/{item.lead_id}/?ask=pain").content.decode()
    assert "past decisions" not in other
    assert "Ask later" not in other


@pytest.mark.usefixtures("learned")
def test_it_is_put_off_until_the_page_is_loaded_again(sdr: Client, claimed: Make) -> None:
    item = claimed()
    later = f"/leads/{item.lead_id}/ask/?skip=timing"
    html = sdr.get(later, headers=HTMX).content.decode()
    assert BUDGET in html
    assert '<input type="hidden" name="skip" value="timing">' in html
    assert "skip=timing&amp;skip=budget" in html
    form = {
        "criterion": "budget",
        "state": "confirmed",
        "value": "120k",
        "source": "Call",
        "answered_on": "",
        "skip": "timing",
    }
    html = sdr.post(f"/leads/{item.lead_id}/answer/", form, headers=HTMX).content.decode()
    assert TIMING not in html
    assert "What is their part in the decision?" in html
    assert TIMING in sdr.get(f"/leads/{item.lead_id}/").content.decode()
    assert ChecklistAnswer.objects.count() == 1


def test_it_is_put_off_without_scripts_too(sdr: Client, claimed: Make) -> None:
    item = claimed()
    location = sdr.get(f"/leads/{item.lead_id}/ask/?skip=budget")["Location"]
    assert location == f"/leads/{item.lead_id}/?skip=budget"
    html = sdr.get(location).content.decode()
    assert "<blockquote>“What is their part in the decision?”</blockquote>" in html


def test_keys_that_do_not_exist_are_dropped(sdr: Client, claimed: Make) -> None:
    html = sdr.get(f"/leads/{claimed().lead_id}/?skip=%00&skip=%3Cscript%3E").content.decode()
    assert 'name="skip"' not in html
    assert BUDGET in html
