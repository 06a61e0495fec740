"""What is behind the score of one lead: how it came about, as of an earlier moment, and what would
change it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.models import Lead
from qualification.exceptions import ModelInvalid, NothingRecorded
from qualification.models import ScoreMove
from qualification.permissions import Right, require
from qualification.review.past import past_of
from qualification.review.replay import merges_since
from qualification.review.score_history import score_history
from qualification.review.score_moves import reasons_of
from qualification.review.timeline import entry_of_move
from qualification.scoring.changers import changers_of
from qualification.scoring.versions import active_model
from qualification.views.fetch import visible_lead_or_404
from qualification.views.replies import is_htmx

UNREADABLE = 422


@require_GET
@require(Right.SEE_LEADS)
def lead_past(request: HttpRequest, pk: int) -> HttpResponse:
    """The ledger as of `?at=`, a moment on the reader's clock, and what changed since; of an erased
    person what was frozen by then."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    text = request.GET.get("at", "")
    context: dict[str, Any] = {"lead": lead, "past_at": text}
    if text:
        context |= _past(lead, text)
    name = "_lead_past.html" if is_htmx(request) else "past_page.html"
    status = UNREADABLE if "past_error" in context else 200
    return render(request, f"qualification/{name}", context, status=status)


def _past(lead: Lead, text: str) -> dict[str, Any]:
    at = _moment(text)
    if at is None:
        return {"past_error": _("Write a date and a time, such as 23 Nov 2026, 09:00.")}
    if at > timezone.now():
        return {"past_error": _("That moment is yet to come.")}
    try:
        return {"past": past_of(lead, at=at), "past_merges": merges_since(lead.pk, at)}
    except (NothingRecorded, ModelInvalid):
        return {"past_error": _("Nothing was recorded of this lead by then.")}


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
        if found is None or not 1900 <= found.year <= 9000:
            return None
        return found if found.tzinfo else timezone.make_aware(found)
    except ValueError:
        return None


@require_GET
@require(Right.SEE_LEADS)
def lead_scores(request: HttpRequest, pk: int) -> HttpResponse:
    """How the score came to be what it is, computed for a few moments."""
    lead = visible_lead_or_404(request.user, pk)
    score = getattr(lead, "score", None)
    context: dict[str, Any] = {"lead": lead}
    if score is not None:
        history = score_history(lead, until=score.as_of)
        context["history"] = history
        if history.points:
            context["past_merges"] = merges_since(lead.pk, history.points[0].at)
    name = "_score_history.html" if is_htmx(request) else "scores_page.html"
    return render(request, f"qualification/{name}", context)


@require_GET
@require(Right.SEE_LEADS)
def lead_move(request: HttpRequest, pk: int, move: int) -> HttpResponse:
    """What moved the grade at one line of the journey."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    moves = ScoreMove.objects.select_related("model", "was_model", "lead")
    found = get_object_or_404(moves, lead=lead, lead__merged_into=None, pk=move)
    context: dict[str, Any] = {"move": found, "reasons": reasons_of(found)}
    if is_htmx(request):
        return render(request, "qualification/_score_move.html", context)
    context["said"] = entry_of_move(found)
    return render(request, "qualification/score_move_page.html", context)


@require_GET
@require(Right.SEE_LEADS)
def lead_changers(request: HttpRequest, pk: int) -> HttpResponse:
    """Which facts would change the verdict, each scored."""
    lead = visible_lead_or_404(request.user, pk)
    model = active_model()
    score = getattr(lead, "score", None)
    # At the moment of the score, so that the differences are from the total on the page.
    found = changers_of(lead.pk, model=model, now=score.as_of) if model and score else ()
    name = "_changers.html" if is_htmx(request) else "changers_page.html"
    return render(request, f"qualification/{name}", {"lead": lead, "changers": found})
