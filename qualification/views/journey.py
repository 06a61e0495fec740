"""The journey of a lead or a whole company: a piece of their pages, and a page without script."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from crm.models import Account, Lead
from qualification.permissions import Right, require
from qualification.review import timeline
from qualification.review.timeline import Journey
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.replies import is_htmx

JOURNEY_FILTERS = (
    ("", _("All")),
    ("events", _("Events")),
    ("mails", _("Mails")),
    ("scores", _("Scores")),
    ("work", _("Work")),
    ("answers", _("Answers")),
    ("decisions", _("Decisions")),
)
JOURNEY_SCOPES = (("", _("This lead")), ("account", _("Whole account")))


@require_GET
@require(Right.SEE_LEADS)
def lead_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """The journey of a lead, or with `scope=account` of everybody of its company in sight: older
    entries after a cursor, or the newest of one kind."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    reader, asked = reader_of(request), _asked(request)
    if request.GET.get("scope") == "account" and lead.account is not None:
        journey = timeline.account_journey(lead.account, reader=reader, **asked)
    else:
        journey = timeline.journey_of(lead, reader_id=reader.pk, **asked)
    return _draw(request, journey_context(lead, journey))


@require_GET
@require(Right.SEE_LEADS)
def account_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """The same of a company, on its page."""
    account = get_object_or_404(Account, pk=pk)
    journey = timeline.account_journey(account, reader=reader_of(request), **_asked(request))
    context = _context(
        journey,
        url=reverse("qualification:account-timeline", args=[pk]),
        back=reverse("qualification:account-detail", args=[pk]),
        back_words=_("Back to the company"),
        name=account.name,
    )
    return _draw(request, context)


def journey_context(lead: Lead, journey: Journey) -> dict[str, Any]:
    """What the piece of the lead page is drawn from."""
    context = _context(
        journey,
        url=reverse("qualification:lead-timeline", args=[lead.pk]),
        back=reverse("qualification:lead-detail", args=[lead.pk]),
        back_words=_("Back to the lead"),
        name=lead.name,
    )
    return context | {"journey_scopes": JOURNEY_SCOPES if lead.account_id is not None else ()}


def _context(
    journey: Journey, *, url: str, back: str, back_words: str | Promise, name: str
) -> dict[str, Any]:
    return {
        "journey": journey,
        "journey_filters": JOURNEY_FILTERS,
        "journey_scope": "account" if journey.is_account else "",
        "journey_url": url,
        "journey_back": back,
        "journey_back_words": back_words,
        "journey_name": name,
    }


def _asked(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("before", "only")}


def _draw(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    if not is_htmx(request):
        return render(request, "qualification/journey_page.html", context)
    part = "_lead_journey_days.html" if context["journey"].before else "_lead_journey.html"
    return render(request, f"qualification/{part}", context)
