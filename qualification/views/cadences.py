"""Verbs on the steps of follow-up a lead is in: start, stop."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.models import Lead
from qualification.models import Cadence
from qualification.permissions import Right, require
from qualification.review import cadences
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.lead import parts_response
from qualification.views.replies import is_htmx, lead_url
from qualification.views.touches import moment_text


@require_POST
@require(Right.WORK_QUEUE)
def cadence_start(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead goes through the steps of the chosen cadence (`cadence`, its number)."""
    lead = visible_lead_or_404(request.user, pk)
    given = request.POST.get("cadence", "")
    number = int(given) if given.isdecimal() and len(given) < 19 else 0
    cadence = get_object_or_404(Cadence, pk=number)
    run = cadences.start_cadence(
        lead=lead, cadence=cadence, by=reader_of(request), now=timezone.now()
    )
    said = _("Started “%(name)s”. First: %(task)s, %(time)s.") % {
        "name": cadence.name,
        "task": run.step and run.step.task,
        "time": run.due_at and moment_text(run.due_at),
    }
    return _answer(request, lead, said)


@require_POST
@require(Right.WORK_QUEUE)
def cadence_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """No further steps."""
    lead = visible_lead_or_404(request.user, pk)
    run = cadences.stop_cadence(lead=lead, by=reader_of(request), now=timezone.now())
    return _answer(request, lead, _("Stopped “%(name)s”.") % {"name": run.cadence.name})


def _answer(request: HttpRequest, lead: Lead, said: str) -> HttpResponse:
    if not is_htmx(request):
        messages.success(request, said)
        return redirect(lead_url(lead))
    response = parts_response(request, lead)
    response["HX-Reswap"] = "none"
    return add_toast(response, said)
