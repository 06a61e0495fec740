"""The nightly check: once a night, kept with what it found, managers told; pages say it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from unittest import mock

import pytest
from django.db import InternalError, transaction
from django.db.utils import DatabaseError
from django.test import Client

from crm.models import User
from qualification import self_check, sweeps
from qualification.invariants import INVARIANTS
from qualification.models import Heartbeat, Notice, SelfCheck, SLATimer
from tests import factories
from tests.qualification import decision_support
from tests.qualification import queue_support as rows

NOW = rows.NOW
DAY = dt.timedelta(days=1)


@pytest.fixture
def forgotten(people: dict[str, User]) -> int:
    """A waiting lead whose clock was taken away behind the doors' back."""
    item = rows.waiting_item(first_name="Ingrid", last_name="Halvorsen")
    SLATimer.objects.filter(item=item).update(state="cancelled", stopped_at=NOW)
    return item.lead_id


@pytest.mark.django_db
def test_a_pass_over_sound_rows_is_kept_and_tells_nobody(people: dict[str, User]) -> None:
    rows.waiting_item()
    found = self_check.check_now(now=NOW)
    assert (found.at, found.violations, len(found.checks)) == (NOW, 0, len(INVARIANTS))
    assert {check["n"] for check in found.checks} == {0}
    assert not Notice.objects.exists()


@pytest.mark.django_db
def test_what_is_broken_is_kept_with_its_leads_and_managers_hear_of_it(
    people: dict[str, User], forgotten: int
) -> None:
    found = self_check.check_now(now=NOW)
    broken = [check for check in found.checks if check["n"]]
    assert [(check["n"], check["leads"]) for check in broken] == [(1, [forgotten])]
    told = Notice.objects.filter(kind="invariant_violated").values_list("person", flat=True)
    assert set(told) == {people["manager"].pk, people["admin"].pk}


@pytest.mark.django_db
def test_the_sweep_checks_once_a_night_and_after_days_of_downtime_once(
    people: dict[str, User],
) -> None:
    made = [self_check.check_when_due(now=NOW + n * DAY / 4) for n in range(9)]
    assert sum(made) == SelfCheck.objects.count() == 3
    assert made[0] == 1
    assert self_check.check_when_due(now=NOW + 30 * DAY) == 1
    assert self_check.check_when_due(now=NOW + 30 * DAY) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_sweepers_at_once_make_one_check(is_locked: bool) -> None:
    """Without the advisory lock, the control, each makes one."""
    calls = [lambda: self_check.check_when_due(now=NOW)] * 3
    if is_locked:
        assert sum(rows.in_threads(calls)) == SelfCheck.objects.count() == 1
        return
    meet = rows.threading.Barrier(3)
    check = self_check.check_now

    def late(*, now: dt.datetime) -> SelfCheck:
        meet.wait(timeout=30)
        return check(now=now)

    with (
        mock.patch.object(self_check, "_is_alone", return_value=True),
        mock.patch.object(self_check, "check_now", late),
    ):
        rows.in_threads(calls)
    assert SelfCheck.objects.count() == 3


@pytest.mark.django_db
def test_a_pass_is_never_changed() -> None:
    found = self_check.check_now(now=NOW)
    with pytest.raises((InternalError, DatabaseError)), transaction.atomic():
        SelfCheck.objects.filter(pk=found.pk).update(violations=7)


@pytest.mark.django_db
def test_a_sleeper_whose_day_passed_everywhere_is_named(people: dict[str, User]) -> None:
    wake_on = NOW.date() + 10 * DAY
    decision = decision_support.nurtured(people["sdr"], on=wake_on)
    midnight = dt.datetime.combine(wake_on, dt.time(), dt.UTC)

    def of_plans(now: dt.datetime) -> list[tuple[int, list[int]]]:
        checks = self_check.check_now(now=now).checks
        return [(check["n"], check["leads"]) for check in checks if check["of"] == "plan"]

    assert of_plans(midnight + dt.timedelta(hours=12)) == [(0, [])]
    assert of_plans(midnight + dt.timedelta(hours=13)) == [(1, [decision.lead_id])]


@pytest.mark.django_db
def test_the_page_lists_checks_and_links_the_leads(
    login: Callable[[User], Client], people: dict[str, User], forgotten: int
) -> None:
    client = login(people["manager"])
    assert "Not checked yet" in client.get("/self-check/").content.decode()
    response = client.post("/self-check/run/", follow=True)
    html = response.content.decode()
    assert "Checked: 1 violations." in html
    assert f'href="/leads/{forgotten}/">Ingrid Halvorsen' in html
    assert "an open item without exactly one live clock" in html


@pytest.mark.django_db
def test_the_managers_page_shows_what_the_last_pass_found(
    login: Callable[[User], Client], people: dict[str, User], forgotten: int
) -> None:
    client = login(people["manager"])

    def tile() -> str:
        html = client.get("/sla/").content.decode()
        start = html.index('id="forgotten"')
        return html[start : html.index("</section>", start)]

    assert 'href="/self-check/"' in tile()
    assert "Not checked yet" in tile()
    self_check.check_now(now=NOW - dt.timedelta(days=1))
    assert "Broken" in tile()
    assert ">1 <small>violations in " in tile()


@pytest.mark.django_db
def test_a_manager_of_another_team_sees_the_count_but_not_the_lead(
    login: Callable[[User], Client], forgotten: int
) -> None:
    self_check.check_now(now=NOW)
    other = factories.person("manager", factories.TeamFactory(name="Americas"))
    html = login(other).get("/self-check/").content.decode()
    assert "Ingrid" not in html
    assert "item " in html


@pytest.mark.django_db
def test_banners_show_a_violation_and_a_sweep_that_stands_still(
    login: Callable[[User], Client], people: dict[str, User], forgotten: int
) -> None:
    client = login(people["manager"])
    assert client.get("/alarms/").content.decode().strip() == ""
    self_check.check_now(now=NOW)
    sweeps.run_all(now=NOW - DAY)
    html = client.get("/alarms/").content.decode()
    assert "1 lead or row is not where it must be." in html
    assert "No sweep ended for" in html
    assert 'hx-get="/alarms/"' in client.get("/queue/").content.decode()
    assert "/alarms/" not in login(people["sdr"]).get("/queue/").content.decode()


@pytest.mark.django_db
def test_health_says_what_is_behind(client: Client, people: dict[str, User]) -> None:
    empty = client.get("/healthz").json()
    assert (empty["status"], empty["sweep"], empty["sweep_seconds_ago"]) == ("ok", "ok", None)
    assert set(empty["oldest_due_seconds"].values()) == {0}
    item = rows.waiting_item()
    late = item.due_at + dt.timedelta(minutes=10)
    found = self_check.health(now=late)
    assert found.oldest_due["timers"] >= 600
    Heartbeat.objects.create(name="timers", at=late - dt.timedelta(minutes=6))
    Heartbeat.objects.create(name="inbox", at=late)
    assert self_check.health(now=late).sweep_age == 360
    assert self_check.health(now=late).is_stale
    sweeps.run_all(now=late)
    assert not self_check.health(now=late).is_stale
    assert set(Heartbeat.objects.values_list("name", flat=True)) == set(sweeps.SWEEPERS)
