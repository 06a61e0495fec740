"""One segment, four readers: the filter, the queue, the report of sources and the rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from crm.models import Account, AttributeDefinition, Lead, User
from qualification.exceptions import ModelInvalid
from qualification.filters import QueueFilter
from qualification.models import ReviewItem, ScoringModel, Segment
from qualification.review import pages
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import ledger_of, ledgers
from qualification.scoring.segments import segment_condition, segment_words
from qualification.scoring.subjects import Catalogue
from qualification.segment_filter import SegmentFilter, members_of
from tests import factories
from tests.oracles.random_scoring import random_facts, random_query
from tests.oracles.scoring_facts import inside
from tests.oracles.scoring_oracle import Oracle
from tests.qualification import decision_support, queue_support
from tests.qualification.figures_support import source_report
from tests.qualification.scoring.conftest import (
    LoadModel,
    StoreFacts,
    document,
    load_model,
    rule,
    store_facts,
)

__all__ = ["load_model", "store_facts"]
pytestmark = pytest.mark.django_db
DACH = {"market": ["Germany", "Austria", "Switzerland"]}
IS_VP = {"subject": "lead.title", "op": "is", "value": "VP"}


def lead_in(country: str, **fields: Any) -> Lead:
    return factories.LeadFactory(account=factories.AccountFactory(country=country), **fields)


def test_the_filter_finds_whom_the_oracle_finds(store_facts: StoreFacts, now: dt.datetime) -> None:
    random = Random(5)
    many = [random_facts(random, now) for _ in range(150)]
    ids = store_facts(many)
    for name, kind in (("color", "text"), ("size", "number"), ("vip", "boolean")):
        AttributeDefinition.objects.get_or_create(name=name, defaults={"type": kind})
    met = 0
    for number in range(120):
        query = random_query(random)
        found = SegmentFilter(query, queryset=Lead.objects.filter(pk__in=ids))
        assert found.is_valid(), (query, found.errors)
        asked = {"rules": [{"when": inside(found.query)}]}
        oracle = Oracle(asked)
        today = dt.datetime.now(dt.UTC)
        expected = {
            lead_id
            for facts, lead_id in zip(many, ids, strict=True)
            if oracle.test(asked["rules"][0]["when"], facts, today)
        }
        assert set(found.qs.values_list("pk", flat=True)) == expected, (number, query)
        met += len(expected)
    assert met > 500


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({}, "at least one filter"),
        ({"stage": "mql"}, "unknown filter 'stage'"),
        ({"attribute": "sites"}, "an attribute needs a value"),
        ({"attribute": "gender", "attribute_value": "x"}, "protected attribute"),
        ({"country": []}, "at least one entry"),
    ],
)
def test_a_query_that_asks_nothing_usable_is_refused(query: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelInvalid, match=reason):
        segment_condition(query)


def test_a_query_reads_as_a_sentence() -> None:
    words = segment_words({"market": ["Norway"], "employees_min": 50}, Catalogue.load())
    assert words == (
        "Employees at least 50 and (Company country is Norway or "
        "(Company country is unknown and Country is Norway))"
    )


@pytest.fixture
def reader(people: dict[str, User]) -> User:
    return people["sdr"]


def queued(country: str, reader: User, now: dt.datetime) -> int:
    """The lead of an item that waits in the reader's queue."""
    account = factories.AccountFactory(country=country)
    item = queue_support.waiting_item(500, now=now, team=reader.team, account=account)
    return item.lead_id


def queue_of(reader: User, now: dt.datetime, key: str) -> QueueFilter:
    return QueueFilter({"segment": key}, queryset=pages.queue_items(reader), reader=reader, now=now)


def test_the_queue_shows_the_segment_in_its_order(reader: User, now: dt.datetime) -> None:
    decision_support.active_model()
    countries = ["Austria", "Chile", "germany ", "France", "Switzerland"]
    leads = {country: queued(country, reader, now) for country in countries}
    found = queue_of(reader, now, "dach")
    wanted = [leads["Austria"], leads["germany "], leads["Switzerland"]]
    assert [item.lead_id for item in found.qs] == wanted
    assert not queue_of(reader, now, "nowhere").is_valid()


