"""The one door of routing: gives leads their team and, where a rule names a pool, a person.

Called by the queue: `place_leads` decides under locks and moves the balances, `record_assignments`
writes down why. Lock order: leads (the caller's), then all pools by id, whichever are needed: no
two transactions give out the same turn or somebody's last free place, or wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from crm.models import Lead, Team
from qualification.choices import AssignedBy, TierRank
from qualification.models import (
    AccountOwner,
    Assignment,
    LeadScore,
    PoolMember,
    RoutingPool,
    RoutingRule,
)
from qualification.routing import fairness
from qualification.routing.before import FRESH, Before, Freed
from qualification.routing.eligibility import GAVE_BACK, RESERVED, SHARED, Staff, WhyNot, staff_of
from qualification.routing.rules import active_rules, rule_of_leads


@dataclass(frozen=True)
class Candidate:
    """Somebody looked at for a lead; `why_not` is empty when they could have had it."""

    person_id: int
    weight: int
    balance: Fraction
    why_not: WhyNot


@dataclass(frozen=True)
class Placement:
    """Where a lead belongs: a team; with a pool a person of it, or a reason why nobody."""

    lead_id: int
    team: Team
    how: AssignedBy
    rule: RoutingRule | None = None
    pool: RoutingPool | None = None
    person_id: int | None = None
    hold_reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    # A lead of the night, kept for somebody whose shift is about to begin.
    is_kept: bool = False
    freed: Freed | None = None


@dataclass
class _Desk:
    """Pools with their members and everybody's state, as read under the locks; changes with every
    lead given out. `expected` are the balances as if those whose shift is about to begin had what
    is kept for them; `before` is what happened to leads earlier."""

    pools: dict[int, RoutingPool]
    members: dict[int, list[PoolMember]]
    owners: Mapping[int, int]
    before: Mapping[int, Before]
    staff: Staff
    balances: dict[int, dict[int, Fraction]] = field(default_factory=dict)
    expected: dict[int, dict[int, Fraction]] = field(default_factory=dict)
    # Whom a rule found for those given back by the same people, until somebody gets a lead.
    found: dict[tuple[int, frozenset[int]], list[Candidate]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pk, pool in self.pools.items():
            self.balances[pk] = self.expected[pk] = balances_of(pool)

    def place(self, lead_id: int, rule: RoutingRule, pool: RoutingPool) -> Placement:
        """The owner of the account where the rule says so and they can; else whose turn it is."""
        owner_id = self.owners.get(lead_id) if rule.to_account_owner else None
        if owner_id is None:
            return self._next_in_turn(lead_id, rule, pool, ())
        # The owner may be of another team than the rule's: the lead goes to theirs.
        team = self.staff.people[owner_id].team or rule.team
        why_not = self._why_not(owner_id, lead_id, rule, team)
        owner = Candidate(owner_id, 0, Fraction(), why_not)
        if why_not:
            return self._next_in_turn(lead_id, rule, pool, (owner,))
        self._count(owner_id)
        return Placement(lead_id, team, AssignedBy.OWNER, rule, None, owner_id, "", (owner,))

    def _next_in_turn(
        self,
        lead_id: int,
        rule: RoutingRule,
        pool: RoutingPool,
        passed_over: tuple[Candidate, ...],
    ) -> Placement:
        members = self._found(lead_id, rule, pool)
        looked_at = (*passed_over, *members)
        able = {c.person_id: c.weight for c in members if not c.why_not}
        if not able:
            reason = self._hold_reason(pool)
            held = AssignedBy.HELD
            return Placement(lead_id, pool.team, held, rule, pool, None, reason, looked_at)
        sharing = {**able, **self._starting(lead_id, rule, pool)}
        chosen = fairness.next_person(sharing, self.expected[pool.pk])
        self.expected[pool.pk] = fairness.after_giving(sharing, self.expected[pool.pk], chosen)
        self._count(chosen)
        if chosen not in able:
            return self._kept(lead_id, rule, pool, looked_at)
        self.balances[pool.pk] = fairness.after_giving(sharing, self.balances[pool.pk], chosen)
        turn = AssignedBy.TURN
        return Placement(lead_id, pool.team, turn, rule, pool, chosen, "", looked_at)

    def _count(self, person_id: int) -> None:
        self.staff.load[person_id] += 1
        self.found.clear()

    def _found(self, lead_id: int, rule: RoutingRule, pool: RoutingPool) -> list[Candidate]:
        """The people of the pool for this lead. With thousands held alike, looked at once."""
        key = rule.pk, self.before.get(lead_id, FRESH).gave_back
        if key not in self.found:
            self.found[key] = self._yielding(self._members(lead_id, rule, pool))
        return self.found[key]

    def _yielding(self, members: list[Candidate]) -> list[Candidate]:
        """Those who keep their last places back yield to the others, where there are others."""
        able = [c.person_id for c in members if not c.why_not]
        back = {pk for pk in able if self.staff.holds_back(pk)}
        if len(back) == len(able):
            return members
        return [
            replace(c, why_not={"code": RESERVED, "kept": self._reserved(c.person_id)})
            if c.person_id in back
            else c
            for c in members
        ]

    def _reserved(self, person_id: int) -> int:
        return self.staff.profiles[person_id].reserved

    def _hold_reason(self, pool: RoutingPool) -> str:
        words = {"pool": pool.name}
        if pool.team_id not in self.staff.open_teams:
            return _("It came while nobody of “%(pool)s” was at work") % words
        return _("Nobody of “%(pool)s” can take it now") % words

    def _kept(
        self, lead_id: int, rule: RoutingRule, pool: RoutingPool, looked_at: tuple[Candidate, ...]
    ) -> Placement:
        """Held a little longer: it is the turn of somebody whose shift is about to begin."""
        passed = tuple(c if c.why_not else replace(c, why_not={"code": SHARED}) for c in looked_at)
        reason = _("Kept for somebody of “%(pool)s” who is about to start") % {"pool": pool.name}
        held = AssignedBy.HELD
        return Placement(lead_id, pool.team, held, rule, pool, None, reason, passed, is_kept=True)

    def _starting(self, lead_id: int, rule: RoutingRule, pool: RoutingPool) -> dict[int, int]:
        """Who shares in a lead of the night although their shift has not begun, with weights."""
        before = self.before.get(lead_id, FRESH)
        if not before.is_of_night:
            return {}
        return {
            member.person_id: member.weight
            for member in self.members[pool.pk]
            if member.person_id not in before.gave_back
            and not self.staff.holds_back(member.person_id)
            and self.staff.starts_soon(member.person_id, team=pool.team, skills=rule.skills)
        }

    def _members(self, lead_id: int, rule: RoutingRule, pool: RoutingPool) -> list[Candidate]:
        balances = self.balances[pool.pk]
        return [
            Candidate(
                member.person_id,
                member.weight,
                balances.get(member.person_id, Fraction()),
                self._why_not(member.person_id, lead_id, rule, pool.team),
            )
            for member in self.members[pool.pk]
        ]

    def _why_not(self, person_id: int, lead_id: int, rule: RoutingRule, team: Team) -> WhyNot:
        if person_id in self.before.get(lead_id, FRESH).gave_back:
            return {"code": GAVE_BACK}
        return self.staff.why_not(person_id, team=team, skills=rule.skills)


def place_leads(
    lead_ids: Collection[int],
    *,
    now: datetime,
    before: Mapping[int, Before] | None = None,
    is_ranked: bool = False,
) -> dict[int, Placement]:
    """Where each of these leads belongs now, best leads first; {} when no rule is switched on.

    Call with the leads locked. Moves the balances of the pools and `Lead.team`; the caller writes
    the items and then calls `record_assignments`. `before`: what happened to leads that wait
    already; `is_ranked`: they come in the order of the queue.
    """
    in_order = lead_ids if is_ranked else _best_first(lead_ids)
    placed = _placed(in_order, now=now, before=before or {}, is_trial=False)
    _set_teams(placed.values(), now)
    return placed


def try_lead(lead_id: int, *, now: datetime) -> Placement | None:
    """Where the lead would belong now; nothing is locked or written. None without rules."""
    return try_leads([lead_id], now=now, before={}).get(lead_id)


def try_leads(
    lead_ids: Collection[int], *, now: datetime, before: Mapping[int, Before]
) -> dict[int, Placement]:
    """What `place_leads` would do with leads in the order of the queue; nothing is locked or
    written."""
    return _placed(lead_ids, now=now, before=before, is_trial=True)


def _placed(
    lead_ids: Collection[int], *, now: datetime, before: Mapping[int, Before], is_trial: bool
) -> dict[int, Placement]:
    rules = active_rules()
    if not rules or not lead_ids:
        return {}
    rule_of = rule_of_leads(lead_ids, rules=rules, now=now)
    fallback = Team.objects.get(is_fallback=True)
    desk = _open_desk(rule_of, before, now, is_trial=is_trial)
    placed = {}
    for lead_id in lead_ids:
        if lead_id not in rule_of:
            continue
        rule = rule_of[lead_id]
        if rule is None:
            placed[lead_id] = Placement(lead_id, fallback, AssignedBy.FALLBACK)
        elif rule.pool is None:
            placed[lead_id] = Placement(lead_id, rule.team, AssignedBy.TEAM, rule)
        else:
            placed[lead_id] = desk.place(lead_id, rule, desk.pools[rule.pool.pk])
    if not is_trial:
        _store_balances(desk)
    return placed


def _best_first(lead_ids: Collection[int]) -> list[int]:
    """In the order of the queue, so that the best lead finds the most people free."""
    scores = LeadScore.objects.filter(lead__in=lead_ids)
    known = {
        lead_id: (TierRank[tier.upper()] if tier else TierRank.NONE, -total)
        for lead_id, tier, total in scores.values_list("lead", "tier", "total_tenths")
    }
    return sorted(lead_ids, key=lambda pk: (*known.get(pk, (TierRank.NONE, 0)), pk))


def _open_desk(
    rule_of: Mapping[int, RoutingRule | None],
    before: Mapping[int, Before],
    now: datetime,
    *,
    is_trial: bool,
) -> _Desk:
    rules = [rule for rule in rule_of.values() if rule is not None]
    needed = {rule.pool_id for rule in rules if rule.pool_id is not None}
    pools = RoutingPool.objects.in_bulk() if is_trial else lock_pools()
    owners = _owners(rule_of) if any(rule.to_account_owner for rule in rules) else {}
    members: dict[int, list[PoolMember]] = defaultdict(list)
    for member in PoolMember.objects.filter(pool__in=needed).order_by("pk"):
        members[member.pool_id].append(member)
    people = {m.person_id for of_pool in members.values() for m in of_pool} | set(owners.values())
    of_rules = {pk: pool for pk, pool in pools.items() if pk in needed}
    return _Desk(of_rules, members, owners, before, staff_of(people, now=now))


def lock_pools() -> dict[int, RoutingPool]:
    """All pools, locked until the end of the transaction, by id."""
    rows = RoutingPool.objects.select_related("team").order_by("pk")
    return {pool.pk: pool for pool in rows.select_for_update(no_key=True, of=("self",))}


def _owners(lead_ids: Collection[int]) -> dict[int, int]:
    rows = AccountOwner.objects.filter(account__leads__in=lead_ids)
    return dict(rows.values_list("account__leads", "person"))


def balances_of(pool: RoutingPool) -> dict[int, Fraction]:
    """The stored balances of a pool, by person."""
    return {int(person): Fraction(text) for person, text in pool.balances.items()}


def store_balances(pool: RoutingPool, balances: Mapping[int, Fraction]) -> None:
    """Writes the balances of a locked pool: one row, whatever was given."""
    pool.balances = {str(person): str(balance) for person, balance in balances.items()}
    pool.save(update_fields=["balances"])


def _store_balances(desk: _Desk) -> None:
    for pk, pool in desk.pools.items():
        if desk.balances[pk] != balances_of(pool):
            store_balances(pool, desk.balances[pk])


def _set_teams(placed: Collection[Placement], now: datetime) -> None:
    """The lead moves to the team of its placement, where it is another one."""
    of_team: dict[int, list[int]] = defaultdict(list)
    for placement in placed:
        of_team[placement.team.pk].append(placement.lead_id)
    for team_id, lead_ids in of_team.items():
        moving = Lead.objects.filter(pk__in=lead_ids).exclude(team=team_id)
        moving.update(team=team_id, updated_at=now)


def record_assignments(
    placements: Collection[Placement], *, item_of_lead: Mapping[int, int], now: datetime
) -> None:
    """Writes one Assignment for each placement of a lead with an item (`item_of_lead`: its id)."""
    Assignment.objects.bulk_create(
        Assignment(
            item_id=item_of_lead[placement.lead_id],
            lead_id=placement.lead_id,
            at=now,
            rule=placement.rule,
            rule_name=placement.rule.name if placement.rule else "",
            team=placement.team,
            pool=placement.pool,
            person_id=placement.person_id,
            how=placement.how,
            hold_reason=placement.hold_reason,
            candidates=[as_stored(candidate) for candidate in placement.candidates],
            held_since=placement.freed.since if placement.freed else None,
            held_for=placement.freed.reason if placement.freed else "",
            freed_by=placement.freed.by if placement.freed else "",
        )
        for placement in placements
        if placement.lead_id in item_of_lead
    )


def as_stored(candidate: Candidate) -> dict[str, Any]:
    """A candidate in the form in which an Assignment keeps it."""
    return {
        "person": candidate.person_id,
        "weight": candidate.weight,
        "balance": str(candidate.balance),
        "why_not": candidate.why_not,
    }
