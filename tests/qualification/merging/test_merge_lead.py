"""Two leads become one: what goes over, what ends, who may, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_lead
from crm.models import Activity, Lead, LeadIdentity, LeadMerge, StageEvent, Team, User
from crm.roles import Role
from qualification.audit.verify import verify
from qualification.choices import EntryReason, ItemState, TimerState
from qualification.exceptions import AlreadyDecided, NotHolder, NotMergeable, StaleForm
from qualification.invariants import violations
from qualification.models import ChecklistAnswer, Decision, NurturePlan, ReviewItem, ScoringDue
from qualification.review.claims import claim_item
from qualification.review.decisions import nurture_lead, reject_lead
from qualification.review.facts import edit_facts
from qualification.review.nurture import WakeWish
from qualification.review.queue import enter_queue
from qualification.review.undo import overturn_rejection, undo_decision
from tests import factories
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification import queue_support as rows
from tests.qualification.merging.support import MINUTE, a_lead, a_way_in, did, merge, plays

pytestmark = pytest.mark.django_db
LATER = NOW + 10 * MINUTE


def fresh(lead: Lead) -> Lead:
    return Lead.objects.get(pk=lead.pk)


def settle() -> None:
    """What waits for the commit happens now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def sound() -> bool:
    # Nobody posts what these tests send.
    found = [one for one in violations(now=NOW + 11 * MINUTE) if one.of != "message"]
    assert found == []
    return True


def test_who_they_are_and_what_they_did_goes_over(team: Team, people: dict[str, User]) -> None:
    stays, goes = a_lead(team), a_lead(team)
    own, theirs = did(stays), did(goes, "demo_request")
    way = LeadIdentity.objects.get(lead=goes)
    plays(stays, "influencer")
    same, other = plays(goes, "influencer"), plays(goes, "economic_buyer")
    made = merge(stays, goes, people["manager"])
    assert fresh(goes).merged_into == stays
    moved = dict(Activity.objects.filter(lead=stays).values_list("pk", "came_by"))
    assert moved == {own.pk: None, theirs.pk: goes.pk}
    way.refresh_from_db()
    same.refresh_from_db()
    other.refresh_from_db()
    assert (way.lead, way.came_by, same.lead, other.lead) == (stays, goes, goes, stays)
    assert (made.by, made.at, made.undone_at) == (people["manager"], LATER, None)
    assert set(ScoringDue.objects.values_list("lead", flat=True)) >= {stays.pk}
    assert not ScoringDue.objects.filter(lead=goes).exists()
    assert sound()
    settle()
    assert verify().breaks == []


def test_chosen_values_are_taken_and_the_others_stay(team: Team, people: dict[str, User]) -> None:
    stays = a_lead(team, title="CTO", city="", attributes={"erp": "none", "size": 3})
    goes = a_lead(team, title="Chief", city="Kiel", opted_out=True, attributes={"erp": "SAP"})
    merge(stays, goes, people["manager"], takes=["city", "attributes.erp"])
    now = fresh(stays)
    assert (now.title, now.city) == ("CTO", "Kiel")
    assert now.attributes == {"erp": "SAP", "size": 3}
    assert now.opted_out
    assert fresh(goes).title == "Chief"


def test_an_address_taken_over_leaves_the_old_one_known(
    team: Team, people: dict[str, User]
) -> None:
    stays, goes = a_lead(team, phone="+49 30 1", phone_key="+49301"), a_lead(team)
    first, second = stays.email_key, goes.email_key
    merge(stays, goes, people["manager"], takes=["email"])
    assert (fresh(stays).email_key, fresh(goes).email_key) == (second, first)
    for n, address in enumerate((first, second)):
        payload = LeadPayload(external_id=f"new-{n}", values={"email": address})
        taken = upsert_lead(payload=payload, source=factories.SourceFactory(), now=LATER)
        assert taken.lead == stays
        assert not taken.is_new


