"""A merge is undone: every row as it was but the log, and what came in since where it belongs."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_lead
from crm.models import Activity, Lead, LeadIdentity, Team, User
from qualification.choices import ItemState
from qualification.exceptions import NotMergeable
from qualification.models import ChecklistAnswer, ReviewItem
from qualification.review.claims import expire_leases
from qualification.review.decisions import nurture_lead, reject_lead, undo_decision
from qualification.review.facts import edit_facts
from qualification.review.nurture import WakeWish
from tests import factories
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification.merging.support import (
    MINUTE,
    a_lead,
    a_way_in,
    did,
    every_row,
    merge,
    plays,
    undo,
)
from tests.qualification.merging.test_merge_lead import fresh, settle, sound

pytestmark = pytest.mark.django_db
LATER = NOW + 10 * MINUTE


def rich_lead(item: ReviewItem, by: User, **fields: object) -> Lead:
    """With something in every table a merge touches."""
    lead = item.lead
    Lead.objects.filter(pk=lead.pk).update(**fields)
    a_way_in(lead, title="CTO")
    did(lead)
    did(lead, "demo_request")
    plays(lead, "influencer")
    hands.answer(lead, "budget", by, value=f"{lead.pk} k")
    return fresh(lead)


def test_every_row_is_as_it_was(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    mine = hands.held_item(sdr, ItemState.OWNED)
    other = hands.held_item(sdr)
    account = factories.AccountFactory()
    stays = rich_lead(mine, sdr, city="Bonn")
    goes = rich_lead(other, sdr, phone="+49 30 1", phone_key="+49301", account=account)
    plays(goes, "end_user")
    before = every_row()
    made = merge(
        stays,
        goes,
        sdr,
        takes=["email", "phone", "city", "account", "answer.budget", "last_name"],
        now=NOW + 3 * MINUTE,
    )
    assert fresh(stays).account == account
    assert every_row() != before
    undo(made, sdr, now=NOW + 4 * MINUTE)
    after = every_row()
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}
    settle()
    assert sound()


def test_a_plan_sleeps_on(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    item, awake = hands.held_item(sdr), hands.held_item(sdr)
    nurture_lead(
        item=item,
        token=item.token,
        by=sdr,
        reason=hands.reason("no_project"),
        wake=WakeWish(on=(NOW + dt.timedelta(days=30)).date()),
        now=NOW + 5 * MINUTE,
    )
    before = every_row()
    made = merge(awake.lead, fresh(item.lead), sdr)
    undo(made, sdr)
    assert every_row() == before
    assert sound()


def test_what_came_in_since_goes_where_its_identity_belongs(
    team: Team, people: dict[str, User]
) -> None:
    manager = people["manager"]
    stays, goes = a_lead(team), a_lead(team)
    ways = {lead: LeadIdentity.objects.get(lead=lead) for lead in (stays, goes)}
    made = merge(stays, goes, manager)
    for n, (lead, way) in enumerate(ways.items()):
        act = ActivityPayload(f"view_{n}", LATER, f"event-{n}")
        known = LeadPayload(external_id=way.external_id, activity=act)
        upsert_lead(payload=known, source=way.source, now=LATER)
        act = ActivityPayload(f"new_{n}", LATER, f"event-{n}")
        new = LeadPayload(external_id="unseen", values={"email": lead.email}, activity=act)
        upsert_lead(payload=new, source=factories.SourceFactory(), now=LATER)
    undo(made, manager)
    assert set(Activity.objects.values_list("lead", "type", "came_by")) == {
        (stays.pk, "view_0", None),
        (stays.pk, "new_0", None),
        (goes.pk, "view_1", None),
        (goes.pk, "new_1", None),
    }
    assert LeadIdentity.objects.filter(lead=goes).count() == 2
    assert sound()


def test_what_comes_by_an_address_that_was_exchanged_is_whose_it_was(
    team: Team, people: dict[str, User]
) -> None:
    """The one that stays took the other's address: a source that never wrote before finds each by
    its own all the same."""
    manager = people["manager"]
    first, second, third = a_lead(team), a_lead(team), a_lead(team)
    merges = [
        merge(second, third, manager, takes=["email"]),
        merge(first, second, manager, takes=["email"], now=LATER + MINUTE),
    ]
    for lead in (first, second, third):
        act = ActivityPayload(f"by_{lead.pk}", LATER + 2 * MINUTE, f"event-{lead.pk}")
        new = LeadPayload(external_id="unseen", values={"email": lead.email}, activity=act)
        found = upsert_lead(payload=new, source=factories.SourceFactory(), now=act.occurred_at)
        assert found.lead == first
    for made in reversed(merges):
        undo(made, manager)
    assert set(Activity.objects.values_list("lead", "type")) == {
        (lead.pk, f"by_{lead.pk}") for lead in (first, second, third)
    }
    assert sound()


def test_what_was_changed_since_stays(team: Team, people: dict[str, User]) -> None:
    manager = people["manager"]
    stays, goes = a_lead(team, title="CTO", city="Bonn"), a_lead(team, title="Boss", city="Kiel")
    hands.answer(stays, "budget", manager, value="old")
    hands.answer(goes, "budget", manager, value="theirs")
    made = merge(stays, goes, manager, takes=["title", "city", "answer.budget"])
    Lead.objects.filter(pk=stays.pk).update(title="Chief of all")
    hands.answer(stays, "budget", manager, value="newest", now=LATER + MINUTE)
    undo(made, manager)
    assert (fresh(stays).title, fresh(stays).city) == ("Chief of all", "Bonn")
    current = ChecklistAnswer.objects.filter(superseded_at=None)
    assert dict(current.values_list("lead", "value")) == {stays.pk: "newest", goes.pk: "theirs"}


def test_the_old_clock_runs_on_and_a_claim_that_ran_out_is_taken_back(
    people: dict[str, User],
) -> None:
    sdr = people["sdr"]
    one, two = hands.held_item(sdr), hands.held_item(sdr)
    due = two.due_at
    made = merge(one.lead, two.lead, sdr)
    late = NOW + dt.timedelta(hours=2)
    undo(made, people["manager"], now=late)
    two.refresh_from_db()
    assert (two.state, two.holder, two.due_at) == ("claimed", sdr, due)
    expire_leases(now=late)
    two.refresh_from_db()
    assert (two.state, two.holder, two.due_at, two.lead.stage) == ("waiting", None, due, "mql")


def test_a_claim_over_the_limit_or_of_somebody_gone_waits(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    one, two = hands.held_item(sdr), hands.held_item(sdr)
    made = merge(one.lead, two.lead, sdr, now=NOW + 2 * MINUTE)
    for _ in range(4):
        hands.held_item(sdr)
    undo(made, people["manager"], now=NOW + 3 * MINUTE)
    two.refresh_from_db()
    assert (two.state, two.lead.stage) == ("waiting", "mql")
    made = merge(one.lead, two.lead, people["manager"], now=NOW + 4 * MINUTE)
    undo(made, people["manager"], now=NOW + 5 * MINUTE)
    two.refresh_from_db()
    assert two.state == "waiting"
    assert sound()


# --- who and when ---------------------------------------------------------------------------------


def test_who_may_and_for_how_long(team: Team, people: dict[str, User]) -> None:
    sdr = people["sdr"]
    held = hands.held_item(sdr)
    made = merge(held.lead, a_lead(team), sdr)
    colleague = factories.person("sdr", team)
    with pytest.raises(NotMergeable, match="holds this lead"):
        undo(made, colleague)
    with pytest.raises(PermissionDenied):
        undo(made, people["ae"])
    with pytest.raises(NotMergeable, match="another team"):
        undo(made, factories.person("manager", factories.TeamFactory(name="APAC")))
    with pytest.raises(NotMergeable, match="30 days"):
        undo(made, sdr, now=LATER + dt.timedelta(days=30))
    undo(made, sdr, now=LATER + dt.timedelta(days=29, hours=23))


def test_not_twice_and_the_last_first(team: Team, people: dict[str, User]) -> None:
    manager = people["manager"]
    one, two, three, four = (a_lead(team) for _ in range(4))
    before = every_row()
    first, second = merge(one, two, manager), merge(one, three, manager)
    third = merge(four, one, manager)
    for early, why in ((first, "merged into another one"), (second, "merged into another one")):
        with pytest.raises(NotMergeable, match=why):
            undo(early, manager)
    undo(third, manager)
    with pytest.raises(NotMergeable, match="Another lead was merged into this one"):
        undo(first, manager)
    undo(second, manager)
    undo(first, manager)
    with pytest.raises(NotMergeable, match="undone already"):
        undo(first, manager)
    assert every_row() == before


def test_not_after_a_decision_on_both(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    one, two = hands.held_item(sdr), hands.held_item(sdr)
    made = merge(one.lead, two.lead, sdr)
    one.refresh_from_db()
    decision = reject_lead(
        item=one, token=one.token, by=sdr, reason=hands.reason("too_small"), now=LATER
    )
    with pytest.raises(NotMergeable, match=r"You rejected this lead .* decided on both"):
        undo(made, sdr)
    undo_decision(decision=decision, by=sdr, now=LATER)
    assert undo(made, sdr).undone_by == sdr


def test_not_when_the_address_is_the_survivors_by_now(team: Team, people: dict[str, User]) -> None:
    stays, goes = a_lead(team), a_lead(team)
    made = merge(stays, goes, people["manager"])
    edit_facts(lead=stays, texts={"email": goes.email}, by=people["manager"], now=LATER)
    with pytest.raises(NotMergeable, match="address"):
        undo(made, people["manager"])


# --- for any two leads ----------------------------------------------------------------------------

CASES = int(os.environ.get("MERGE_CASES", "20"))
WORDS = st.sampled_from(["", "Kiel", "Bonn"])
SIDE = st.fixed_dictionaries(
    {
        "city": WORDS,
        "title": WORDS,
        "has_address": st.booleans(),
        "phone": st.sampled_from(["", "+49 30 1", "+49 30 2"]),
        "attributes": st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 2)),
        "opted_out": st.booleans(),
        "roles": st.sets(st.sampled_from(["end_user", "influencer"])),
        "answers": st.sets(st.sampled_from(["budget", "timing"])),
        "acts": st.integers(0, 3),
        "state": st.sampled_from(["new", "waiting", "claimed", "owned"]),
    }
)
KEYS = ["city", "title", "email", "phone", "attributes.a", "attributes.b", "company", "account"]
TAKES = st.sets(st.sampled_from([*KEYS, "answer.budget", "answer.timing"]))
STATES = ["new", "waiting", "claimed", "owned"]


def built(side: dict[str, object], people: dict[str, User]) -> Lead:
    """A lead as drawn."""
    sdr = people["sdr"]
    made = {
        "new": lambda: a_lead(sdr.team),
        "waiting": lambda: hands.waiting_item(sdr.team).lead,
        "claimed": lambda: hands.held_item(sdr).lead,
        "owned": lambda: hands.held_item(sdr, ItemState.OWNED).lead,
    }[str(side["state"])]()
    a_way_in(made, city="Kiel")
    phone = str(side["phone"])
    changes = {key: side[key] for key in ("city", "title", "attributes", "opted_out")}
    Lead.objects.filter(pk=made.pk).update(
        **changes, phone=phone, phone_key=phone.replace(" ", "") or None
    )
    if not side["has_address"]:
        Lead.objects.filter(pk=made.pk).update(email="", email_key=None)
    for role in side["roles"]:  # type: ignore[attr-defined]
        plays(made, role)
    for key in side["answers"]:  # type: ignore[attr-defined]
        hands.answer(made, key, people["manager"], value=f"{made.pk}")
    for _ in range(int(str(side["acts"]))):
        did(made)
    return fresh(made)


@settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=SIDE, two=SIDE, takes=TAKES)
def test_merge_then_undo_is_identity(
    people: dict[str, User], one: dict[str, object], two: dict[str, object], takes: set[str]
) -> None:
    weak, strong = sorted((one, two), key=lambda side: STATES.index(str(side["state"])))
    stays, goes = built(strong, people), built(weak, people)
    before = every_row()
    made = merge(stays, goes, people["manager"], takes=takes, now=NOW + 3 * MINUTE)
    settle()
    assert sound()
    undo(made, people["manager"], now=NOW + 4 * MINUTE)
    settle()
    assert every_row() == before
    assert sound()
    ReviewItem.objects.filter(state="claimed").update(lease_until=NOW - MINUTE)
    expire_leases(now=NOW + 5 * MINUTE)
