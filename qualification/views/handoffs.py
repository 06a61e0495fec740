"""The AE's desk: leads handed over, the packet, take or return."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qualification.handoff import answers as room
from qualification.handoff import reads
from qualification.handoff.deliveries import deliveries_of
from qualification.handoff_forms import ReturnForm
from qualification.models import Handoff
from qualification.permissions import Right, require
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of


@require_GET
@require(Right.ANSWER_HANDOFFS)
def handoff_list(request: HttpRequest) -> HttpResponse:
    """What waits for the reader and what they answered."""
    now = timezone.now()
    context = {"desk": reads.desk_of(request.user, now=now), "now": now}
    return render(request, "qualification/handoff_list.html", context)


@require_GET
@require(Right.ANSWER_HANDOFFS)
def handoff_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One packet as it was handed over."""
    handoff, now = _own(request, pk), timezone.now()
    context = {
        "handoff": handoff,
        "packet": reads.packet_of(handoff),
        "now": now,
        "face": reads.clock_face(handoff, now=now),
        "is_waiting": handoff.state == Handoff.State.WAITING,
        "deliveries": deliveries_of(handoff.decision_id),
    }
    return render(request, "qualification/handoff_detail.html", context)


@require_POST
@require(Right.ANSWER_HANDOFFS)
def handoff_take(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead is the AE's from now on; a colleague who was faster is named."""
    handoff = get_object_or_404(reads.answerable_by(request.user), pk=pk)
    room.take_handoff(handoff=handoff, by=reader_of(request), now=timezone.now())
    text = _("Taken: %(lead)s.") % {"lead": handoff.lead}
    return done(request, reverse("qualification:handoff-detail", args=[pk]), text)


@require_http_methods(["GET", "POST"])
@require(Right.ANSWER_HANDOFFS)
def handoff_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to the queue, with the reason."""
    handoff = get_object_or_404(reads.answerable_by(request.user), pk=pk)
    form = ReturnForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        room.return_handoff(
            handoff=handoff, by=reader_of(request), reason=reason, now=timezone.now()
        )
        text = _("Returned: %(lead)s.") % {"lead": handoff.lead}
        return done(request, reverse("qualification:handoff-list"), text)
    context = {
        "handoff": handoff,
        "form": form,
        "title": _("Give the lead back"),
        "subtitle": str(handoff.lead),
    }
    return show_dialog(
        request, "_handoff_return_dialog.html", context, status=422 if form.errors else 200
    )


def _own(request: HttpRequest, pk: int) -> Handoff:
    """A handoff made to the reader, or one that waits on their team's desk; 404 for others."""
    return get_object_or_404(reads.handoffs_of(request.user), pk=pk)
