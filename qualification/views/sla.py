"""How many clocks were met and how long answers took: the page of managers, and its download."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from qualification.choices import TimerKind
from qualification.counting import figures_of
from qualification.insights import response
from qualification.insights.kept import Figures
from qualification.insights.regions import regions_of
from qualification.models import SelfCheck
from qualification.permissions import Right, require
from qualification.views.fetch import reader_of
from qualification.views.files import csv_file
from qualification.views.replies import is_htmx, when_counted

PERIODS = (("7", _("7 d")), ("30", _("30 d")), ("90", _("90 d")), ("365", _("Year")))
DEFAULT_PERIOD = "30"


@require_GET
@require(Right.AUDIT)
def sla_report(request: HttpRequest) -> HttpResponse:
    """Met clocks and answer times by team, source, week, country; whether a lead is forgotten."""
    found = _figures(request)
    if is_htmx(request):
        return when_counted(found)
    context = {
        **_parts(found),
        "figures": found,
        "kind": _kind(request),
        "kinds": TimerKind.choices,
        "period": period_of(request),
        "periods": PERIODS,
        "self_check": SelfCheck.objects.first(),
    }
    return render(request, "qualification/sla_report.html", context)


@require_GET
@require(Right.AUDIT)
def sla_csv(request: HttpRequest) -> HttpResponse:
    """The same figures as a file. While they are counted for the first time, the page says so."""
    found = _figures(request)
    if found.answer is None:
        return redirect(f"{reverse('qualification:sla-report')}?{request.GET.urlencode()}")
    return csv_file("sla.csv", response.table_of(response.report_from(found.answer)))


def period_of(request: HttpRequest) -> str:
    """The days the reader asks for, else the usual ones."""
    asked = request.GET.get("days", "")
    return asked if asked in dict(PERIODS) else DEFAULT_PERIOD


def _kind(request: HttpRequest) -> TimerKind:
    asked = request.GET.get("kind", "")
    return TimerKind(asked) if asked in TimerKind.values else TimerKind.FIRST_RESPONSE


def _figures(request: HttpRequest) -> Figures:
    reader, kind, days = reader_of(request), _kind(request), period_of(request)
    zone = timezone.get_current_timezone_name()
    question = response.question_of(reader, kind=kind, days=int(days), zone=zone)
    sight = "all" if question["every_team"] else question["own_team"]
    name = f"{kind}:{days}:{sight}:{zone}"
    return figures_of("sla", name, question, now=timezone.now())


def _parts(found: Figures) -> dict[str, Any]:
    """The report and its tables; nothing before the first count."""
    if found.answer is None:
        return {"report": None}
    report = response.report_from(found.answer)
    return {
        "report": report,
        "parts": [
            (_("By week"), _("Week from"), [_as_read(week) for week in report.weeks]),
            (_("By team"), _("Team"), report.teams),
            (_("By source"), _("Source"), report.sources),
        ],
        "regions": regions_of(report),
    }


def _as_read(week: response.Group) -> response.Group:
    """The group of a week under its first day as people write it; files keep the ISO date."""
    return replace(week, label=date_format(date.fromisoformat(week.label), "j M Y"))
