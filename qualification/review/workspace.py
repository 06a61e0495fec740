"""Everything the lead page shows, in one frozen object and a bounded number of queries.

Called by the views of one lead. It reads what the other topics decide and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Window
from django.utils.translation import gettext as _

from crm.models import AttributeDefinition, Lead, User
from crm.models.lead import DisqualifiedBy
from qualification.choices import ItemState
from qualification.models import (
    Decision,
    Framework,
    ItemEvent,
    LeadScore,
    ReviewItem,
    ScoreDispute,
    ScoringModel,
)
from qualification.permissions import Right, has_right
from qualification.review import checklists, timeline
from qualification.review.ask_next import Suggestion, suggest
from qualification.review.checklists import Checklist, Question
from qualification.review.claims import may_take
from qualification.review.facts import Fact, facts_shown
from qualification.review.frameworks import Pick, frameworks_on_offer, pick_for
from qualification.review.help_wanted import request_on
from qualification.review.lead_clock import Clock, clock_of
from qualification.review.places import Place, place_of
from qualification.review.score_lines import (
    Group,
    Line,
    Scale,
    groups_of,
    scale_of,
    standing_disputes,
)
from qualification.review.shown import Completeness, completeness_of, verdict_on
from qualification.review.timeline import Journey
from qualification.scoring import ledger as ledgers
from qualification.scoring import verdict as verdicts
from qualification.scoring import versions
from qualification.scoring.ledger import Ledger
from qualification.scoring.verdict import Advice, Verdict

COMMITTEE_SHOWN = 8


@dataclass(frozen=True)
class Attribute:
    """A custom attribute in words."""

    label: str
    words: str


@dataclass(frozen=True)
class Workspace:
    """The lead page. `item` is the open stay in the queue, else the last one, else None."""

    lead: Lead
    reader: User
    now: datetime
    item: ReviewItem | None
    score: LeadScore | None
    model: ScoringModel | None
    ledger: Ledger | None
    verdict: Verdict | None
    checklist: Checklist
    frameworks: tuple[Framework, ...]
    framework_reason: str
    ask: Question | None
    suggestion: Suggestion
    passed_over: tuple[str, ...]
    disputes: dict[str, ScoreDispute]
    facts: tuple[Fact, ...]
    completeness: Completeness
    committee: tuple[Lead, ...]
    committee_elsewhere: int
    clock: Clock
    place: Place
    journey: Journey
    last_decision: Decision | None
    groups: tuple[Group, ...]
    other_lines: tuple[Line, ...]
    scale: Scale
    attributes: tuple[Attribute, ...]
    asked_manager: ItemEvent | None

    @cached_property
    def is_open(self) -> bool:
        """In the queue: waiting, claimed or owned."""
        return self.item is not None and self.item.state != ItemState.CLOSED

    @cached_property
    def lease_left(self) -> timedelta | None:
        """Time left of the holder's claim."""
        if self.item is None or self.item.lease_until is None:
            return None
        return self.item.lease_until - self.now

    @cached_property
    def is_lapsed(self) -> bool:
        """The claim ran out although no sweep has taken it back yet."""
        return self.lease_left is not None and self.lease_left <= timedelta(0)

    @cached_property
    def is_mine(self) -> bool:
        """The reader holds the lead right now: everything on the page works."""
        held = self.item is not None and self.is_open and not self.is_lapsed
        return held and self.item.holder_id == self.reader.pk  # type: ignore[union-attr]

    @cached_property
    def contacts(self) -> dict[str, Lead]:
        """The people of the company in sight by their names, folded: an answer may name one."""
        return {person.name.casefold(): person for person in (*self.committee, self.lead)}

    @cached_property
    def is_suggested(self) -> bool:
        """The question asked now is the suggested one, not one the reader chose."""
        return self.ask is not None and self.ask == self.suggestion.question

    @cached_property
    def is_owned(self) -> bool:
        """A touch turned the claim into ownership."""
        return self.item is not None and self.item.state == ItemState.OWNED

    @cached_property
    def holder(self) -> User | None:
        """Who holds it, if anybody does right now."""
        return self.item.holder if self.item and self.is_open and not self.is_lapsed else None

    @cached_property
    def can_work(self) -> bool:
        """The reader's role works the queue."""
        return has_right(self.reader, Right.WORK_QUEUE)

    @cached_property
    def can_claim(self) -> bool:
        """Nobody holds the open item and the reader may: by role, and by routing."""
        if self.item is None or not self.is_open or self.holder is not None or not self.can_work:
            return False
        return may_take(self.item, self.reader) or has_right(self.reader, Right.REASSIGN)

    @cached_property
    def can_override(self) -> bool:
        """The reader may accept with required answers open."""
        return has_right(self.reader, Right.OVERRIDE)

    @cached_property
    def can_reassign(self) -> bool:
        """The reader may give the item to somebody else."""
        return self.is_open and has_right(self.reader, Right.REASSIGN)

    @cached_property
    def can_edit(self) -> bool:
        """The reader may change what is known of the lead and its company."""
        return self.is_mine or self.can_reassign

    @cached_property
    def can_audit(self) -> bool:
        """The reader may see, give out and ask to erase what is held about the person."""
        return has_right(self.reader, Right.AUDIT)

    @cached_property
    def can_pause(self) -> bool:
        """The reader may stop the clock, or let it go on."""
        return self.is_open and (self.is_mine or has_right(self.reader, Right.REASSIGN))

    @cached_property
    def company(self) -> str:
        """The account's name, else the company as the person wrote it."""
        return self.lead.account.name if self.lead.account else self.lead.company_name

    @cached_property
    def n_others(self) -> int:
        """How many other leads the account has, in sight or not."""
        return len(self.committee) + self.committee_elsewhere

    @cached_property
    def is_below_line(self) -> bool:
        """Held although the score has fallen below the line of the queue."""
        if self.score is None or self.model is None or not self.is_open:
            return False
        return self.score.total_tenths < int(self.model.mql * 10) - 50

    @cached_property
    def turned_away_for(self) -> str:
        """The reason for which a rule keeps the lead out; blank when none does."""
        by_rule = self.lead.disqualified_by == DisqualifiedBy.RULE
        return self.score.disqualified if by_rule and self.score is not None else ""

    @cached_property
    def can_bring_back(self) -> bool:
        """A rule keeps the lead out and the reader may let it in."""
        return bool(self.turned_away_for) and has_right(self.reader, Right.AUDIT)

    @cached_property
    def advice(self) -> Advice | None:
        """What the cell of fit and intent suggests."""
        if self.score is None or self.model is None:
            return None
        return verdicts.advice_for(self.score.grade, self.model)

    @cached_property
    def is_stale(self) -> bool:
        """The score was made by rules that are no longer live."""
        return bool(self.score and self.model and self.score.model_id != self.model.pk)

    @cached_property
    def is_as_it_came(self) -> bool:
        """The score is that of the moment the lead came: there is none to compare it with."""
        return self.score is not None and self.score.as_of <= self.lead.created_at

    @cached_property
    def is_behind(self) -> bool:
        """The lines add up to another total than the score that stands: what they look at became
        more or less since, as after a merge."""
        if self.score is None or self.ledger is None or self.is_stale:
            return False
        return self.ledger.total_tenths != self.score.total_tenths


