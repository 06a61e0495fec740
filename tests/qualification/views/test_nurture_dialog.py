"""The nurture dialog: presets, dates, and the text carried over from the reject dialog."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Activity
from qualification.models import Decision, NurturePlan, ReviewItem
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def url(item: ReviewItem) -> str:
    return f"/leads/{item.lead_id}/nurture/"


def form_of(item: ReviewItem) -> dict[str, object]:
    """What every submit carries."""
    return {"token": item.token, "reason": reason("no_project").pk}


def in_days(n: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=n)


def test_it_carries_note_and_reason_over(sdr: Client, claimed: Make) -> None:
    why = reason("no_project")
    query = {"note": "Budget in spring", "reason": why.pk}
    html = sdr.get(url(claimed()), query, headers=HTMX).content.decode()
    assert "Budget in spring</textarea>" in html
    assert f'value="{why.pk}" selected' in html


@pytest.mark.parametrize(
    ("given", "wake_on"),
    [({"preset": "14"}, 14), ({"preset": "90"}, 90), ({"preset": "14", "wake_on": 40}, 40)],
)
def test_it_wakes_on_a_preset_or_a_date(
    sdr: Client, claimed: Make, given: dict[str, object], wake_on: int
) -> None:
    item = claimed()
    if "wake_on" in given:
        given = {**given, "wake_on": in_days(40).isoformat()}
    response = sdr.post(url(item), {**form_of(item), **given}, headers=HTMX)
    assert response.status_code == 200
    assert NurturePlan.objects.get().wake_on == in_days(wake_on)
    assert "In nurture until" in sdr.get("/queue/").content.decode()


def test_it_wakes_on_an_event_or_a_score(sdr: Client, claimed: Make, here: dt.datetime) -> None:
    item = claimed()
    Activity.objects.create(lead=item.lead, type="pricing_page", occurred_at=here, recorded_at=here)
    given = {"preset": "", "wake_activity": "pricing_page", "wake_rise": "40.5"}
    sdr.post(url(item), {**form_of(item), **given})
    plan = NurturePlan.objects.get()
    assert (plan.wake_on, plan.wake_activity) == (None, "pricing_page")
    assert plan.wake_score_tenths == plan.decision.total_tenths + 405


@pytest.mark.parametrize(
    "given",
    [
        {"preset": ""},
        {"preset": "", "wake_on": "2020-01-01"},
        {"preset": "14", "latest_on": "2020-01-01"},
        {"preset": "nonsense"},
        {"preset": "14", "reason": ""},
        {"preset": "14", "wake_rise": "-3"},
    ],
)
def test_it_names_the_mistake_and_keeps_the_text(
    sdr: Client, claimed: Make, given: dict[str, str]
) -> None:
    item = claimed()
    form = {**form_of(item), "note": "typed text", **given}
    response = sdr.post(url(item), form, headers=HTMX)
    assert response.status_code == 422
    assert "typed text" in response.content.decode()
    assert not Decision.objects.exists()
