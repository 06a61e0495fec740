"""Whoever works on one of two leads hears that somebody else made them one, or two again."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Lead, LeadMerge, Team, User
from crm.roles import Role
from qualification.choices import Channel, Digest, ItemState, NoticeKind
from qualification.exceptions import NotMergeable
from qualification.models import Notice
from qualification.notices.preferences import choose
from qualification.notices.reads import shown_to
from tests import factories
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification.merging.support import MINUTE, a_lead, merge, undo

pytestmark = pytest.mark.django_db
AT = NOW + 10 * MINUTE
SLIP = dt.timedelta(seconds=30)


@pytest.fixture
def colleague(team: Team) -> User:
    return factories.person(Role.SDR, team)


def told(kind: NoticeKind = NoticeKind.LEAD_MERGED) -> dict[User, Lead | None]:
    """Who heard, and of which lead; nobody twice."""
    rows = list(Notice.objects.filter(kind=kind).select_related("person", "lead"))
    found = {notice.person: notice.lead for notice in rows}
    assert len(found) == len(rows)
    return found


def two_held(one: User, other: User) -> tuple[Lead, Lead]:
    """A lead one person holds, and one of the other."""
    return hands.held_item(one, ItemState.OWNED).lead, hands.held_item(other).lead


def by_a_manager(people: dict[str, User], colleague: User) -> tuple[Lead, Lead, LeadMerge]:
    stays, goes = two_held(people["sdr"], colleague)
    return stays, goes, merge(stays, goes, people["manager"], now=NOW + 3 * MINUTE)


def test_both_holders_hear_of_it(people: dict[str, User], colleague: User) -> None:
    stays, _goes, made = by_a_manager(people, colleague)
    assert told() == {people["sdr"]: stays, colleague: stays}
    notice = Notice.objects.get(person=colleague)
    shown = shown_to(colleague, [notice])[0]
    assert shown.sentence == (
        f"{people['manager']} merged {stays.name} with another record of the same person."
    )
    assert shown.url == f"/leads/{stays.pk}/"
    assert made.by == people["manager"]


def test_nobody_hears_of_their_own_merge(people: dict[str, User]) -> None:
    stays, goes = two_held(people["sdr"], people["sdr"])
    merge(stays, goes, people["sdr"], now=NOW + 3 * MINUTE)
    assert told() == {}


def test_who_had_both_hears_once(people: dict[str, User]) -> None:
    stays, goes = two_held(people["sdr"], people["sdr"])
    merge(stays, goes, people["manager"], now=NOW + 3 * MINUTE)
    assert told() == {people["sdr"]: stays}


def test_an_ae_hears_what_came_to_their_lead(people: dict[str, User]) -> None:
    decision = hands.accepted(people)
    mine = hands.held_item(people["sdr"]).lead
    merge(decision.lead, mine, people["sdr"], now=NOW + 6 * MINUTE)
    assert told() == {people["ae"]: decision.lead}


def test_a_claim_that_ran_out_is_nobodys(people: dict[str, User], colleague: User) -> None:
    stays, goes = two_held(people["sdr"], colleague)
    merge(stays, goes, people["manager"], now=NOW + dt.timedelta(hours=2))
    assert told() == {people["sdr"]: stays}


def test_waiting_leads_are_nobodys(team: Team, people: dict[str, User]) -> None:
    merge(a_lead(team), a_lead(team), people["manager"])
    assert told() == {}


def test_who_wants_to_hear_nothing_hears_nothing(people: dict[str, User], colleague: User) -> None:
    choose(person=colleague, wanted=set(), is_quiet=False, digest=Digest.NONE)
    stays, _goes, _made = by_a_manager(people, colleague)
    assert told() == {people["sdr"]: stays}


def test_mail_waits_until_a_slip_is_over(people: dict[str, User], colleague: User) -> None:
    wanted = {(NoticeKind.LEAD_MERGED, Channel.MAIL)}
    choose(person=colleague, wanted=wanted, is_quiet=False, digest=Digest.NONE)
    _stays, _goes, made = by_a_manager(people, colleague)
    notice = Notice.objects.get(person=colleague)
    assert (notice.is_in_app, notice.due_at) == (False, made.at + SLIP)


def test_out_of_sight_it_names_nobody(people: dict[str, User]) -> None:
    away = factories.TeamFactory()
    far = factories.person(Role.SDR, away)
    stays, goes = two_held(people["sdr"], far)
    merge(stays, goes, people["admin"], now=NOW + 3 * MINUTE)
    assert told() == {people["sdr"]: stays, far: None}
    shown = shown_to(far, [Notice.objects.get(person=far)])[0]
    assert stays.name not in shown.sentence
    assert shown.url == "/my-work/"


def test_a_slip_is_taken_back(people: dict[str, User], colleague: User) -> None:
    *_leads, made = by_a_manager(people, colleague)
    undo(made, people["manager"], now=made.at + SLIP - dt.timedelta(seconds=1))
    assert not Notice.objects.exists()


def test_later_the_undo_is_news(people: dict[str, User], colleague: User) -> None:
    stays, goes, made = by_a_manager(people, colleague)
    undo(made, people["manager"], now=made.at + SLIP)
    assert told() == {people["sdr"]: stays, colleague: stays}
    assert told(NoticeKind.MERGE_UNDONE) == {people["sdr"]: stays, colleague: goes}
    notice = Notice.objects.get(person=colleague, kind=NoticeKind.MERGE_UNDONE)
    assert shown_to(colleague, [notice])[0].sentence == (
        f"{people['manager']} undid a merge: {goes.name} and the other record are two leads again."
    )


def test_whoever_merged_hears_that_another_undid_it(
    team: Team, people: dict[str, User], colleague: User
) -> None:
    stays, goes = two_held(people["sdr"], people["sdr"])
    made = merge(stays, goes, people["sdr"], now=NOW + 3 * MINUTE)
    undo(made, people["manager"], now=made.at + MINUTE)
    assert set(told(NoticeKind.MERGE_UNDONE)) == {people["sdr"]}


def test_what_is_refused_is_no_news(people: dict[str, User], colleague: User) -> None:
    stays, goes, made = by_a_manager(people, colleague)
    with pytest.raises(NotMergeable):
        merge(stays, goes, people["manager"], now=NOW + 4 * MINUTE)
    undo(made, people["manager"], now=NOW + 5 * MINUTE)
    with pytest.raises(NotMergeable):
        undo(made, people["manager"], now=NOW + 6 * MINUTE)
    assert len(told()) == 2
    assert len(told(NoticeKind.MERGE_UNDONE)) == 2
