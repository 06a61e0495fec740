"""Leads at each step of an SDR's work, at the time of the clock on the wall: views look at it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.models import ReviewItem, ScoringModel
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification import decision_support, queue_support

HTMX = {"HX-Request": "true"}


@pytest.fixture
def here() -> dt.datetime:
    """The wall clock."""
    return timezone.now()


@pytest.fixture
def live_model(db: None) -> ScoringModel:
    """The active model: base 10, 20 points for a VP."""
    return decision_support.active_model()


@pytest.fixture
def waiting(live_model: ScoringModel, team: Team, here: dt.datetime) -> Callable[..., ReviewItem]:
    """Makes a lead that entered the queue five minutes ago."""

    def make(tenths: int = 500, **fields: object) -> ReviewItem:
        entered_at = here - dt.timedelta(minutes=5)
        fields = {"team": team, "title": "VP", **fields}
        return queue_support.waiting_item(tenths, now=entered_at, **fields)

    return make


@pytest.fixture
def claimed(
    waiting: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime
) -> Callable[..., ReviewItem]:
    """Makes a lead in the hands of the SDR, or of `by`."""

    def make(by: User | None = None, **fields: object) -> ReviewItem:
        at = here - dt.timedelta(minutes=2)
        return claim_item(item=waiting(**fields), by=by or people["sdr"], now=at)

    return make


@pytest.fixture
def owned(
    claimed: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime
) -> Callable[..., ReviewItem]:
    """Makes a lead the SDR owns after a first call."""

    def make(by: User | None = None, **fields: object) -> ReviewItem:
        item = claimed(by=by, **fields)
        log_touch(
            item=item,
            by=by or people["sdr"],
            kind=TouchKind.CALL,
            result=TouchResult.SPOKE,
            now=here - dt.timedelta(minutes=1),
        )
        item.refresh_from_db()
        return item

    return make


@pytest.fixture
def colleague(team: Team) -> User:
    """Another SDR of the same team."""
    return factories.person("sdr", team, first_name="Aisha")


@pytest.fixture
def stranger(db: None) -> User:
    """An SDR of another team."""
    return factories.person("sdr", factories.TeamFactory(name="Americas"))


@pytest.fixture
def sdr(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    """A browser of the SDR."""
    return login(people["sdr"])
