"""Skips of claims by person and score: shares with n, reasons on demand, a file."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.choices import SkipReason
from qualification.insights import skips
from qualification.insights.skips import Cell
from qualification.models import ReviewItem
from qualification.review.claims import claim_item, release_item
from qualification.review.skips import skip_item

pytestmark = pytest.mark.django_db
Make = Callable[..., ReviewItem]


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


@pytest.fixture
def skipped(waiting: Make, people: dict[str, User], here: dt.datetime) -> list[ReviewItem]:
    """The SDR claimed two leads of 45.0 and one of 90.0 points, and skipped one of the two."""
    low, other, high = waiting(450), waiting(450), waiting(900)
    by = people["sdr"]
    for item in (low, other, high):
        claim_item(item=item, by=by, now=here)
    skip_item(item=low, by=by, reason=SkipReason.OTHER, note="=cmd|never mind", now=here)
    release_item(item=high, by=by, now=here)
    return [low, other, high]


def test_it_counts_by_person_and_score(
    people: dict[str, User], skipped: list[ReviewItem], here: dt.datetime
) -> None:
    (row,) = skips.skip_report(people["manager"], days=7, now=here)
    assert row.person == people["sdr"]
    assert row.cells == (Cell(2, 1), Cell(0, 0), Cell(0, 0), Cell(1, 0))
    assert (row.total, row.reasons) == (Cell(3, 1), (("Another reason", 1),))


def test_what_is_older_does_not_count(
    people: dict[str, User], skipped: list[ReviewItem], here: dt.datetime
) -> None:
    later = here + dt.timedelta(days=8)
    assert skips.skip_report(people["manager"], days=7, now=later) == []


def test_a_share_wants_enough_claims() -> None:
    few, enough = Cell(19, 5), Cell(20, 5)
    assert (few.rate, few.interval, few.missing) == (None, None, 1)
    assert enough.rate == 0.25
    assert enough.interval == pytest.approx((0.1119, 0.4687), abs=1e-3)
    assert Cell(20, 21).rate == 1.0


def test_the_page_says_where_data_is_missing_and_shows_the_reasons(
    manager: Client, people: dict[str, User], skipped: list[ReviewItem]
) -> None:
    html = manager.get("/skips/").content.decode()
    assert "Not enough data, n 3" in html
    assert "never mind" not in html
    one = manager.get(f"/skips/?who={people['sdr'].pk}").content.decode()
    assert "never mind" in one
    assert f"/leads/{skipped[0].lead_id}/" in one
    assert manager.get("/skips/?who=987654").status_code == 404


def test_another_team_stays_unseen(
    login: Callable[[User], Client], stranger: User, skipped: list[ReviewItem]
) -> None:
    stranger.groups.set([stranger.groups.model.objects.get(name="manager")])
    html = login(stranger).get("/skips/").content.decode()
    assert "Nobody claimed a lead" in html


def test_the_file_carries_the_same_figures(manager: Client, skipped: list[ReviewItem]) -> None:
    text = manager.get("/skips/skips.csv").content.decode()
    head, *lines = csv.reader(text.splitlines())
    assert head[:4] == ["person", "score_from", "claims", "skips"]
    assert [line[1:] for line in lines] == [
        ["0", "2", "1", "", "", ""],
        ["50", "0", "0", "", "", ""],
        ["65", "0", "0", "", "", ""],
        ["80", "1", "0", "", "", ""],
        ["all", "3", "1", "", "", ""],
    ]
