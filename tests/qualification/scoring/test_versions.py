"""Versions: one active, published ones frozen, a second person publishes, rollback."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from crm.models import User
from qualification.choices import ModelStatus
from qualification.exceptions import ModelFrozen, ModelInvalid, PublishRefused, ShadowRefused
from qualification.models import ModelChange, ScoringModel
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests.factories import person
from tests.qualification.queue_support import all_done, wait_for_a_lock
from tests.qualification.scoring.conftest import LoadModel, document, rule
from tests.qualification.version_support import no_minimum

MINUTE = dt.timedelta(minutes=1)
RAW = document(rule({"subject": "lead.title", "op": "is_known"}))
HOT_PAGE = document(
    rule({"activity": "page_view"}, 10, dimension="intent"),
    rule({"activity": "demo_request", "per": "once"}, 20, dimension="intent"),
)


@pytest.fixture(autouse=True)
def minimum(settings: Any) -> None:
    """How long a shadow lasts has tests of its own."""
    no_minimum(settings)


@pytest.fixture
def admin(db: None) -> User:
    return person("admin")


@pytest.fixture
def manager(db: None) -> User:
    return person("manager")


@pytest.mark.django_db
def test_it_numbers_versions_and_keeps_one_active(load_model: LoadModel) -> None:
    first, second = load_model(RAW, activate=True), load_model(RAW)
    versions.activate_as_operator(model=second, now=first.created_at)
    first.refresh_from_db()
    assert (first.version, second.version) == (1, 2)
    assert (first.status, second.status) == ("retired", "active")
    assert second.published_as == "operator"
    assert second.published_by is None
    assert versions.active_model() == second


@pytest.mark.django_db
def test_it_publishes_as_a_second_person(
    load_model: LoadModel, admin: User, manager: User, now: dt.datetime
) -> None:
    active = load_model(RAW, activate=True)
    draft = drafts.copy_to_draft(model=active, by=manager, now=now)
    drafts.change_points(draft=draft, rule_key="a-rule", points=Decimal(7), by=manager, now=now)
    versions.start_shadow(model=draft, by=manager, now=now)
    live = versions.publish(model=draft, by=admin, now=now)
    assert (live.status, live.published_as, live.published_by) == ("active", "person", admin)
    assert (live.shadow_by, live.shadow_started_at) == (manager, now)
    assert live.rules.get().points == Decimal("7.0")
    assert active.rules.get().points == Decimal("10.0")


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["sdr", "ae", "manager", "marketing"])
def test_it_refuses_to_publish_without_the_right(
    role: str, load_model: LoadModel, now: dt.datetime
) -> None:
    with pytest.raises(PublishRefused, match="may not publish"):
        versions.publish(model=load_model(RAW), by=person(role), now=now)


@pytest.mark.django_db
def test_it_refuses_an_author(load_model: LoadModel, admin: User, now: dt.datetime) -> None:
    active = load_model(RAW, activate=True)
    made = drafts.copy_to_draft(model=active, by=admin, now=now)
    changed = drafts.copy_to_draft(model=active, by=None, now=now)
    drafts.change_points(draft=changed, rule_key="a-rule", points=Decimal(1), by=admin, now=now)
    for draft in (made, changed):
        with pytest.raises(PublishRefused, match="You worked on version"):
            versions.publish(model=draft, by=admin, now=now)
    assert versions.active_model() == active


@pytest.mark.django_db
def test_a_copy_keeps_the_authors_of_what_never_was_live(
    load_model: LoadModel, admin: User, manager: User, now: dt.datetime
) -> None:
    """Somebody else's copy of my draft is still my work."""
    active = load_model(RAW, activate=True)
    mine = drafts.copy_to_draft(model=active, by=None, now=now)
    drafts.change_points(draft=mine, rule_key="a-rule", points=Decimal(7), by=admin, now=now)
    copy = drafts.copy_to_draft(model=mine, by=manager, now=now)
    again = drafts.copy_to_draft(model=copy, by=None, now=now)
    assert versions.authors_of(again) == {admin.pk, manager.pk}
    versions.start_shadow(model=again, by=manager, now=now)
    with pytest.raises(PublishRefused, match="You worked on version"):
        versions.publish(model=again, by=admin, now=now)
    versions.publish(model=again, by=person("admin"), now=now)
    later = drafts.copy_to_draft(model=again, by=None, now=now)
    assert versions.authors_of(later) == set()


