"""The desks of all AEs, for managers: what nobody answered yet, and moving it to another desk."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from qualification.exceptions import QualificationError
from qualification.handoff import moves, reads
from qualification.handoff.desks import desks_for
from qualification.handoff_forms import MoveForm
from qualification.permissions import Right, require
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of


@require_GET
@require(Right.REASSIGN)
def desk_list(request: HttpRequest) -> HttpResponse:
    """Handoffs that wait for an answer, the most urgent first."""
    now = timezone.now()
    context = {"unanswered": reads.unanswered(request.user, now=now), "now": now}
    return render(request, "qualification/desk_list.html", context)


@require_http_methods(["GET", "POST"])
@require(Right.REASSIGN)
def handoff_move(request: HttpRequest, pk: int) -> HttpResponse:
    """To another desk, with the reason; 404 for one that is answered or out of sight."""
    handoff = get_object_or_404(reads.waiting_in_sight(request.user), pk=pk)
    form = MoveForm(request.POST if request.method == "POST" else None, ae=handoff.ae)
    refusal, status = "", 200
    if form.is_valid():
        to, reason = form.cleaned_data["to"], form.cleaned_data["reason"]
        by, now = reader_of(request), timezone.now()
        try:
            moves.move_handoff(handoff=handoff, to=to, by=by, reason=reason, now=now)
        except QualificationError as refused:
            refusal, status = str(refused), refused.status
        else:
            text = _("%(lead)s is now on the desk of %(ae)s.") % {"lead": handoff.lead, "ae": to}
            return done(request, reverse("qualification:desk-list"), text)
    context = {
        "handoff": handoff,
        "lead": handoff.lead,
        "form": form,
        "refusal": refusal,
        "desks": [desk for desk in desks_for(handoff.lead) if desk.ae.pk != handoff.ae_id],
        "title": _("Give the handoff to another AE"),
        "subtitle": _("%(lead)s, now with %(ae)s") % {"lead": handoff.lead, "ae": handoff.ae},
    }
    return show_dialog(
        request, "_handoff_move_dialog.html", context, status=422 if form.errors else status
    )
