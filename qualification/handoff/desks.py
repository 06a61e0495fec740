"""Decides where an accepted lead can go, and what is suggested: the team or partner of the first
rule that fits, else an AE, the least loaded of the team first.

Called by the dialogs of accepting and moving, and by the verbs behind them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from crm.models import Lead, Team, User
from crm.roles import Role, roles_of
from qualification.choices import TargetKind
from qualification.models import DestinationRule, Handoff, Partner, Target
from qualification.models.destination import TARGETS
from qualification.scoring.holds import rules_holding

MAX_KEY_DIGITS = 18
WAITING = Handoff.State.WAITING


@dataclass(frozen=True)
class Desk:
    """Somewhere a lead can go, how many handoffs wait there, and why it stands here."""

    to: Target
    n_waiting: int
    why: str
    is_suggested: bool = False

    @property
    def kind(self) -> TargetKind:
        """Which kind of destination it is."""
        return kind_of(self.to)

    @property
    def value(self) -> str:
        """How a form names it, such as `team:3`."""
        return f"{self.kind}:{self.to.pk}"


def kind_of(to: Target) -> TargetKind:
    """Which kind of destination this is."""
    if isinstance(to, Team):
        return TargetKind.TEAM
    return TargetKind.PARTNER if isinstance(to, Partner) else TargetKind.AE


def columns_of(to: Target, prefix: str = "") -> dict[str, Target | None]:
    """The columns that name a target: one is set."""
    kind = kind_of(to)
    return {f"{prefix}{name}": to if name == kind else None for name in TARGETS}


def account_executives() -> QuerySet[User]:
    """Active people who take handoffs."""
    return User.objects.filter(is_active=True, groups__name=Role.AE).distinct()


def teams_with_desks() -> QuerySet[Team]:
    """Teams whose desk somebody looks at: an active AE is in them."""
    return Team.objects.filter(pk__in=account_executives().values("team"))


def takes_handoffs(to: Target) -> bool:
    """Whether somebody is there who can answer, as it stands now."""
    match to:
        case User():
            return to.is_active and Role.AE in roles_of(to)
        case Team():
            return teams_with_desks().filter(pk=to.pk).exists()
    return Partner.objects.filter(pk=to.pk, is_active=True).exists()


def target_named(value: str) -> Target | None:
    """The destination a form names, such as `team:3`; None for what is none."""
    kind, _colon, key = value.partition(":")
    if not (key.isdecimal() and len(key) <= MAX_KEY_DIGITS):
        return None
    match kind:
        case TargetKind.AE:
            return account_executives().filter(pk=int(key)).first()
        case TargetKind.TEAM:
            return teams_with_desks().filter(pk=int(key)).first()
        case TargetKind.PARTNER:
            return Partner.objects.filter(pk=int(key), is_active=True).first()
    return None


def desks_for(lead: Lead, *, now: datetime, but_not: Target | None = None) -> list[Desk]:
    """Everywhere a lead can go, what is suggested first; then AEs, teams, partners."""
    rule = _rule_for(lead, now=now)
    desks = [*_of_aes(lead), *_of_teams(lead), *_of_partners()]
    desks = [desk for desk in desks if desk.to != but_not]
    suggested = next((desk for desk in desks if rule is not None and desk.to == rule.to), None)
    if suggested is None or rule is None:
        return [replace(desks[0], is_suggested=bool(desks[0].why)), *desks[1:]] if desks else []
    why = _("Rule “%(rule)s”") % {"rule": rule.name}
    why = f"{why}, {suggested.why}" if suggested.why else why
    others = [desk for desk in desks if desk is not suggested]
    return [replace(suggested, why=why, is_suggested=True), *others]


def _rule_for(lead: Lead, *, now: datetime) -> DestinationRule | None:
    """The first rule that fits the lead."""
    found = DestinationRule.objects.filter(is_active=True).select_related("team", "partner")
    rules = list(found.order_by("position", "id"))
    if not rules:
        return None
    held = rules_holding([lead.pk], rules, of="destination", now=now)
    return next(iter(held[lead.pk]), None)


def _of_aes(lead: Lead) -> list[Desk]:
    """Who knows the account first, then the lead's team, then by load."""
    waiting = Count("handoffs", filter=Q(handoffs__state=WAITING), distinct=True)
    found = account_executives().select_related("team").annotate(n_waiting=waiting)
    known = _who_knows(lead)
    ranked = sorted(
        found,
        key=lambda ae: (ae.pk not in known, ae.team_id != lead.team_id, ae.n_waiting, ae.pk),
    )
    return [Desk(to=ae, n_waiting=ae.n_waiting, why=_why(ae, lead, known)) for ae in ranked]


def _of_teams(lead: Lead) -> list[Desk]:
    """The lead's own team first."""
    waiting = Count("desk_handoffs", filter=Q(desk_handoffs__state=WAITING), distinct=True)
    found = teams_with_desks().annotate(n_waiting=waiting)
    ranked = sorted(found, key=lambda team: (team.pk != lead.team_id, team.name))
    why = _("Whoever of them is first takes it")
    return [Desk(to=team, n_waiting=team.n_waiting, why=why) for team in ranked]


def _of_partners() -> list[Desk]:
    waiting = Count("handoffs", filter=Q(handoffs__state=WAITING), distinct=True)
    found = Partner.objects.filter(is_active=True).annotate(n_waiting=waiting).order_by("name")
    return [
        Desk(
            to=partner,
            n_waiting=partner.n_waiting,
            why=", ".join(part for part in (partner.region, partner.product) if part),
        )
        for partner in found
    ]


def _who_knows(lead: Lead) -> Collection[int | None]:
    """AEs who took a lead of the same account."""
    if lead.account_id is None:
        return set()
    taken = Handoff.objects.filter(
        lead__account_id=lead.account_id, state=Handoff.State.ACCEPTED, ae__isnull=False
    ).exclude(lead=lead)
    return set(taken.values_list("ae_id", flat=True))


def _why(ae: User, lead: Lead, known: Collection[int | None]) -> str:
    if ae.pk in known:
        return _("Knows this account")
    if ae.team_id is not None and ae.team_id == lead.team_id:
        return _("Same team, %(team)s") % {"team": ae.team}
    return str(ae.team or "")
