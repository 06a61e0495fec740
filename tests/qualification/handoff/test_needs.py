"""What a destination needs: refused with the list at every door, said with the accept, an admin's
to set, and behind all of it the trigger of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import AttributeDefinition, Lead, User
from qualification.choices import AnswerState, ItemState, TargetKind
from qualification.exceptions import DestinationIncomplete
from qualification.handoff.moves import move_handoff
from qualification.handoff.needs import needs_of
from qualification.models import (
    ChecklistAnswer,
    Criterion,
    Decision,
    DestinationField,
    Handoff,
    ReviewItem,
)
from qualification.review.decisions import accept_lead
from tests import factories
from tests.qualification.decision_support import answer, answer_required, held_item
from tests.qualification.handoff.destination_support import (
    LATER,
    SOON,
    handed_to,
    partner,
    ready_item,
    team_of,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def bare_item(people: dict[str, User]) -> ReviewItem:
    """Every required answer, and nothing of what destinations need."""
    item = held_item(people["sdr"], ItemState.OWNED, country="")
    answer_required(item.lead, people["sdr"])
    return item


def lacks(lead: Lead, kind: TargetKind) -> list[str]:
    return [need.label for need in needs_of(lead) if kind in need.targets]


def test_it_is_refused_with_the_list(people: dict[str, User]) -> None:
    item = bare_item(people)
    given = {"item": item, "token": item.token, "by": people["sdr"], "now": SOON}
    with pytest.raises(DestinationIncomplete, match="Consent to be passed on, Country") as refused:
        accept_lead(to=partner(), **given)
    assert refused.value.missing == ["Consent to be passed on", "Country"]
    with pytest.raises(DestinationIncomplete, match="Desk of a team"):
        accept_lead(to=team_of(people), **given)
    assert not Decision.objects.exists()
    assert accept_lead(to=people["ae"], **given).to == people["ae"]


def test_no_reason_of_a_manager_stands_for_a_consent(people: dict[str, User]) -> None:
    item = held_item(people["manager"], ItemState.OWNED, country="Poland")
    with pytest.raises(DestinationIncomplete):
        accept_lead(
            item=item,
            token=item.token,
            by=people["manager"],
            to=partner(),
            override_reason="I know them",
            now=SOON,
        )


def test_what_is_said_with_the_accept_is_written_down(people: dict[str, User]) -> None:
    item = bare_item(people)
    said = {"checklist.share_consent": "yes", "lead.country": " Poland "}
    accept_lead(item=item, token=item.token, by=people["sdr"], to=partner(), said=said, now=SOON)
    consent = ChecklistAnswer.objects.get(criterion__key="share_consent")
    assert (consent.value, consent.state, consent.by) == (
        True,
        AnswerState.CONFIRMED,
        people["sdr"],
    )
    assert Lead.objects.get(pk=item.lead_id).country == "Poland"
    packet = Handoff.objects.get().packet
    assert packet["lead"]["country"] == "Poland"


def test_what_the_destination_does_not_need_is_not_written(people: dict[str, User]) -> None:
    item = bare_item(people)
    said = {"checklist.share_consent": "yes", "lead.country": "Poland"}
    to = people["ae"]
    accept_lead(item=item, token=item.token, by=people["sdr"], to=to, said=said, now=SOON)
    assert not ChecklistAnswer.objects.filter(criterion__key="share_consent").exists()
    assert Lead.objects.get(pk=item.lead_id).country == ""


def test_when_it_is_refused_nothing_said_stays(people: dict[str, User]) -> None:
    item = bare_item(people)
    with pytest.raises(DestinationIncomplete):
        accept_lead(
            item=item,
            token=item.token,
            by=people["sdr"],
            to=partner(),
            said={"lead.country": "Poland"},
            now=SOON,
        )
    assert Lead.objects.get(pk=item.lead_id).country == ""


@pytest.mark.parametrize(
    ("value", "state", "is_enough"),
    [
        (True, AnswerState.CONFIRMED, True),
        (False, AnswerState.CONFIRMED, False),
        (True, AnswerState.INFERRED, False),
        (None, AnswerState.UNKNOWN, False),
        (None, AnswerState.CONTRADICTED, False),
    ],
)
def test_only_a_confirmed_yes_is_a_consent(
    people: dict[str, User], value: object, state: str, is_enough: bool
) -> None:
    item = bare_item(people)
    answer(item.lead, "share_consent", people["sdr"], value=value, state=state)
    found = lacks(item.lead, TargetKind.PARTNER)
    assert ("Consent to be passed on" not in found) is is_enough


def test_a_consent_that_was_taken_back_is_none(people: dict[str, User]) -> None:
    item = ready_item(people)
    assert lacks(item.lead, TargetKind.PARTNER) == []
    answer(item.lead, "share_consent", people["sdr"], value=False, now=SOON)
    assert lacks(item.lead, TargetKind.PARTNER) == ["Consent to be passed on"]


def test_facts_attributes_and_answers_can_be_needed(people: dict[str, User]) -> None:
    AttributeDefinition.objects.create(name="region", type="text", label="Region")
    for subject in ("account.industry", "attributes.region", "checklist.system_in_use"):
        DestinationField.objects.create(target=TargetKind.AE, subject=subject)
    account = factories.AccountFactory(industry=" ")
    item = held_item(people["sdr"], account=account, attributes={"region": ""})
    assert lacks(item.lead, TargetKind.AE) == ["Industry", "Region", "System in use"]
    account.industry = "Retail"
    account.save()
    Lead.objects.filter(pk=item.lead_id).update(attributes={"region": "North"})
    answer(item.lead, "system_in_use", people["sdr"], state=AnswerState.INFERRED)
    assert lacks(item.lead, TargetKind.AE) == []


def test_a_move_needs_the_same(people: dict[str, User]) -> None:
    item = bare_item(people)
    accept_lead(item=item, token=item.token, by=people["sdr"], to=people["ae"], now=SOON)
    handoff = Handoff.objects.get()
    with pytest.raises(DestinationIncomplete, match="Country"):
        move_handoff(
            handoff=handoff, to=partner(), by=people["manager"], reason="Theirs", now=LATER
        )
    assert not handoff.moves.exists()


def test_the_database_refuses_what_goes_past_the_doors(people: dict[str, User]) -> None:
    item = bare_item(people)
    decision = accept_lead(item=item, token=item.token, by=people["sdr"], to=people["ae"], now=SOON)
    with pytest.raises(IntegrityError, match="what this destination needs"), transaction.atomic():
        Handoff.objects.filter(decision=decision).update(
            target="partner", ae=None, partner=partner()
        )


def test_one_under_way_is_answered_although_more_is_needed_now(people: dict[str, User]) -> None:
    handoff = handed_to(people["ae"], people)
    DestinationField.objects.create(target=TargetKind.AE, subject="lead.city")
    Handoff.objects.filter(pk=handoff.pk).update(state="accepted", answered_at=LATER)


def test_the_page_asks_for_it_and_takes_it(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    item = bare_item(people)
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=None)
    to = f"partner:{partner().pk}"
    client, url = login(people["sdr"]), f"/leads/{item.lead_id}/accept/"
    html = client.get(url, headers=HTMX).content.decode()
    assert 'name="need-checklist.share_consent"' in html
    assert 'name="need-lead.country"' in html
    refused = client.post(url, {"token": item.token, "to": to}, headers=HTMX)
    assert refused.status_code == 422
    assert "still needed is Consent to be passed on, Country" in refused.content.decode()
    given = {
        "token": item.token,
        "to": to,
        "need-checklist.share_consent": "yes",
        "need-lead.country": "Poland",
    }
    assert client.post(url, given, headers=HTMX).status_code == 200
    assert Handoff.objects.get().target == "partner"


def test_an_admin_sets_what_is_needed(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    client = login(people["admin"])
    url = "/admin/qualification/destinationfield/add/"
    for wrong in ("lead.nothing", "lead.religion", "country", "account.people", "checklist.none"):
        response = client.post(url, {"target": "ae", "subject": wrong})
        assert response.status_code == 200, wrong
    assert client.post(url, {"target": "ae", "subject": "lead.phone"}).status_code == 302
    assert DestinationField.objects.filter(target="ae").get().subject == "lead.phone"
    for name in ("partner", "destinationrule", "destinationfield"):
        assert client.get(f"/admin/qualification/{name}/").status_code == 200
        assert client.get(f"/admin/qualification/{name}/add/").status_code == 200


def test_it_ships_with_defaults(people: dict[str, User]) -> None:
    shipped = {(row.target, row.subject) for row in DestinationField.objects.all()}
    assert shipped == {
        ("partner", "checklist.share_consent"),
        ("partner", "lead.country"),
        ("team", "lead.country"),
    }
    assert Criterion.objects.get(key="share_consent").value_type == "boolean"
