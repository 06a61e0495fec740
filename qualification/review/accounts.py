"""What is known of companies: the list, and the page of one with its people, weeks and decisions.

Called by views. A company is common to all teams; its leads show within sight, others as a number.
Nothing here grows with the number of leads of other companies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.matching.resolve import named_company
from crm.models import Account, AccountDomain, BuyingRole, Lead, LeadRole, User
from crm.stages import Stage
from crm.verdicts import is_machine
from qualification.exceptions import ParentInvalid
from qualification.models import Decision
from qualification.permissions import Right
from qualification.review import guard
from qualification.scoring.rescore import mark_due

PAGE_LENGTH = 50
LEADS_SHOWN = 50
DECISIONS_SHOWN = 20
SUBSIDIARIES_SHOWN = 20
WEEKS = 12
# Stages in which somebody of ours still has to do with the lead.
OPEN_STAGES = (Stage.NEW, Stage.MQL, Stage.WORKING, Stage.NURTURE, Stage.SQL, Stage.OPPORTUNITY)

_ACTIVE_PEOPLE = f"""
    SELECT floor(extract(epoch FROM %(until)s - a.occurred_at) / 604800)::int AS weeks_ago,
           count(DISTINCT a.lead_id)
    FROM crm_lead AS l JOIN crm_activity AS a ON a.lead_id = l.id
    WHERE l.account_id = %(account)s AND a.occurred_at > %(since)s AND a.occurred_at <= %(until)s
      AND NOT {is_machine("a.id")}
    GROUP BY 1
"""  # noqa: S608 - constants of this module  # nosec


@dataclass(frozen=True)
class AccountRow:
    """A company of the list; `n_leads` of all teams, `n_open` those somebody has to do with."""

    account: Account
    n_leads: int
    n_open: int


@dataclass(frozen=True)
class AccountList:
    """A page by name; `after` is the company the next one begins behind."""

    rows: tuple[AccountRow, ...]
    after: int | None


@dataclass(frozen=True)
class Member:
    """A lead of the company in sight, and the parts it plays."""

    lead: Lead
    roles: tuple[str, ...]


@dataclass(frozen=True)
class AccountPage:
    """One company with its parent and the first by name of its subsidiaries.

    `weeks`: distinct people of ours to deal with who did something, oldest first; `n_elsewhere`:
    leads of other teams; `missing`: buying roles nobody is known to play.
    """

    account: Account
    domains: tuple[str, ...]
    parent: AccountRow | None
    subsidiaries: tuple[AccountRow, ...]
    n_subsidiaries: int
    members: tuple[Member, ...]
    n_in_sight: int
    n_elsewhere: int
    missing: tuple[str, ...]
    weeks: tuple[int, ...]
    since: date
    decisions: tuple[Decision, ...]


def account_list(
    *, text: str = "", is_target: bool = False, after: int | None = None
) -> AccountList:
    """Companies by name whose name or domain begins with `text`, behind the company `after`. Three
    queries."""
    found = _narrowed(text, is_target=is_target)
    place = Account.objects.filter(pk=after).only("name").first() if after is not None else None
    if place is not None:
        found = found.filter(Q(name__gt=place.name) | Q(name=place.name, pk__gt=place.pk))
    taken = list(found.order_by("name", "pk")[: PAGE_LENGTH + 1])
    shown = taken[:PAGE_LENGTH]
    counts = _counts([account.pk for account in shown])
    return AccountList(
        rows=tuple(AccountRow(row, *counts.get(row.pk, (0, 0))) for row in shown),
        after=shown[-1].pk if len(taken) > PAGE_LENGTH else None,
    )


def account_page(account: Account, reader: User, *, now: datetime) -> AccountPage:
    """The page of one company for its reader, in a fixed number of queries."""
    leads = Lead.objects.standing().filter(account=account)
    in_sight = leads.visible_to(reader)
    n_all, n_in_sight = leads.count(), in_sight.count()
    people = in_sight.select_related("score", "team").order_by("-received_at", "-pk")[:LEADS_SHOWN]
    roles = LeadRole.objects.filter(lead__account=account, lead__merged_into=None, ended_at=None)
    known = list(roles.values_list("lead", "role"))
    # Of merged leads as well, wherever their own company was: they are part of these people.
    parts = Lead.objects.filter(merged_into__in=leads)
    whose = leads.order_by().values("pk").union(parts.order_by().values("pk"))
    decisions = Decision.objects.visible_to(reader).filter(lead__in=whose)
    rows = decisions.select_related("lead__merged_into", "by", "reason", "ae", "team", "partner")
    shown = rows.order_by("-at", "-pk")
    family, n_subsidiaries = _family_of(account)
    return AccountPage(
        account=account,
        parent=next((row for row in family if row.account.pk == account.parent_id), None),
        subsidiaries=tuple(row for row in family if row.account.pk != account.parent_id),
        n_subsidiaries=n_subsidiaries,
        domains=tuple(account.domains.values_list("domain", flat=True)),
        members=tuple(Member(lead, _roles_of(lead.pk, known)) for lead in people),
        n_in_sight=n_in_sight,
        n_elsewhere=n_all - n_in_sight,
        missing=_missing({role for _lead, role in known}),
        weeks=active_people(account, now=now),
        since=timezone.localtime(now - timedelta(weeks=WEEKS)).date(),
        decisions=tuple(shown[:DECISIONS_SHOWN]),
    )


def active_people(account: Account, *, now: datetime) -> tuple[int, ...]:
    """How many different people of the company did something in each of the last weeks, the oldest
    first; what machines did counts nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ACTIVE_PEOPLE,
            {"account": account.pk, "since": now - timedelta(weeks=WEEKS), "until": now},
        )
        found: dict[int, int] = dict(cursor.fetchall())
    return tuple(found.get(weeks_ago, 0) for weeks_ago in range(WEEKS - 1, -1, -1))


