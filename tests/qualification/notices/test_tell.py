"""Telling: one row a person and key, in the transaction of the fact, on the channels they want."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from crm.models import Team, User
from qualification.choices import Channel, Digest, NoticeKind
from qualification.models import Notice
from qualification.notices.preferences import DEFAULTS, choose, wishes_of
from qualification.notices.tell import managers_of, tell
from qualification.notices.wording import WORDINGS, detail_of, placeholders, sentence_of
from tests.factories import NOW, LeadFactory, TeamFactory, person
from tests.qualification.queue_support import all_done

pytestmark = pytest.mark.django_db
ASSIGNED = NoticeKind.LEAD_ASSIGNED


def test_each_person_has_a_row(people: dict[str, User]) -> None:
    lead = LeadFactory()
    both = [people["sdr"], people["manager"]]
    assert tell(kind=ASSIGNED, people=both, key="k", lead=lead, now=NOW) == 2
    notice = Notice.objects.get(person=people["sdr"])
    assert (notice.kind, notice.lead_id, notice.at, notice.read_at) == (
        ASSIGNED,
        lead.pk,
        NOW,
        None,
    )
    assert notice.is_in_app


def test_told_twice_is_told_once(people: dict[str, User]) -> None:
    lead, later = LeadFactory(), NOW + dt.timedelta(hours=1)
    everybody = User.objects.filter(pk=people["sdr"].pk)
    assert tell(kind=ASSIGNED, people=everybody, key="k", lead=lead, now=NOW) == 1
    assert tell(kind=ASSIGNED, people=everybody, key="k", lead=lead, now=later) == 0
    assert tell(kind=ASSIGNED, people=everybody, key="k2", lead=lead, now=later) == 1
    assert Notice.objects.count() == 2


def test_it_goes_when_the_fact_goes(people: dict[str, User]) -> None:
    with transaction.atomic():
        tell(kind=ASSIGNED, people=[people["sdr"]], key="k", lead=LeadFactory(), now=NOW)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_somebody_inactive_is_not_told(people: dict[str, User]) -> None:
    User.objects.filter(pk=people["sdr"].pk).update(is_active=False)
    assert tell(kind=ASSIGNED, people=[people["sdr"]], key="k", lead=LeadFactory(), now=NOW) == 0
    assert tell(kind=ASSIGNED, people=[], key="k", lead=LeadFactory(), now=NOW) == 0


def test_a_gap_in_the_sentence_is_refused(people: dict[str, User]) -> None:
    sdr = [people["sdr"]]
    with pytest.raises(KeyError, match="clock"):
        tell(kind=NoticeKind.SLA_BREACH, people=sdr, key="k", lead=LeadFactory(), now=NOW)
    with pytest.raises(KeyError, match="without a lead"):
        tell(kind=NoticeKind.HANDOFF_RETURNED, people=sdr, key="k", words={"by": "x"}, now=NOW)


def test_what_nobody_wants_has_no_row(people: dict[str, User]) -> None:
    sdr, words = people["sdr"], {"version": "7"}
    published = NoticeKind.VERSION_PUBLISHED
    assert tell(kind=published, people=[sdr], key="k", words=words, now=NOW) == 0
    choose(person=sdr, wanted={(published, Channel.MAIL)}, is_quiet=True, digest=Digest.NONE)
    assert tell(kind=published, people=[sdr], key="k", words=words, now=NOW) == 1
    notice = Notice.objects.get()
    assert (notice.is_in_app, notice.due_at) == (False, NOW)


@pytest.mark.parametrize("kind", NoticeKind.values)
@pytest.mark.parametrize("channel", list(Channel))
def test_the_matrix_of_preferences(people: dict[str, User], kind: str, channel: Channel) -> None:
    """Every kind on every channel: the default, the other way round, and back."""
    sdr = people["sdr"]
    usual = {(NoticeKind(k), c) for k, channels in DEFAULTS.items() for c in channels}
    cell = (NoticeKind(kind), channel)
    for wanted in (usual, usual ^ {cell}, usual):
        choose(person=sdr, wanted=wanted, is_quiet=True, digest=Digest.NONE)
        wishes = wishes_of([sdr.pk])[sdr.pk]
        found = {(NoticeKind(k), c) for k in NoticeKind.values for c in wishes.channels(k)}
        assert found == wanted
        assert sdr.notice_preferences.count() == len(wanted ^ usual)


@pytest.mark.parametrize("kind", NoticeKind.values)
def test_every_kind_has_words(kind: str) -> None:
    wording = WORDINGS[kind]
    assert kind in DEFAULTS
    assert wording.sentence or wording.without_lead
    for text, lead in ((wording.sentence, "Hannah Vogel"), (wording.without_lead, None)):
        if text:
            words = dict.fromkeys(placeholders(text) - {"lead"}, "{odd} %s")
            assert "{odd} %s" in sentence_of(kind, words, lead=lead) or not words
    assert "{lead}" not in str(wording.detail)
    assert detail_of(kind, {}, is_about_lead=True) == ""


def test_the_managers_of_a_team_are_told_else_all(people: dict[str, User], team: Team) -> None:
    elsewhere = person("manager", TeamFactory(name="Elsewhere"))
    assert set(managers_of(team)) == {people["manager"]}
    assert set(managers_of(TeamFactory(name="Without"))) == {people["manager"], elsewhere}
    assert set(managers_of(Team.objects.get(is_fallback=True))) == {people["manager"], elsewhere}


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_once(people: dict[str, User]) -> None:
    lead = LeadFactory()
    told = all_done(
        [lambda: tell(kind=ASSIGNED, people=[people["sdr"]], key="k", lead=lead, now=NOW)] * 2
    )
    assert sorted(told) == [0, 1]
