"""Who was erased and wants to hear nothing is recognised by hashes and turned away."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_lead
from crm.models import InboxMessage, Lead, NoContact, Source, StageEvent, User
from crm.stages import Stage
from qualification.models import ReviewItem
from qualification.review.merge import merge_lead, undo_merge
from qualification.review.queue import apply_line
from tests import factories
from tests.qualification import queue_support
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE


@pytest.fixture
def source(people: dict[str, User]) -> Source:
    """Of the person who was erased and asked not to be contacted."""
    lead = canary.walk(people)
    canary.erased(lead, people, now=LATER, is_no_contact=True)
    return InboxMessage.objects.earliest("pk").source


def take(source: Source, event: str = "x", now: dt.datetime = LATER, **values: Any) -> Lead:
    external_id = values.pop("external_id", values.get("email") or values.get("phone") or "")
    payload = LeadPayload(
        external_id=external_id,
        values=values,
        received_at=now,
        activity=ActivityPayload(type="form_submit", occurred_at=now, event_key=event),
    )
    return upsert_lead(payload=payload, source=source, now=now).lead


def test_only_hashes_are_kept(source: Source) -> None:
    digests = list(NoContact.objects.values_list("digest", flat=True))
    assert len(digests) == 3  # address, number, id at the source
    assert {len(digest) for digest in digests} == {64}
    assert canary.found() == []


def test_without_the_wish_nothing_is_kept(people: dict[str, User]) -> None:
    canary.erased(factories.LeadFactory(team=people["sdr"].team), people, now=LATER)
    assert not NoContact.objects.exists()


def test_the_same_message_is_turned_away(source: Source) -> None:
    lead = canary.message(source, event="back", now=LATER).lead
    assert lead is not None
    lead.refresh_from_db()
    assert (lead.stage, lead.disqualified_by, lead.opted_out) == ("disqualified", "person", True)
    assert StageEvent.objects.get(lead=lead).reason == "Was erased and asked not to be contacted"
    # Neither by its score nor by asking again.
    queue_support.give_score(lead, 900)
    apply_line([lead.pk], model=queue_support.active_model(), now=LATER)
    canary.message(source, event="again", now=LATER + 60 * MINUTE, type="demo_request")
    assert not ReviewItem.objects.open().filter(lead=lead).exists()
    assert Lead.objects.filter(email_key=canary.MAIL).count() == 1


@pytest.mark.parametrize(
    ("values", "is_left_alone"),
    [
        ({"email": canary.MAIL.upper()}, True),
        ({"phone": "+49 151 50187331", "country": "DE"}, True),
        ({"external_id": "kanari-7"}, True),
        # A number may be a switchboard: another address is another person.
        ({"email": "other@else.example", "phone": canary.PHONE}, False),
        ({"email": "other@kanarienvogel.example"}, False),
    ],
)
def test_what_they_are_recognised_by(
    values: dict[str, Any], is_left_alone: bool, source: Source
) -> None:
    lead = take(source, **values)
    lead.refresh_from_db()
    assert (lead.stage == Stage.DISQUALIFIED) is is_left_alone
    assert lead.opted_out is is_left_alone


def test_an_id_of_another_source_is_another_id(source: Source) -> None:
    lead = take(factories.SourceFactory(name="fair", team=source.team), external_id="kanari-7")
    lead.refresh_from_db()
    assert lead.stage == Stage.NEW


def test_another_key_recognises_nobody(source: Source, settings: Any) -> None:
    settings.IDENTITY_HASH_KEY = "another"
    lead = take(source, email=canary.MAIL)
    lead.refresh_from_db()
    assert lead.stage == Stage.NEW


def test_a_number_others_have_too_is_not_remembered(people: dict[str, User]) -> None:
    lead = canary.walk(people)
    factories.LeadFactory(phone=canary.PHONE, phone_key=canary.PHONE)
    canary.erased(lead, people, now=LATER, is_no_contact=True)
    assert NoContact.objects.count() == 2


def test_an_address_that_is_another_persons_by_now_is_not_remembered(
    source: Source, people: dict[str, User]
) -> None:
    """They gave it up, and somebody else has it."""
    first = take(source, external_id="1", email="desk@kestrel.example")
    take(source, external_id="1", email="first@kestrel.example")
    second = take(source, external_id="2", email="desk@kestrel.example")
    assert second != first
    canary.erased(first, people, now=LATER, is_no_contact=True)
    for email, is_known in (("desk@kestrel.example", False), ("first@kestrel.example", True)):
        assert take(source, event=email, email=email).opted_out == is_known


def test_nor_is_one_they_had_by_a_merge_that_was_undone(
    source: Source, people: dict[str, User]
) -> None:
    first, second = (take(source, email=f"{name}@kestrel.example") for name in ("one", "two"))
    merge = merge_lead(
        survivor=first, loser=second, takes=["email"], by=people["manager"], now=LATER
    )
    undo_merge(merge=merge, by=people["manager"], now=LATER)
    canary.erased(first, people, now=LATER, is_no_contact=True)
    assert not take(source, event="again", email="two@kestrel.example").opted_out


def test_the_number_of_a_part_is_remembered(source: Source, people: dict[str, User]) -> None:
    number = "+33123456789"
    kept, part = take(source, email="one@kestrel.example"), take(source, phone=number)
    merge_lead(survivor=kept, loser=part, takes=["phone"], by=people["manager"], now=LATER)
    canary.erased(kept, people, now=LATER, is_no_contact=True)
    assert take(source, event="again", phone=number, external_id="other").opted_out
