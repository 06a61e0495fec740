"""What a draft would change: simulated over all leads in the background, followed here."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from qualification.admin.scoring import runs
from qualification.admin.scoring.pages import editor_in, show, version_or_404
from qualification.exceptions import NothingToCompare
from qualification.models import RunKind, ScoringRun
from qualification.permissions import Right, require
from qualification.scoring.simulate import start_simulation
from qualification.scoring.simulation import simulation_of
from qualification.scoring.versions import active_model


@require_http_methods(["GET", "POST"])
@require(Right.EDIT_SCORING)
def impact_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the last simulation against the live version; POST simulates anew."""
    model = version_or_404(pk)
    live = active_model()
    can_start = live is not None and live.pk != model.pk
    if request.method == "POST":
        try:
            start_simulation(model=model, by=editor_in(request), now=timezone.now())
        except NothingToCompare as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(request.path)
    run = runs.latest(RunKind.SIMULATE, model)
    return show(
        request,
        "impact.html",
        title=_("v%(n)s: impact") % {"n": model.version},
        model=model,
        live=live,
        can_start=can_start,
        simulation=simulation_of(model),
        **runs.progress_context(run),
    )


@require_GET
@require(Right.EDIT_SCORING)
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a run is, as a part of a page; once it is over the page loads anew."""
    run = get_object_or_404(ScoringRun, pk=pk)
    context = runs.progress_context(run)
    response = render(request, "admin/leadqual/_progress.html", context)
    if not context["is_running"]:
        response["HX-Refresh"] = "true"
    return response