@pytest.mark.django_db
def test_it_refuses_to_publish_twice(load_model: LoadModel, admin: User, now: dt.datetime) -> None:
    draft = load_model(RAW)
    versions.start_shadow(model=draft, by=admin, now=now)
    versions.publish(model=draft, by=admin, now=now)
    with pytest.raises(PublishRefused, match="not in shadow"):
        versions.publish(model=draft, by=admin, now=now)


@pytest.mark.django_db
def test_it_refuses_to_publish_a_draft(
    load_model: LoadModel, admin: User, now: dt.datetime
) -> None:
    with pytest.raises(PublishRefused, match="not in shadow"):
        versions.publish(model=load_model(RAW), by=admin, now=now)


@pytest.mark.django_db
def test_it_refuses_a_type_that_crosses_alone(
    load_model: LoadModel, admin: User, now: dt.datetime
) -> None:
    draft = load_model(HOT_PAGE)
    assert versions.crossing_types_of(draft) == ["page_view"]
    with pytest.raises(ShadowRefused, match="'page_view' could cross the MQL threshold alone"):
        versions.start_shadow(model=draft, by=admin, now=now)
    with pytest.raises(PublishRefused, match="page_view"):
        versions.activate_as_operator(model=draft, now=now)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "crossing"),
    [
        ({"base": {"fit": 10}}, ["demo_request", "page_view"]),
        ({"limits": {"intent": [None, 29], "total": [0, 100]}}, []),
        ({"limits": {"total": [0, 29]}}, []),
    ],
)
def test_it_counts_base_and_limits(
    changes: dict[str, object], crossing: list[str], load_model: LoadModel
) -> None:
    assert versions.crossing_types_of(load_model(HOT_PAGE | changes)) == crossing


@pytest.mark.django_db
def test_it_counts_the_cap_of_a_group(load_model: LoadModel) -> None:
    grouped = rule({"activity": "page_view"}, 10, dimension="intent", group="g")
    assert versions.crossing_types_of(load_model(document(grouped, caps={"g": 29}))) == []
    assert versions.crossing_types_of(load_model(document(grouped))) == ["page_view"]


@pytest.mark.django_db
def test_it_changes_points_of_drafts_only(
    load_model: LoadModel, manager: User, now: dt.datetime
) -> None:
    draft = load_model(RAW)
    drafts.change_points(
        draft=draft, rule_key="a-rule", points=Decimal("-2.5"), by=manager, now=now
    )
    assert ModelChange.objects.get().text == "A rule: +10.0 → −2.5"
    for points in ("1.25", "NaN"):
        with pytest.raises(ModelInvalid):
            drafts.change_points(
                draft=draft, rule_key="a-rule", points=Decimal(points), by=manager, now=now
            )
    with pytest.raises(ModelInvalid, match="no rule 'absent'"):
        drafts.change_points(draft=draft, rule_key="absent", points=Decimal(1), by=manager, now=now)
    versions.activate_as_operator(model=draft, now=now)
    with pytest.raises(ModelFrozen):
        drafts.change_points(draft=draft, rule_key="a-rule", points=Decimal(1), by=manager, now=now)


