"""What people are told of: each event tells the right people once, nobody of their own doing."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Team, User
from qualification.choices import Channel, Digest, EntryReason, ItemState, NoticeKind
from qualification.handoff.answers import return_handoff
from qualification.models import Notice
from qualification.notices.preferences import DEFAULTS, choose
from qualification.notices.reads import shown_to
from qualification.review import holds
from qualification.review.claims import reassign_item
from qualification.review.help_wanted import ask_manager
from qualification.review.queue import enter_queue
from qualification.review.undo import overturn_rejection
from qualification.scoring.releases import write_note
from tests.factories import NOW, TeamFactory, person
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.decision_support import (
    MINUTE,
    accepted,
    active_model,
    held_item,
    rejected,
    waiting_item,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


def told(kind: NoticeKind) -> dict[User, str]:
    """Who was told of this kind, and in which words."""
    found: dict[User, str] = {}
    for notice in Notice.objects.filter(kind=kind).select_related("person"):
        assert notice.person not in found
        (shown,) = shown_to(notice.person, [notice])
        found[notice.person] = f"{shown.sentence} {shown.detail}".strip()
    return found


def test_a_returned_handoff_reaches_who_accepted(people: dict[str, User]) -> None:
    decision = accepted(people)
    return_handoff(handoff=decision.handoff, by=people["ae"], reason="No budget", now=LATER)
    assert told(NoticeKind.HANDOFF_RETURNED) == {
        people["sdr"]: f"{people['ae']} returned {decision.lead.name}. Reason: No budget"
    }


def test_an_overturned_rejection_reaches_who_rejected_without_blame(
    people: dict[str, User],
) -> None:
    decision = rejected(people["sdr"])
    overturn_rejection(decision=decision, by=people["manager"], note="They grew", now=LATER)
    words = told(NoticeKind.REJECTION_OVERTURNED)
    assert words == {
        people["sdr"]: f"{decision.lead.name} gets another look and is back in the queue."
        " What speaks for it: They grew"
    }
    assert str(people["manager"]) not in words[people["sdr"]]


def test_asking_reaches_the_managers_of_the_team_once(people: dict[str, User]) -> None:
    person("manager", TeamFactory(name="Elsewhere"))
    item = held_item(people["sdr"], ItemState.OWNED)
    for minutes in (3, 4):
        ask_manager(item=item, by=people["sdr"], note="Urgent", now=NOW + minutes * MINUTE)
    assert told(NoticeKind.MANAGER_ASKED) == {
        people["manager"]: f"{people['sdr']} asks a manager to decide on {item.lead.name}. Urgent"
    }


def test_reassigning_reaches_who_gets_it_but_not_oneself(people: dict[str, User]) -> None:
    item = waiting_item(people["sdr"].team)
    reassign_item(item=item, to=people["sdr"], by=people["manager"], now=LATER)
    assert told(NoticeKind.LEAD_ASSIGNED) == {
        people["sdr"]: f"{item.lead.name} is assigned to you."
    }
    own = waiting_item(people["sdr"].team)
    reassign_item(item=own, to=people["manager"], by=people["manager"], now=LATER)
    assert set(told(NoticeKind.LEAD_ASSIGNED)) == {people["sdr"]}


def test_routing_reaches_who_was_chosen_and_many_at_once_are_one(
    people: dict[str, User], team: Team
) -> None:
    sdr = people["sdr"]
    routing.rule(routing.pool(team, {sdr: 1}))
    (item,) = routing.arriving(team)
    assert told(NoticeKind.LEAD_ASSIGNED) == {sdr: f"{item.lead.name} is assigned to you."}
    Notice.objects.all().delete()
    leads = [rows.scored_lead(500, team=team).pk for _ in range(4)]
    enter_queue(leads, reason=EntryReason.THRESHOLD, now=LATER)
    assert told(NoticeKind.LEAD_ASSIGNED) == {sdr: "4 leads are assigned to you."}


def test_held_leads_reach_the_managers_once(people: dict[str, User], team: Team) -> None:
    item, _other = waiting_item(team), waiting_item(team)
    assert not told(NoticeKind.LEADS_HELD)
    User.objects.filter(pk=people["sdr"].pk).update(is_active=False)
    for minutes in (1, 2):
        holds.refresh_holds(now=NOW + minutes * MINUTE)
    assert told(NoticeKind.LEADS_HELD) == {
        people["manager"]: "2 leads are held: nobody can take them."
    }
    waiting_item(team)
    words = set(Notice.objects.filter(kind=NoticeKind.LEADS_HELD).values_list("lead", flat=True))
    assert None in words
    assert len(words) == 2
    assert item.lead_id not in words


def test_a_version_reaches_who_switched_it_on(people: dict[str, User]) -> None:
    model = active_model()
    usual = {(NoticeKind(kind), channel) for kind, on in DEFAULTS.items() for channel in on}
    wanted = {*usual, (NoticeKind.VERSION_PUBLISHED, Channel.IN_APP)}
    for role in ("sdr", "admin"):
        choose(person=people[role], wanted=wanted, is_quiet=True, digest=Digest.NONE)
    write_note(model=model, before=None, text="", by=people["admin"], now=LATER)
    assert told(NoticeKind.VERSION_PUBLISHED) == {
        people["sdr"]: f"Version {model.version} of the scoring is live."
    }
