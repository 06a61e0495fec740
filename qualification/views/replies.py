"""How a verb answers when it is done: another page, with or without htmx."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from crm.models import Lead
from qualification.insights.kept import Figures


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx sent the request and swaps the answer itself."""
    return bool(getattr(request, "htmx", False))


def lead_url(lead: Lead | int) -> str:
    """The page of a lead."""
    pk = lead if isinstance(lead, int) else lead.pk
    return reverse("qualification:lead-detail", args=[pk])


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Opens another page: a header for htmx, a redirect otherwise."""
    if is_htmx(request):
        response = HttpResponse(status=200)
        response["HX-Redirect"] = url
        return response
    return redirect(url)


def when_counted(figures: Figures) -> HttpResponse:
    """What a page hears that asks whether new figures are there: nothing yet, or to load again."""
    if figures.is_waiting:
        return HttpResponse(status=204)
    response = HttpResponse()
    response["HX-Refresh"] = "true"
    return response
