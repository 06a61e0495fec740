"""Versions to read: the list, the page of one, its simulation, how far a re-scoring is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification.feedback import version_reads
from qualification.models import ScoringModel
from qualification.permissions import Right, has_right, require
from qualification.scoring.points import tenths_of
from qualification.scoring.simulate import start_simulation
from qualification.scoring.simulation import Group, Simulation, simulation_of
from qualification.views.fetch import reader_of
from qualification.views.replies import is_htmx

MAX_DIGITS = 9


@require_GET
@require(Right.SEE_LEADS)
def model_list(request: HttpRequest) -> HttpResponse:
    """All versions, newest first."""
    context = {
        "versions": version_reads.version_list(),
        "may_publish": has_right(request.user, Right.PUBLISH),
    }
    return render(request, "qualification/model_list.html", context)


@require_GET
@require(Right.SEE_LEADS)
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A version: its rules in sentences, what it changes, how it went live; `?against=N` compares
    with another one."""
    models = ScoringModel.objects.select_related(
        "created_by", "shadow_by", "published_by", "parent"
    )
    model = get_object_or_404(models, pk=pk)
    page = version_reads.version_page(
        model,
        against=_number(request.GET.get("against", "")),
        reader=reader_of(request),
        now=timezone.now(),
    )
    context = {
        "page": page,
        "model": model,
        "can_approve": has_right(request.user, Right.APPROVE_PROPOSALS),
        "can_tune": has_right(request.user, Right.SEE_PROPOSALS),
        **simulation_context(request, model, page.simulation),
    }
    return render(request, "qualification/model_page.html", context)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def model_simulate(request: HttpRequest, pk: int) -> HttpResponse:
    """Starts to score all leads under this version and the live one; nothing is stored of it."""
    model = get_object_or_404(ScoringModel, pk=pk)
    start_simulation(model=model, by=reader_of(request), now=timezone.now())
    if is_htmx(request):
        return _simulation(request, model)
    return redirect(f"{reverse('qualification:model-detail', args=[model.pk])}#simulation")


@require_GET
@require(Right.SEE_PROPOSALS)
def model_simulation(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the newest simulation is, or its figures."""
    return _simulation(request, get_object_or_404(ScoringModel, pk=pk))


@require_GET
@require(Right.SEE_PROPOSALS)
def model_rescoring(request: HttpRequest) -> HttpResponse:
    """How far the scoring of all leads under the live version is; empty when it is done."""
    context = {"rescoring": version_reads.rescoring()}
    return render(request, "qualification/_rescoring.html", context)


def _simulation(request: HttpRequest, model: ScoringModel) -> HttpResponse:
    context = {
        "model": model,
        "is_short": "short" in request.GET,
        "can_approve": has_right(request.user, Right.APPROVE_PROPOSALS),
        **simulation_context(request, model, simulation_of(model)),
    }
    return render(request, "qualification/_simulation.html", context)


def simulation_context(
    request: HttpRequest, model: ScoringModel, found: Simulation | None
) -> dict[str, object]:
    """The figures with the named leads this reader may know of."""
    parts = found.parts if found else ()
    named = {moved.lead_id for part in parts for group in part.groups for moved in group.leads}
    leads = Lead.objects.visible_to(request.user).in_bulk(list(named)) if named else {}
    live = found.run.against if found else None
    return {
        "simulation": found,
        "parts": [
            {
                "part": part,
                "line": tenths_of(model.mql),
                "groups": [_named(group, leads) for group in part.groups],
            }
            for part in parts
        ],
        "live_label": f"v{live.version}" if live else "",
        "new_label": f"v{model.version}",
    }


def _named(group: Group, leads: dict[int, Lead]) -> dict[str, object]:
    rows = [(moved, leads[moved.lead_id]) for moved in group.leads if moved.lead_id in leads]
    return {"group": group, "rows": rows, "unnamed": group.count - len(rows)}


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None