@pytest.mark.parametrize("key", ["email", "phone"])
def test_what_comes_in_later_finds_the_one_that_stays(
    team: Team, people: dict[str, User], key: str
) -> None:
    stays = a_lead(team)
    goes = a_lead(team, phone="+49 30 123456", phone_key="+4930123456")
    if key == "phone":
        Lead.objects.filter(pk=goes.pk).update(email="", email_key=None)
        goes = fresh(goes)
    way = LeadIdentity.objects.get(lead=goes)
    merge(stays, goes, people["manager"])
    value = goes.email if key == "email" else goes.phone
    said = ActivityPayload("page_view", LATER, "e-1")
    by_key = LeadPayload(external_id="unseen", values={key: value}, activity=said)
    by_identity = LeadPayload(external_id=way.external_id, activity=said)
    one = upsert_lead(payload=by_key, source=factories.SourceFactory(), now=LATER)
    two = upsert_lead(payload=by_identity, source=way.source, now=LATER)
    assert one.lead == two.lead == stays
    came = Activity.objects.filter(lead=stays).values_list("came_by", flat=True)
    assert list(came) == [goes.pk, goes.pk]
    assert LeadIdentity.objects.get(external_id="unseen").came_by == goes
    assert sound()


def test_only_a_person_gives_the_lead_the_address_of_the_merged_one(
    team: Team, people: dict[str, User]
) -> None:
    stays, goes = a_lead(team), a_lead(team)
    way = a_way_in(stays, email=stays.email)
    merge(stays, goes, people["manager"])
    payload = LeadPayload(external_id=way.external_id, values={"email": goes.email})
    upsert_lead(payload=payload, source=way.source, now=LATER)
    assert (fresh(stays).email_key, fresh(goes).email_key) == (stays.email_key, goes.email_key)
    edit_facts(lead=stays, texts={"email": goes.email}, by=people["manager"], now=LATER)
    assert (fresh(stays).email_key, fresh(goes).email_key) == (goes.email_key, None)


def test_answers_go_over_where_chosen(team: Team, people: dict[str, User]) -> None:
    by = people["manager"]
    stays, goes = a_lead(team), a_lead(team)
    hands.answer(stays, "budget", by, value="50 k")
    hands.answer(goes, "budget", by, value="80 k")
    hands.answer(goes, "timing", by, value="May")
    merge(stays, goes, by, takes=["answer.budget", "answer.timing"])
    standing = ChecklistAnswer.objects.filter(superseded_at=None)
    assert dict(standing.filter(lead=stays).values_list("criterion__key", "value")) == {
        "budget": "80 k",
        "timing": "May",
    }
    assert not standing.filter(lead=goes).exists()


def test_the_item_its_clock_and_steps_end_and_nothing_moves_any_more(
    people: dict[str, User],
) -> None:
    sdr = people["sdr"]
    mine = hands.held_item(sdr, ItemState.OWNED)
    other = hands.waiting_item(sdr.team)
    merge(mine.lead, other.lead, sdr)
    other.refresh_from_db()
    assert (other.state, other.close_reason) == ("closed", "merged")
    assert set(other.timers.values_list("state", flat=True)) == {TimerState.CANCELLED}
    assert fresh(other.lead).stage == "mql"
    assert not StageEvent.objects.filter(lead=other.lead, at=LATER).exists()
    assert enter_queue([other.lead_id], reason=EntryReason.THRESHOLD, now=LATER) == []
    with pytest.raises(AlreadyDecided, match=r"You merged this lead into .* Open that one\."):
        claim_item(item=other, by=sdr, now=LATER)
    with pytest.raises(NotHolder, match="merged this lead into"):
        hands.answer(fresh(other.lead), "budget", sdr, now=LATER)
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Lead.objects.filter(pk=other.lead_id).update(stage="new")
    assert sound()


