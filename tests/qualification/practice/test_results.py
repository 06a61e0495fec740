"""What a round comes to: agreement, the outcome, the team's own figure, who sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from crm.models import User
from qualification.models import Decision, PracticeRound
from qualification.practice import results, rounds
from qualification.practice.results import Share
from qualification.practice.truth import truth_of
from tests import factories
from tests.qualification.decision_support import active_model, reason
from tests.qualification.practice.past_leads import became, begin, case_of, judge_all

pytestmark = pytest.mark.django_db
Make = Callable[..., Decision]


def test_a_share_wants_ten_leads() -> None:
    few, enough = Share(7, 9), Share(7, 10)
    assert (few.rate, few.interval) == (None, None)
    assert enough.rate == 0.7
    assert enough.interval == pytest.approx((0.3968, 0.8922), abs=1e-4)


@pytest.fixture
def told(past: Make) -> dict[str, Decision]:
    """Won and lost accepts, one with a deal still open, a reject that was won later, a reject."""
    made = {name: past("accept") for name in ("won", "lost", "open")}
    made |= {name: past("reject") for name in ("missed", "right")}
    became(made["won"], "won")
    became(made["lost"], "lost")
    became(made["open"], "opportunity")
    became(made["missed"], "won")
    return made


def play(
    told: dict[str, Decision], person: User, now: dt.datetime, choices: dict[str, str]
) -> PracticeRound:
    names = {decision.pk: name for name, decision in told.items()}
    practice = begin(person, now)
    while (case := rounds.next_case(practice.pk)) is not None:
        choice = choices[names[case.decision_id]]
        why = reason("too_small") if choice == "reject" else None
        rounds.judge_case(case=case, choice=choice, reason=why, by=person, now=now)
    practice.refresh_from_db()
    return practice


def test_the_result_counts_team_outcome_and_reason(
    told: dict[str, Decision], people: dict[str, User], here: dt.datetime
) -> None:
    choices = {
        "won": "accept",
        "lost": "nurture",
        "open": "reject",
        "missed": "reject",
        "right": "reject",
    }
    practice = play(told, people["sdr"], here, choices)
    found = results.result_of(practice, reader=people["sdr"], now=here)
    assert found.agreed == Share(3, 5)
    # Won and accepted; lost and not accepted; won and rejected. Of the others nothing closed.
    assert found.confirmed == Share(2, 3)
    assert found.team == Share(1, 3)
    assert found.same_reason == Share(2, 2)
    assert found.n_gone == 0
    said = {row.case.decision_id: (row.agrees, row.is_confirmed) for row in found.rows}
    assert said[told["won"].pk] == (True, True)
    assert said[told["lost"].pk] == (False, True)
    assert said[told["missed"].pk] == (True, False)
    assert said[told["open"].pk] == (False, None)


def test_a_lead_that_went_away_does_not_count(
    told: dict[str, Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    lead = case_of(practice, told["won"]).lead
    lead.team = factories.TeamFactory(name="Elsewhere")
    lead.save(update_fields=["team"])
    judge_all(practice, here)
    found = results.result_of(practice, reader=people["sdr"], now=here)
    assert (found.agreed, found.n_gone) == (Share(2, 4), 1)
    assert [row.lead for row in found.rows].count(None) == 1


def test_the_history_goes_from_the_oldest_to_the_newest(
    told: dict[str, Decision], past: Make, people: dict[str, User], here: dt.datetime
) -> None:
    first = begin(people["sdr"], here)
    judge_all(first, here)
    for kind in ("accept", "reject", "accept", "reject", "accept"):
        past(kind)
    later = here + dt.timedelta(hours=1)
    second = begin(people["sdr"], later)
    assert [one.pk for one in results.history_of(people["sdr"])] == [first.pk]
    judge_all(second, later, choice="nurture")
    found = results.history_of(people["sdr"])
    assert [(one.pk, one.agreed) for one in found] == [
        (first.pk, Share(3, 5)),
        (second.pk, Share(0, 5)),
    ]
    (member,) = results.members_seen_by(people["manager"])
    assert (member.person, member.n_rounds, member.agreed) == (people["sdr"], 2, Share(3, 10))


def test_only_the_person_and_the_managers_of_their_team_see_it(
    five: list[Decision], people: dict[str, User], colleague: User, here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    judge_all(practice, here)
    elsewhere = factories.person("manager", factories.TeamFactory(name="Americas"))
    homeless = factories.person("manager", None)
    for user, is_seen in (
        (people["sdr"], True),
        (people["manager"], True),
        (colleague, False),
        (people["admin"], False),
        (people["ae"], False),
        (elsewhere, False),
        (homeless, False),
    ):
        assert PracticeRound.objects.visible_to(user).exists() is is_seen, user
        assert bool(results.members_seen_by(user)) is (user == people["manager"])


def test_the_truth_of_a_case(past: Make, people: dict[str, User], here: dt.datetime) -> None:
    active_model(points="20.0")
    made = [past(kind) for kind in ("accept", "reject", "accept", "reject", "accept")]
    became(made[0], "lost")
    practice = begin(people["sdr"], here)
    judge_all(practice, here)
    accepted = truth_of(case_of(practice, made[0]), now=here)
    assert (accepted.agrees, accepted.is_confirmed) == (True, False)
    assert [one.value for one, _days in accepted.cycle.outcomes] == ["lost"]
    assert [line.name for line in accepted.in_favour] == ["VP", "Base"]
    assert accepted.against == ()
    assert accepted.verdict is not None
    assert accepted.verdict.word == "Reject likely"
    rejected = truth_of(case_of(practice, made[1]), now=here)
    assert (rejected.agrees, rejected.is_confirmed) == (False, None)
