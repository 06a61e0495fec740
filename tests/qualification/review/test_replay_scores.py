"""The score of every decision is found again by `explain --as-of`, line for line, whatever came
after and in which order it was written."""

from __future__ import annotations

import datetime as dt
import io
import json
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from crm.intake.inbox import store_message
from crm.models import Account, Activity, ActivityVerdict, Lead, Source, User
from qualification import pipeline
from qualification.choices import EntryReason, TouchKind, TouchResult
from qualification.exceptions import QualificationError
from qualification.models import Decision, LeadScore, ReviewItem
from qualification.review.claims import claim_item
from qualification.review.decisions import nurture_lead, reject_lead
from qualification.review.nurture import WakeWish
from qualification.review.queue import enter_queue
from qualification.review.touches import log_touch
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from qualification.scoring.ledger import Ledger, published_form
from tests import factories
from tests.qualification.decision_support import answer, reason
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db

NOW = factories.NOW
MINUTE = dt.timedelta(minutes=1)
TITLES = ["VP", "Head of Sales", "Student"]
ACTIVITIES = ["page_view", "form_submit", "demo_request"]
RULES = [
    rule({"subject": "lead.title", "op": "is", "value": "VP"}, 25),
    rule({"subject": "account.employees", "op": "at_least", "value": 200}, 15),
    rule({"subject": "attributes.seats", "op": "between", "value": [10, 50]}, 4.5),
    rule({"subject": "checklist.budget.state", "op": "is", "value": "confirmed"}, 8),
    rule({"subject": "checklist.pain", "op": "contains", "value": "paper"}, 3),
    rule(
        {"activity": "page_view", "half_life_days": 0.02, "max_points": 12}, 7, dimension="intent"
    ),
    rule({"activity": "demo_request", "per": "once", "within_days": 0.1}, 20, dimension="intent"),
    rule({"no_activity": "any", "within_days": 0.05, "after_first": True}, -5, dimension="intent"),
]


@pytest.fixture
def source(people: dict[str, User]) -> Source:
    """A webhook of the SDR's team, and live rules that look at everything that changes."""
    raw = document(*RULES, base={"fit": 5}) | {"thresholds": document()["thresholds"] | {"mql": 28}}
    model = drafts.load_draft(checked_document(raw), by=None, now=NOW - 100 * MINUTE)
    versions.activate_as_operator(model=model, now=NOW - 100 * MINUTE)
    return factories.SourceFactory(team=people["sdr"].team)


def write_in(source: Source, now: dt.datetime, **said: Any) -> Lead:
    """One message through the inbox, at its moment."""
    said = {"email": "ana@brightwater.com", "company": "Brightwater"} | said
    message, _ = store_message(
        source=source,
        event_key=f"walk:{now.isoformat()}",
        body=json.dumps(said).encode(),
        content_type="application/json",
        now=now,
    )
    lead = pipeline.process(message.pk, now=now).lead
    assert lead is not None
    return lead