def test_it_looks_at_queued_leads_only_and_stops_early(reader: User, now: dt.datetime) -> None:
    """Row by row, however many leads there are: what comes in order ends with the page."""
    decision_support.active_model()
    for number in range(40):
        lead_in("Austria")
        if number % 2:
            queued("Austria", reader, now)
    rows = queue_of(reader, now, "dach").qs
    assert asked_of_leads(plan_of(rows)) == 20
    assert asked_of_leads(plan_of(rows.order_by("pk")[:5])) <= 6


def plan_of(rows: QuerySet[ReviewItem]) -> dict[str, Any]:
    """How PostgreSQL went about it, by the indexes of a big table."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        for way in ("sort", "seqscan", "bitmapscan", "hashjoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        found: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
    return found


def asked_of_leads(plan: dict[str, Any]) -> int:
    """How many leads the test of membership looked at."""
    own = 0
    if plan.get("Relation Name") == "crm_lead" and plan.get("Alias") == "l":
        own = plan["Actual Loops"]
    return max([own, *(asked_of_leads(part) for part in plan.get("Plans", []))])


def test_the_report_counts_the_segment_only(now: dt.datetime) -> None:
    source = factories.SourceFactory(name="fair", label="Fair")
    for country in ("Austria", "Chile", "Germany"):
        lead_in(country, source=source)
    segment = Segment.objects.get(key="dach")
    assert [row.leads for row in source_report(now=now).rows] == [3]
    assert [row.leads for row in source_report(segment=segment, now=now).rows] == [2]


def test_a_rule_of_a_segment_is_for_its_members(load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(document(rule(IS_VP, points=8, segment="dach")))
    member = lead_in("Austria", title="VP")
    other = lead_in("Chile", title="VP")
    found = ledgers(compile_model(model), leads_now([member.pk, other.pk], as_of=now), now)
    line = found[member.pk].lines[0]
    assert (line.points_tenths, line.fact) == (
        80,
        "Title is VP; segment dach: Company country is Austria",
    )
    assert found[other.pk].lines == ()


def test_an_activity_rule_of_a_segment_is_for_its_members(
    load_model: LoadModel, now: dt.datetime
) -> None:
    when = {"activity": "page_view", "max_points": 20}
    model = load_model(document(rule(when, points=5, dimension="intent", segment="dach")))
    leads = [lead_in("Austria"), lead_in("Chile"), factories.LeadFactory()]
    for lead in leads:
        lead.activities.create(type="page_view", occurred_at=now, recorded_at=now)
    found = ledgers(compile_model(model), leads_now([lead.pk for lead in leads], as_of=now), now)
    member, other, unknown = (found[lead.pk].lines for lead in leads)
    assert [line.points_tenths for line in member] == [50]
    assert "segment dach: Company country is Austria" in member[0].fact
    assert other == ()
    assert [(line.is_unknown, line.points_tenths) for line in unknown] == [(True, 0)]


def test_a_draft_follows_the_segment_and_a_live_version_does_not(
    load_model: LoadModel, now: dt.datetime
) -> None:
    lead = lead_in("Norway", title="VP")
    draft = load_model(document(rule(IS_VP, points=8, segment="dach"), name="A draft"))
    live = load_model(document(rule(IS_VP, points=8, segment="dach")), activate=True)
    assert live.segments == {"dach": Segment.objects.get(key="dach").query}
    Segment.objects.filter(key="dach").update(query={"market": ["Norway"]})
    totals = [ledger_of(lead.pk, model=one, now=now).total_tenths for one in (draft, live)]
    assert totals == [80, 0]
    Segment.objects.filter(key="dach").delete()
    assert ledger_of(lead.pk, model=ScoringModel.objects.get(pk=live.pk), now=now)
    with pytest.raises(ModelInvalid, match="rule 'A rule': unknown segment 'dach'"):
        ledger_of(lead.pk, model=draft, now=now)


def test_members_are_found_in_one_query(django_assert_num_queries: Callable[..., Any]) -> None:
    lead_in("Austria")
    with django_assert_num_queries(1):
        assert members_of(DACH, among=Lead.objects.all()).count() == 1
    with CaptureQueriesContext(connection) as asked:
        list(members_of(DACH, among=Lead.objects.filter(account__in=Account.objects.all())))
    assert len(asked) == 1
