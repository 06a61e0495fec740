"""Every page of ours and a place to see it: who looks, and an address by the names of things in a
made-up company. A page missing here fails `tests/qualification/test_pages_are_visited.py`."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils import timezone

from crm.models import ErasureReason, Lead, Source, User
from qualification import runner
from qualification.choices import ItemState
from qualification.demo.seed import seed
from qualification.feedback.proposals import approve_proposal
from qualification.handoff.partner_links import token_for
from qualification.models import Decision, Handoff, NurturePlan, ReviewItem, SavedView, ScoringModel
from qualification.personal.requests import ask_erasure
from qualification.practice import rounds
from qualification.review.claims import claim_item
from qualification.review.merge import merge_lead
from qualification.scoring import simulate, versions
from tests import factories
from tests.qualification.practice import past_leads
from tests.qualification.views.proposal_support import proposed

# Those who look, by role.
READERS = {"sdr": "maya", "manager": "kenji", "admin": "dana", "ae": "elena", "marketing": "priya"}
STRANGER = "stranger"

# Name → (role, address). Dialogs are looked at as pages of their own; opened over a page they are
# in front of axe in `test_accessibility.py`, by keyboard in `test_keyboard.py`.
PAGES: dict[str, tuple[str, str]] = {
    "intake": (STRANGER, "/intake/{form}/open/"),
    "queue": ("sdr", "/queue/"),
    "queue-bulk-assign": ("manager", "/queue/bulk/assign/?lead={waiting}"),
    "queue-bulk-release": ("manager", "/queue/bulk/release/?lead={owned}"),
    "queue-view-new": ("sdr", "/queue/views/new/?tier=hot"),
    "queue-view-change": ("sdr", "/queue/views/{view}/"),
    "my-work": ("sdr", "/my-work/"),
    "lead-detail": ("sdr", "/leads/{owned}/"),
    "lead-timeline": ("sdr", "/leads/{owned}/timeline/?scope=account"),
    "lead-clock": ("sdr", "/leads/{waiting}/clock/"),
    "lead-past": ("sdr", "/leads/{owned}/past/?at={then}"),
    "lead-changers": ("sdr", "/leads/{owned}/changers/"),
    "lead-compare": ("manager", "/leads/{owned}/compare/{waiting}/"),
    "lead-skip": ("sdr", "/leads/{claimed}/skip/"),
    "lead-snooze": ("sdr", "/leads/{owned}/snooze/"),
    "lead-pause": ("sdr", "/leads/{owned}/pause/"),
    "lead-fact": ("sdr", "/leads/{owned}/facts/title/"),
    "lead-talk": ("sdr", "/leads/{owned}/talk/"),
    "lead-scores": ("sdr", "/leads/{owned}/scores/"),
    "lead-move": ("sdr", "/leads/{owned}/scores/{move}/"),
    "lead-personal": ("manager", "/leads/{owned}/personal-data/"),
    "lead-erase": ("admin", "/leads/{asked}/personal-data/erase/"),
    "lead-accept": ("sdr", "/leads/{owned}/accept/"),
    "lead-reject": ("sdr", "/leads/{owned}/reject/"),
    "lead-nurture": ("sdr", "/leads/{owned}/nurture/"),
    "lead-routing": ("sdr", "/leads/{waiting}/routing/"),
    "lead-bring-back": ("manager", "/leads/{turned_away}/bring-back/"),
    "erasure-list": ("manager", "/erasures/"),
    "account-list": ("sdr", "/accounts/"),
    "account-detail": ("manager", "/accounts/{account}/"),
    "account-timeline": ("sdr", "/accounts/{account}/timeline/"),
    "nurture-list": ("sdr", "/nurture/"),
    "nurture-change": ("manager", "/nurture/{plan}/"),
    "rejected-list": ("manager", "/rejected/"),
    "turned-away-list": ("manager", "/rejected/by-rules/"),
    "decision-detail": ("manager", "/decisions/{rejected}/"),
    "decision-overturn": ("manager", "/decisions/{rejected}/overturn/"),
    "proposal-list": ("manager", "/proposals/"),
    "proposal-decline": ("manager", "/proposals/{proposal}/decline/"),
    "model-list": ("sdr", "/models/"),
    "model-detail": ("manager", "/models/{draft}/"),
    "model-backtest": ("manager", "/models/{draft}/backtest/"),
    "model-publish": ("admin", "/models/{shadow}/publish/"),
    "model-rollback": ("admin", "/models/{old}/rollback/"),
    "release-list": ("sdr", "/releases/"),
    "release-detail": ("sdr", "/releases/{release}/"),
    "handoff-list": ("ae", "/handoffs/"),
    "handoff-detail": ("ae", "/handoffs/{handoff}/"),
    "handoff-return": ("ae", "/handoffs/{handoff}/return/"),
    "handoff-move": ("manager", "/handoffs/{at_partner}/move/"),
    "handoff-answer": ("manager", "/handoffs/{at_partner}/answer/"),
    "partner-handoff": (STRANGER, "/partner/{token}/"),
    "desk-list": ("manager", "/desks/"),
    "delivery-list": ("manager", "/deliveries/"),
    "outcome-list": ("manager", "/outcomes/"),
    "routing": ("manager", "/routing/?lead={waiting}"),
    "notice-list": ("sdr", "/notices/"),
    "notice-preferences": ("sdr", "/notices/preferences/"),
    "sla-report": ("manager", "/sla/"),
    "self-check": ("manager", "/self-check/"),
    "skip-report": ("manager", "/skips/"),
    "practice": ("sdr", "/practice/"),
    "practice-round": ("manager", "/practice/{finished}/"),
    "practice-case": ("sdr", "/practice/{begun}/2/"),
    "practice-reject": ("sdr", "/practice/{begun}/2/reject/"),
    "stage-list": ("sdr", "/stages/"),
    "source-list": ("marketing", "/sources/"),
}
# Names that answer GET and are no page, with the reason.
NO_PAGES = {
    "home": "sends on to the first page of the reader",
    "healthz": "words for a machine",
    "sla-csv": "a file",
    "skip-csv": "a file",
    "source-csv": "a file",
    "queue-pulse": "a piece of the queue, which asks for it by itself",
    "queue-view-counts": "a piece of the queue, which asks for it by itself",
    "alarms": "a piece of the queue, which asks for it by itself",
    "notice-bell": "a piece of every page, which asks for it by itself",
    "account-weeks": "a piece of the company's page, which asks for it by itself",
    "lead-duplicates": "a piece of the lead page, which asks for it by itself",
    "lead-ask": "a piece of the lead page, in its place there",
    "nurture-preview": "a piece of the nurture dialog, which asks for it by itself",
    "model-simulation": "a piece of the version page, in its place there",
    "model-rescoring": "a piece of the proposals page, in its place there",
}


def made_up_company() -> dict[str, str]:
    """A company in which every page has something to show: names of things → their ids."""
    seed(leads=60, now=timezone.now(), on_progress=lambda done, whole: None)
    now = timezone.now()
    people = {role: User.objects.get(username=name) for role, name in READERS.items()}
    things = _work(people["sdr"]) | _handoffs(people, now)
    things |= _practice(people, now) | _pairs(people["manager"], now) | _versions(people, now)
    form = factories.SourceFactory(kind=Source.Kind.FORM, name="contact", credential="open")
    view = SavedView.objects.create(
        owner=people["sdr"], name="Hot", query="tier=hot", created_at=now
    )
    asked = Decision.objects.filter(kind="reject", lead__team__name="EMEA").last()
    assert asked is not None
    ask_erasure(
        lead=asked.lead,
        reference="T-4711",
        reason=ErasureReason.ASKED,
        is_no_contact=True,
        by=None,
        now=now,
    )
    return things | {"form": form.name, "view": str(view.pk), "asked": str(asked.lead_id)}


def for_role(things: dict[str, str], role: str) -> dict[str, str]:
    """The same where an AE looks: a lead that was handed to them."""
    return things | {"owned": things["handed"]} if role == "ae" else things


def _work(sdr: User) -> dict[str, str]:
    items = ReviewItem.objects.filter(team=sdr.team).select_related("lead")
    owned = items.filter(state=ItemState.OWNED, holder=sdr)[0]
    waiting = items.filter(state=ItemState.WAITING, hold_reason="")[0]
    claimed = items.filter(state=ItemState.CLAIMED, holder=sdr).first()
    if claimed is None:
        free = items.filter(state=ItemState.WAITING, hold_reason="").exclude(pk=waiting.pk)[0]
        claimed = claim_item(item=free, by=sdr, now=timezone.now())
    then = owned.entered_at.astimezone(ZoneInfo(sdr.time_zone)) + dt.timedelta(seconds=1)
    rejected = Decision.objects.filter(kind="reject", lead__team=sdr.team)[0]
    plan = NurturePlan.objects.filter(state="waiting", lead__team=sdr.team)[0]
    turned = Lead.objects.filter(stage="disqualified", disqualified_by="rule", team=sdr.team)[0]
    return {
        "owned": str(owned.lead_id),
        "waiting": str(waiting.lead_id),
        "claimed": str(claimed.lead_id),
        "account": str(owned.lead.account_id),
        "move": str(owned.lead.score_moves.latest("id").pk),
        "then": f"{then:%Y-%m-%dT%H:%M:%S}",
        "rejected": str(rejected.pk),
        "plan": str(plan.pk),
        "turned_away": str(turned.pk),
    }


def _handoffs(people: dict[str, User], now: dt.datetime) -> dict[str, str]:
    """One an AE has to answer, one a partner has."""
    decision = past_leads.decided("accept", by=people["sdr"], ae=people["ae"], at=now)
    handoff = Handoff.objects.get(decision=decision)
    at_partner = Handoff.objects.filter(target="partner", state="waiting")[0]
    return {
        "handoff": str(handoff.pk),
        "handed": str(handoff.lead_id),
        "at_partner": str(at_partner.pk),
        "token": token_for(at_partner),
    }


def _practice(people: dict[str, User], now: dt.datetime) -> dict[str, str]:
    begun = past_leads.begin(people["sdr"], now)
    rounds.judge_case(case=begun.cases.get(position=1), choice="accept", by=begun.person, now=now)
    finished = past_leads.begin(people["manager"], now)
    past_leads.judge_all(finished, now, choice="nurture")
    return {"begun": str(begun.pk), "finished": str(finished.pk)}


def _pairs(manager: User, now: dt.datetime) -> dict[str, str]:
    """Somebody who was two leads."""
    one, two = Lead.objects.filter(stage="new", team=manager.team)[:2]
    merge_lead(survivor=one, loser=two, takes=[], by=manager, now=now)
    return {"merged": str(one.pk)}


def _versions(people: dict[str, User], now: dt.datetime) -> dict[str, str]:
    """A version that was live, one in shadow, a draft with a simulation, an open proposal."""
    old = versions.active_model()
    first, second, *_more = proposed(people, version=99)
    approve_proposal(proposal=first, by=people["manager"], now=now)
    draft = first.draft
    assert draft is not None
    assert old is not None
    simulate.start_simulation(model=draft, by=people["manager"], now=now)
    runner.work_runs(now=now)
    shadow = ScoringModel.objects.get(status="shadow")
    release = old.release_notes.first()
    assert release is not None
    return {
        "old": str(old.pk),
        "draft": str(draft.pk),
        "shadow": str(shadow.pk),
        "proposal": str(second.pk),
        "release": str(release.pk),
    }
