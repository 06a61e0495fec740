"""A version in shadow: who starts and ends it, what it says of whom, when it has seen enough."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from crm.models import Lead, User
from qualification import pipeline, runner
from qualification.choices import ModelStatus
from qualification.demo.seed import at_moment
from qualification.exceptions import PublishRefused, ShadowRefused, ShadowTooShort
from qualification.models import LeadScore, ReviewItem, ScoringModel, Segment, ShadowScore
from qualification.scoring import drafts, rescore, shadow, versions
from qualification.scoring.document import checked_document
from qualification.scoring.shadow_report import shadow_report
from qualification.sweeps import run_all
from tests import factories
from tests.factories import person
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
VP = {"subject": "lead.title", "op": "is", "value": "VP"}
STUDENT = {"subject": "lead.title", "op": "is", "value": "Student"}
LIVE = document(rule(VP, 40), rule(STUDENT, 0, disqualifies="student"))
NEXT = document(rule(VP, 10), rule({"subject": "lead.title", "op": "is", "value": "CEO"}, 35))


@pytest.fixture
def live(load_model: LoadModel) -> ScoringModel:
    """VPs reach the line, students are disqualified."""
    return load_model(LIVE, activate=True)


@pytest.fixture
def manager(db: None) -> User:
    return person("manager")


@pytest.fixture
def beside(
    live: ScoringModel, load_model: LoadModel, manager: User, now: dt.datetime
) -> ScoringModel:
    """In shadow since `now`: CEOs reach the line instead of VPs, nobody is disqualified."""
    return versions.start_shadow(model=load_model(NEXT), by=manager, now=now)


def leads(*titles: str, at: dt.datetime, team: Any = None) -> list[int]:
    fields = {"team": team} if team else {}
    return [
        factories.LeadFactory(title=title, created_at=at, received_at=at, **fields).pk
        for title in titles
    ]


# --- start and withdraw --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_it_starts(role: str, load_model: LoadModel, now: dt.datetime) -> None:
    by = person(role)
    model = versions.start_shadow(model=load_model(NEXT), by=by, now=now)
    assert (model.status, model.shadow_by, model.shadow_started_at) == ("shadow", by, now)
    assert shadow.shadow_model() == model


@pytest.mark.parametrize("role", ["sdr", "ae", "marketing"])
def test_it_refuses_other_roles(
    role: str, load_model: LoadModel, beside: ScoringModel, now: dt.datetime
) -> None:
    with pytest.raises(ShadowRefused, match="may not prepare"):
        versions.start_shadow(model=load_model(NEXT), by=person(role), now=now)
    with pytest.raises(ShadowRefused, match="may not prepare"):
        versions.withdraw_shadow(model=beside, by=person(role), now=now)


def test_it_refuses_what_is_no_draft(live: ScoringModel, manager: User, now: dt.datetime) -> None:
    with pytest.raises(ShadowRefused, match="no draft any more"):
        versions.start_shadow(model=live, by=manager, now=now)
    with pytest.raises(ShadowRefused, match="not in shadow"):
        versions.withdraw_shadow(model=live, by=manager, now=now)


def test_there_is_one_at_a_time(
    beside: ScoringModel, load_model: LoadModel, manager: User, now: dt.datetime
) -> None:
    with pytest.raises(ShadowRefused, match="no draft any more"):
        versions.start_shadow(model=beside, by=manager, now=now)
    other = load_model(NEXT)
    with pytest.raises(ShadowRefused, match=f"Version {beside.version} is in shadow"):
        versions.start_shadow(model=other, by=manager, now=now)
    versions.withdraw_shadow(model=beside, by=manager, now=now + HOUR)
    assert (beside.status, beside.retired_at) == (ModelStatus.RETIRED, now + HOUR)
    versions.start_shadow(model=other, by=manager, now=now + HOUR)


def test_a_withdrawn_one_comes_back_only_as_a_draft(
    beside: ScoringModel, manager: User, now: dt.datetime
) -> None:
    versions.withdraw_shadow(model=beside, by=manager, now=now)
    with pytest.raises(ShadowRefused):
        versions.start_shadow(model=beside, by=manager, now=now)
    with pytest.raises(PublishRefused, match="never live"):
        versions.rollback(model=beside, by=person("admin"), now=now)
    copy = drafts.copy_to_draft(model=beside, by=manager, now=now)
    assert (copy.status, copy.shadow_started_at) == (ModelStatus.DRAFT, None)
    assert [r.points for r in copy.rules.all()] == [r.points for r in beside.rules.all()]


def test_the_meaning_of_its_segments_is_frozen(manager: User, now: dt.datetime) -> None:
    Segment.objects.create(
        key="swiss",
        name="Swiss",
        query={"country": ["Switzerland"]},
        created_at=now,
        updated_at=now,
    )
    raw = document(rule(VP, 10, segment="swiss"))
    model = drafts.load_draft(checked_document(raw), by=None, now=now)
    assert model.segments == {}
    versions.start_shadow(model=model, by=manager, now=now)
    Segment.objects.filter(key="swiss").update(query={"country": ["Norway"]})
    model.refresh_from_db()
    assert model.segments == {"swiss": {"country": ["Switzerland"]}}


# --- what it says --------------------------------------------------------------------------------


def test_it_scores_new_leads_beside_the_live_version(
    beside: ScoringModel, live: ScoringModel, now: dt.datetime
) -> None:
    ids = leads("VP", "CEO", "Student", at=now)
    assert rescore.score_leads(ids, now=now + HOUR) == ids
    rows = ShadowScore.objects.order_by("lead").values_list(
        "lead", "total_tenths", "disqualified", "live_total_tenths", "live_disqualified", "as_of"
    )
    assert list(rows) == [
        (ids[0], 100, "", 400, "", now + HOUR),
        (ids[1], 350, "", 0, "", now + HOUR),
        (ids[2], 0, "", 0, "student", now + HOUR),
    ]
    assert set(ShadowScore.objects.values_list("model", "live_model")) == {(beside.pk, live.pk)}
    assert set(LeadScore.objects.values_list("model", flat=True)) == {live.pk}


def test_it_says_nothing_of_leads_from_before_and_each_once(
    beside: ScoringModel, now: dt.datetime
) -> None:
    old, new = leads("VP", at=now - HOUR), leads("VP", at=now)
    rescore.score_leads([*old, *new], now=now)
    Lead.objects.filter(pk__in=new).update(title="CEO")
    rescore.score_leads([*old, *new], now=now + HOUR)
    found = ShadowScore.objects.values_list("lead", "total_tenths", "as_of")
    assert list(found) == [(new[0], 100, now)]


def test_it_says_nothing_when_it_is_over(
    beside: ScoringModel, manager: User, now: dt.datetime
) -> None:
    versions.withdraw_shadow(model=beside, by=manager, now=now)
    rescore.score_leads(leads("VP", at=now), now=now)
    assert not ShadowScore.objects.exists()


def test_it_scores_imported_leads(beside: ScoringModel, tmp_path: Path) -> None:
    """They come in chunks, at the time of the wall, which is after the shadow's start."""
    file, mapping = tmp_path / "leads.csv", tmp_path / "mapping.yaml"
    file.write_text("Id,Mail,Role\n1,ana@brightwater.com,CEO\n2,bo@brightwater.com,VP\n")
    mapping.write_text(
        "name: Fair\nsource: fair\nexternal_id: Id\nfields: {email: Mail, title: Role}\n"
    )
    call_command("import_leads", file, mapping=mapping, stdout=io.StringIO(), stderr=io.StringIO())
    found = ShadowScore.objects.values_list("lead__title", "total_tenths", "live_total_tenths")
    assert sorted(found) == [("CEO", 350, 0), ("VP", 100, 400)]


