"""What a decision keeps: facts, ledger, answers, clock; and that nobody changes it afterwards."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from django.db import DatabaseError, connection, transaction

from crm.committee import record_role
from crm.models import Account, AccountDomain, Activity, Lead, LeadRole, User
from qualification.audit.verify import verify
from qualification.choices import ItemState
from qualification.models import Decision, ReviewItem, SLAPause
from qualification.personal.scrub import scrub_frozen
from qualification.review.accounts import active_people
from qualification.review.decisions import reject_lead
from qualification.review.duplicates import duplicates_of
from qualification.review.lead_clock import clock_of
from qualification.review.pauses import pause_clock
from qualification.review.replay import replay_of, screen_of
from qualification.review.workspace import workspace_of
from qualification.scoring.rescore import score_leads
from tests import factories
from tests.factories import NOW
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import (
    MINUTE,
    active_model,
    answer,
    held_item,
    reason,
    rejected,
)

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


def decide(people: dict[str, User], **fields: object) -> Decision:
    item = held_item(people["sdr"], ItemState.OWNED, **fields)
    answer(item.lead, "budget", people["sdr"], value="€120k", state="inferred")
    return reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )


def test_it_keeps_the_facts_of_that_moment(people: dict[str, User]) -> None:
    account = factories.AccountFactory(name="Brightwater", employees=180)
    AccountDomain.objects.create(account=account, domain="brightwater.example")
    decision = decide(people, title="VP", account=account, attributes={"sites": 3})

    Lead.objects.filter(pk=decision.lead_id).update(title="CEO", attributes={})
    account.employees = 5000
    account.save()

    stored = Decision.objects.get(pk=decision.pk).frozen
    assert stored["lead"]["title"] == "VP"
    assert stored["lead"]["attributes"] == {"sites": 3}
    assert stored["lead"]["stage"] == "working"
    assert stored["account"]["employees"] == 180
    assert stored["account"]["domains"] == ["brightwater.example"]


def test_it_keeps_ledger_version_and_what_fired(people: dict[str, User]) -> None:
    model = active_model()
    decision = decide(people, title="VP")
    decision.refresh_from_db()
    lines = decision.frozen["ledger"]["lines"]
    assert (decision.model, decision.frozen["model_version"]) == (model, model.version)
    assert decision.fired == {"vp-title": 200}
    assert decision.total_tenths == 300 == sum(line["points_tenths"] for line in lines)
    assert decision.grade == "B4"


def test_a_rule_that_did_not_fire_is_not_in_evidence(people: dict[str, User]) -> None:
    active_model()
    assert decide(people, title="Intern").fired == {}


def test_without_a_live_model_there_is_no_ledger(people: dict[str, User]) -> None:
    decision = decide(people)
    assert (decision.model, decision.fired, decision.total_tenths) == (None, {}, 0)
    assert decision.frozen["ledger"] is None


def test_it_keeps_answers_and_clock(people: dict[str, User]) -> None:
    decision = decide(people)
    answer(decision.lead, "budget", people["sdr"], value="€1", now=LATER + MINUTE)
    frozen = Decision.objects.get(pk=decision.pk).frozen
    first, second = frozen["clock"]["timers"]
    assert frozen["answers"]["budget"]["value"] == "€120k"
    assert frozen["answers"]["budget"]["state"] == "inferred"
    assert (first["kind"], first["elapsed_seconds"], first["is_breached"]) == (
        "first_response",
        120,
        False,
    )
    assert (second["kind"], second["state"]) == ("decision", "running")
    assert frozen["clock"]["touches"] == 1
    assert frozen["hold"]["state"] == "owned"


def test_a_breach_is_kept(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)
    decision = reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("duplicate"),
        now=NOW + 60 * 24 * 30 * MINUTE,
    )
    assert [timer["is_breached"] for timer in decision.frozen["clock"]["timers"]] == [False, True]


def test_it_is_plain_json(people: dict[str, User]) -> None:
    active_model()
    decision = decide(people, title="VP")
    stored = Decision.objects.get(pk=decision.pk)
    assert json.loads(json.dumps(decision.frozen)) == stored.frozen


@pytest.mark.parametrize("change", [{"note": "x"}, {"frozen": {}}, {"fired": {"a": 1}}])
def test_postgresql_refuses_to_change_a_decision(
    people: dict[str, User], change: dict[str, object]
) -> None:
    decision = rejected(people["sdr"])
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM qualification_decision WHERE id = %s", [decision.pk])


def test_it_keeps_what_the_head_of_the_page_said(people: dict[str, User]) -> None:
    """As the page says it just before; and after everything it says it by has changed."""
    active_model()
    account = factories.AccountFactory(name="Brightwater", industry="Logistics", employees=180)
    item = held_item(
        people["sdr"], ItemState.OWNED, title="VP", account=account, email="a@b.example"
    )
    record_role(
        lead=item.lead,
        role="decision_maker",
        source="call",
        confidence=80,
        by=people["sdr"],
        now=NOW,
    )
    score_leads([item.lead_id], now=NOW)
    lead = Lead.objects.select_related("account", "score").get(pk=item.lead_id)
    page = workspace_of(lead, reader=people["sdr"], now=LATER)
    assert page.verdict is not None
    assert page.advice is not None
    decision = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )

    Lead.objects.filter(pk=lead.pk).update(title="", email="", country="DE")
    LeadRole.objects.update(ended_at=LATER)
    Account.objects.update(industry="", employees=None)

    said = replay_of(Decision.objects.get(pk=decision.pk)).screen.said
    assert said is not None
    assert said.verdict == (page.verdict.word, page.verdict.sentence)
    assert said.advice == (page.advice.word, page.advice.fit, page.advice.intent)
    assert (said.known, said.missing) == (page.completeness.known, page.completeness.missing)
    assert "e-mail" not in said.missing
    assert said.covered == 1


def test_a_blocking_answer_is_the_verdict_that_is_kept(people: dict[str, User]) -> None:
    active_model()
    item = held_item(people["sdr"], ItemState.OWNED, title="VP")
    answer(item.lead, "budget", people["sdr"], value="", state="contradicted")
    decision = reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=LATER
    )
    said = replay_of(decision).screen.said
    assert said is not None
    assert said.verdict[1] == "An answer decides this before the score does."


def test_a_decision_of_before_says_that_it_kept_nothing(people: dict[str, User]) -> None:
    kept = {name: value for name, value in decide(people).frozen.items() if name != "said"}
    assert screen_of(kept, at=NOW).said is None


@pytest.fixture
def seen_lead(people: dict[str, User]) -> ReviewItem:
    """A lead with a paused clock, two who may be the same person (one elsewhere), and colleagues
    who did something."""
    active_model()
    team = people["sdr"].team
    account = factories.AccountFactory(name="Brightwater")
    item = held_item(
        people["sdr"], account=account, first_name="Ana", last_name="Ruiz", phone_key="+4930901820"
    )
    named = {"first_name": "Anna", "last_name": "Ruiz", "account": account}
    factories.LeadFactory(team=team, **named)
    factories.LeadFactory(team=factories.TeamFactory(), phone_key="+4930901820")
    for lead in Lead.objects.filter(account=account):
        for days in (1, 9):
            at = NOW - dt.timedelta(days=days)
            Activity.objects.create(lead=lead, type="visit", occurred_at=at, recorded_at=at)
    until = LATER + dt.timedelta(hours=3)
    pause_clock(item=item, by=people["sdr"], reason="On a train", until=until, now=NOW + MINUTE)
    item.refresh_from_db()
    return item


def decided(item: ReviewItem, by: User) -> Decision:
    return reject_lead(item=item, token=item.token, by=by, reason=reason("too_small"), now=LATER)


def test_it_keeps_clock_duplicates_and_who_was_active(
    people: dict[str, User], seen_lead: ReviewItem
) -> None:
    """As the page shows them just before; and after everything they come from has changed."""
    clock = clock_of(seen_lead, now=LATER)
    alike = duplicates_of(seen_lead.lead, reader=people["sdr"], now=LATER)
    weeks = active_people(seen_lead.lead.account, now=LATER)  # type: ignore[arg-type]
    assert clock.pause is not None
    assert (len(alike.likely), alike.is_elsewhere) == (1, True)
    assert weeks[-2:] == (2, 2)
    decision = decided(seen_lead, people["sdr"])

    SLAPause.objects.update(reason="Something else")
    Lead.objects.update(phone_key=None, last_name="Other", first_name="Other")
    Activity.objects.create(lead=seen_lead.lead, type="visit", occurred_at=LATER, recorded_at=LATER)

    seen = replay_of(Decision.objects.get(pk=decision.pk)).screen.seen
    assert seen is not None
    assert seen.clock == dataclasses.replace(clock, has_story=False)
    assert seen.likely is not None
    assert [(one.lead_id, list(one.words)) for one in seen.likely] == [
        (one.lead.pk, one.words) for one in alike.likely
    ]
    assert (seen.more, seen.is_elsewhere) == (alike.more, alike.is_elsewhere)
    assert seen.weeks == weeks


def test_what_was_seen_is_in_the_chain(people: dict[str, User], seen_lead: ReviewItem) -> None:
    decision = decided(seen_lead, people["sdr"])
    settle()
    assert verify().is_whole
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            """UPDATE qualification_decision
            SET frozen = jsonb_set(frozen, '{seen,clock,was_late}', 'true') WHERE id = %s""",
            [decision.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert not verify().is_whole


def test_names_of_others_are_not_kept(people: dict[str, User], seen_lead: ReviewItem) -> None:
    Lead.objects.filter(first_name="Anna").update(first_name="Canary-Kx9")
    # The signs are the same: an initial for the name.
    Lead.objects.filter(pk=seen_lead.lead_id).update(first_name="C")
    seen_lead.refresh_from_db()
    decision = decided(seen_lead, people["sdr"])
    assert len(decision.frozen["seen"]["duplicates"]["likely"]) == 1
    assert "Canary" not in json.dumps(decision.frozen)


def test_of_an_erased_person_only_the_clock_is_left(
    people: dict[str, User], seen_lead: ReviewItem
) -> None:
    decision = decided(seen_lead, people["sdr"])
    kept = scrub_frozen(decision.frozen, {}, LATER.isoformat())["seen"]
    assert set(kept) == {"clock"}
    seen = screen_of({"seen": kept}, at=LATER).seen
    assert seen is not None
    assert seen.clock.pause is not None
    assert (seen.clock.is_paused, seen.clock.pause.reason) == (True, "")
    assert (seen.likely, seen.weeks) == (None, None)
