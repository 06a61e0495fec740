"""Who passes on how many of their claims, by score: the page of managers, and its download."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qualification.insights import skips
from qualification.permissions import Right, require
from qualification.views.fetch import reader_of
from qualification.views.files import csv_file
from qualification.views.sla import PERIODS, period_of


@require_GET
@require(Right.AUDIT)
def skip_report(request: HttpRequest) -> HttpResponse:
    """Skips of claims by person and score; with `who` the reasons and leads of one person."""
    reader, now, days = reader_of(request), timezone.now(), int(period_of(request))
    rows = skips.skip_report(reader, days=days, now=now)
    shown = _shown(request, rows)
    context = {
        "rows": rows,
        "bands": skips.band_labels(),
        "shown": shown,
        "latest": skips.latest_skips(reader, shown.person, days=days, now=now) if shown else [],
        "period": period_of(request),
        "periods": PERIODS,
        "min_claims": skips.MIN_CLAIMS,
        "updated_at": now,
    }
    return render(request, "qualification/skip_report.html", context)


@require_GET
@require(Right.AUDIT)
def skip_csv(request: HttpRequest) -> HttpResponse:
    """The same figures as a file."""
    days = int(period_of(request))
    rows = skips.skip_report(reader_of(request), days=days, now=timezone.now())
    return csv_file("skips.csv", skips.table_of(rows))


def _shown(request: HttpRequest, rows: list[skips.Row]) -> skips.Row | None:
    """The person whose reasons are asked for; 404 for one who is not in the list."""
    who = request.GET.get("who", "")
    if not who:
        return None
    for row in rows:
        if str(row.person.pk) == who:
            return row
    raise Http404
