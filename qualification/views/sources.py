"""The table of sources and its download."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from qualification.counting import figures_of
from qualification.insights import sources
from qualification.insights.kept import Figures
from qualification.models import Segment
from qualification.permissions import Right, require
from qualification.views.files import csv_file
from qualification.views.replies import is_htmx, when_counted

PERIODS = (("30", _("30 d")), ("90", _("90 d")), ("365", _("Year")), ("all", _("All")))


@require_GET
@require(Right.SEE_SOURCES)
def source_list(request: HttpRequest) -> HttpResponse:
    """Leads, decisions and accept rate by source."""
    period, segment = _period(request), _segment(request)
    found = _figures(period, segment)
    if is_htmx(request):
        return when_counted(found)
    context = {
        "report": sources.report_from(found.answer) if found.answer else None,
        "figures": found,
        "period": period,
        "segment": segment,
        "segments": Segment.objects.all(),
        "periods": PERIODS,
        "min_decisions": sources.MIN_DECISIONS,
    }
    return render(request, "qualification/source_list.html", context)


@require_GET
@require(Right.SEE_SOURCES)
def source_csv(request: HttpRequest) -> HttpResponse:
    """The same table as a file. While it is counted for the first time, the page says so."""
    found = _figures(_period(request), _segment(request))
    if found.answer is None:
        return redirect(f"{reverse('qualification:source-list')}?{request.GET.urlencode()}")
    return csv_file("sources.csv", sources.table_of(sources.report_from(found.answer)))


def _period(request: HttpRequest) -> str:
    asked = request.GET.get("days", "")
    return asked if asked in dict(PERIODS) else "all"


def _segment(request: HttpRequest) -> Segment | None:
    """The segment asked for; None when none is, or there is none of that key."""
    return Segment.objects.filter(key=request.GET.get("segment", "").replace("\x00", "")).first()


def _figures(period: str, segment: Segment | None) -> Figures:
    days = None if period == "all" else int(period)
    question = sources.question_of(days=days, segment=segment)
    name = f"{period}:{segment.pk if segment else 'all'}"
    return figures_of("sources", name, question, now=timezone.now())
