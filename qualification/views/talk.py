"""What to show to a lead: a fragment of the lead page, below the sentence to begin with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qualification.models import ReviewItem
from qualification.permissions import Right, require
from qualification.review.talk import materials_for
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.replies import is_htmx


@require_GET
@require(Right.SEE_LEADS)
def lead_talk(request: HttpRequest, pk: int) -> HttpResponse:
    """What to show, each with a press that logs the mail."""
    lead = visible_lead_or_404(request.user, pk)
    materials = materials_for(lead, now=timezone.now())
    held = ReviewItem.objects.open().filter(lead=lead, holder=reader_of(request))
    is_mine = bool(materials) and held.exists()
    context = {"lead": lead, "materials": materials, "is_mine": is_mine}
    name = "_lead_materials.html" if is_htmx(request) else "talk_page.html"
    return render(request, f"qualification/{name}", context)
