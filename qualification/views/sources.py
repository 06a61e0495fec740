"""The table of sources and its download."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from qualification.insights import sources
from qualification.models import Segment
from qualification.permissions import Right, require
from qualification.views.files import csv_file

PERIODS = (("30", _("30 d")), ("90", _("90 d")), ("365", _("Year")), ("all", _("All")))


@require_GET
@require(Right.SEE_SOURCES)
def source_list(request: HttpRequest) -> HttpResponse:
    """Leads, decisions and accept rate by source."""
    period, segment = _period(request), _segment(request)
    context = {
        "report": _report(period, segment),
        "period": period,
        "segment": segment,
        "segments": Segment.objects.all(),
        "periods": PERIODS,
        "min_decisions": sources.MIN_DECISIONS,
        "updated_at": timezone.now(),
    }
    return render(request, "qualification/source_list.html", context)


@require_GET
@require(Right.SEE_SOURCES)
def source_csv(request: HttpRequest) -> HttpResponse:
    """The same table as a file."""
    report = _report(_period(request), _segment(request))
    return csv_file("sources.csv", sources.table_of(report))


def _period(request: HttpRequest) -> str:
    asked = request.GET.get("days", "")
    return asked if asked in dict(PERIODS) else "all"


def _segment(request: HttpRequest) -> Segment | None:
    """The segment asked for; None when none is, or there is none of that key."""
    return Segment.objects.filter(key=request.GET.get("segment", "").replace("\x00", "")).first()


def _report(period: str, segment: Segment | None) -> sources.SourceReport:
    days = None if period == "all" else int(period)
    return sources.source_report(days=days, segment=segment, now=timezone.now())
