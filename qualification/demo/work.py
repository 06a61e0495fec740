"""What the SDRs and AEs of the demo do with a lead, knowing the truth only by asking."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass

from crm.models import BuyingRole, Team, User
from qualification.choices import (
    AnswerState,
    DisputeKind,
    ItemState,
    TargetKind,
    TouchKind,
    TouchResult,
)
from qualification.demo.market import Inquirer
from qualification.feedback import disputes
from qualification.handoff import answers as handoff_answers
from qualification.handoff.desks import desks_for
from qualification.models import (
    Cadence,
    Criterion,
    Decision,
    Partner,
    RejectionReason,
    ReviewItem,
    ScoringRule,
    Target,
)
from qualification.review import buying, cadences, checklists, claims, decisions, touches
from qualification.review.nurture import WakeWish
from qualification.scoring import versions
from qualification.sla import sweep

DISCOVERY = (
    ("budget", "Range named in the call: 80 to 120 thousand euros", AnswerState.INFERRED),
    ("authority", "Recommends; the CFO signs", AnswerState.CONFIRMED),
    ("pain", "Mis-picks above two percent on two sites", AnswerState.CONFIRMED),
    ("timing", "Third site opens in the second quarter", AnswerState.CONFIRMED),
    ("system_in_use", "Spreadsheets and an old WMS", AnswerState.INFERRED),
)


# What somebody of this seniority turns out to be in the purchase.
ROLES = {
    "C-level": BuyingRole.ECONOMIC_BUYER,
    "VP": BuyingRole.DECISION_MAKER,
    "Director": BuyingRole.DECISION_MAKER,
    "Head": BuyingRole.INFLUENCER,
    "Manager": BuyingRole.INFLUENCER,
    "Specialist": BuyingRole.END_USER,
}

NOTES = {
    "too_small": "Twelve people in one hall; a spreadsheet does it for them.",
    "wrong_industry": "No stock of their own, they advise those who have.",
    "student": "Writing a thesis on picking strategies.",
    "research_only": "Wanted the benchmark figures, no project behind it.",
    "no_buying_role": "Plans shifts; could not say who decides on systems.",
    "fake_contact": "The number belongs to a pizzeria.",
}

# Who has what on the desk when somebody looks: (username, whether they have called already).
AT_WORK = (
    ("maya", False),
    ("maya", True),
    ("aisha", True),
    ("maya", True),
    ("jonas", False),
    ("maya", True),
)


@dataclass(frozen=True)
class Workers:
    """The people of the demo by username."""

    by_name: dict[str, User]

    def sdrs(self, team_id: int) -> list[User]:
        """Those who work the queue of a team; the fallback team's leads are anybody's."""
        names = ("maya", "aisha", "jonas", "rafael", "grace")
        return [self.by_name[n] for n in names if self.by_name[n].team_id == team_id] or [
            self.by_name["maya"]
        ]

    def aes(self, team_id: int) -> list[User]:
        """The AEs of a team."""
        names = ("elena", "tom", "nina")
        return [self.by_name[n] for n in names if self.by_name[n].team_id == team_id] or [
            self.by_name["elena"]
        ]


class Desk:
    """The SDRs at work. One generator of chance for all, so that the demo is the same each time."""

    def __init__(self, workers: Workers, draw: random.Random) -> None:
        self.workers = workers
        self.draw = draw
        self.reasons = {reason.key: reason for reason in RejectionReason.objects.all()}
        self.cadence = Cadence.objects.get(is_default=True)
        self.criteria = {criterion.key: criterion for criterion in Criterion.objects.all()}

    def delay(self, item: ReviewItem) -> dt.timedelta:
        """How long it waits: mostly within its time, sometimes too long."""
        allowed = item.due_at - item.entered_at
        return allowed * (self.draw.uniform(0.1, 0.8) if self.draw.random() < 0.85 else 1.4)

    def work(
        self, item: ReviewItem, inquirer: Inquirer, at: dt.datetime, now: dt.datetime
    ) -> Iterator[dt.datetime]:
        """Claim, touch, ask, decide; then the AE answers. Says when the next thing is, does it when
        asked on, and stops where `now` is reached."""
        item.refresh_from_db()
        if item.state != ItemState.WAITING or item.hold_reason:
            return  # what they did meanwhile took them out again, or nobody may have them
        by = item.assignee or self.draw.choice(self.workers.sdrs(item.team_id))
        sweep.record_due(now=at)
        item = claims.claim_item(item=item, by=by, now=at)
        at += dt.timedelta(minutes=self.draw.randint(2, 9))
        yield at
        touches.log_touch(item=item, by=by, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=at)
        at += dt.timedelta(minutes=self.draw.randint(4, 20))
        yield at
        item.refresh_from_db()
        role = ROLES.get(item.lead.seniority)
        if role is not None:
            buying.say_role(item=item, role=role, source="Call", confidence=80, by=by, now=at)
        decided = self._decide(item, inquirer, by, at)
        answered_at = at + dt.timedelta(minutes=self.draw.randint(40, 300))
        if decided.kind == "accept" and answered_at < now:
            yield answered_at
            # What came back long ago has been dealt with; only a fresh return is still waiting.
            is_recent = now - answered_at < dt.timedelta(days=1)
            self._answer_handoff(decided, answered_at, may_return=is_recent)

    def _decide(self, item: ReviewItem, inquirer: Inquirer, by: User, at: dt.datetime) -> Decision:
        """What an SDR finds out is right nine times in ten."""
        finds_worth = inquirer.is_worth_it if self.draw.random() < 0.9 else not inquirer.is_worth_it
        if finds_worth and self.draw.random() < 0.12:
            return decisions.nurture_lead(
                item=item,
                token=item.token,
                by=by,
                reason=self.reasons["no_project"],
                note="Budget round is in spring.",
                wake=WakeWish(
                    on=(at + dt.timedelta(days=self.draw.randint(70, 150))).date(),
                    rise_tenths=100 if item.score_tenths < 800 else None,
                ),
                now=at,
            )
        if finds_worth:
            self._ask(item, by, at)
            return self._accept(item, by, self._desk(item), at)
        reason = self.reasons[inquirer.why_not or "research_only"]
        self._dispute(item, inquirer, by, at)
        return decisions.reject_lead(
            item=item, token=item.token, by=by, reason=reason, note=self._note(reason.key), now=at
        )

    def _desk(self, item: ReviewItem) -> Target:
        """Mostly an AE; else where a rule of the demo sends it."""
        ae = self.draw.choice(self.workers.aes(item.team_id))
        suggested = desks_for(item.lead, now=item.entered_at)[0]
        return ae if suggested.kind == TargetKind.AE else suggested.to

    def _note(self, reason: str) -> str:
        """Now and then somebody writes down what was said."""
        return NOTES.get(reason, "") if self.draw.random() < 0.5 else ""

    def _ask(self, item: ReviewItem, by: User, at: dt.datetime, upto: int = 5) -> None:
        for key, value, state in DISCOVERY[:upto]:
            checklists.record_answer(
                lead=item.lead,
                criterion=self.criteria[key],
                value=value,
                state=state,
                source="Call",
                answered_on=at.date(),
                by=by,
                now=at,
            )

    def _dispute(self, item: ReviewItem, inquirer: Inquirer, by: User, at: dt.datetime) -> None:
        """Who came by the careers page looks for a job: the line is wrong, and SDRs say so."""
        visited = {step.properties.get("path") for step in inquirer.steps}
        if "/careers" not in visited or self.draw.random() < 0.3:
            return
        model = versions.active_model()
        rule = ScoringRule.objects.filter(model=model, name="Careers page").first()
        if rule is not None:
            disputes.dispute_line(
                lead=item.lead, rule=rule, kind=DisputeKind.WRONG_RULE, by=by, now=at
            )

    def _answer_handoff(self, decision: Decision, at: dt.datetime, *, may_return: bool) -> None:
        handoff = decision.handoff
        takes = not may_return or self.draw.random() < 0.6
        reason = "" if takes else "Wrong contact for the project"
        if handoff.target == TargetKind.PARTNER:
            handoff_answers.answer_for_partner(
                handoff=handoff, takes=takes, reason=reason, by=None, now=at
            )
            return
        by = handoff.ae or self.workers.aes(decision.item.team_id)[0]
        if takes:
            handoff_answers.take_handoff(handoff=handoff, by=by, now=at)
        else:
            handoff_answers.return_handoff(handoff=handoff, by=by, reason=reason, now=at)

    def take_up_some(self, now: dt.datetime) -> None:
        """A living queue: a few claimed this minute, a few owned with a next task."""
        for team_id in {user.team_id for user in self.workers.by_name.values() if user.team_id}:
            free = ReviewItem.objects.waiting().filter(team_id=team_id, hold_reason="")
            waiting = free.ranked().select_related("assignee")
            # Every second one from the top stays for whoever asks for the next lead.
            for item, (name, is_begun) in zip(list(waiting)[1::2], AT_WORK, strict=False):
                by = item.assignee or self.workers.by_name[name]
                if by.team_id != team_id:
                    by = self.workers.sdrs(item.team_id)[-1]
                if is_begun:
                    self._begin(item, by, now)
                else:
                    claimed_at = max(item.entered_at, now - dt.timedelta(minutes=7))
                    claims.claim_item(item=item, by=by, now=claimed_at)

    def hand_over_some(self, now: dt.datetime) -> None:
        """What nobody answered yet: one lead at the partner, one on the desk of its team."""
        emea = Team.objects.get(name="EMEA")
        targets: tuple[Target, ...] = (Partner.objects.get(), emea)
        free = ReviewItem.objects.waiting().filter(team=emea, hold_reason="")
        last = list(free.ranked().select_related("assignee"))[-len(targets) :]
        for item, to in zip(last, targets, strict=False):
            by = item.assignee or self.workers.by_name["jonas"]
            at = max(item.entered_at, now - dt.timedelta(minutes=12))
            claimed = claims.claim_item(item=item, by=by, now=at)
            touches.log_touch(
                item=claimed, by=by, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=at
            )
            claimed.refresh_from_db()
            self._ask(claimed, by, at)
            self._accept(claimed, by, to, at)

    def _accept(self, item: ReviewItem, by: User, to: Target, at: dt.datetime) -> Decision:
        said = {"checklist.share_consent": "yes"}
        return decisions.accept_lead(item=item, token=item.token, by=by, to=to, said=said, now=at)

    def _begin(self, item: ReviewItem, by: User, now: dt.datetime) -> None:
        """Reached the voicemail once; the next call is planned, or overdue by now."""
        called_at = min(item.entered_at + dt.timedelta(minutes=4), now - dt.timedelta(minutes=1))
        claimed = claims.claim_item(item=item, by=by, now=called_at)
        touches.log_touch(
            item=claimed,
            by=by,
            kind=TouchKind.CALL,
            result=TouchResult.VOICEMAIL,
            next_task_at=called_at + dt.timedelta(minutes=self.draw.choice((45, 200, 1500))),
            next_task="Call again",
            now=called_at,
        )
        if self.draw.random() < 0.5:
            cadences.start_cadence(lead=item.lead, cadence=self.cadence, by=by, now=called_at)
        self._ask(item, by, called_at, upto=2)
