"""The pages of sleeping leads: what a plan will do, changing it, taking a lead back, touches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.models import Cadence, CadenceRun, NurturePlan, ReviewItem, Touch
from qualification.review.decisions import nurture_lead
from qualification.review.nurture import WakeWish
from tests import factories
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def in_days(n: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=n)


@pytest.fixture
def plan(claimed: Make, people: dict[str, User], here: dt.datetime) -> NurturePlan:
    item = claimed()
    made = nurture_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("no_project"),
        wake=WakeWish(on=here.date() + dt.timedelta(days=20), rise_tenths=400),
        now=here,
    )
    return made.plan


def test_the_preview_dates_what_will_happen(sdr: Client, claimed: Make) -> None:
    item = claimed()
    given = {
        "preset": "14",
        "wake_rise": "12.5",
        "contract_ends_on": in_days(100).isoformat(),
        "contract_lead_days": "30",
    }
    html = sdr.get(f"/leads/{item.lead_id}/nurture/preview/", given).content.decode()
    for day in (14, 70, 180):
        assert f'datetime="{in_days(day).isoformat()}"' in html
    assert "Their contract ends on" in html
    assert "12.5 more to go" in html
    assert not NurturePlan.objects.exists()


def test_the_preview_says_what_is_missing(sdr: Client, claimed: Make) -> None:
    url = f"/leads/{claimed().lead_id}/nurture/preview/"
    assert "Choose when this lead wakes up" in sdr.get(url, {"preset": ""}).content.decode()
    assert "Correct the marked field" in sdr.get(url, {"wake_on": "soon"}).content.decode()


def test_a_known_contract_end_is_offered(sdr: Client, claimed: Make) -> None:
    item = claimed()
    item.lead.attributes = {"contract_end": in_days(200).isoformat()}
    item.lead.save()
    html = sdr.get(f"/leads/{item.lead_id}/nurture/", headers=HTMX).content.decode()
    assert "From their record" in html
    assert f'datetime="{in_days(110).isoformat()}"' in html


def test_a_cadence_may_start_with_the_sleep(sdr: Client, claimed: Make) -> None:
    item = claimed()
    cadence = Cadence.objects.get(key="three-weeks")
    given = {"reason": reason("not_ready").pk, "preset": "30", "cadence": cadence.pk}
    sdr.post(f"/leads/{item.lead_id}/nurture/", {"token": item.token, **given})
    assert CadenceRun.objects.get(ended_at=None).lead == item.lead


def test_it_changes_a_plan(sdr: Client, plan: NurturePlan) -> None:
    url = f"/nurture/{plan.pk}/"
    html = sdr.get(url, headers=HTMX).content.decode()
    assert f'value="{plan.wake_on}"' in html
    assert 'value="40.0"' in html
    response = sdr.post(url, {"preset": "90", "latest_on": ""}, headers=HTMX)
    assert response["HX-Redirect"] == "/nurture/"
    plan.refresh_from_db()
    assert (plan.wake_on, plan.wake_score_tenths) == (in_days(90), None)


@pytest.mark.parametrize("given", [{"preset": ""}, {"wake_on": "2020-01-01"}, {"wake_rise": "x"}])
def test_a_change_that_cannot_be_is_told(
    sdr: Client, plan: NurturePlan, given: dict[str, str]
) -> None:
    response = sdr.post(f"/nurture/{plan.pk}/", given, headers=HTMX)
    assert response.status_code == 422
    assert NurturePlan.objects.get().wake_on == plan.wake_on


def test_a_lead_is_taken_back_once(sdr: Client, plan: NurturePlan) -> None:
    url = f"/nurture/{plan.pk}/take-back/"
    assert sdr.post(url, headers=HTMX)["HX-Redirect"] == f"/leads/{plan.lead_id}/"
    assert sdr.post(url, headers=HTMX).status_code == 409
    assert sdr.post(url)["Location"] == "/nurture/"
    assert ReviewItem.objects.open().filter(lead=plan.lead).count() == 1


def test_another_team_finds_nothing(login: Callable[[User], Client], plan: NurturePlan) -> None:
    away = login(factories.person("sdr", Team.objects.create(name="Elsewhere")))
    for path in (f"/nurture/{plan.pk}/", f"/leads/{plan.lead_id}/nurture/preview/"):
        assert away.get(path).status_code == 404
    assert away.post(f"/nurture/{plan.pk}/take-back/").status_code == 404


def test_the_list_shows_condition_and_progress(sdr: Client, plan: NurturePlan) -> None:
    html = sdr.get("/nurture/").content.decode()
    needed = plan.wake_score_tenths
    assert needed is not None
    assert f"of {needed / 10:.1f}" in html
    assert "<progress" in html
    assert f"/nurture/{plan.pk}/" in html


def test_the_page_of_a_sleeping_lead_lets_its_people_follow_up(
    sdr: Client, plan: NurturePlan, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    page = f"/leads/{plan.lead_id}/"
    assert "Asleep" in sdr.get(page).content.decode()
    sdr.post(f"{page}touch/", {"touch": "mail"}, headers=HTMX)
    assert Touch.objects.get(lead=plan.lead).item == plan.decision.item
    colleague = login(factories.person("sdr", people["sdr"].team))
    assert f"{page}touch/" not in colleague.get(page).content.decode()
    assert colleague.post(f"{page}touch/", {"touch": "mail"}, headers=HTMX).status_code == 409
