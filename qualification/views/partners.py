"""The page of a partner, who never logs in: one handoff by a signed link, and one answer to it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from qualification.exceptions import LinkInvalid, QualificationError
from qualification.handoff import partner_links
from qualification.handoff.reads import packet_of
from qualification.handoff_forms import PartnerAnswerForm
from qualification.models import Handoff
from qualification.permissions import open_to_all
from qualification.rate_limit import comes_too_often

# A person opens the page and answers; a few colleagues may do so from the same address.
LIMIT, WINDOW_SECONDS = 60, 10 * 60


@open_to_all
@require_GET
def partner_handoff(request: HttpRequest, token: str) -> HttpResponse:
    """Who the lead is and what they need. Looking changes nothing: mail scanners look, too."""
    if _is_too_often(request):
        return _too_often(request)
    try:
        handoff = partner_links.handoff_of(token, now=timezone.now())
    except LinkInvalid as refused:
        return _said(request, str(refused), status=refused.status)
    return _page(request, handoff, token, PartnerAnswerForm())


@open_to_all
@require_POST
def partner_answer(request: HttpRequest, token: str) -> HttpResponse:
    """The partner takes the lead, or gives it back with a reason."""
    if _is_too_often(request):
        return _too_often(request)
    now = timezone.now()
    form = PartnerAnswerForm(request.POST)
    try:
        handoff = partner_links.handoff_of(token, now=now)
        if not form.is_valid():
            return _page(request, handoff, token, form, status=422)
        takes = form.cleaned_data["answer"] == "take"
        answered = partner_links.answer_by_link(
            token=token, takes=takes, reason=form.cleaned_data["reason"], now=now
        )
    except QualificationError as refused:
        return _said(request, str(refused), status=refused.status)
    if takes:
        return _page(request, answered, token, PartnerAnswerForm())
    return _said(request, _("Thank you. The lead is with us again."))


def _page(
    request: HttpRequest, handoff: Handoff, token: str, form: PartnerAnswerForm, status: int = 200
) -> HttpResponse:
    context = {
        "handoff": handoff,
        "packet": packet_of(handoff),
        "token": token,
        "form": form,
        "is_waiting": handoff.state == Handoff.State.WAITING,
    }
    return _private(render(request, "partner/handoff.html", context, status=status))


def _said(request: HttpRequest, sentence: str, status: int = 200) -> HttpResponse:
    return _private(render(request, "partner/said.html", {"sentence": sentence}, status=status))


def _too_often(request: HttpRequest) -> HttpResponse:
    answer = _said(request, _("Too many requests. Try again in a few minutes."), status=429)
    answer["Retry-After"] = str(WINDOW_SECONDS)
    return answer


def _is_too_often(request: HttpRequest) -> bool:
    return comes_too_often(request, door="partner", limit=LIMIT, seconds=WINDOW_SECONDS)


def _private(response: HttpResponse) -> HttpResponse:
    """Nobody keeps it, and no search engine lists it."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
