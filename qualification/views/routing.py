"""Why a lead is with whom it is; what routing looks like now, and where a lead would go."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from qualification.forms import TryLeadForm
from qualification.permissions import Right, require
from qualification.routing import overview, why
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import reader_of, visible_lead_or_404


@require_GET
@require(Right.WORK_QUEUE)
def lead_routing(request: HttpRequest, pk: int) -> HttpResponse:
    """“Why did I get this lead?”: every routing decision about it, with everybody looked at."""
    lead = visible_lead_or_404(request.user, pk)
    context = {
        "lead": lead,
        "why": why.why_here(lead, reader=request.user),
        "title": _("Why is this lead here?"),
        "subtitle": str(lead),
    }
    return show_dialog(request, "_routing_dialog.html", context)


@require_GET
@require(Right.REASSIGN)
def routing_page(request: HttpRequest) -> HttpResponse:
    """Rules in their order, pools with who can take a lead right now, and a lead to try."""
    now = timezone.now()
    form = TryLeadForm(request.GET if "lead" in request.GET else None, reader=reader_of(request))
    tried = overview.try_shown(form.cleaned_data["lead"], now=now) if form.is_valid() else None
    context = {
        "rules": overview.rules_shown(),
        "pools": overview.pools_shown(now=now),
        "form": form,
        "tried": tried,
    }
    return render(request, "qualification/routing_page.html", context)
