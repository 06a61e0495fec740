"""What was not delivered: why, to whom, in sight; sent again once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.test import Client

from crm.models import User
from qualification.handoff.deliveries import deliver_again
from qualification.models import OutboxMessage
from tests import factories
from tests.factories import NOW
from tests.qualification.crm_support import connection_to, to_crm
from tests.qualification.decision_support import MINUTE, accepted

pytestmark = pytest.mark.django_db
State = OutboxMessage.State
WHY = "answered 400: validation error, email"


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.clear()


@pytest.fixture
def manager(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["manager"])


def dead(people: dict[str, User], **fields: Any) -> OutboxMessage:
    """A message to a CRM that was given up."""
    decision = accepted(people)
    message = OutboxMessage.objects.get(decision=decision, kind="crm-handoff")
    values = {"state": State.DEAD, "attempts": 8, "error": WHY, **fields}
    OutboxMessage.objects.filter(pk=message.pk).update(**values)
    message.refresh_from_db()
    return message


def page_of(client: Client, query: str = "") -> str:
    return client.get(f"/deliveries/{query}").content.decode()


def test_it_says_what_did_not_go_and_why(people: dict[str, User], manager: Client) -> None:
    connection_to("https://crm.example", "webhook", "Our CRM")
    message = dead(people)
    page = page_of(manager)
    assert message.decision is not None
    for words in (message.decision.lead.name, "Our CRM", WHY, '<td class="num only-wide">8</td>'):
        assert words in page
    assert '<span class="count">1</span>' in page


def test_nothing_given_up(manager: Client) -> None:
    assert "Nothing was given up" in page_of(manager)
    assert "Nothing is being tried again" in page_of(manager, "?which=trying")


def test_what_is_tried_again_shows_its_next_time(people: dict[str, User], manager: Client) -> None:
    connection_to("https://crm.example", "webhook")
    dead(people, state=State.WAITING, attempts=2, due_at=NOW + 10 * MINUTE)
    page = page_of(manager, "?which=trying")
    assert WHY in page
    assert "Next try" in page
    assert "Send all again" not in page


def test_one_place_at_a_time(people: dict[str, User], manager: Client) -> None:
    one = connection_to("https://crm.example", "webhook", "One")
    message = dead(people)
    assert f"delivery-{message.pk}" in page_of(manager, f"?lane={one.lane}")
    assert f"delivery-{message.pk}" not in page_of(manager, "?lane=mail")
    assert f"delivery-{message.pk}" in page_of(manager, "?lane=nonsense%00")


def test_other_teams_see_nothing_of_it(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    connection_to("https://crm.example", "webhook")
    message = dead(people)
    stranger = login(factories.person("manager", factories.TeamFactory(name="APAC")))
    assert f"delivery-{message.pk}" not in page_of(stranger)
    assert stranger.post(f"/deliveries/{message.pk}/again/").status_code == 404
    stranger.post("/deliveries/again/", {"lane": ""})
    message.refresh_from_db()
    assert message.state == State.DEAD


def test_a_notice_is_for_admins(
    people: dict[str, User], login: Callable[[User], Client], manager: Client
) -> None:
    notice = OutboxMessage.objects.create(
        key="n", kind="notice-mail", state=State.DEAD, not_before=NOW, due_at=NOW, error="refused"
    )
    assert f"delivery-{notice.pk}" not in page_of(manager)
    assert f"delivery-{notice.pk}" in page_of(login(people["admin"]))


def test_one_is_sent_again_once(people: dict[str, User], manager: Client) -> None:
    connection_to("https://crm.example", "webhook")
    message = dead(people)
    first = manager.post(f"/deliveries/{message.pk}/again/", follow=True)
    again = manager.post(f"/deliveries/{message.pk}/again/", follow=True)
    assert "1 message is sent again." in first.content.decode()
    assert "it is on its way already" in again.content.decode()
    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == (State.WAITING, 0, "")


def test_all_of_a_place_are_sent_again(people: dict[str, User], manager: Client) -> None:
    one = connection_to("https://crm.example", "webhook", "One")
    for _ in range(3):
        dead(people)
    other = OutboxMessage.objects.filter(kind="handoff").first()
    assert other is not None
    OutboxMessage.objects.filter(pk=other.pk).update(state=State.DEAD)
    answer = manager.post("/deliveries/again/", {"lane": one.lane}, follow=True)
    assert "3 messages are sent again." in answer.content.decode()
    other.refresh_from_db()
    assert other.state == State.DEAD
    manager.post("/deliveries/again/", {"lane": ""})
    other.refresh_from_db()
    assert other.state == State.WAITING


def test_an_sdr_sends_nothing_again(people: dict[str, User]) -> None:
    with pytest.raises(PermissionDenied):
        deliver_again(OutboxMessage.objects.all(), by=people["sdr"], now=NOW)


def test_pages_go_on_by_key(people: dict[str, User], manager: Client) -> None:
    connection_to("https://crm.example", "webhook")
    template = dead(people)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            key=f"k{n}",
            kind=template.kind,
            decision=template.decision,
            lane=template.lane,
            state=State.DEAD,
            not_before=NOW,
            due_at=NOW - dt.timedelta(minutes=n),
        )
        for n in range(60)
    )
    first = manager.get("/deliveries/")
    assert len(first.context["rows"]) == 50
    second = manager.get(f"/deliveries/{first.context['older_url']}")
    assert len(second.context["rows"]) == 11
    shown = {row.message.pk for page in (first, second) for row in page.context["rows"]}
    assert len(shown) == 61


def test_the_ae_sees_where_it_stands(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    connection_to("https://crm.example", "webhook", "Our CRM")
    message = dead(people)
    assert message.decision is not None
    page = login(people["ae"]).get(f"/handoffs/{message.decision.handoff.pk}/").content.decode()
    assert "Delivered to" in page
    assert "Our CRM" in page
    assert WHY in page
    assert "E-mail" in page


def test_the_key_of_a_message_stays(people: dict[str, User], manager: Client) -> None:
    connection_to("https://crm.example", "webhook")
    key = dead(people).key
    manager.post("/deliveries/again/")
    assert to_crm().key == key
