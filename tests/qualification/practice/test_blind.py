"""Before a lead is judged nothing tells what was decided: not its page, its address, its order or
its journey."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Activity, ActivityVerdict, User
from qualification.choices import DisputeKind
from qualification.feedback import disputes
from qualification.models import Decision, ItemEvent, PracticeCase, ScoringRule
from qualification.practice.blind import ITEM_VERBS, blind_lead
from qualification.review.journey_words import ITEM_VERBS as KNOWN_VERBS
from tests.qualification.decision_support import active_model
from tests.qualification.practice.past_leads import became, begin, case_of

pytestmark = pytest.mark.django_db
Make = Callable[..., Decision]
NOTE = "Canary-note-Kx9"
KINDS = ("accept", "reject", "nurture")


@pytest.fixture
def model() -> None:
    active_model(points="20.0")


@pytest.fixture
def round_of(
    past: Make, people: dict[str, User], here: dt.datetime
) -> Callable[..., dict[str, PracticeCase]]:
    """Begins a round of five alike leads; kind → one of its cases."""

    def make(**fields: object) -> dict[str, PracticeCase]:
        made = [past(kind, note=NOTE, **fields) for kind in (*KINDS, "accept", "reject")]
        practice = begin(people["sdr"], here)
        return {one.kind: case_of(practice, one) for one in made[:3]}

    return make


def only_turn(case: PracticeCase) -> None:
    """Puts a case first, whatever the draw said: the others wait behind it."""
    practice = case.round
    before = practice.cases.filter(position__lt=case.position, choice="")
    before.update(choice="nurture", judged_at=practice.started_at)


def shown(client: Client, case: PracticeCase) -> str:
    only_turn(case)
    response = client.get(f"/practice/{case.round_id}/{case.position}/")
    assert response.status_code == 200
    return response.content.decode()


def without_chance(html: str, case: PracticeCase) -> str:
    """The page without what differs between any two leads of these tests, and any two visits."""
    html = re.sub(r'csrf\w*"[^>]*value="[^"]+"|X-CSRFToken": "[^"]+"|server-time"[^>]*', "", html)
    html = re.sub(r"(Vogel|lead|source-)\d+", r"\1N", html)
    return html.replace(f"/practice/{case.round_id}/{case.position}/", "/practice/R/P/").replace(
        f"{case.position} of 5", "P of 5"
    )


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_on_the_page_tells_the_decision(
    sdr: Client,
    round_of: Callable[..., dict[str, PracticeCase]],
    people: dict[str, User],
    kind: str,
) -> None:
    case = round_of()[kind]
    for value in ("opportunity", "won"):
        became(case.decision, value)
    html = shown(sdr, case)
    made = case.decision
    forbidden = {
        "decider": "Quillfeather",
        "first name": "Zebedee",
        "ae": people["ae"].get_full_name(),
        "note": NOTE,
        "reason": str(made.reason or "No reason given"),
        "decision": "/decisions/",
        "lead": f"/leads/{made.lead_id}",
        "kinds": "Accepted",
        "kinds 2": "Rejected",
        "kinds 3": "Nurtured",
        "moment": "Left the queue",
        "verdicts": "likely",
        "outcome": "Opportunity",
        "won": "Won",
        "truth": "Your team",
    }
    main = html[html.index("<main") : html.index("</main>")]
    assert [name for name, words in forbidden.items() if words in main] == []
    assert "VP" in main
    assert "+20.0" in main
    assert "budget known" in main


@pytest.mark.usefixtures("model")
def test_accepted_rejected_and_nurtured_leads_look_the_same(
    sdr: Client, round_of: Callable[..., dict[str, PracticeCase]]
) -> None:
    cases = round_of()
    by_turn = sorted(cases.items(), key=lambda item: item[1].position)
    pages = {kind: without_chance(shown(sdr, case), case) for kind, case in by_turn}
    assert pages["accept"] == pages["reject"] == pages["nurture"]


def test_the_address_tells_the_round_and_the_place_only(
    sdr: Client, round_of: Callable[..., dict[str, PracticeCase]]
) -> None:
    case = round_of()["reject"]
    only_turn(case)
    response = sdr.get(f"/practice/{case.round_id}/")
    assert response["Location"] == f"/practice/{case.round_id}/{case.position}/"


def test_a_lead_whose_turn_has_not_come_is_not_shown(
    sdr: Client, round_of: Callable[..., dict[str, PracticeCase]]
) -> None:
    round_id = round_of()["accept"].round_id
    for position in (2, 5):
        response = sdr.get(f"/practice/{round_id}/{position}/")
        assert response["Location"] == f"/practice/{round_id}/"


def test_the_journey_ends_before_the_decision(
    past: Make, people: dict[str, User], here: dt.datetime, colleague: User
) -> None:
    made = past("accept")
    minute = dt.timedelta(minutes=1)

    def happened(name: str, at: dt.datetime, recorded_at: dt.datetime) -> Activity:
        return Activity.objects.create(
            lead=made.lead,
            source=made.lead.source,
            type=name,
            occurred_at=at,
            recorded_at=recorded_at,
            event_key=name,
        )

    early = happened("early_visit", made.at - 5 * minute, made.at - 5 * minute)
    happened("late_visit", made.at + minute, made.at + minute)
    happened("told_later", made.at - 5 * minute, made.at + minute)
    ActivityVerdict.objects.create(
        activity=early, is_machine=True, reason="scanner", recorded_at=made.at + minute
    )
    became(made, "won")
    words = [
        f"{entry.text} {entry.detail}" for day in blind_lead(made).journey for entry in day.entries
    ]
    told = "\n".join(words)
    assert "Early visit" in told
    assert "machine" not in told
    for hidden in ("Late visit", "Told later", "ccepted", "Outcome", "Stage", "Zebedee", "Left"):
        assert hidden not in told
    assert all(entry.at < made.at for day in blind_lead(made).journey for entry in day.entries)


@pytest.mark.usefixtures("model")
def test_a_dispute_withdrawn_later_stands_as_it_stood(
    past: Make, colleague: User, here: dt.datetime
) -> None:
    made = past("accept")
    rule = ScoringRule.objects.get(key="vp-title")
    disputes.dispute_line(
        lead=made.lead,
        rule=rule,
        kind=DisputeKind.STALE,
        by=colleague,
        now=made.at - dt.timedelta(minutes=3),
    )
    made.lead.disputes.update(withdrawn_at=made.at + dt.timedelta(minutes=3))
    (found,) = [
        entry
        for day in blind_lead(made).journey
        for entry in day.entries
        if entry.kind == "dispute"
    ]
    assert "withdrawn" not in found.detail


def test_events_of_an_earlier_stay_that_tell_how_it_ended_are_left_out(past: Make) -> None:
    made = past("reject")
    for verb in KNOWN_VERBS:
        ItemEvent.objects.create(
            item=made.item, verb=verb, at=made.at - dt.timedelta(minutes=2), note=NOTE
        )
    told = [entry for day in blind_lead(made).journey for entry in day.entries]
    assert NOTE not in str(told)
    words = " ".join(entry.text for entry in told)
    for hidden in ("andoff", "asked", "wakes", "gave the lead back", "Left"):
        assert hidden not in words
    assert set(KNOWN_VERBS) > ITEM_VERBS


def test_nobody_sees_the_case_of_somebody_else(
    login: Callable[[User], Client],
    round_of: Callable[..., dict[str, PracticeCase]],
    people: dict[str, User],
) -> None:
    case = round_of()["accept"]
    only_turn(case)
    url = f"/practice/{case.round_id}/{case.position}/"
    for role in ("manager", "admin"):
        client = login(people[role])
        assert client.get(url).status_code == 404
        assert client.post(f"{url}judge/", {"choice": "accept"}).status_code == 404
        assert client.get(f"{url}reject/").status_code == 404
        assert client.get(f"/practice/{case.round_id}/").status_code == 404
