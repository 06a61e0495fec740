"""The door for outcomes: once, the stage by the rules, late ones as facts, nobody dropped."""

from __future__ import annotations

import datetime as dt
import threading
from itertools import permutations
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from crm.models import Lead, LeadIdentity, Outcome, Source, StageEvent, User
from qualification.choices import TimerState
from qualification.connectors.base import ToldOutcome
from qualification.exceptions import OutcomeInvalid
from qualification.handoff.answers import return_handoff
from qualification.invariants import violations
from qualification.models import CrmLink, Handoff, SLATimer
from qualification.outcomes.record import look_again, record_outcome
from tests.factories import NOW, LeadFactory, SourceFactory
from tests.qualification.crm_support import connection_to
from tests.qualification.decision_support import MINUTE, accepted
from tests.qualification.queue_support import all_done

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LATER = NOW + 30 * DAY


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(name="the-crm")


def told(lead: Lead | str, value: str = "opportunity", **changes: Any) -> ToldOutcome:
    given: dict[str, Any] = {
        "external_id": "deal-1",
        "value": value,
        "occurred_at": NOW + DAY,
        "lead_ref": lead if isinstance(lead, str) else f"lead:{lead.pk}",
    }
    return ToldOutcome(**{**given, **changes})


def stage_of(lead: Lead) -> str:
    return Lead.objects.get(pk=lead.pk).stage


@pytest.mark.parametrize(
    ("values", "stage"),
    [
        (["opportunity"], "opportunity"),
        (["opportunity", "won"], "won"),
        (["opportunity", "lost"], "lost"),
        (["won"], "won"),
        (["lost"], "lost"),
        (["won", "opportunity"], "won"),
        (["lost", "won"], "lost"),
        (["retained"], "sql"),
        (["won", "retained"], "won"),
    ],
)
def test_the_stage_follows_the_rules(
    people: dict[str, User], source: Source, values: list[str], stage: str
) -> None:
    lead = accepted(people).lead
    for value in values:
        months = 12 if value == "retained" else None
        record_outcome(told=told(lead, value, months=months), source=source, now=LATER)
    assert stage_of(lead) == stage
    assert sorted(Outcome.objects.values_list("value", flat=True)) == sorted(values)
    assert not Outcome.objects.exclude(lead=lead).exists()
    assert violations(now=NOW + 6 * MINUTE) == []


def test_any_order_keeps_every_fact_and_never_an_unlawful_stage(
    people: dict[str, User], source: Source
) -> None:
    for order in permutations(["opportunity", "won", "retained"]):
        lead = accepted(people).lead
        for value in order:
            months = 6 if value == "retained" else None
            one = told(lead, value, months=months, external_id=f"deal of {lead.pk}")
            record_outcome(told=one, source=source, now=LATER)
        assert stage_of(lead) == "won"
        assert lead.outcomes.count() == 3


def test_a_fact_that_moves_nothing_says_why(people: dict[str, User], source: Source) -> None:
    lead = accepted(people).lead
    record_outcome(told=told(lead, "lost"), source=source, now=LATER)
    late = record_outcome(told=told(lead, "opportunity"), source=source, now=LATER)
    assert late.outcome.effect == "The lead is “Lost”: kept as a fact."
    assert stage_of(lead) == "lost"


def test_told_twice_is_kept_once(people: dict[str, User], source: Source) -> None:
    lead = accepted(people).lead
    first = record_outcome(told=told(lead), source=source, now=LATER)
    again = record_outcome(told=told(lead), source=source, now=LATER + DAY)
    assert (first.is_new, again.is_new, again.outcome) == (True, False, first.outcome)
    assert StageEvent.objects.filter(lead=lead, to_stage="opportunity").count() == 1


def test_another_source_id_kind_or_time_is_another_fact(
    people: dict[str, User], source: Source
) -> None:
    lead = accepted(people).lead
    for one, of in (
        (told(lead), source),
        (told(lead), SourceFactory()),
        (told(lead, external_id="deal-2"), source),
        (told(lead, occurred_at=NOW + 2 * DAY), source),
        (told(lead, "won"), source),
    ):
        assert record_outcome(told=one, source=of, now=LATER).is_new


def test_the_waiting_handoff_counts_as_taken(people: dict[str, User], source: Source) -> None:
    lead = accepted(people).lead
    record_outcome(told=told(lead), source=source, now=LATER)
    handoff = Handoff.objects.get()
    assert (handoff.state, handoff.answered_at) == (Handoff.State.ACCEPTED, LATER)
    assert SLATimer.objects.get(kind="handoff_acceptance").state == TimerState.STOPPED


def test_an_unknown_lead_is_kept_and_found_later(people: dict[str, User], source: Source) -> None:
    kept = record_outcome(told=told("L-77", "won"), source=source, now=LATER)
    assert (kept.is_new, kept.is_matched) == (True, False)
    assert kept.outcome.effect == "No lead is known as “L-77”."
    assert not look_again(outcome=kept.outcome, now=LATER)
    lead = accepted(people).lead
    LeadIdentity.objects.create(
        lead=lead, source=source, external_id="L-77", first_seen_at=NOW, last_seen_at=NOW
    )
    again = record_outcome(told=told("L-77", "won"), source=source, now=LATER)
    assert (again.is_new, again.outcome.lead, again.outcome.effect) == (False, lead, "")
    assert stage_of(lead) == "won"


