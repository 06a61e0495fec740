"""HubSpot: contact, company and deal by our id, linked; what each answer means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from crm.models import Lead, User
from crm.roles import Role
from qualification.connectors.hubspot import HubSpot as Connector
from qualification.connectors.registry import access_to
from qualification.handoff.moves import move_handoff
from qualification.models import CrmLink, Handoff, OutboxMessage
from qualification.outbox.deliver import LaneDown, Undeliverable
from qualification.outbox.http import Refused
from qualification.sweeps import deliver_due
from tests.factories import NOW, AccountFactory, person
from tests.fakes.hubspot import TOKEN, HubSpot, hubspot
from tests.qualification.crm_support import SECRET_NAME, connection_to, reachable, to_crm
from tests.qualification.decision_support import MINUTE, accepted
from tests.qualification.webhook_support import open_transactions

__all__ = ["reachable"]
pytestmark = pytest.mark.django_db
DUE = NOW + 6 * MINUTE
State = OutboxMessage.State


@pytest.fixture
def crm() -> Iterator[HubSpot]:
    with hubspot(hang_seconds=0.3) as running:
        yield running


def of_company(people: dict[str, User], **account: object) -> Lead:
    """An accepted lead with a company."""
    from qualification.review.decisions import accept_lead
    from tests.qualification.decision_support import answer_required, held_item

    company = AccountFactory(name="Brightwater", website="https://www.Brightwater.example/x")
    item = held_item(people["sdr"], "owned", account=company, title="VP", phone="+49 30 1")
    answer_required(item.lead, people["sdr"])
    accept_lead(
        item=item, token=item.token, by=people["sdr"], to=people["ae"], now=NOW + 5 * MINUTE
    )
    return item.lead


def only(crm: HubSpot, kind: str) -> dict[str, Any]:
    (record,) = crm.records[kind].values()
    return record


def test_person_company_and_deal_are_there_and_linked(
    people: dict[str, User], crm: HubSpot
) -> None:
    connection = connection_to(crm.url)
    lead = of_company(people)
    assert deliver_due(now=DUE) == 2  # the mail, and this
    contact, company, deal = (only(crm, kind) for kind in ("contacts", "companies", "deals"))
    assert contact["email"] == lead.email
    assert (contact["firstname"], contact["lastname"]) == (lead.first_name, lead.last_name)
    assert (contact["jobtitle"], contact["leadqual_id"]) == ("VP", f"lead:{lead.pk}")
    assert (company["domain"], company["leadqual_id"]) == (
        "brightwater.example",
        f"account:{lead.account_id}",
    )
    assert deal["leadqual_id"] == f"lead:{lead.pk}:handoff:1"
    assert (deal["pipeline"], deal["dealstage"]) == ("default", "appointmentscheduled")
    assert "pain known" in deal["description"]
    assert len(crm.lines) == 3
    links = dict(CrmLink.objects.values_list("kind", "vendor_id"))
    assert links == {
        kind: next(iter(crm.records[theirs]))
        for kind, theirs in (("lead", "contacts"), ("account", "companies"), ("handoff", "deals"))
    }
    message = to_crm()
    assert (message.state, message.lane) == (State.SENT, connection.lane)


def test_what_failed_after_its_effect_has_its_effect_once(
    people: dict[str, User], crm: HubSpot
) -> None:
    connection_to(crm.url)
    of_company(people)
    now = DUE
    crm.faults = ["", "", "", "", "reset_after"]  # the deal is there, its answer is lost
    deliver_due(now=now)
    assert (len(crm.records["deals"]), to_crm().state) == (1, State.WAITING)
    # Somebody moves it on before the next attempt.
    (pk,) = crm.records["deals"]
    crm.change("deals", pk, {"dealstage": "closedwon"})
    assert deliver_due(now=to_crm().due_at) == 1
    assert set(crm.keys().values()) == {1}
    assert only(crm, "deals")["dealstage"] == "closedwon"


def test_a_handoff_on_another_desk_is_the_same_deal(people: dict[str, User], crm: HubSpot) -> None:
    connection_to(crm.url)
    lead = of_company(people)
    deliver_due(now=DUE)
    (pk,) = crm.records["deals"]
    crm.change("deals", pk, {"dealstage": "qualifiedtobuy"})
    other = person(Role.AE, people["ae"].team)
    handoff = Handoff.objects.get(lead=lead)
    move_handoff(handoff=handoff, to=other, by=people["manager"], reason="Away", now=DUE)
    assert deliver_due(now=DUE) == 2  # the mail to the other desk, and this
    assert set(crm.keys().values()) == {1}
    assert only(crm, "deals")["dealstage"] == "qualifiedtobuy"
    assert OutboxMessage.objects.filter(kind="crm-handoff", state=State.SENT).count() == 2


def test_control_without_a_unique_property_there_are_doubles(
    people: dict[str, User], crm: HubSpot
) -> None:
    crm.is_naive = True
    connection_to(crm.url)
    of_company(people)
    crm.faults = ["", "", "", "", "reset_after"]
    deliver_due(now=DUE)
    deliver_due(now=to_crm().due_at)
    assert set(crm.keys().values()) == {2}


@pytest.mark.parametrize("fault", ["500", "429", "reset", "reset_after", "hang_after"])
def test_each_fault_is_tried_again(
    people: dict[str, User], crm: HubSpot, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qualification.connectors.hubspot_calls.ANSWER_SECONDS", 0.1)
    connection_to(crm.url)
    of_company(people)
    crm.faults = ["", fault]
    deliver_due(now=DUE)
    message = to_crm()
    assert (message.state, message.attempts) == (State.WAITING, 1)
    assert deliver_due(now=message.due_at) == 1
    assert [len(crm.records[kind]) for kind in crm.records] == [1, 1, 1]


def test_it_waits_as_long_as_it_is_asked_to(people: dict[str, User], crm: HubSpot) -> None:
    connection_to(crm.url)
    accepted(people)
    crm.faults, crm.retry_after = ["429"], "600"
    deliver_due(now=DUE)
    assert to_crm().due_at >= DUE + dt.timedelta(seconds=600)


def test_somebody_they_know_already_becomes_ours(people: dict[str, User], crm: HubSpot) -> None:
    connection_to(crm.url)
    lead = of_company(people)
    theirs = crm.add("contacts", email=lead.email)
    company = crm.add("companies", domain="brightwater.example", name="BW")
    deliver_due(now=DUE)
    assert only(crm, "contacts")["leadqual_id"] == f"lead:{lead.pk}"
    assert only(crm, "companies")["leadqual_id"] == f"account:{lead.account_id}"
    links = dict(CrmLink.objects.values_list("kind", "vendor_id"))
    assert (links["lead"], links["account"]) == (theirs, company)


def test_a_bad_value_is_given_up_at_once_and_named_without_it(
    people: dict[str, User], crm: HubSpot
) -> None:
    connection_to(crm.url)
    accepted(people, email="poison-canary@x.example")
    deliver_due(now=DUE)
    message = to_crm()
    assert (message.state, message.attempts) == (State.DEAD, 1)
    assert message.error == "answered 400: validation error, email"


@pytest.mark.parametrize("status", [401, 403, 423, 429, 477, 502, 503, 504])
def test_what_concerns_all_holds_up_the_lane(status: int) -> None:
    assert raised(status) is LaneDown


@pytest.mark.parametrize("status", [404, 408, 409, 500, 501])
def test_what_concerns_one_is_tried_again(status: int) -> None:
    assert issubclass(raised(status), Refused)


@pytest.mark.parametrize("status", [301, 400, 405, 413, 414, 415, 422])
def test_what_can_never_arrive_is_given_up(status: int) -> None:
    assert raised(status) is Undeliverable


def raised(status: int) -> type[Exception]:
    from qualification.connectors.hubspot_calls import _judge
    from qualification.outbox.http import Answer

    with pytest.raises(Exception) as caught:  # noqa: PT011 - the type is the question
        _judge(Answer(status, b"", dt.timedelta(0)), {})
    return caught.type


def test_no_personal_data_in_logs_or_errors(
    people: dict[str, User], crm: HubSpot, caplog: pytest.LogCaptureFixture
) -> None:
    connection_to(crm.url)
    lead = of_company(people)
    crm.faults = ["500"]
    with caplog.at_level("DEBUG"):
        deliver_due(now=DUE)
        deliver_due(now=to_crm().due_at)
    for secret in (lead.email, lead.last_name, TOKEN):
        assert secret not in caplog.text
        assert secret not in to_crm().error


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_meanwhile(people: dict[str, User], crm: HubSpot) -> None:
    connection_to(crm.url)
    of_company(people)
    seen: list[int] = []
    crm.on_request = lambda: seen.append(open_transactions())
    deliver_due(now=DUE)
    assert len(seen) >= 6
    assert set(seen) == {0}


def test_trying_it_out_says_what_is_missing(crm: HubSpot, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connection_to(crm.url)
    Connector().try_out(access_to(connection))
    crm.unique["deals"] = False
    with pytest.raises(Refused, match="deals is not unique"):
        Connector().try_out(access_to(connection))
    monkeypatch.setenv(SECRET_NAME, "wrong")
    with pytest.raises(LaneDown, match="401"):
        Connector().try_out(access_to(connection))
    monkeypatch.delenv(SECRET_NAME)
    with pytest.raises(LaneDown, match="is not set"):
        access_to(connection)


def test_only_variables_for_crms_are_read(crm: HubSpot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "the key of everything")
    connection = connection_to(crm.url)
    connection.secret_name = "SECRET_KEY"
    with pytest.raises(LaneDown, match="is not set"):
        access_to(connection)
