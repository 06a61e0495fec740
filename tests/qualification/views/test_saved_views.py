"""Saved views of the queue: kept, opened by default, shared, changed, removed, counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from unittest import mock

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.test import Client

from crm.models import Team, User
from qualification.exceptions import ViewTooMany
from qualification.models import ReviewItem, SavedView
from qualification.review import saved_views
from qualification.review.saved_views import save_view
from tests import factories
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db
Make = Callable[..., ReviewItem]
NEW = "/queue/views/new/"


def keep(by: User, name: str = "Hot ones", **changes: object) -> SavedView:
    fields = {"query": "tier=hot", "is_default": False, "is_shared": False, **changes}
    return save_view(by=by, name=name, now=rows.NOW, **fields)  # type: ignore[arg-type]


def test_it_keeps_the_filters_of_the_page_as_a_tab(sdr: Client, waiting: Make) -> None:
    waiting(tier="hot")
    page = sdr.get("/queue/?tier=hot&after=junk").content.decode()
    assert f'hx-get="{NEW}?tier=hot"' in page
    assert "Save this view" in sdr.get(f"{NEW}?tier=hot").content.decode()
    response = sdr.post(f"{NEW}?tier=hot", {"name": "Hot ones"}, follow=True)
    html = response.content.decode()
    assert response.redirect_chain == [("/queue/?tier=hot", 302)]
    assert "Hot ones" in html
    assert NEW not in html
    tabs = html[html.index('id="queue-tabs"') : html.index("</nav>", html.index('id="queue-tabs"'))]
    assert tabs.count('aria-current="true"') == 1


@pytest.mark.parametrize(
    "query", ["", "tier=none-such", "after=x", "segment=none-such", "owner=999"]
)
def test_it_keeps_only_filters_that_the_queue_understands(sdr: Client, query: str) -> None:
    assert sdr.post(f"{NEW}?{query}", {"name": "x"}).status_code == 422
    assert not SavedView.objects.exists()


def test_a_name_is_wanted_once(sdr: Client) -> None:
    assert sdr.post(f"{NEW}?tier=hot", {"name": " "}).status_code == 422
    assert sdr.post(f"{NEW}?tier=hot", {"name": "Hot"}).status_code == 302
    again = sdr.post(f"{NEW}?tier=warm", {"name": "hot"})
    assert again.status_code == 422
    assert "already" in again.content.decode()


def test_the_queue_opens_with_the_default(sdr: Client, people: dict[str, User]) -> None:
    keep(people["sdr"], is_default=True)
    assert sdr.get("/queue/")["Location"] == "/queue/?tier=hot"
    whole = sdr.get("/queue/?view=all")
    assert whole.status_code == 200
    assert 'href="/queue/?view=all"' in whole.content.decode()
    body = sdr.get("/queue/", headers={"HX-Request": "true", "HX-Target": "queue-body"})
    assert body["HX-Push-Url"] == "/queue/?view=all"


def test_one_default_takes_the_place_of_the_other(people: dict[str, User]) -> None:
    first, second = (keep(people["sdr"], name, is_default=True) for name in ("a", "b"))
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)
    with pytest.raises(IntegrityError):
        SavedView.objects.filter(owner=people["sdr"]).update(is_default=True)


def test_managers_share_with_their_team_only(
    sdr: Client, people: dict[str, User], stranger: User, login: Callable[[User], Client]
) -> None:
    keep(people["manager"], "For all", is_shared=True, is_default=True)
    html = sdr.get("/queue/").content.decode()
    assert "For all" in html
    assert "Shared by" in html
    assert "For all" not in login(stranger).get("/queue/").content.decode()
    with pytest.raises(PermissionDenied):
        keep(people["sdr"], is_shared=True)
    login(people["sdr"]).post(f"{NEW}?tier=hot", {"name": "Mine", "is_shared": "on"})
    assert SavedView.objects.get(name="Mine").team is None


def test_only_its_owner_changes_or_removes_it(
    sdr: Client, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    view = keep(people["manager"], is_shared=True)
    for url in (f"/queue/views/{view.pk}/", f"/queue/views/{view.pk}/delete/"):
        assert sdr.post(url, {"name": "Theirs"}).status_code == 404
    manager = login(people["manager"])
    assert "Remove view" in manager.get(f"/queue/views/{view.pk}/").content.decode()
    manager.post(f"/queue/views/{view.pk}/", {"name": "Renamed", "is_default": "on"})
    view.refresh_from_db()
    assert (view.name, view.is_default, view.team) == ("Renamed", True, None)
    manager.post(f"/queue/views/{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_a_person_keeps_no_more_than_they_may(people: dict[str, User]) -> None:
    for n in range(saved_views.MOST):
        keep(people["sdr"], f"View {n}")
    with pytest.raises(ViewTooMany):
        keep(people["sdr"], "One more")


def test_counts_come_by_themselves_and_only_where_an_index_answers(
    sdr: Client, people: dict[str, User], waiting: Make
) -> None:
    waiting(tier="hot")
    counted = keep(people["sdr"])
    words = keep(people["sdr"], "Words", query="q=freight")
    html = sdr.get("/queue/views/counts/").content.decode()
    assert f'id="view-count-{counted.pk}" hx-swap-oob="true">1<' in html
    assert f"view-count-{words.pk}" not in html


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_two_windows_do_not_pass_the_limit_together(team: Team, is_locked: bool) -> None:
    """Without the lock of the person, the control, both do."""
    person = factories.person("sdr", team)
    for n in range(saved_views.MOST - 1):
        keep(person, f"View {n}")
    calls = [lambda name=name: keep(person, name) for name in ("x", "y")]
    if is_locked:
        rows.in_threads(calls)
        assert SavedView.objects.count() == saved_views.MOST
        return
    meet = rows.threading.Barrier(2)
    write = saved_views._write

    def late(view: SavedView, **fields: object) -> SavedView:
        meet.wait(timeout=30)
        return write(view, **fields)  # type: ignore[arg-type]

    with mock.patch.object(saved_views, "_lock"), mock.patch.object(saved_views, "_write", late):
        rows.in_threads(calls)
    assert SavedView.objects.count() == saved_views.MOST + 1


def test_a_view_of_a_source_that_is_gone_shows_everything(
    sdr: Client, people: dict[str, User], waiting: Make, here: dt.datetime
) -> None:
    waiting()
    keep(people["sdr"], query="source=987654")
    assert sdr.get("/queue/?source=987654").status_code == 200
    assert sdr.get("/queue/views/counts/").status_code == 200
