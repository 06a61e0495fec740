"""What routing looks like right now: rules in words, pools with who can take a lead, and where a
lead would go. For managers and admins; reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.models import PoolMember, ReviewItem, RoutingPool, RoutingRule
from qualification.routing.assign import as_stored, balances_of, try_lead
from qualification.routing.eligibility import Staff, staff_of
from qualification.routing.rules import (
    active_rules,
    rule_sentence,
    rule_words,
    rules_fitting,
)
from qualification.routing.why import Looked, looked_at, told_of, why_text
from qualification.scoring.subjects import Catalogue

SHOWN_VERSIONS = 10


@dataclass(frozen=True)
class RuleShown:
    """A rule and its condition in words."""

    rule: RoutingRule
    asked: str


@dataclass(frozen=True)
class MemberShown:
    """Somebody of a pool: part of its leads, how many open of how many, `reserved` of them kept for
    leads nobody else can take, why not now (blank: can take one)."""

    person: User
    weight: int
    share: float
    balance: float
    open: int
    capacity: int | None
    reserved: int
    skills: tuple[str, ...]
    why_not: str


@dataclass(frozen=True)
class PoolShown:
    """A pool, its people, and how many leads are held for it."""

    pool: RoutingPool
    members: tuple[MemberShown, ...]
    held: int


@dataclass(frozen=True)
class Tried:
    """Where a lead would go now; `fitting` are all rules that fit, the first one counts. `text` is
    blank when no rule is switched on."""

    lead: Lead
    text: str
    fitting: tuple[RoutingRule, ...]
    looked: tuple[Looked, ...]


def rules_shown() -> list[RuleShown]:
    """All rules, those switched off too, in the order in which they are asked."""
    catalogue = Catalogue.load()
    rules = RoutingRule.objects.select_related("team", "pool", "segment")
    return [RuleShown(rule, rule_words(rule, catalogue)) for rule in rules]


@dataclass(frozen=True)
class RuleSaid:
    """What a rule said from a moment on."""

    at: datetime
    text: str


def rule_history(rule: RoutingRule) -> list[RuleSaid]:
    """The newest versions of a rule in words, newest first, from its history. A segment is named;
    what it asked for then is in its own history."""
    events = rule.events.order_by("-pgh_id")  # type: ignore[attr-defined]
    catalogue = Catalogue.load()
    rows = events.select_related("team", "pool", "segment")[:SHOWN_VERSIONS]
    return [RuleSaid(row.pgh_created_at, _said(row, catalogue)) for row in rows]


def _said(row: RoutingRule, catalogue: Catalogue) -> str:
    text = f"{row.position}. {row.name}: {rule_sentence(row, catalogue)}"
    return text if row.is_active else _("%(rule)s (off)") % {"rule": text}


def pools_shown(*, now: datetime) -> list[PoolShown]:
    """Every pool with its people as they are now, in a fixed number of queries."""
    pools = list(RoutingPool.objects.select_related("team").prefetch_related("members"))
    people = {member.person_id for pool in pools for member in pool.members.all()}
    staff = staff_of(people, now=now)
    held = ReviewItem.objects.waiting().filter(assignee=None).exclude(hold_reason="")
    counts = Counter(held.order_by().values_list("pool", flat=True))
    return [PoolShown(pool, _members(pool, staff), counts[pool.pk]) for pool in pools]


def _members(pool: RoutingPool, staff: Staff) -> tuple[MemberShown, ...]:
    members = list(pool.members.all())
    whole, balances = sum(member.weight for member in members), balances_of(pool)
    return tuple(
        _member(member, member.weight / whole, float(balances.get(member.person_id, 0)), staff)
        for member in members
    )


def _member(member: PoolMember, share: float, balance: float, staff: Staff) -> MemberShown:
    person_id, profile = member.person_id, staff.profiles.get(member.person_id)
    why_not = staff.why_not(person_id, team=member.pool.team, skills=())
    return MemberShown(
        person=staff.people[person_id],
        weight=member.weight,
        share=share,
        balance=balance,
        open=staff.load[person_id],
        capacity=None if profile is None else profile.capacity,
        reserved=0 if profile is None else profile.reserved,
        skills=() if profile is None else tuple(profile.skills),
        why_not=why_text(why_not, sees_all=True),
    )


def try_shown(lead: Lead, *, now: datetime) -> Tried:
    """Where this lead would go if it entered the queue now; nothing changes by looking."""
    placement = try_lead(lead.pk, now=now)
    if placement is None:
        return Tried(lead, "", (), ())
    fitting = rules_fitting([lead.pk], rules=active_rules(), now=now).get(lead.pk, [])
    stored = [as_stored(candidate) for candidate in placement.candidates]
    people = User.objects.in_bulk({candidate["person"] for candidate in stored})
    return Tried(
        lead=lead,
        text=told_of(placement, people),
        fitting=tuple(fitting),
        looked=looked_at(stored, people, placement.person_id, sees_all=True),
    )
