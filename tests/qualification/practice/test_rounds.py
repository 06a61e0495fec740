"""Starting a round and judging its leads: in turn, once, by the person of the round."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from unittest import mock

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction

from crm.models import Team, User
from qualification.exceptions import AlreadyPractised, PracticeOpen, TooFewPastLeads
from qualification.models import Decision, PracticeCase, PracticeRound
from qualification.practice import rounds
from qualification.practice.draw import draw
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import reason
from tests.qualification.practice.past_leads import begin, decided, judge_all

pytestmark = pytest.mark.django_db
Make = Callable[..., Decision]


@pytest.fixture
def practice(five: list[Decision], people: dict[str, User], here: dt.datetime) -> PracticeRound:
    return begin(people["sdr"], here)


def judge(practice: PracticeRound, by: User, here: dt.datetime, **fields: object) -> PracticeCase:
    case = rounds.next_case(practice.pk)
    assert case is not None
    given = {"case": case, "choice": "accept", "by": by, "now": here, **fields}
    return rounds.judge_case(**given)  # type: ignore[arg-type]


def test_a_round_keeps_what_its_draw_can_be_done_again_from(practice: PracticeRound) -> None:
    kept = PracticeRound.objects.get(pk=practice.pk)
    again = draw(kept.pool, size=kept.size, seed=kept.seed)
    assert again == list(kept.cases.order_by("position").values_list("decision", flat=True))


def test_it_goes_lead_by_lead_to_its_end(
    practice: PracticeRound, people: dict[str, User], here: dt.datetime
) -> None:
    for n in range(1, 6):
        assert PracticeRound.objects.get(pk=practice.pk).finished_at is None
        made = judge(practice, people["sdr"], here, choice="nurture")
        assert (made.position, made.choice, made.reason) == (n, "nurture", None)
    assert rounds.next_case(practice.pk) is None
    assert PracticeRound.objects.get(pk=practice.pk).finished_at == here


def test_rejecting_keeps_the_reason(
    practice: PracticeRound, people: dict[str, User], here: dt.datetime
) -> None:
    made = judge(practice, people["sdr"], here, choice="reject", reason=reason("too_small"))
    assert made.reason == reason("too_small")


def test_who_may_not(five: list[Decision], people: dict[str, User], here: dt.datetime) -> None:
    for role in ("ae", "marketing"):
        with pytest.raises(PermissionDenied):
            begin(people[role], here)
    practice = begin(people["sdr"], here)
    for by in (people["manager"], people["ae"]):
        with pytest.raises(PermissionDenied):
            judge(practice, by, here)


def test_too_few_past_leads(past: Make, people: dict[str, User], here: dt.datetime) -> None:
    for kind in ("accept", "accept", "accept", "accept"):
        past(kind)
    with pytest.raises(TooFewPastLeads, match="not enough"):
        begin(people["sdr"], here)
    past("reject")
    for size in (6, 10):
        with pytest.raises(TooFewPastLeads):
            begin(people["sdr"], here, size=size)
    assert begin(people["sdr"], here).cases.count() == 5


def test_one_round_at_a_time(
    practice: PracticeRound, past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    with pytest.raises(PracticeOpen):
        begin(people["sdr"], here)
    judge_all(practice, here)
    for kind in ("accept", "reject", "accept", "reject", "accept"):
        past(kind)
    assert begin(people["sdr"], here).pk != practice.pk


def test_a_case_is_judged_once_and_in_turn(
    practice: PracticeRound, people: dict[str, User], here: dt.datetime
) -> None:
    first, second, third, *_ = practice.cases.order_by("position")
    judge(practice, people["sdr"], here)
    for case in (first, third):
        with pytest.raises(AlreadyPractised):
            judge(practice, people["sdr"], here, case=case)
    assert judge(practice, people["sdr"], here, case=second).pk == second.pk


def test_a_lead_that_went_to_another_team_is_left_out(
    practice: PracticeRound, people: dict[str, User], here: dt.datetime
) -> None:
    case = rounds.next_case(practice.pk)
    assert case is not None
    with pytest.raises(AlreadyPractised, match="is there"):
        judge(practice, people["sdr"], here, choice="gone")
    case.lead.team = factories.TeamFactory(name="Elsewhere")
    case.lead.save(update_fields=["team"])
    made = judge(practice, people["sdr"], here, choice="reject", reason=reason("too_small"))
    assert (made.choice, made.reason) == ("gone", None)


def test_an_erased_lead_is_left_out(practice: PracticeRound, people: dict[str, User]) -> None:
    case = rounds.next_case(practice.pk)
    assert case is not None
    assert not rounds.is_gone(case, reader=people["sdr"])
    case.decision.frozen = {"erased_at": "2026-11-28T10:00:00+00:00"}
    assert rounds.is_gone(case, reader=people["sdr"])


def test_postgres_holds_what_a_round_promises(
    practice: PracticeRound, past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    judged = judge(practice, people["sdr"], here)
    other = past("reject")
    cases = PracticeCase.objects.filter(pk=judged.pk)
    refused = [
        lambda: cases.update(choice="nurture"),
        lambda: cases.update(choice="", judged_at=None),
        lambda: practice.cases.filter(choice="").update(decision=other, lead=other.lead),
        lambda: practice.cases.filter(choice="").update(choice="reject", judged_at=here),
        lambda: PracticeRound.objects.update(seed=5),
        lambda: PracticeRound.objects.create(
            person=people["sdr"], size=5, seed=1, pool={}, started_at=here
        ),
        lambda: _case(practice, 9, people["manager"], other),
        lambda: _case(practice, 9, people["sdr"], judged.decision),
        lambda: PracticeCase.objects.create(
            round=practice, position=9, person=people["sdr"], lead=judged.lead, decision=other
        ),
    ]
    for write in refused:
        with pytest.raises(DatabaseError), transaction.atomic():
            write()
    assert _case(practice, 9, people["sdr"], other).pk


def _case(practice: PracticeRound, n: int, person: User, decision: Decision) -> PracticeCase:
    return PracticeCase.objects.create(
        round=practice, position=n, person=person, lead=decision.lead, decision=decision
    )


def several(team: Team, here: dt.datetime) -> User:
    """Somebody with enough past leads of a colleague."""
    person, colleague = rows.sdrs(2, team)
    ae, at = factories.person("ae", team), here - dt.timedelta(days=30)
    for kind in ("accept", "reject", "accept", "reject", "accept"):
        decided(kind, by=colleague, ae=ae, at=at)
    return person


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_two_windows_start_one_round(team: Team, here: dt.datetime, *, is_locked: bool) -> None:
    """Without the lock of the person, the control, PostgreSQL refuses the second one itself."""
    person = several(team, here)
    calls = [lambda seed=seed: begin(person, here, seed=seed) for seed in (1, 2)]
    if is_locked:
        found = rows.in_threads(calls)
        assert sorted(type(one).__name__ for one in found) == ["PracticeOpen", "PracticeRound"]
    else:
        meet = rows.threading.Barrier(2)
        fits = rounds.fits

        def late(*args: object) -> bool:
            meet.wait(timeout=30)
            return fits(*args)  # type: ignore[arg-type]

        with mock.patch.object(rounds, "_lock_person"), mock.patch.object(rounds, "fits", late):
            found = rows.in_threads(calls)
        assert sum(isinstance(one, IntegrityError) for one in found) == 1
    assert (PracticeRound.objects.count(), PracticeCase.objects.count()) == (1, 5)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_two_windows_judge_once(team: Team, here: dt.datetime, *, is_locked: bool) -> None:
    """Without the lock of the round, the control, the second one meets the trigger instead."""
    person = several(team, here)
    practice = begin(person, here)
    case = rounds.next_case(practice.pk)
    choices = ("accept", "nurture")
    calls = [
        lambda choice=choice: rounds.judge_case(case=case, choice=choice, by=person, now=here)
        for choice in choices
    ]
    if is_locked:
        found = rows.in_threads(calls)
        assert sum(isinstance(one, AlreadyPractised) for one in found) == 1
    else:
        meet = rows.threading.Barrier(2)

        def late(*args: object, **fields: object) -> bool:
            meet.wait(timeout=30)
            return False

        with mock.patch.object(rounds, "_lock_round"), mock.patch.object(rounds, "is_gone", late):
            found = rows.in_threads(calls)
        assert sum(isinstance(one, DatabaseError) for one in found) == 1
    (won,) = [one for one in found if isinstance(one, PracticeCase)]
    assert PracticeCase.objects.get(pk=won.pk).choice == won.choice
    assert PracticeCase.objects.exclude(choice="").count() == 1
