"""How many clocks were met and how long answers took: the page of managers, and its download."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from qualification.choices import TimerKind
from qualification.insights import response
from qualification.insights.regions import regions_of
from qualification.models import SelfCheck
from qualification.permissions import Right, require
from qualification.views.fetch import reader_of
from qualification.views.files import csv_file

PERIODS = (("7", _("7 d")), ("30", _("30 d")), ("90", _("90 d")), ("365", _("Year")))
DEFAULT_PERIOD = "30"


@require_GET
@require(Right.AUDIT)
def sla_report(request: HttpRequest) -> HttpResponse:
    """Met clocks and answer times by team, source, week, country; whether a lead is forgotten."""
    report = _report(request)
    context = {
        "report": report,
        "parts": [
            (_("By week"), _("Week from"), [_as_read(week) for week in report.weeks]),
            (_("By team"), _("Team"), report.teams),
            (_("By source"), _("Source"), report.sources),
        ],
        "regions": regions_of(report),
        "kind": _kind(request),
        "kinds": TimerKind.choices,
        "period": period_of(request),
        "periods": PERIODS,
        "updated_at": timezone.now(),
        "self_check": SelfCheck.objects.first(),
    }
    return render(request, "qualification/sla_report.html", context)


def _as_read(week: response.Group) -> response.Group:
    """The group of a week under its first day as people write it; files keep the ISO date."""
    return replace(week, label=date_format(date.fromisoformat(week.label), "j M Y"))


@require_GET
@require(Right.AUDIT)
def sla_csv(request: HttpRequest) -> HttpResponse:
    """The same figures as a file."""
    return csv_file("sla.csv", response.table_of(_report(request)))


def period_of(request: HttpRequest) -> str:
    """The days the reader asks for, else the usual ones."""
    asked = request.GET.get("days", "")
    return asked if asked in dict(PERIODS) else DEFAULT_PERIOD


def _kind(request: HttpRequest) -> TimerKind:
    asked = request.GET.get("kind", "")
    return TimerKind(asked) if asked in TimerKind.values else TimerKind.FIRST_RESPONSE


def _report(request: HttpRequest) -> response.ResponseReport:
    days, now = int(period_of(request)), timezone.now()
    return response.response_report(reader_of(request), kind=_kind(request), days=days, now=now)
