"""The list of leads that rules turned away, and bringing one back."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from qualification.filters import TurnedAwayFilter
from qualification.forms import BringBackForm
from qualification.permissions import Right, require
from qualification.review import turned_away
from qualification.scoring.versions import active_model
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.paging import number_in, url_at
from qualification.views.replies import is_htmx, lead_url


@require_GET
@require(Right.AUDIT)
def turned_away_list(request: HttpRequest) -> HttpResponse:
    """Leads in sight that a rule disqualified, narrowed by the filters; `sample` draws some."""
    filters = TurnedAwayFilter(
        request.GET,
        queryset=turned_away.turned_away(request.user),
        reasons=turned_away.reasons_of(active_model()),
    )
    found = filters.qs if filters.is_valid() else filters.queryset.none()
    seed = number_in(request, "sample")
    if seed is None:
        page = turned_away.turned_away_page(
            found, before=number_in(request, "before"), after=number_in(request, "after")
        )
    else:
        page = turned_away.sample_of(found, seed=seed)
    rules = turned_away.rules_behind(list(page.rows))
    context = {
        "filters": filters,
        "page": page,
        "rows": [(lead, rules.get(lead.pk, [])) for lead in page.rows],
        "sample": seed,
        "next_sample": secrets.randbelow(1_000_000),
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    template = "_turned_away_body.html" if is_htmx(request) else "turned_away_list.html"
    return render(request, f"qualification/{template}", context)


@require_http_methods(["GET", "POST"])
@require(Right.AUDIT)
def lead_bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts a lead a rule turned away into the queue with a fresh clock; wants a note."""
    lead = visible_lead_or_404(request.user, pk)
    form = BringBackForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        note = form.cleaned_data["note"]
        turned_away.bring_back(lead=lead, by=reader_of(request), note=note, now=timezone.now())
        text = _("%(lead)s is in the queue.") % {"lead": lead}
        return done(request, lead_url(lead), text)
    context = {
        "lead": lead,
        "form": form,
        "title": _("Bring the lead back"),
        "subtitle": str(lead),
        "cancel_url": reverse("qualification:turned-away-list"),
    }
    return show_dialog(
        request, "_bring_back_dialog.html", context, status=422 if form.errors else 200
    )
