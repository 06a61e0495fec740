"""What to say to a lead: a fragment of the lead page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qualification.handoff.packet import opening
from qualification.permissions import Right, require
from qualification.review.checklists import checklist_of
from qualification.review.frameworks import frameworks_on_offer
from qualification.review.talk import talk_with
from qualification.review.workspace import item_of, pick_of
from qualification.scoring.ledger import ledger_of
from qualification.scoring.versions import active_model
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.replies import is_htmx


@require_GET
@require(Right.SEE_LEADS)
def lead_talk(request: HttpRequest, pk: int) -> HttpResponse:
    """A sentence to begin with, the fact it rests on, and what to show."""
    lead, now = visible_lead_or_404(request.user, pk), timezone.now()
    item, model, score = item_of(lead), active_model(), getattr(lead, "score", None)
    framework = pick_of(item, frameworks_on_offer(), now=now).framework
    checklist = checklist_of(lead, framework, now=now)
    ledger = ledger_of(lead.pk, model=model, now=score.as_of) if model and score else None
    begins = opening(lead=lead, checklist=checklist, ledger=ledger)
    context = {
        "lead": lead,
        "talk": talk_with(lead, opening=begins, now=now),
        "is_mine": item is not None and item.holder_id == reader_of(request).pk,
    }
    name = "_lead_talk.html" if is_htmx(request) else "talk_page.html"
    return render(request, f"qualification/{name}", context)
