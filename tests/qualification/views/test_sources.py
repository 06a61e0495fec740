"""The table of sources: counts, rates with intervals, no personal data, the download."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Lead, Source, User
from qualification.insights.sources import MIN_DECISIONS
from qualification.models import Decision, ScoringModel
from qualification.review.decisions import overturn_rejection
from tests import factories
from tests.qualification import feedback_support
from tests.qualification.figures_support import source_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketing(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["marketing"])


def decided(people: dict[str, User], name: str, accepts: int, rejects: int) -> list[Decision]:
    """So many decided leads of one source."""
    model = ScoringModel.objects.filter(status="active").first() or feedback_support.live_model()
    outcomes = [("accept", ["big"])] * accepts + [("too_small", ["near"])] * rejects
    team = people["sdr"].team
    assert team is not None
    made = feedback_support.decide(
        model, outcomes, by=people["sdr"], ae=people["ae"], team=team, now=timezone.now()
    )
    source = factories.SourceFactory(name=name, label=name.title())
    Lead.objects.filter(pk__in=[row.lead_id for row in made]).update(source=source)
    return made


def wilson(accepted: int, n: int) -> tuple[float, float]:
    """The textbook formula, apart from the app's."""
    z = 1.959963984540054
    rate = accepted / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def test_it_counts_by_source(people: dict[str, User]) -> None:
    decided(people, "webinar", 12, 28)
    decided(people, "partner", 3, 2)
    factories.LeadFactory(source=Source.objects.get(name="partner"), team=people["sdr"].team)
    report = source_report(now=timezone.now())
    webinar, partner = report.rows
    assert (webinar.leads, webinar.queued, webinar.accepted, webinar.rejected) == (40, 40, 12, 28)
    assert webinar.rate == pytest.approx(0.3)
    assert webinar.interval == pytest.approx(wilson(12, 40), abs=1e-9)
    assert (partner.leads, partner.queued, partner.decided) == (6, 5, 5)
    assert partner.rate is None
    assert partner.missing == MIN_DECISIONS - 5


def test_a_decision_taken_back_counts_no_more(people: dict[str, User]) -> None:
    made = decided(people, "webinar", 20, 11)
    rejection = made[-1]
    Lead.objects.filter(pk=rejection.lead_id).update(stage="disqualified", disqualified_by="person")
    overturn_rejection(decision=rejection, by=people["manager"], note="No", now=timezone.now())
    (row,) = source_report(now=timezone.now()).rows
    assert (row.accepted, row.rejected) == (20, 10)


def test_it_says_where_there_is_not_enough_data(marketing: Client, people: dict[str, User]) -> None:
    decided(people, "webinar", 12, 28)
    decided(people, "partner", 3, 2)
    html = marketing.get("/sources/").content.decode()
    assert "30.0%" in html
    assert "n 40" in html
    assert "Not enough data: 25 more decisions" in html


def test_it_tells_nothing_about_persons(marketing: Client, people: dict[str, User]) -> None:
    decided(people, "webinar", 2, 2)
    Lead.objects.update(first_name="Canary-Kx9", last_name="Canary-Kx9", email="c@canary.example")
    for path in ("/sources/", "/sources/sources.csv"):
        text = marketing.get(path).content.decode().lower()
        assert "canary" not in text


def test_it_looks_at_a_period(marketing: Client, people: dict[str, User]) -> None:
    decided(people, "webinar", 2, 2)
    Lead.objects.update(received_at=timezone.now() - dt.timedelta(days=60))
    assert "No leads in this period" in marketing.get("/sources/?days=30").content.decode()
    assert "Webinar" in marketing.get("/sources/?days=90").content.decode()
    assert "Webinar" in marketing.get("/sources/?days=nonsense").content.decode()


def test_its_download_runs_no_formula(marketing: Client, people: dict[str, User]) -> None:
    decided(people, "webinar", 12, 28)
    Source.objects.filter(name="webinar").update(label='=HYPERLINK("http://x.example")')
    response = marketing.get("/sources/sources.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    heading, row = csv.reader(io.StringIO(response.content.decode()))
    assert heading[0] == "Source"
    assert row[0] == '\'=HYPERLINK("http://x.example")'
    assert row[1:6] == ["40", "40", "12", "28", "0.3000"]


def test_it_counts_a_segment(marketing: Client) -> None:
    source = factories.SourceFactory(name="fair", label="Fair")
    for country in ("Austria", "Chile"):
        account = factories.AccountFactory(country=country)
        factories.LeadFactory(source=source, account=account)
    page = marketing.get("/sources/?days=all&segment=dach").content.decode()
    assert "1 leads, 0 decisions" in page
    assert 'href="?days=30&amp;segment=dach"' in page
    rows = marketing.get("/sources/sources.csv?days=all&segment=dach").content.decode()
    assert "Fair,1,0,0,0" in rows
    everything = marketing.get("/sources/sources.csv?days=all&segment=no%00where").content.decode()
    assert "Fair,2,0,0,0" in everything


def test_odoo_84259_104365_one_accept_is_no_percentage(
    people: dict[str, User], marketing: Client
) -> None:
    """Nor is one accept and one reject: what it lacks is said instead."""
    decided(people, "webinar", 1, 0)
    decided(people, "partner", 1, 1)
    rows = {row.name: row for row in source_report(now=timezone.now()).rows}
    for name, lacks in (("webinar", 29), ("partner", 28)):
        assert (rows[name].rate, rows[name].interval, rows[name].missing) == (None, None, lacks)
    html = marketing.get("/sources/?days=all").content.decode()
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    assert "%" not in table
    for lacks in (29, 28):
        assert f"Not enough data: {lacks} more decisions" in table
