"""A past decision as the reviewer saw it, and overturning a rejection."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from crm.models import Lead
from qualification.choices import DecisionKind
from qualification.forms import OverturnForm
from qualification.handoff.deliveries import deliveries_of
from qualification.outcomes.reads import cycle_since
from qualification.permissions import Right, has_right, require
from qualification.review import replay
from qualification.review.decisions import overturn_rejection
from qualification.review.seen import Seen
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of, visible_decision_or_404


@require_GET
@require(Right.SEE_LEADS)
def decision_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The replay; a row that took a decision back leads to the one it took back."""
    decision = visible_decision_or_404(request.user, pk)
    if decision.reverses_id is not None:
        return redirect("qualification:decision-detail", pk=decision.reverses_id)
    shown = replay.replay_of(decision)
    may_overturn = has_right(request.user, Right.AUDIT)
    hindrance = replay.overturn_hindrance(decision, by=reader_of(request), chain=shown.chain)
    context: dict[str, Any] = {
        "replay": shown,
        "decision": decision,
        "can_overturn": may_overturn and not hindrance,
        "can_audit": may_overturn,
        "in_sight": _in_sight(request, shown.screen.seen),
    }
    if decision.kind == DecisionKind.ACCEPT:
        context["cycle"] = cycle_since(decision.lead_id, decision.at)
        context["deliveries"] = deliveries_of(decision.pk)
    return render(request, "qualification/decision_detail.html", context)


def _in_sight(request: HttpRequest, seen: Seen | None) -> set[int]:
    """Which of the leads that were alike the reader of today may open."""
    ids = [one.lead_id for one in seen.likely or ()] if seen else []
    rows = Lead.objects.visible_to(reader_of(request)).filter(pk__in=ids)
    return set(rows.values_list("pk", flat=True)) if ids else set()


@require_http_methods(["GET", "POST"])
@require(Right.AUDIT)
def decision_overturn(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts a rejected lead back into the queue with a fresh clock; wants a note."""
    decision = visible_decision_or_404(request.user, pk)
    form = OverturnForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        note = form.cleaned_data["note"]
        overturn_rejection(decision=decision, by=reader_of(request), note=note, now=timezone.now())
        text = _("Overturned: %(lead)s is back in the queue.") % {"lead": decision.lead}
        return done(request, reverse("qualification:decision-detail", args=[pk]), text)
    context = {
        "decision": decision,
        "form": form,
        "title": _("Overturn the rejection"),
        "subtitle": f"{decision.lead}, {decision.reason}",
    }
    return show_dialog(
        request, "_overturn_dialog.html", context, status=422 if form.errors else 200
    )
