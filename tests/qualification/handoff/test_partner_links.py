"""A partner answers by a signed link: it opens one handoff, for some days, for one answer."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from crm.models import Lead, User
from crm.roles import Role
from qualification.choices import EntryReason, TimerState
from qualification.exceptions import (
    DecisionIncomplete,
    HandoffAnswered,
    LinkInvalid,
    NotHolder,
)
from qualification.handoff.answers import answer_for_partner
from qualification.handoff.moves import move_handoff
from qualification.handoff.partner_links import answer_by_link, handoff_of, token_for
from qualification.invariants import violations
from qualification.models import (
    Handoff,
    ItemEvent,
    Notice,
    OutboxMessage,
    Partner,
    ReviewItem,
    SLATimer,
)
from qualification.review.decisions import undo_decision
from qualification.sweeps import deliver_due
from qualification.views import partners as page
from tests import factories
from tests.qualification import queue_support
from tests.qualification.decision_support import MINUTE
from tests.qualification.handoff.destination_support import LATER, SOON, handed_to, partner

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def handoff(people: dict[str, User]) -> Handoff:
    return handed_to(partner(), people)


@pytest.fixture
def now_handed(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> Handoff:
    """One whose link opens today: the page reads the wall clock."""
    handoff = handed_to(partner(), people)
    Handoff.objects.filter(pk=handoff.pk).update(created_at=timezone.now())
    handoff.refresh_from_db()
    cache.clear()
    return handoff


def test_it_waits_at_the_partner_with_a_clock(handoff: Handoff) -> None:
    assert (handoff.target, handoff.ae, handoff.team) == ("partner", None, None)
    assert handoff.decision.to == handoff.partner
    assert SLATimer.objects.get(kind="handoff_acceptance").state == TimerState.RUNNING
    assert violations(now=SOON) == []


@pytest.mark.parametrize(("minutes", "expected"), [(90, 90), (None, 240), (5, 5)])
def test_the_clock_is_theirs_or_the_policy_s(
    people: dict[str, User], minutes: int | None, expected: int
) -> None:
    handed_to(partner(answer_minutes=minutes), people)
    clock = SLATimer.objects.get(kind="handoff_acceptance")
    assert clock.due_at - clock.started_at == expected * MINUTE
    assert clock.started_at <= clock.warn_at <= clock.due_at


def test_they_take_it(handoff: Handoff) -> None:
    answered = answer_by_link(token=token_for(handoff), takes=True, now=LATER)
    assert (answered.state, answered.answered_at, answered.ae) == ("accepted", LATER, None)
    assert SLATimer.objects.get(kind="handoff_acceptance").state == TimerState.STOPPED
    assert ItemEvent.objects.get(verb="handoff:partner-took").by is None
    deliver_due(now=LATER)
    assert violations(now=LATER) == []


def test_they_give_it_back(handoff: Handoff, people: dict[str, User]) -> None:
    token = token_for(handoff)
    answered = answer_by_link(token=token, takes=False, reason=" Too far ", now=LATER)
    item = ReviewItem.objects.open().get()
    assert (answered.state, answered.return_reason) == ("returned", "Too far")
    assert item.entry_reason == EntryReason.RETURNED
    notice = Notice.objects.get(kind="handoff_returned")
    assert (notice.person, notice.words["by"]) == (people["sdr"], "Wisla Systems")
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED
    assert violations(now=LATER) == []
    with pytest.raises(LinkInvalid):
        handoff_of(token, now=LATER)


@pytest.mark.parametrize("takes", [True, False])
def test_a_link_answers_once(handoff: Handoff, takes: bool) -> None:
    token = token_for(handoff)
    answer_by_link(token=token, takes=takes, reason="Too far", now=LATER)
    for again in (True, False):
        with pytest.raises(HandoffAnswered):
            answer_by_link(token=token, takes=again, reason="x", now=LATER + MINUTE)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
def test_giving_back_wants_a_short_reason(handoff: Handoff, reason: str) -> None:
    with pytest.raises(DecisionIncomplete):
        answer_by_link(token=token_for(handoff), takes=False, reason=reason, now=LATER)


def test_it_runs_out(handoff: Handoff) -> None:
    token, end = token_for(handoff), handoff.created_at + 14 * DAY
    assert handoff_of(token, now=end - MINUTE) == handoff
    with pytest.raises(LinkInvalid):
        handoff_of(token, now=end)
    with pytest.raises(LinkInvalid):
        answer_by_link(token=token, takes=True, now=end)


@pytest.mark.parametrize("change", ["x", "", ".", "a.b", "\u20ac.\u20ac"])
def test_nothing_else_opens_it(handoff: Handoff, change: str) -> None:
    for token in (token_for(handoff) + change, change):
        if token == token_for(handoff):
            continue
        with pytest.raises(LinkInvalid):
            handoff_of(token, now=LATER)


def test_it_says_nothing_of_the_person_and_stays_the_same(handoff: Handoff) -> None:
    token = token_for(handoff)
    assert token == token_for(Handoff.objects.get())
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)


def test_it_dies_when_the_handoff_moves(handoff: Handoff, people: dict[str, User]) -> None:
    token, manager = token_for(handoff), people["manager"]
    move_handoff(handoff=handoff, to=people["ae"], by=manager, reason="Ours", now=LATER)
    for at in (LATER, LATER + MINUTE):
        with pytest.raises(LinkInvalid):
            answer_by_link(token=token, takes=True, now=at)
    assert handoff.moves.get().from_target == Partner.objects.get()
    back = partner("Other")
    move_handoff(handoff=handoff, to=back, by=manager, reason="Theirs", now=LATER)
    with pytest.raises(LinkInvalid):
        handoff_of(token, now=LATER)
    assert handoff_of(token_for(handoff), now=LATER).partner == back


def test_it_dies_when_the_decision_is_undone(handoff: Handoff, people: dict[str, User]) -> None:
    undo_decision(decision=handoff.decision, by=people["sdr"], now=SOON)
    with pytest.raises(LinkInvalid):
        handoff_of(token_for(handoff), now=SOON)


def test_the_mail_holds_the_link_and_no_person(
    handoff: Handoff, mailoutbox: list[Any], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://leads.example.com/"
    assert deliver_due(now=LATER) == 1
    (mail,) = mailoutbox
    assert mail.to == ["ewa@wisla.example"]
    assert f"https://leads.example.com/partner/{token_for(handoff)}/" in mail.body
    told = f"{mail.subject} {mail.body}"
    for personal in (handoff.lead.last_name, handoff.lead.email, handoff.lead.first_name):
        assert personal not in told


def test_without_an_address_of_ours_it_is_given_up(handoff: Handoff, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    assert deliver_due(now=LATER) == 0
    message = OutboxMessage.objects.get()
    assert (message.state, "PUBLIC_URL" in message.error) == (OutboxMessage.State.DEAD, True)


def test_a_manager_writes_down_what_they_said(handoff: Handoff, people: dict[str, User]) -> None:
    answered = answer_for_partner(handoff=handoff, takes=True, by=people["manager"], now=LATER)
    assert answered.state == Handoff.State.ACCEPTED
    assert ItemEvent.objects.get(verb="handoff:partner-took-told").by == people["manager"]


@pytest.mark.parametrize("role", [Role.SDR, Role.AE, Role.MARKETING])
def test_nobody_else_answers_for_them(handoff: Handoff, people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        answer_for_partner(handoff=handoff, takes=True, by=people[role], now=LATER)


def test_it_refuses_a_manager_of_another_team(handoff: Handoff) -> None:
    stranger = factories.person(Role.MANAGER, factories.TeamFactory(name="US"))
    with pytest.raises(NotHolder):
        answer_for_partner(handoff=handoff, takes=True, by=stranger, now=LATER)


def test_it_refuses_what_is_not_with_a_partner(people: dict[str, User]) -> None:
    handoff = handed_to(people["ae"], people)
    with pytest.raises(NotHolder, match="not with a partner"):
        answer_for_partner(handoff=handoff, takes=True, by=people["manager"], now=LATER)


def test_a_partner_switched_off_is_an_alert(handoff: Handoff) -> None:
    Partner.objects.update(is_active=False)
    assert any("no place to be" in found.kind for found in violations(now=SOON))


def test_nobody_of_ours_sees_it_because_a_partner_has_it(
    handoff: Handoff, people: dict[str, User]
) -> None:
    assert not Lead.objects.visible_to(people["ae"]).exists()


@pytest.mark.django_db(transaction=True)
def test_answers_and_a_move_at_once_have_one_winner(people: dict[str, User]) -> None:
    handoff = handed_to(partner(), people)
    token = token_for(handoff)
    results = queue_support.in_threads(
        [
            lambda: answer_by_link(token=token, takes=True, now=LATER),
            lambda: answer_by_link(token=token, takes=False, reason="Too far", now=LATER),
            lambda: move_handoff(
                handoff=Handoff.objects.get(pk=handoff.pk),
                to=people["ae"],
                by=people["manager"],
                reason="Ours",
                now=LATER,
            ),
        ]
    )
    won = [number for number, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(won) == 1
    handoff.refresh_from_db()
    expected = [("accepted", "partner"), ("returned", "partner"), ("waiting", "ae")][won[0]]
    assert (handoff.state, handoff.target) == expected
    deliver_due(now=LATER)
    assert violations(now=LATER) == []


def path(handoff: Handoff) -> str:
    return f"/partner/{token_for(handoff)}/"


def test_looking_changes_nothing_and_is_not_kept(now_handed: Handoff, client: Client) -> None:
    response = client.get(path(now_handed))
    html = response.content.decode()
    assert now_handed.lead.last_name in html
    assert "pain known" in html
    assert "We take it" in html
    assert response["Cache-Control"] == "no-store"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert Handoff.objects.get().state == Handoff.State.WAITING
    assert client.get(path(now_handed) + "answer/").status_code == 405


def test_a_stranger_takes_it_on_the_page(now_handed: Handoff, client: Client) -> None:
    url = path(now_handed)
    html = client.post(url + "answer/", {"answer": "take"}).content.decode()
    assert "You took this lead" in html
    assert "We take it" not in html
    assert now_handed.lead.last_name in client.get(url).content.decode()
    again = client.post(url + "answer/", {"answer": "take"})
    assert (again.status_code, "answered at" in again.content.decode()) == (409, True)


def test_a_stranger_gives_it_back_on_the_page(now_handed: Handoff, client: Client) -> None:
    url = path(now_handed)
    refused = client.post(url + "answer/", {"answer": "return", "reason": " "})
    assert refused.status_code == 422
    assert 'id="id_reason_error"' in refused.content.decode()
    assert client.post(url + "answer/", {"answer": "maybe"}).status_code == 422
    done = client.post(url + "answer/", {"answer": "return", "reason": "Too far"})
    assert "with us again" in done.content.decode()
    assert client.get(url).status_code == 404


def test_the_page_wants_the_form_it_made(now_handed: Handoff) -> None:
    strict = Client(enforce_csrf_checks=True)
    url = path(now_handed)
    assert strict.post(url + "answer/", {"answer": "take"}).status_code == 403
    strict.get(url)
    token = strict.cookies["csrf"].value
    given = {"answer": "take", "csrfmiddlewaretoken": token}
    assert strict.post(url + "answer/", given).status_code == 200


def test_who_comes_too_often_waits(
    now_handed: Handoff, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "LIMIT", 3)
    statuses = [client.get("/partner/guess/").status_code for _ in range(3)]
    assert statuses == [404, 404, 404]
    refused = client.post(path(now_handed) + "answer/", {"answer": "take"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "600")
    assert Handoff.objects.get().state == Handoff.State.WAITING
    cache.clear()