FROZEN = [
    "UPDATE qualification_scoringmodel SET mql = 1 WHERE id = %s",
    "UPDATE qualification_scoringmodel SET caps = '{\"a\": 1}' WHERE id = %s",
    "UPDATE qualification_scoringmodel SET status = 'draft' WHERE id = %s",
    "DELETE FROM qualification_scoringmodel WHERE id = %s",
    "UPDATE qualification_scoringrule SET points = 99 WHERE model_id = %s",
    "UPDATE qualification_scoringrule SET condition = '{}' WHERE model_id = %s",
    "DELETE FROM qualification_scoringrule WHERE model_id = %s",
    "INSERT INTO qualification_scoringrule"
    ' (model_id, key, position, name, dimension, condition, points, "group", segment, disqualifies)'
    " VALUES (%s, 'new', 9, 'New', 'fit', '{}', 1, '', '', '')",
]


@pytest.mark.django_db
@pytest.mark.parametrize("is_retired", [False, True])
@pytest.mark.parametrize("sql", FROZEN)
def test_postgresql_refuses_to_change_a_published_version(
    sql: str, is_retired: bool, load_model: LoadModel
) -> None:
    model = load_model(RAW, activate=True)
    if is_retired:
        load_model(RAW, activate=True)
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [model.pk])


@pytest.mark.django_db
def test_postgresql_lets_a_draft_change(load_model: LoadModel) -> None:
    draft = load_model(RAW)
    with connection.cursor() as cursor:
        for sql in (FROZEN[0], FROZEN[4], FROZEN[7], FROZEN[6], FROZEN[3]):
            cursor.execute(sql, [draft.pk])
    assert not ScoringModel.objects.exists()


@pytest.mark.django_db
def test_it_rolls_back_to_what_was_live(
    load_model: LoadModel, admin: User, manager: User, now: dt.datetime
) -> None:
    first = load_model(RAW, activate=True)
    second = load_model(RAW, activate=True)
    never_live = load_model(RAW)
    with pytest.raises(PublishRefused, match="may not publish"):
        versions.rollback(model=first, by=manager, now=now)
    with pytest.raises(PublishRefused, match="never live"):
        versions.rollback(model=never_live, by=admin, now=now)
    versions.rollback(model=first, by=admin, reason="Precision fell.", now=now + MINUTE)
    second.refresh_from_db()
    assert (first.status, second.status) == (ModelStatus.ACTIVE, ModelStatus.RETIRED)
    note = first.release_notes.first()
    assert note is not None
    assert (note.before, note.published_by, note.text) == (second, admin, "Precision fell.")


@pytest.mark.django_db
def test_it_knows_what_was_in_force(load_model: LoadModel, now: dt.datetime) -> None:
    hour = dt.timedelta(hours=1)
    first, second = load_model(RAW), load_model(RAW)
    versions.activate_as_operator(model=first, now=now)
    versions.activate_as_operator(model=second, now=now + hour)
    versions.rollback(model=first, by=None, now=now + 2 * hour)
    moments = [now - hour, now, now + hour, now + 2 * hour]
    assert [versions.model_in_force(at) for at in moments] == [None, first, second, first]


@pytest.mark.django_db(transaction=True)
def test_two_publishers_leave_one_active(now: dt.datetime) -> None:
    two = [drafts.load_draft(checked_document(RAW), by=None, now=now) for _ in range(2)]
    all_done(
        [lambda draft=draft: versions.activate_as_operator(model=draft, now=now) for draft in two]
    )
    statuses = sorted(ScoringModel.objects.values_list("status", flat=True))
    assert statuses == ["active", "retired"]


@pytest.mark.django_db(transaction=True)
def test_a_change_at_the_same_moment_makes_its_author_no_second_person(now: dt.datetime) -> None:
    admin, other = person("admin"), person("admin")
    draft = drafts.load_draft(checked_document(RAW), by=other, now=now)
    refused: list[Exception] = []

    def publish() -> None:
        try:
            versions.publish(model=ScoringModel.objects.get(pk=draft.pk), by=admin, now=now)
        except PublishRefused as error:
            refused.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=publish)
    with transaction.atomic():
        drafts.change_points(draft=draft, rule_key="a-rule", points=Decimal(7), by=admin, now=now)
        thread.start()
        wait_for_a_lock()
    thread.join()
    draft.refresh_from_db()
    assert (draft.status, len(refused)) == ("draft", 1)
