"""Figures over very many leads: counted aside, kept, shown with their time, never counted twice."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification import counting
from qualification.insights import kept
from qualification.models import KeptFigures, RuleProposal, Segment
from qualification.sweeps import SWEEPERS
from tests import factories
from tests.qualification.decision_support import active_model

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 25, 10, 0, tzinfo=dt.UTC)
EVERY = {"days": None, "segment": None}
# Such as a rule that an older release wrote.
UNREADABLE = {"days": None, "segment": {"nowhere": ["x"]}}
PAGES = ("/sla/", "/sources/", "/proposals/")
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def large(settings: Any) -> None:
    """An installation that counts aside, however few its leads are."""
    settings.LEADQUAL = {**settings.LEADQUAL, "COUNT_ASIDE_FROM": -1}


@pytest.fixture
def manager(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    active_model()
    return login(people["manager"])


def asked(name: str, question: dict[str, object], at: dt.datetime = NOW) -> KeptFigures:
    return KeptFigures.objects.create(name=name, what="sources", question=question, asked_at=at)


@pytest.mark.parametrize("page", PAGES)
def test_a_small_installation_counts_at_once_and_keeps_nothing(manager: Client, page: str) -> None:
    assert "Counting" not in manager.get(page).content.decode()
    assert not KeptFigures.objects.exists()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_so_until_a_worker_has_counted(
    large: None, manager: Client, page: str
) -> None:
    for _again in range(2):
        shown = manager.get(page).content.decode()
        assert "<h2>Counting</h2>" in shown
        assert f'hx-get="{page}" hx-trigger="every 3s"' in shown
    assert KeptFigures.objects.count() == 1
    assert manager.get(page, **HTMX).status_code == 204
    assert counting.count_asked(now=timezone.now()) == 1
    assert manager.get(page, **HTMX).headers["HX-Refresh"] == "true"
    shown = manager.get(page).content.decode()
    assert "Counting" not in shown
    assert "every 3s" not in shown


def test_old_figures_are_shown_with_their_time_while_new_ones_are_counted(
    large: None, manager: Client
) -> None:
    factories.LeadFactory(received_at=NOW)
    with time_machine.travel(NOW, tick=False):
        manager.get("/sources/")
        counting.count_asked(now=NOW)
    factories.LeadFactory(received_at=NOW)
    with time_machine.travel(NOW + kept.FRESH - dt.timedelta(seconds=1), tick=False):
        shown = manager.get("/sources/").content.decode()
        assert "1 leads, 0 decisions. Updated 10:00" in shown
        assert "being counted" not in shown
    later = NOW + kept.FRESH
    with time_machine.travel(later, tick=False):
        shown = manager.get("/sources/").content.decode()
        assert "1 leads, 0 decisions. Updated 10:00" in shown
        assert "Newer figures are being counted" in shown
        counting.count_asked(now=later)
        assert "2 leads, 0 decisions. Updated 10:15" in manager.get("/sources/").content.decode()


@pytest.mark.parametrize("page", ["/sla/", "/sources/"])
def test_a_file_of_figures_that_are_not_there_yet_leads_to_the_page(
    large: None, manager: Client, page: str
) -> None:
    name = page.strip("/")
    answer = manager.get(f"{page}{name}.csv?days=90")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{page}?days=90")
    counting.count_asked(now=timezone.now())
    assert manager.get(f"{page}{name}.csv?days=90").headers["Content-Type"].startswith("text/csv")


def test_each_choice_has_figures_of_its_own(
    large: None, manager: Client, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    for path in ("/sla/", "/sla/?days=7", "/sla/?kind=decision", "/sla/?days=x"):
        manager.get(path)
    login(people["admin"]).get("/sla/")
    login(factories.person("manager", factories.TeamFactory(name="APAC"))).get("/sla/")
    assert KeptFigures.objects.count() == 5


def test_an_edited_segment_is_counted_anew(large: None, manager: Client) -> None:
    segment = Segment.objects.get(key="dach")
    manager.get("/sources/?segment=dach")
    counting.count_asked(now=timezone.now())
    segment.query = {"country": ["Chile"]}
    segment.save()
    assert "<h2>Counting</h2>" in manager.get("/sources/?segment=dach").content.decode()


def test_whoever_counts_alone_counts(large: None) -> None:
    asked("a", EVERY)
    first = kept.take(now=NOW)
    assert first is not None
    assert kept.take(now=NOW) is None
    dead = NOW + kept.LEASE
    second = kept.take(now=dead)
    assert second is not None
    assert not kept.keep(first, {"rows": ["late"]}, now=dead)
    assert kept.keep(second, {"rows": []}, now=dead)
    row = KeptFigures.objects.get()
    assert (row.answer, row.asked_at, row.taken_until) == ({"rows": []}, None, None)


def test_what_cannot_be_counted_keeps_nobody_from_the_next(large: None, manager: Client) -> None:
    asked("broken", UNREADABLE)
    asked("good", EVERY, NOW + dt.timedelta(seconds=1))
    assert counting.count_asked(now=NOW + dt.timedelta(minutes=1)) == 1
    broken = KeptFigures.objects.get(name="broken")
    assert (broken.asked_at, broken.answer, bool(broken.error)) == (None, None, True)
    assert KeptFigures.objects.get(name="good").answer == {"rows": []}


def test_the_sweep_counts_what_no_worker_heard_of(large: None) -> None:
    asked("a", EVERY)
    almost = NOW + counting.UNHEARD - dt.timedelta(seconds=1)
    assert SWEEPERS["figures"](almost) == 0
    assert SWEEPERS["figures"](NOW + counting.UNHEARD) == 1


def test_a_worker_holds_no_statistics_before_somebody_asks() -> None:
    """Sixty megabytes of each, as it begins."""
    begins = "import django, sys; django.setup(); import qualification.jobs"
    told = f"{begins}; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_looking_again_at_very_many_decisions_is_left_to_a_worker(
    large: None, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    active_model()
    admin = login(people["admin"])
    admin.get("/proposals/")
    counting.count_asked(now=timezone.now())
    shown = admin.post("/proposals/refresh/", follow=True).content.decode()
    assert "proposals come by themselves" in shown
    assert "every 3s" in shown
    names = KeptFigures.objects.filter(asked_at__isnull=False).values_list("what", flat=True)
    assert set(names) == {"look", "basis"}
    assert counting.count_asked(now=timezone.now()) == 2
    assert "every 3s" not in admin.get("/proposals/").content.decode()
    assert not RuleProposal.objects.exists()
