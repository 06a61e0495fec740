"""Counts how often a person judged as the team did and as the outcome says, round by round.

Called by the pages of practice. Shares come from the cases of practice alone; the team's own figure
is of the decisions the round was drawn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q

from crm.models import Lead, User
from crm.roles import Role, roles_of
from qualification.intervals import wilson
from qualification.models import Decision, PracticeCase, PracticeRound
from qualification.practice.truth import is_borne_out, said_by_outcome

# From how many leads on a share is shown.
ENOUGH = 10
ROUNDS_SHOWN = 20
Choice = PracticeCase.Choice
JUDGED = Q(cases__choice__in=[Choice.ACCEPT, Choice.REJECT, Choice.NURTURE])


@dataclass(frozen=True)
class Share:
    """`k` of `n`; a rate between 0 and 1 with its 95 % Wilson interval from ENOUGH on."""

    k: int
    n: int

    @property
    def rate(self) -> float | None:
        """k / n; None below ENOUGH."""
        return self.k / self.n if self.n >= ENOUGH else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end; None below ENOUGH."""
        if self.n < ENOUGH:
            return None
        return wilson(self.k, self.n)


@dataclass(frozen=True)
class Judged:
    """A lead of a round; `lead` None: not in the reader's sight any more. `is_confirmed`: whether
    the outcome bears out the choice, None while nothing closed."""

    case: PracticeCase
    lead: Lead | None
    agrees: bool
    is_confirmed: bool | None


@dataclass(frozen=True)
class RoundResult:
    """A finished round. `team`: how often the outcome bore out the team's own decisions, of those
    the round was drawn from."""

    rows: tuple[Judged, ...]
    agreed: Share
    confirmed: Share
    team: Share
    same_reason: Share
    n_gone: int


@dataclass(frozen=True)
class PastRound:
    """A finished round in the history of a person."""

    pk: int
    finished_at: datetime
    agreed: Share


@dataclass(frozen=True)
class Member:
    """Somebody of a manager's team who has practised."""

    person: User
    n_rounds: int
    agreed: Share
    last_at: datetime | None


def result_of(practice: PracticeRound, *, reader: User, now: datetime) -> RoundResult:
    """How a round went, with the leads the reader may see."""
    cases = list(
        practice.cases.exclude(choice="")
        .select_related("decision__reason", "reason")
        .defer("decision__frozen", "decision__fired")
        .order_by("position")
    )
    lead_ids = [case.lead_id for case in cases]
    seen = Lead.objects.visible_to(reader).in_bulk(lead_ids)
    is_won = said_by_outcome(lead_ids, now=now)
    rows = tuple(
        _judged(case, seen.get(case.lead_id), is_won=is_won.get(case.lead_id)) for case in cases
    )
    counted = [row for row in rows if row.case.choice != Choice.GONE]
    both_rejected = [row.case for row in counted if row.agrees and row.case.choice == Choice.REJECT]
    return RoundResult(
        rows=rows,
        agreed=_share(row.agrees for row in counted),
        confirmed=_share(row.is_confirmed for row in counted),
        team=_share_of_team(practice, now=now),
        same_reason=_share(case.reason_id == case.decision.reason_id for case in both_rejected),
        n_gone=len(rows) - len(counted),
    )


def history_of(person: User) -> list[PastRound]:
    """The last finished rounds of a person, oldest first."""
    finished = PracticeRound.objects.filter(person=person, finished_at__isnull=False)
    latest = (
        finished.annotate(
            n_judged=Count("cases", filter=JUDGED),
            n_agreed=Count("cases", filter=JUDGED & Q(cases__choice=F("cases__decision__kind"))),
        )
        .order_by("-finished_at", "-pk")
        .values_list("pk", "finished_at", "n_agreed", "n_judged")[:ROUNDS_SHOWN]
    )
    return [PastRound(pk, at, Share(k, n)) for pk, at, k, n in latest if at][::-1]


def members_seen_by(manager: User) -> list[Member]:
    """Everybody of a manager's team but themselves who finished a round; nobody for others."""
    if Role.MANAGER not in roles_of(manager) or manager.team_id is None:
        return []
    finished = Q(practice_rounds__finished_at__isnull=False)
    cases = "practice_rounds__cases__"
    judged = finished & Q(**{f"{cases}choice__in": [Choice.ACCEPT, Choice.REJECT, Choice.NURTURE]})
    agreed = judged & Q(**{f"{cases}choice": F(f"{cases}decision__kind")})
    people = (
        User.objects.filter(team=manager.team_id, practice_rounds__finished_at__isnull=False)
        .exclude(pk=manager.pk)
        .annotate(
            n_rounds=Count("practice_rounds", filter=finished, distinct=True),
            n_judged=Count("practice_rounds__cases", filter=judged),
            n_agreed=Count("practice_rounds__cases", filter=agreed),
            last_at=Max("practice_rounds__finished_at"),
        )
        .order_by("first_name", "last_name", "pk")
    )
    return [
        Member(one, one.n_rounds, Share(one.n_agreed, one.n_judged), one.last_at) for one in people
    ]


def _judged(case: PracticeCase, lead: Lead | None, *, is_won: bool | None) -> Judged:
    return Judged(
        case=case,
        lead=lead,
        agrees=case.choice == case.decision.kind,
        is_confirmed=None if is_won is None else is_borne_out(case.choice, is_won=is_won),
    )


def _share(answers: Iterable[bool | None]) -> Share:
    """Yes among yes and no; what is not known does not count."""
    known = [answer for answer in answers if answer is not None]
    return Share(sum(known), len(known))


def _share_of_team(practice: PracticeRound, *, now: datetime) -> Share:
    pks = [pk for pks in practice.pool.values() for pk in pks]
    kinds = dict(Decision.objects.filter(pk__in=pks).values_list("lead_id", "kind"))
    is_won = said_by_outcome(list(kinds), now=now)
    return _share(is_borne_out(kinds[lead], is_won=won) for lead, won in is_won.items())