def explained(lead: Lead, at: dt.datetime) -> dict[str, Any]:
    """What the command prints."""
    out = io.StringIO()
    call_command("explain", str(lead.pk), "--as-of", at.isoformat(), "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    assert found.pop("lead") == lead.pk
    return found


def frozen(decision: Decision) -> dict[str, Any]:
    """The ledger kept with a decision, in the form of the command."""
    return published_form(Ledger.from_json(decision.frozen["ledger"]))


class Walk:
    """One lead, its company and an SDR, step by step; each step a minute or so after the last."""

    def __init__(self, seed: int, source: Source, sdr: User) -> None:
        self.random, self.source, self.sdr = Random(seed), source, sdr
        self.now = NOW
        self.lead = write_in(source, self.now, title="VP")
        # What was told at each moment, to be found again at the end.
        self.seen: list[tuple[dt.datetime, int]] = [(self.now, self.scored())]
        self.steps = [self.says, self.says, self.visits, self.answers, self.judged, self.decides]

    def scored(self) -> int:
        """The stored score."""
        return LeadScore.objects.get(lead=self.lead).total_tenths

    def step(self) -> None:
        """Any verb; what it may not do now is refused, as in life."""
        self.now += self.random.uniform(0.5, 9) * MINUTE
        try:
            self.random.choice(self.steps)()
        except QualificationError:
            return
        pipeline.score_and_queue([self.lead.pk], now=self.now)
        self.seen.append((self.now, self.scored()))

    def says(self) -> None:
        said = {
            "title": self.random.choice(TITLES),
            "employees": self.random.choice([50, 200, 900]),
            "attributes": {"seats": self.random.choice([5, 10, 51])},
        }
        kept = self.random.sample(sorted(said), 2)
        write_in(self.source, self.now, type="form_submit", **{key: said[key] for key in kept})

    def visits(self) -> None:
        write_in(self.source, self.now, type=self.random.choice(ACTIVITIES))

    def answers(self) -> None:
        state = self.random.choice(["confirmed", "inferred", "contradicted"])
        value = self.random.choice(["lists on paper", "a plan"])
        key = self.random.choice(["budget", "pain"])
        answer(self.lead, key, self.sdr, state=state, value=value, now=self.now)

    def judged(self) -> None:
        activity = self.random.choice(list(Activity.objects.filter(lead=self.lead)))
        ActivityVerdict.objects.create(
            activity=activity,
            is_machine=self.random.random() < 0.7,
            reason="scanner",
            recorded_at=self.now,
        )

    def decides(self) -> None:
        item = ReviewItem.objects.filter(lead=self.lead).open().first()
        if item is None:
            enter_queue([self.lead.pk], reason=EntryReason.REINQUIRY, now=self.now)
            return
        held = claim_item(item=item, by=self.sdr, now=self.now)
        log_touch(
            item=held, by=self.sdr, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=self.now
        )
        held.refresh_from_db()
        self.now += self.random.uniform(0, 2) * MINUTE
        if self.random.random() < 0.5:
            kind = self.random.choice(["too_small", "student"])
            reject_lead(item=held, token=held.token, by=self.sdr, reason=reason(kind), now=self.now)
        else:
            day = self.now.date() + dt.timedelta(days=9)
            nurture_lead(
                item=held,
                token=held.token,
                by=self.sdr,
                reason=reason("no_project"),
                wake=WakeWish(on=day),
                now=self.now,
            )


@pytest.mark.parametrize("seed", range(6))
def test_every_decision_of_a_random_walk_is_found_again(
    seed: int, source: Source, people: dict[str, User]
) -> None:
    walk = Walk(seed, source, people["sdr"])
    for _ in range(40):
        walk.step()
    decisions = list(Decision.objects.filter(lead=walk.lead))
    assert decisions
    for decision in decisions:
        assert explained(walk.lead, decision.at) == frozen(decision)
    for at, tenths in walk.seen:
        assert round(explained(walk.lead, at)["score"] * 10) == tenths


def test_without_the_stamp_of_the_doors_it_is_not(
    source: Source, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: history of the database's clock is of another moment than the decision."""
    for module in ("crm.intake.upsert", "crm.lifecycle"):
        monkeypatch.setattr(f"{module}.stamp_history", lambda now: None)
    walk = Walk(0, source, people["sdr"])
    with pytest.raises(Exception, match="nothing was recorded"):
        explained(walk.lead, walk.now)


def test_between_two_messages_it_knows_the_first(source: Source) -> None:
    lead = write_in(source, NOW, title="VP", type="page_view")
    write_in(source, NOW + 10 * MINUTE, title="Student", type="page_view")
    names = {line["name"] for line in explained(lead, NOW + 9 * MINUTE)["lines"]}
    assert "A rule 0" in names
    assert "A rule 0" not in {line["name"] for line in explained(lead, NOW + 10 * MINUTE)["lines"]}


def test_a_message_that_waited_for_a_decision_comes_after_it(
    source: Source, people: dict[str, User]
) -> None:
    """Received before the decision, written after it: the decision did not know it."""
    lead = write_in(source, NOW, title="VP")
    item = claim_item(item=ReviewItem.objects.get(lead=lead), by=people["sdr"], now=NOW + MINUTE)
    decision = reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("too_small"),
        now=NOW + 5 * MINUTE,
    )
    write_in(source, NOW + 4 * MINUTE, title="Student", type="page_view", employees=900)
    assert explained(lead, decision.at) == frozen(decision)
    activity = Activity.objects.get(lead=lead, type="page_view")
    assert activity.recorded_at > decision.at
    assert LeadScore.objects.get(lead=lead).as_of == activity.recorded_at


def test_an_edit_of_the_company_in_the_admin_is_found_again(
    source: Source, people: dict[str, User], client: Client
) -> None:
    lead = write_in(source, timezone.now(), title="VP", employees=50)
    client.force_login(people["admin"], backend="crm.log_in.PersonBackend")
    account = Account.objects.get()
    before = timezone.now()
    form = {"name": account.name, "employees": 900, "is_target": "on"}
    form |= {"domains-TOTAL_FORMS": 0, "domains-INITIAL_FORMS": 0}
    response = client.post(f"/admin/crm/account/{account.pk}/change/", form)
    assert response.status_code == 302, response.content
    pipeline.score_and_queue([lead.pk], now=timezone.now())
    item = claim_item(item=ReviewItem.objects.get(lead=lead), by=people["sdr"], now=timezone.now())
    decision = reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("too_small"),
        now=timezone.now(),
    )
    assert explained(lead, decision.at) == frozen(decision)
    assert explained(lead, before)["score"] == explained(lead, decision.at)["score"] - 15
