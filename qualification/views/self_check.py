"""“No lead forgotten”: what the nightly check found, and the alarms on every page of a manager."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification import self_check
from qualification.models import SelfCheck
from qualification.permissions import Right, require
from qualification.views.fetch import reader_of

HISTORY = 30


@require_GET
@require(Right.REASSIGN)
def self_check_page(request: HttpRequest) -> HttpResponse:
    """Every check of the last pass with its count and first leads, and the passes before it."""
    now = timezone.now()
    passes = list(SelfCheck.objects.all()[:HISTORY])
    last = passes[0] if passes else None
    context = {
        "last": last,
        "checks": _checks(request, last),
        "passes": passes,
        "health": self_check.health(now=now),
        "now": now,
    }
    return render(request, "qualification/self_check_page.html", context)


@require_POST
@require(Right.REASSIGN)
def self_check_run(request: HttpRequest) -> HttpResponse:
    """Looks again, now."""
    found = self_check.check_now(now=timezone.now())
    said = _("Checked: %(n)s violations.") % {"n": found.violations}
    messages.success(request, said)
    return redirect("qualification:self-check")


@require_GET
@require(Right.REASSIGN)
def alarms(request: HttpRequest) -> HttpResponse:
    """The banners of a manager: the last check found something, or the sweeps stand still."""
    age = self_check.sweep_age(now=timezone.now())
    context = {
        "last": self_check.latest(),
        "stale_minutes": age // 60 if age and age > self_check.STALE.total_seconds() else 0,
    }
    return render(request, "qualification/_alarms.html", context)


def _checks(request: HttpRequest, last: SelfCheck | None) -> list[dict[str, object]]:
    """The checks, broken ones first, each with those of its first leads that the reader may see."""
    if last is None:
        return []
    ids = {lead for check in last.checks for lead in check["leads"]}
    seen = Lead.objects.visible_to(reader_of(request)).in_bulk(ids) if ids else {}
    checks = [
        {**check, "leads": [seen[pk] for pk in check["leads"] if pk in seen]}
        for check in last.checks
    ]
    return sorted(checks, key=lambda check: -check["n"])