def everything() -> dict[str, list[str]]:
    """Every row of our tables as text; what a shadow writes and the versions themselves apart, and
    when a message leaves or is tried again, and how long a check took: by a real clock."""
    apart = ("qualification_shadowscore", "qualification_scoringmodel")
    by_clock = {
        "qualification_outboxmessage": "- 'due_at' - 'sent_at'",
        "qualification_selfcheck": "- 'milliseconds' - 'checks'",
    }
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND (tablename LIKE 'crm%' OR tablename LIKE 'qualification%') ORDER BY 1"
        )
        for (table,) in cursor.fetchall():
            if table not in apart:
                row = f"(to_jsonb(t) {by_clock.get(table, '')})::text"
                cursor.execute(f'SELECT {row} FROM "{table}" AS t ORDER BY 1')
                found[table] = [row[0] for row in cursor.fetchall()]
    return found


def from_the_same_ids() -> None:
    """The next row of every table gets the same key, whatever was rolled back before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 900000)"
            " FROM pg_sequences WHERE schemaname = 'public'"
        )


def a_morning(ids: list[int], now: dt.datetime) -> dict[str, list[str]]:
    """Leads are scored and queue, facts change, time passes; everything that came of it."""
    from_the_same_ids()
    pipeline.score_and_queue(ids, now=now)
    run_all(now=now + dt.timedelta(minutes=50))
    Lead.objects.filter(pk=ids[1]).update(title="VP")
    pipeline.score_and_queue(ids, now=now + HOUR)
    run_all(now=now + 4 * HOUR)
    return everything()


def test_nothing_else_knows_of_it(
    live: ScoringModel,
    load_model: LoadModel,
    people: dict[str, User],
    now: dt.datetime,
) -> None:
    """Scores, queue, order, clocks, events, messages: byte for byte as without a shadow."""
    draft = load_model(NEXT)
    runner.work_runs(now=now)  # it measures how long it takes, so it is over before
    ids = leads("VP", "CEO", "Student", "VP", "CEO", at=now, team=people["sdr"].team)
    at_moment(now)
    try:
        with transaction.atomic():
            without = a_morning(ids, now)
            transaction.set_rollback(True)
        versions.start_shadow(model=draft, by=people["manager"], now=now)
        beside = a_morning(ids, now)
    finally:
        at_moment(None)
    assert ShadowScore.objects.count() == 5
    assert ReviewItem.objects.count() == 3
    assert without["qualification_slaevent"]
    assert beside == without


def test_one_that_fails_holds_nothing_up(
    beside: ScoringModel, people: dict[str, User], now: dt.datetime, caplog: Any
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no room'; END $$;"
            "CREATE TRIGGER no_room BEFORE INSERT ON qualification_shadowscore"
            " FOR EACH ROW EXECUTE FUNCTION no_room()"
        )
    ids = leads("VP", at=now, team=people["sdr"].team)
    pipeline.score_and_queue(ids, now=now)
    assert LeadScore.objects.get(lead=ids[0]).total_tenths == 400
    assert ReviewItem.objects.filter(lead=ids[0]).exists()
    assert not ShadowScore.objects.exists()
    assert f"shadow.failed version={beside.version}" in caplog.text


# --- when it is enough ---------------------------------------------------------------------------


def with_minimum(settings: Any, *, leads: int, hours: int) -> None:
    minimum = {"SHADOW_MIN_LEADS": leads, "SHADOW_MIN_HOURS": hours}
    settings.LEADQUAL = {**settings.LEADQUAL, **minimum}


def test_either_leads_or_hours_are_enough(
    beside: ScoringModel, now: dt.datetime, settings: Any
) -> None:
    with_minimum(settings, leads=3, hours=24)
    admin = person("admin")
    rescore.score_leads(leads("VP", "CEO", at=now), now=now)
    early = shadow.minimum_of(beside, now=now + 23 * HOUR)
    assert (early.leads, early.met_by, early.ready_at) == (2, "", now + 24 * HOUR)
    with pytest.raises(ShadowTooShort, match="2 of 3 new leads"):
        versions.publish(model=beside, by=admin, now=now + 23 * HOUR)
    assert shadow.minimum_of(beside, now=now + 24 * HOUR).met_by == "hours"
    rescore.score_leads(leads("VP", at=now), now=now)
    assert shadow.minimum_of(beside, now=now).met_by == "leads"
    assert versions.publish(model=beside, by=admin, now=now).status == ModelStatus.ACTIVE


def test_the_operator_needs_no_shadow(
    beside: ScoringModel, load_model: LoadModel, now: dt.datetime
) -> None:
    draft = versions.activate_as_operator(model=load_model(NEXT), now=now)
    assert (draft.published_as, draft.shadow_started_at) == ("operator", None)
    versions.activate_as_operator(model=beside, now=now + HOUR)
    assert (beside.published_as, beside.published_by) == ("operator", None)


# --- the report ----------------------------------------------------------------------------------


def test_it_says_plainly_when_there_is_not_enough(beside: ScoringModel, now: dt.datetime) -> None:
    rescore.score_leads(leads("VP", "CEO", at=now), now=now)
    report = shadow_report(beside, now=now)
    assert report is not None
    assert (report.n, report.is_enough, report.tiers, report.correlation) == (2, False, None, None)


def test_it_reports_where_leads_would_stand(
    beside: ScoringModel, live: ScoringModel, now: dt.datetime
) -> None:
    titles = ["VP"] * 6 + ["CEO"] * 9 + ["Student"] * 4 + ["Clerk"]
    rescore.score_leads(leads(*titles, at=now), now=now)
    report = shadow_report(beside, now=now)
    assert report is not None
    assert (report.n, report.enters, report.leaves) == (20, 9, 6)
    assert (report.newly_out, report.newly_in) == (0, 4)
    assert report.tiers is not None
    assert (report.tiers.n, report.tiers.moved) == (20, 19)
    assert report.correlation is not None
    assert report.correlation < 0
    assert shadow_report(live, now=now) is None


def test_without_a_shadow_it_costs_one_look(
    live: ScoringModel, now: dt.datetime, django_assert_num_queries: Callable[..., Any]
) -> None:
    ids = leads("VP", at=now)
    with django_assert_num_queries(1):
        shadow.score_beside(ids, now=now)