def workspace_of(
    lead: Lead, *, reader: User, now: datetime, ask: str = "", passed_over: Collection[str] = ()
) -> Workspace:
    """The page of a lead the reader may see; `ask` names the criterion to ask about next, instead
    of the suggested one; `passed_over` those not to suggest."""
    item = item_of(lead)
    model = versions.active_model()
    score = lead.score if hasattr(lead, "score") else None
    # At the moment of the score, so that the lines add up to it although interest decays.
    ledger = ledgers.ledger_of(lead.pk, model=model, now=score.as_of) if model and score else None
    frameworks = frameworks_on_offer()
    pick = pick_of(item, frameworks, now=now)
    checklist = checklists.checklist_of(lead, pick.framework, now=now)
    suggestion = suggest(checklist, passed_over=passed_over)
    is_open = item is not None and item.state != ItemState.CLOSED
    committee, elsewhere = _committee_of(lead, reader)
    disputes = standing_disputes(lead)
    groups, other_lines = groups_of(ledger, disputes)
    return Workspace(
        lead=lead,
        reader=reader,
        now=now,
        item=item,
        score=score,
        model=model,
        ledger=ledger,
        verdict=verdict_on(ledger, model, checklist),
        checklist=checklist,
        frameworks=_shown(frameworks, pick.framework),
        framework_reason=pick.reason,
        ask=checklist.question(ask) or suggestion.question,
        suggestion=suggestion,
        passed_over=tuple(q.key for q in checklist.questions if q.key in passed_over),
        disputes=disputes,
        facts=facts_shown(lead),
        completeness=completeness_of(lead),
        clock=clock_of(item, now=now),
        place=place_of(item, reader) if item is not None and is_open else Place(),
        journey=timeline.journey_of(lead, reader_id=reader.pk),
        # What is open has no decision that stands.
        last_decision=None if is_open else _last_decision(item),
        asked_manager=request_on(item) if item is not None and is_open else None,
        committee=committee,
        committee_elsewhere=elsewhere,
        groups=groups,
        other_lines=other_lines,
        scale=scale_of(model),
        attributes=_attributes_of(lead),
    )