@transaction.atomic
def set_target(*, account: Account, is_target: bool, by: User, now: datetime) -> bool:
    """Whether we go after this company; its leads are scored anew. False where it was so before.

    Raises PermissionDenied.
    """
    guard.require_right(by, Right.REASSIGN)
    changed = Account.objects.filter(pk=account.pk).exclude(is_target=is_target)
    if not changed.update(is_target=is_target, updated_at=now):
        return False
    mark_due(list(Lead.objects.filter(account=account).values_list("pk", flat=True)), now=now)
    account.refresh_from_db()
    return True


def find_account(text: str) -> Account | None:
    """The company with this domain, else the only one of this name."""
    keys = named_company(text)
    of_domain = AccountDomain.objects.filter(domain__in=keys.domains).select_related("account")
    known = of_domain.first()
    if known is not None:
        return known.account
    named = list(Account.objects.filter(name_key=keys.name_key)[:2]) if keys.name_key else []
    return named[0] if len(named) == 1 else None


@transaction.atomic
def set_parent(*, account: Account, parent: Account | None, by: User, now: datetime) -> bool:
    """That the company belongs to another one, or to none (any more); False where it was so before.
    No score looks at it.

    Raises PermissionDenied, ParentInvalid (it would be above itself).
    """
    guard.require_right(by, Right.REASSIGN)
    stamp_history(now)
    rows = Account.objects.select_for_update(no_key=True)
    locked = rows.get(pk=account.pk)
    if locked.parent_id == (None if parent is None else parent.pk):
        return False
    try:
        with transaction.atomic():
            rows.filter(pk=account.pk).update(parent=parent, updated_at=now)
    except IntegrityError as refused:
        raise ParentInvalid(
            _("%(name)s belongs to this company itself, or is it.") % {"name": parent}
        ) from refused
    account.refresh_from_db()
    return True


def _family_of(account: Account) -> tuple[list[AccountRow], int]:
    """The parent and the first subsidiaries by name with their counts; how many subsidiaries."""
    below = Account.objects.filter(parent=account)
    found = list(below.order_by("name", "pk")[:SUBSIDIARIES_SHOWN])
    found += Account.objects.filter(pk=account.parent_id) if account.parent_id else []
    counts = _counts([row.pk for row in found])
    n = len(found) if len(found) < SUBSIDIARIES_SHOWN else below.count()
    return [AccountRow(row, *counts.get(row.pk, (0, 0))) for row in found], n


def _narrowed(text: str, *, is_target: bool) -> QuerySet[Account]:
    found = Account.objects.all()
    if is_target:
        found = found.filter(is_target=True)
    wanted = text.strip().casefold()
    if not wanted:
        return found
    of_domain = AccountDomain.objects.filter(domain__startswith=wanted).values("account")
    return found.filter(Q(name_key__startswith=wanted) | Q(pk__in=of_domain))


def _counts(account_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """(leads, open leads) of each of these companies."""
    rows = (
        Lead.objects.standing()
        .filter(account__in=account_ids)
        .order_by()
        .values("account")
        .annotate(n=Count("pk"), n_open=Count("pk", filter=Q(stage__in=OPEN_STAGES)))
        .values_list("account", "n", "n_open")
    )
    return {account: (n, n_open) for account, n, n_open in rows}


def _roles_of(lead_id: int, known: Collection[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(str(BuyingRole(role).label) for lead, role in known if lead == lead_id)


def _missing(covered: set[str]) -> tuple[str, ...]:
    return tuple(str(role.label) for role in BuyingRole if role not in covered)