def test_a_plan_is_cancelled(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    asleep, awake = hands.held_item(sdr), hands.held_item(sdr)
    wake = WakeWish(on=(NOW + dt.timedelta(days=30)).date())
    nurture_lead(
        item=asleep,
        token=asleep.token,
        by=sdr,
        reason=hands.reason("no_project"),
        wake=wake,
        now=NOW + 5 * MINUTE,
    )
    merge(awake.lead, asleep.lead, sdr)
    assert NurturePlan.objects.get().state == "cancelled"
    assert sound()


def decide(item: ReviewItem, token: int, by: User, now: dt.datetime = LATER) -> Decision:
    return reject_lead(item=item, token=token, by=by, reason=hands.reason("too_small"), now=now)


def test_a_decision_drawn_before_is_refused_on_both_and_names_the_merge(
    people: dict[str, User],
) -> None:
    sdr = people["sdr"]
    one, two = hands.held_item(sdr), hands.held_item(sdr)
    merge(one.lead, two.lead, people["manager"])
    with pytest.raises(AlreadyDecided, match="merged this lead into"):
        decide(two, two.token, sdr)
    with pytest.raises(StaleForm, match=r"merged .* into this lead at .* Reload"):
        decide(one, one.token, sdr)
    one.refresh_from_db()
    assert decide(one, one.token, sdr).lead == one.lead


def test_decisions_stay_where_they_were_made_and_cannot_be_taken_back(
    people: dict[str, User],
) -> None:
    sdr, manager = people["sdr"], people["manager"]
    gone, kept = hands.held_item(sdr), hands.held_item(sdr)
    made = decide(gone, gone.token, sdr, NOW + 9 * MINUTE + dt.timedelta(seconds=50))
    merge(kept.lead, gone.lead, sdr)
    made.refresh_from_db()
    assert made.lead == gone.lead
    with pytest.raises(Exception, match="You merged this lead into"):
        undo_decision(decision=made, by=sdr, now=LATER)
    with pytest.raises(Exception, match="merged this lead into"):
        overturn_rejection(decision=made, by=manager, note="Look again", now=LATER)
    assert sound()


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_who_does_not_work_the_queue_may_not(
    team: Team, people: dict[str, User], role: str
) -> None:
    with pytest.raises(PermissionDenied):
        merge(a_lead(team), a_lead(team), people[role])


def test_an_sdr_holds_one_of_the_two(team: Team, people: dict[str, User]) -> None:
    sdr = people["sdr"]
    with pytest.raises(NotMergeable, match="Claim one of the two first"):
        merge(a_lead(team), a_lead(team), sdr)
    held = hands.held_item(sdr)
    assert merge(held.lead, a_lead(team), sdr)


def test_what_a_colleague_holds_is_for_a_manager(people: dict[str, User]) -> None:
    sdr, manager = people["sdr"], people["manager"]
    colleague = factories.person("sdr", sdr.team, first_name="Jonas")
    mine, theirs = hands.held_item(sdr), hands.held_item(colleague)
    with pytest.raises(NotMergeable, match=r"Jonas holds this lead\. Ask a manager\."):
        merge(mine.lead, theirs.lead, sdr)
    merge(mine.lead, theirs.lead, manager)
    assert sound()


@pytest.mark.parametrize("is_survivor", [True, False])
def test_a_lead_of_another_team_is_refused(people: dict[str, User], is_survivor: bool) -> None:
    held = hands.held_item(people["sdr"])
    foreign = a_lead(factories.TeamFactory(name="APAC"))
    pair = (foreign, held.lead) if is_survivor else (held.lead, foreign)
    for role in ("sdr", "manager"):
        with pytest.raises(NotMergeable, match="exists in another team"):
            merge(*pair, people[role])
    if not is_survivor:
        assert merge(*pair, people["admin"])


# --- states ---------------------------------------------------------------------------------------


def at_stage(stage: str, people: dict[str, User]) -> Lead:
    sdr = people["sdr"]
    if stage in ("new", "won", "lost"):
        return a_lead(sdr.team, stage=stage)
    if stage == "mql":
        return hands.waiting_item(sdr.team).lead
    if stage == "sql":
        return hands.accepted(people).lead
    item = hands.held_item(sdr)
    at = NOW + 5 * MINUTE
    if stage == "disqualified":
        decide(item, item.token, sdr, at)
    if stage == "nurture":
        wake = WakeWish(on=(NOW + dt.timedelta(days=30)).date())
        nurture_lead(
            item=item,
            token=item.token,
            by=sdr,
            reason=hands.reason("no_project"),
            wake=wake,
            now=at,
        )
    return fresh(item.lead)


# Which stages may become part of a lead in which stage.
GOES_INTO = {
    "new": {"new", "disqualified", "lost", "nurture", "mql", "working", "sql", "won"},
    "disqualified": {"new", "disqualified", "lost", "nurture", "mql", "working", "sql", "won"},
    "lost": {"new", "disqualified", "lost", "nurture", "mql", "working", "sql", "won"},
    "nurture": {"nurture", "mql", "working", "sql", "won"},
    "mql": {"mql", "working", "sql", "won"},
    "working": {"working", "sql", "won"},
    "sql": set(),
    "won": set(),
}


@pytest.mark.parametrize("goes", GOES_INTO)
@pytest.mark.parametrize("stays", GOES_INTO)
def test_the_lead_people_wait_for_stays(people: dict[str, User], goes: str, stays: str) -> None:
    pair = at_stage(stays, people), at_stage(goes, people)
    if stays in GOES_INTO[goes]:
        merge(*pair, people["manager"])
        assert fresh(pair[1]).stage == goes
    else:
        with pytest.raises(NotMergeable, match=r"keep that lead|deal of its own"):
            merge(*pair, people["manager"])
    assert sound()


def test_of_two_that_wait_the_one_due_first_stays(people: dict[str, User]) -> None:
    early = rows.waiting_item(now=NOW)
    late = rows.waiting_item(now=NOW + MINUTE)
    with pytest.raises(NotMergeable, match="due first"):
        merge(late.lead, early.lead, people["manager"])
    assert merge(early.lead, late.lead, people["manager"])


def test_not_into_itself_and_not_twice(team: Team, people: dict[str, User]) -> None:
    manager = people["manager"]
    one, two, three = a_lead(team), a_lead(team), a_lead(team)
    with pytest.raises(NotMergeable, match="into itself"):
        merge(one, one, manager)
    merge(one, two, manager)
    for pair in ((one, two), (two, one), (two, three), (three, two)):
        with pytest.raises(NotMergeable, match="merged this lead into"):
            merge(*pair, manager)
    assert LeadMerge.objects.count() == 1


def test_a_lead_with_parts_may_become_a_part(team: Team, people: dict[str, User]) -> None:
    manager = people["manager"]
    one, two, three = a_lead(team), a_lead(team), a_lead(team)
    did(three)
    merge(two, three, manager)
    merge(one, two, manager)
    assert {fresh(two).merged_into, fresh(three).merged_into} == {one}
    assert Activity.objects.get().came_by == three
    payload = LeadPayload(external_id="x", values={"email": three.email})
    assert upsert_lead(payload=payload, source=three.source, now=LATER).lead == one
    assert sound()


def test_postgres_refuses_a_lead_into_a_merged_one(team: Team, people: dict[str, User]) -> None:
    one, two, three = a_lead(team), a_lead(team), a_lead(team)
    merge(one, two, people["manager"])
    Lead.objects.filter(pk=three.pk).update(merged_into=two)
    with pytest.raises(DatabaseError, match="merged itself"):
        settle()


@pytest.mark.parametrize(
    "change", [{"type": "x"}, {"occurred_at": NOW - MINUTE}, {"properties": {"a": 1}}]
)
def test_what_happened_stays_as_it_was_recorded(team: Team, change: dict[str, Any]) -> None:
    act = did(a_lead(team))
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Activity.objects.filter(pk=act.pk).update(**change)


def test_a_company_that_was_chosen_stays_when_the_same_is_said_again(
    team: Team, people: dict[str, User]
) -> None:
    """A source that never wrote before names the address everybody knows; another one does mean
    another company."""
    chosen, source = factories.AccountFactory(), factories.SourceFactory()
    stays, goes = a_lead(team), a_lead(team, account=chosen)
    merge(stays, goes, people["manager"], takes=["account"])

    def says(email: str) -> Lead:
        payload = LeadPayload(external_id="unseen", values={"email": email})
        upsert_lead(payload=payload, source=source, now=NOW + 20 * MINUTE)
        return fresh(stays)

    assert says(stays.email).account == chosen
    assert says("new@kestrel.example").account != chosen