def item_of(lead: Lead) -> ReviewItem | None:
    """The open stay of the lead in the queue, else its last one."""
    items = ReviewItem.objects.filter(lead=lead).select_related("holder", "assignee", "framework")
    # PostgreSQL sorts NULL last: nulls_first puts the open one in front.
    return items.order_by(F("closed_at").desc(nulls_first=True), "-pk").first()


def pick_of(item: ReviewItem | None, on_offer: tuple[Framework, ...], *, now: datetime) -> Pick:
    """The checklist the item is worked with; before that the one it would be, without storing
    anything."""
    if item is not None and item.framework is not None:
        return Pick(item.framework, item.framework_reason)
    if item is None or item.state == ItemState.CLOSED:
        return Pick(on_offer[0])
    return pick_for(item.lead_id, on_offer=on_offer, now=now)


def _shown(on_offer: tuple[Framework, ...], used: Framework) -> tuple[Framework, ...]:
    """Those to switch between: an older version in work stands in the place of its newer one."""
    others = tuple(used if row.key == used.key else row for row in on_offer)
    return others if used in others else (used, *others)


def _last_decision(item: ReviewItem | None) -> Decision | None:
    if item is None:
        return None
    standing = Decision.objects.standing().filter(item=item)
    return standing.select_related("by", "reason", "ae", "team", "partner").first()


def _committee_of(lead: Lead, reader: User) -> tuple[tuple[Lead, ...], int]:
    """Other leads of the account in sight, and how many more other teams have."""
    if lead.account_id is None:
        return (), 0
    others = Lead.objects.standing().filter(account_id=lead.account_id).exclude(pk=lead.pk)
    in_sight = Exists(Lead.objects.visible_to(reader).filter(pk=OuterRef("pk")))
    counted = others.annotate(
        in_sight=in_sight, total=Window(Count("pk")), seen=Window(Count("pk", filter=in_sight))
    )
    # Those out of sight come last, and are dropped: with none in sight one of them tells the total.
    rows = counted.select_related("score").order_by("-in_sight", "-received_at", "-pk")
    found: tuple[Any, ...] = tuple(rows[:COMMITTEE_SHOWN])
    elsewhere = found[0].total - found[0].seen if found else 0
    return tuple(other for other in found if other.in_sight), elsewhere


def _attributes_of(lead: Lead) -> tuple[Attribute, ...]:
    """The custom attributes that hold something, under the name their definition gives them."""
    if not lead.attributes:
        return ()
    definitions = AttributeDefinition.objects.filter(name__in=lead.attributes)
    labels = {definition.name: str(definition) for definition in definitions}
    return tuple(
        Attribute(label=labels.get(name, name).replace("_", " "), words=_words(value))
        for name, value in lead.attributes.items()
        if value not in (None, "")
    )


def _words(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(value)
