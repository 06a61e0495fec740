"""Checks every night that no lead is forgotten, keeps what was found and tells the managers; says
how far the sweeps are behind.

Called by the sweep (at most one pass a night, however many sweepers), the page of managers and
`/healthz`. It finds, it never repairs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from crm.models import User
from crm.roles import Role
from qualification.choices import NoticeKind
from qualification.invariants import INVARIANTS, parameters_at, rows_breaking
from qualification.models import Heartbeat, SelfCheck
from qualification.notices.tell import tell

# The hour of the installation's time zone after which the check of the night is due.
HOUR = 3
# So many ids are kept of each broken check.
KEPT = 20
# Nothing finds what is due when no pass ended for this long: a breach is written within 60 s.
STALE = timedelta(minutes=5)
# One pass at a time: the key of an advisory lock.
_LOCK = 7_301_884

# The lead behind a broken row. A message or a run has none.
_LEAD_OF = {
    "lead": "SELECT id FROM crm_lead WHERE id = ANY(%s)",
    "item": "SELECT lead_id FROM qualification_reviewitem WHERE id = ANY(%s)",
    "timer": "SELECT lead_id FROM qualification_slatimer WHERE id = ANY(%s)",
    "event": """SELECT t.lead_id FROM qualification_slaevent AS e
        JOIN qualification_slatimer AS t ON t.id = e.timer_id WHERE e.id = ANY(%s)""",
    "decision": "SELECT lead_id FROM qualification_decision WHERE id = ANY(%s)",
    "plan": "SELECT lead_id FROM qualification_nurtureplan WHERE id = ANY(%s)",
    "notice": """SELECT lead_id FROM qualification_notice
        WHERE id = ANY(%s) AND lead_id IS NOT NULL""",
}

# The oldest row of each table that is due and not done; every one of them is the end of an index.
_OLDEST_DUE = """
    SELECT
        (SELECT min(due_at) FROM crm_inboxmessage WHERE state = 'new') AS inbox,
        (SELECT min(since) FROM qualification_scoringdue) AS scores,
        (SELECT min(next_at) FROM qualification_slatimer WHERE next_at IS NOT NULL) AS timers,
        (SELECT min(due_at) FROM qualification_slafollowup WHERE done_at IS NULL) AS follow_ups,
        (SELECT min(lease_until) FROM qualification_reviewitem WHERE state = 'claimed') AS claims,
        (SELECT min(due_at) FROM qualification_outboxmessage WHERE state = 'waiting') AS outbox
"""


@dataclass(frozen=True)
class Health:
    """Seconds since the oldest due row of each table fell due (0: nothing is due), and since the
    sweep that is furthest behind ended; None before the first one."""

    oldest_due: dict[str, int]
    sweep_age: int | None

    @property
    def is_stale(self) -> bool:
        """Whether the sweeps stand still."""
        return self.sweep_age is not None and self.sweep_age > STALE.total_seconds()


def check_when_due(*, now: datetime) -> int:
    """The check of this night unless it was made; returns how many were made: 0 or 1."""
    if SelfCheck.objects.filter(at__gte=_last_night(now)).exists():
        return 0
    with transaction.atomic():
        if not _is_alone() or SelfCheck.objects.filter(at__gte=_last_night(now)).exists():
            return 0
        check_now(now=now)
    return 1


@transaction.atomic
def check_now(*, now: datetime) -> SelfCheck:
    """Looks at every invariant, stores what was found and tells the managers when one is broken."""
    started = time.monotonic()
    checks = [_checked(*invariant, now=now) for invariant in INVARIANTS]
    found = SelfCheck.objects.create(
        at=now,
        milliseconds=round((time.monotonic() - started) * 1000),
        violations=sum(check["n"] for check in checks),
        checks=checks,
    )
    if found.violations:
        _tell(found, now=now)
    return found


def latest() -> SelfCheck | None:
    """What the last pass found; None before the first."""
    return SelfCheck.objects.first()


def health(*, now: datetime) -> Health:
    """How far behind everything is, in two queries on ends of indexes."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_DUE)
        names = [column.name for column in cursor.description or ()]
        oldest = dict(zip(names, cursor.fetchone() or (), strict=True))
    return Health(
        oldest_due={name: _age(due, now) for name, due in oldest.items()},
        sweep_age=sweep_age(now=now),
    )


def sweep_age(*, now: datetime) -> int | None:
    """Seconds since the sweeper that is furthest behind ended a pass; None before the first."""
    oldest: datetime | None = Heartbeat.objects.aggregate(at=Min("at"))["at"]
    return None if oldest is None else _age(oldest, now)


def _age(then: datetime | None, now: datetime) -> int:
    return 0 if then is None else max(0, int((now - then).total_seconds()))


def _last_night(now: datetime) -> datetime:
    """The last time it was `HOUR` o'clock."""
    local = timezone.localtime(now, timezone.get_default_timezone())
    at = local.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return at if at <= local else at - timedelta(days=1)


def _is_alone() -> bool:
    """Whether no other pass is under way; until the end of the transaction none begins."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _checked(kind: str, of: str, sql: str, *, now: datetime) -> dict[str, Any]:
    started = time.monotonic()
    ids = rows_breaking(sql, parameters_at(now))
    return {
        "kind": kind,
        "of": of,
        "n": len(ids),
        "rows": list(ids[:KEPT]),
        "leads": _leads_of(of, ids[:KEPT]),
        "ms": round((time.monotonic() - started) * 1000),
    }


def _leads_of(of: str, ids: Sequence[int]) -> list[int]:
    if not ids or of not in _LEAD_OF:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LEAD_OF[of], [list(ids)])
        return sorted({row[0] for row in cursor.fetchall()})


def _tell(found: SelfCheck, *, now: datetime) -> None:
    """One notice a manager for a pass."""
    managers = User.objects.filter(is_active=True, groups__name__in=[Role.MANAGER, Role.ADMIN])
    tell(
        kind=NoticeKind.INVARIANT_VIOLATED,
        people=managers.distinct(),
        key=f"self-check:{found.pk}",
        words={"n": str(found.violations)},
        now=now,
    )
