"""What the journey keeps of scores: every move of grade, tier or disqualification, once, and from
what to what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from crm.models import Lead
from qualification.invariants import violations
from qualification.models import LeadScore, ScoreMove
from qualification.scoring import rescore
from tests.qualification.queue_support import in_turn
from tests.qualification.scoring.conftest import (
    LoadModel,
    StoreFacts,
    document,
    rule,
    score_all,
)

MINUTE = dt.timedelta(minutes=1)


def has_title(*titles: str) -> dict[str, Any]:
    return {"subject": "lead.title", "op": "is_one_of", "value": list(titles)}


# Of fit: 10 points make a C, 20 a B, 30 an A.
RAW = document(
    rule(has_title("Clerk", "Head", "Chief"), 12),
    rule(has_title("Head", "Chief"), 10),
    rule(has_title("Chief"), 10),
    rule({"subject": "lead.country", "op": "is_known"}, 0.5),
    rule(has_title("Student"), 0, disqualifies="student"),
)


@pytest.fixture
def lead(store_facts: StoreFacts) -> Lead:
    """A clerk: 12.0 points."""
    (pk,) = store_facts([{"lead": {"title": "Clerk"}, "account": None, "attributes": {}}])
    return Lead.objects.get(pk=pk)


def moves() -> list[tuple[Any, ...]]:
    """Oldest first: why, from what, to what."""
    return list(
        ScoreMove.objects.order_by("id").values_list(
            "cause", "was_total_tenths", "was_grade", "total_tenths", "grade"
        )
    )


def become(lead: Lead, **facts: str) -> None:
    Lead.objects.filter(pk=lead.pk).update(**facts)


@pytest.mark.django_db
def test_only_what_people_see_differently_is_kept(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now)
    become(lead, country="SN")
    assert rescore.score_leads([lead.pk], now=now + MINUTE) == [lead.pk]
    become(lead, title="Head")
    rescore.score_leads([lead.pk], now=now + 2 * MINUTE)
    rescore.score_leads([lead.pk], now=now + 3 * MINUTE)
    assert moves() == [
        ("first", None, "", 120, "C4"),
        ("facts", 125, "C4", 225, "B4"),  # from the score that stood, not from the last line
    ]
    assert ScoreMove.objects.latest("id").at == now + 2 * MINUTE


@pytest.mark.django_db
def test_a_disqualification_and_its_end_are_moves(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    for minute, title in enumerate(["Clerk", "Student", "Clerk"]):
        become(lead, title=title)
        rescore.score_leads([lead.pk], now=now + minute * MINUTE)
    assert list(ScoreMove.objects.order_by("id").values_list("disqualified", "grade")) == [
        ("", "C4"),
        ("student", ""),
        ("", "C4"),
    ]


@pytest.mark.django_db
def test_a_run_over_all_leads_says_whether_rules_or_time_moved_it(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    score_all(now)
    score_all(now + MINUTE)
    become(lead, title="Head")
    score_all(now + 2 * MINUTE)
    load_model(document(rule(has_title("Head"), 30)), activate=True)
    score_all(now + 3 * MINUTE)
    load_model(document(rule(has_title("Head"), 31)), activate=True)
    score_all(now + 4 * MINUTE)
    assert moves() == [
        ("first", None, "", 120, "C4"),
        ("check", 120, "C4", 220, "B4"),
        ("version", 220, "B4", 300, "A4"),
    ]


@pytest.mark.django_db
def test_a_score_of_a_later_moment_that_stays_is_no_move(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now + MINUTE)
    become(lead, title="Head")
    score_all(now)
    assert moves() == [("first", None, "", 120, "C4")]


@pytest.mark.django_db
def test_a_move_never_stands_before_the_one_it_follows(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    """A new version is applied as of its publish, also over what an old one scored just after."""
    load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now + MINUTE)
    load_model(document(rule(has_title("Clerk"), 30)), activate=True)
    score_all(now)
    assert [move.at for move in ScoreMove.objects.order_by("id")] == [now + MINUTE, now + MINUTE]
    assert ScoreMove.objects.first() == ScoreMove.objects.latest("id")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_a_move_begins_where_the_one_at_the_same_time_ended(
    is_locked: bool,
    lead: Lead,
    load_model: LoadModel,
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run stores its score while somebody's facts are scored. The control: without the lock the
    second says it began at what the first had replaced."""
    if not is_locked:
        bare = rescore._LOCKED.replace("FOR NO KEY UPDATE", "")
        monkeypatch.setattr(rescore, "_LOCKED", bare)
    model = load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now)
    become(lead, title="")

    def facts_change() -> None:
        become(lead, title="Head")
        rescore.score_leads([lead.pk], now=now + 2 * MINUTE)

    in_turn(lambda: rescore.score_range(model, lead.pk, lead.pk, as_of=now + MINUTE), facts_change)
    assert LeadScore.objects.get().total_tenths == 220
    *_, second, third = moves()
    assert second == ("check", 120, "C4", 0, "D4")
    assert (third[1] == 0) == is_locked, third


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda: ScoreMove.objects.update(grade="A1"),
        lambda: ScoreMove.objects.all().delete(),
    ],
    ids=["update", "delete"],
)
def test_what_was_is_never_rewritten(
    rewrite: Callable[[], Any], lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now)
    with pytest.raises(DatabaseError, match="Cannot update or delete rows"):
        rewrite()


@pytest.mark.django_db
def test_a_score_that_moved_without_a_line_breaks_an_invariant(
    lead: Lead, load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    rescore.score_leads([lead.pk], now=now)
    kind = "the grade that stands is not the one it last moved to"
    assert kind not in {found.kind for found in violations(now=now)}
    LeadScore.objects.update(grade="A1")
    assert [found.ids for found in violations(now=now) if found.kind == kind] == [(lead.pk,)]