def test_a_lead_is_known_by_the_ids_of_its_crm(people: dict[str, User]) -> None:
    theirs = connection_to("https://crm.example")
    decision = accepted(people)
    for kind, our_id, vendor_id in (
        ("lead", decision.lead_id, "501"),
        ("handoff", decision.handoff.pk, "901"),
    ):
        CrmLink.objects.create(
            connection=theirs, kind=kind, our_id=our_id, vendor_id=vendor_id, at=NOW
        )
    for number, ref in enumerate(("501", "901", f"lead:{decision.lead_id}:handoff:1")):
        one = told(ref, external_id=str(number))
        assert record_outcome(told=one, source=theirs.source, now=LATER).is_matched
    other = record_outcome(told=told("901"), source=SourceFactory(), now=LATER)
    assert not other.is_matched


def accepted_again(people: dict[str, User], lead: Lead, at: dt.datetime) -> None:
    """The AE gives it back; it is accepted once more, days later."""
    from qualification.models import ReviewItem
    from qualification.review.claims import claim_item
    from qualification.review.decisions import accept_lead

    handoff = Handoff.objects.get(lead=lead)
    return_handoff(handoff=handoff, by=people["ae"], reason="Too early", now=at - DAY)
    item = claim_item(
        item=ReviewItem.objects.open().get(lead=lead), by=people["sdr"], now=at - MINUTE
    )
    accept_lead(item=item, token=item.token, by=people["sdr"], to=people["ae"], now=at)


@pytest.mark.parametrize(
    ("ref", "occurred_at"), [(":handoff:1", NOW + 15 * DAY), ("", NOW + 2 * DAY)]
)
def test_what_is_about_an_earlier_handoff_does_not_move_the_lead(
    people: dict[str, User], source: Source, ref: str, occurred_at: dt.datetime
) -> None:
    lead = accepted(people).lead
    accepted_again(people, lead, NOW + 10 * DAY)
    one = told(f"lead:{lead.pk}{ref}", "lost", occurred_at=occurred_at)
    kept = record_outcome(told=one, source=source, now=LATER)
    assert (kept.outcome.effect, stage_of(lead)) == (
        "About an earlier handoff: kept as a fact.",
        "sql",
    )


def test_nobody_finds_a_lead_out_of_sight(people: dict[str, User], source: Source) -> None:
    elsewhere = LeadFactory(team__name="APAC")
    kept = record_outcome(told=told(elsewhere), source=source, now=LATER, by=people["manager"])
    assert not kept.is_matched


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"external_id": ""}, "An id"),
        ({"external_id": "x" * 201}, "An id"),
        ({"external_id": "a\x00"}, "An id"),
        ({"value": "sold"}, "no outcome"),
        ({"lead_ref": ""}, "which lead"),
        ({"months": 3}, "Months belong"),
        ({"value": "retained"}, "Months belong"),
        ({"value": "retained", "months": 0}, "Months from"),
        ({"value": "retained", "months": 241}, "Months from"),
    ],
)
def test_what_cannot_be_kept_is_refused(source: Source, changes: Any, why: str) -> None:
    with pytest.raises(OutcomeInvalid, match=why):
        record_outcome(told=told("lead:1", **changes), source=source, now=LATER)
    assert not Outcome.objects.exists()


def test_facts_are_not_changed(people: dict[str, User], source: Source) -> None:
    kept = record_outcome(told=told(accepted(people).lead), source=source, now=LATER).outcome
    mine = Outcome.objects.filter(pk=kept.pk)
    for change in (lambda: mine.update(lead=None), mine.delete):
        with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
            change()
    unknown = record_outcome(told=told("nobody"), source=source, now=LATER).outcome
    with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
        Outcome.objects.filter(pk=unknown.pk).update(value="won")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [True, False])
def test_told_at_once_it_is_kept_once(
    people: dict[str, User], source: Source, is_known: bool
) -> None:
    lead = accepted(people).lead if is_known else "nobody"
    new: list[bool] = []

    def tell() -> None:
        new.append(record_outcome(told=told(lead), source=source, now=LATER).is_new)

    all_done([tell] * 6)
    assert (len(new), sum(new), Outcome.objects.count()) == (6, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_constraint_it_is_kept_twice(source: Source) -> None:
    both_have_looked = threading.Barrier(2)

    def tell_without() -> None:
        if not Outcome.objects.filter(told_lead="nobody").exists():
            both_have_looked.wait()
            Outcome.objects.create(
                value="won", source=source, recorded_at=NOW, told_lead="nobody", occurred_at=NOW
            )

    all_done([tell_without, tell_without])
    assert Outcome.objects.count() == 2
