"""All desks, for managers: what nobody answered yet, moving it to another desk, and writing down
what a partner said."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from qualification.exceptions import QualificationError
from qualification.handoff import moves, reads
from qualification.handoff.answers import answer_for_partner
from qualification.handoff.desks import desks_for
from qualification.handoff_forms import MoveForm, PartnerAnswerForm
from qualification.models import Handoff
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
    form = MoveForm(request.POST if request.method == "POST" else None)
    refusal, status = "", 200
    if form.is_valid():
        to, reason = form.cleaned_data["to"], form.cleaned_data["reason"]
        by, now = reader_of(request), timezone.now()
        try:
            moves.move_handoff(handoff=handoff, to=to, by=by, reason=reason, now=now)
        except QualificationError as refused:
            refusal, status = str(refused), refused.status
        else:
            text = _("%(lead)s is now on the desk of %(to)s.") % {"lead": handoff.lead, "to": to}
            return done(request, reverse("qualification:desk-list"), text)
    desks = desks_for(handoff.lead, now=timezone.now(), but_not=handoff.to)
    chosen = form["to"].value()
    context = {
        "handoff": handoff,
        "lead": handoff.lead,
        "form": form,
        "refusal": refusal,
        "desks": desks,
        "chosen": desks[0].value if desks and chosen is None else chosen,
        "title": _("Give the handoff to another desk"),
        "subtitle": _("%(lead)s, now with %(to)s") % {"lead": handoff.lead, "to": handoff.to},
    }
    return show_dialog(
        request, "_handoff_move_dialog.html", context, status=422 if form.errors else status
    )


@require_http_methods(["GET", "POST"])
@require(Right.REASSIGN)
def handoff_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """What a partner told us instead of using their link."""
    handoff = get_object_or_404(reads.waiting_in_sight(request.user), pk=pk, target="partner")
    form = PartnerAnswerForm(request.POST if request.method == "POST" else None)
    refusal, status = "", 200
    if form.is_valid():
        try:
            answered = answer_for_partner(
                handoff=handoff,
                takes=form.cleaned_data["answer"] == "take",
                reason=form.cleaned_data["reason"],
                by=reader_of(request),
                now=timezone.now(),
            )
        except QualificationError as refused:
            refusal, status = str(refused), refused.status
        else:
            text = _answered(answered)
            return done(request, reverse("qualification:desk-list"), text)
    context = {
        "handoff": handoff,
        "lead": handoff.lead,
        "form": form,
        "refusal": refusal,
        "title": _("Answer for %(partner)s") % {"partner": handoff.partner},
        "subtitle": str(handoff.lead),
    }
    return show_dialog(
        request, "_partner_answer_dialog.html", context, status=422 if form.errors else status
    )


def _answered(handoff: Handoff) -> str:
    words = {"partner": handoff.partner, "lead": handoff.lead}
    if handoff.state == Handoff.State.ACCEPTED:
        return _("%(partner)s takes %(lead)s.") % words
    return _("%(lead)s is back in the queue.") % words
