"""Bring back: a manager puts a lead that a rule turned away into the queue, with a note."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from crm.models import Lead, StageEvent, Team, User
from qualification.choices import TimerKind
from qualification.exceptions import DecisionIncomplete, NotOverturnable
from qualification.models import ItemEvent, ReviewItem, ScoringModel, SLATimer
from qualification.review.merge import merge_lead
from qualification.review.queue import apply_line
from qualification.review.turned_away import bring_back
from tests import factories
from tests.qualification import queue_support

HTMX = {"HX-Request": "true"}
Away = Callable[..., Lead]


@pytest.fixture
def away(team: Team, here: dt.datetime) -> Away:
    """Makes a lead that a rule has turned away."""

    def make(reason: str = "opted_out", **fields: object) -> Lead:
        lead = queue_support.scored_lead(700, disqualified=reason, **{"team": team, **fields})
        apply_line([lead.pk], model=queue_support.active_model(), now=here)
        lead.refresh_from_db()
        assert lead.stage == "disqualified"
        return lead

    return make


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


def url(lead: Lead) -> str:
    return f"/leads/{lead.pk}/bring-back/"


@pytest.mark.django_db
def test_the_history_names_the_reason_and_the_version(away: Away) -> None:
    lead = away("unserved_country")
    event = StageEvent.objects.get(lead=lead, to_stage="disqualified")
    assert event.reason == "disqualified by a rule: unserved country (version 1)"


@pytest.mark.django_db
def test_it_puts_the_lead_into_the_queue(
    manager: Client, away: Away, live_model: ScoringModel
) -> None:
    lead = away()
    assert url(lead) in manager.get(f"/leads/{lead.pk}/").content.decode()
    assert b"Bring back" in manager.get(url(lead), headers=HTMX).content
    answer = manager.post(url(lead), {"note": "They called us."}, headers=HTMX)
    assert answer["HX-Redirect"] == f"/leads/{lead.pk}/"
    item = ReviewItem.objects.open().get(lead=lead)
    assert item.entry_reason == "overturned"
    assert SLATimer.objects.get(item=item).kind == TimerKind.FIRST_RESPONSE
    assert ItemEvent.objects.get(item=item, verb="item:entered").note == "They called us."
    assert url(lead) not in manager.get(f"/leads/{lead.pk}/").content.decode()


@pytest.mark.django_db
def test_the_rule_leaves_it_there(away: Away, people: dict[str, User], here: dt.datetime) -> None:
    lead = away()
    bring_back(lead=lead, by=people["manager"], note="Look", now=here)
    apply_line([lead.pk], model=queue_support.active_model(), now=here)
    assert ReviewItem.objects.open().filter(lead=lead).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("note", ["", "   "])
def test_it_wants_a_note(manager: Client, away: Away, note: str) -> None:
    lead = away()
    answer = manager.post(url(lead), {"note": note}, headers=HTMX)
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert not ReviewItem.objects.exists()


@pytest.mark.django_db
def test_the_door_wants_a_note_too(away: Away, people: dict[str, User], here: dt.datetime) -> None:
    with pytest.raises(DecisionIncomplete):
        bring_back(lead=away(), by=people["manager"], note=" ", now=here)


@pytest.mark.django_db
def test_it_brings_back_once(manager: Client, away: Away) -> None:
    lead = away()
    manager.post(url(lead), {"note": "One"})
    assert manager.post(url(lead), {"note": "Two"}, headers=HTMX).status_code == 409
    assert ReviewItem.objects.count() == 1


@pytest.mark.django_db
def test_a_persons_rejection_is_not_its_business(
    team: Team, people: dict[str, User], here: dt.datetime
) -> None:
    lead = factories.LeadFactory(team=team)
    Lead.objects.filter(pk=lead.pk).update(stage="disqualified", disqualified_by="person")
    with pytest.raises(NotOverturnable):
        bring_back(lead=lead, by=people["manager"], note="x", now=here)


@pytest.mark.django_db
def test_a_lead_that_was_merged_is_refused_by_name(
    manager: Client, away: Away, people: dict[str, User], here: dt.datetime
) -> None:
    lead = away()
    survivor = factories.LeadFactory(team=lead.team, last_name="Okafor")
    merge_lead(survivor=survivor, loser=lead, takes=(), by=people["manager"], now=here)
    with pytest.raises(NotOverturnable, match="You merged this lead into Hannah Okafor"):
        bring_back(lead=lead, by=people["manager"], note="x", now=here)
    assert manager.post(url(lead), {"note": "x"}).status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["sdr", "ae", "marketing"])
def test_it_refuses_the_wrong_role(
    role: str, away: Away, people: dict[str, User], here: dt.datetime
) -> None:
    with pytest.raises(PermissionDenied):
        bring_back(lead=away(), by=people[role], note="x", now=here)


@pytest.mark.django_db
def test_another_team_does_not_know_it(login: Callable[[User], Client], away: Away) -> None:
    foreign = factories.person("manager", factories.TeamFactory(name="Americas"))
    assert login(foreign).post(url(away()), {"note": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_managers_at_once_make_one_item(
    away: Away, people: dict[str, User], team: Team, here: dt.datetime
) -> None:
    lead = away()
    second = factories.person("manager", team)

    def bring(by: User) -> Callable[[], ReviewItem]:
        own = Lead.objects.get(pk=lead.pk)
        return lambda: bring_back(lead=own, by=by, note="Look", now=here)

    results = queue_support.in_threads([bring(people["manager"]), bring(second)])
    assert sorted(type(result).__name__ for result in results) == ["NotOverturnable", "ReviewItem"]
    assert ReviewItem.objects.filter(lead=lead).count() == 1
