"""Outcomes: the signed door, the list with those nobody is known for, and a file of them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from crm.exceptions import SignatureInvalid
from crm.models import Source
from qualification.exceptions import OutcomeInvalid
from qualification.handoff_forms import OutcomesForm
from qualification.outcomes import file, reads
from qualification.outcomes.message import read_outcomes
from qualification.outcomes.record import look_again, record_outcome
from qualification.permissions import Right, open_to_all, require
from qualification.views.dialogs import done
from qualification.views.fetch import reader_of
from qualification.views.intake import MAX_BODY, body_of, check_signature
from qualification.views.paging import number_in, url_at


@csrf_exempt
@open_to_all
@require_POST
def receive_outcomes(request: HttpRequest, source: str, credential: str) -> HttpResponse:
    """Outcomes told by a system with the credential and the secret of a JSON source. All of a
    message are kept or, when one is wrong, none."""
    known = get_object_or_404(
        Source, name=source, credential=credential, kind=Source.Kind.JSON, is_active=True
    )
    body = body_of(request)
    if body is None:
        return JsonResponse({"error": f"larger than {MAX_BODY} bytes"}, status=413)
    try:
        check_signature(known.secret, body, request.headers.get("X-Signature", ""))
    except SignatureInvalid as error:
        return JsonResponse({"error": str(error)}, status=401)
    now = timezone.now()
    try:
        told = read_outcomes(body, now=now)
    except OutcomeInvalid as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    with transaction.atomic():
        kept = [record_outcome(told=one, source=known, now=now) for one in told]
    answer: dict[str, Any] = {
        "recorded": sum(one.is_new for one in kept),
        "known": sum(not one.is_new for one in kept),
        "unmatched": [one.outcome.external_id for one in kept if not one.is_matched],
    }
    return JsonResponse(answer)


@require_http_methods(["GET", "POST"])
@require(Right.AUDIT)
def outcome_list(request: HttpRequest) -> HttpResponse:
    """What became of leads in the reader's sight, and those whose lead nobody knows; POST takes a
    file, whole or not at all."""
    loaded = None
    is_sent = request.method == "POST"
    form = OutcomesForm(request.POST, request.FILES) if is_sent else OutcomesForm()
    if form.is_valid():
        loaded = _load(request, form)
        if loaded is not None and not loaded.errors:
            return done(request, reverse("qualification:outcome-list"), _loaded_words(loaded))
    without = request.GET.get("which") == "without"
    found = reads.outcomes_seen_by(request.user, without_lead=without)
    page = reads.outcome_page(
        found, before=number_in(request, "before"), after=number_in(request, "after")
    )
    context = {
        "page": page,
        "form": form,
        "loaded": loaded,
        "without": without,
        "columns": file.COLUMNS,
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    status = 422 if form.errors or loaded else 200
    return render(request, "qualification/outcome_list.html", context, status=status)


@require_POST
@require(Right.AUDIT)
def outcome_look_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Looks once more for the lead of one outcome."""
    unknown = reads.outcomes_seen_by(request.user, without_lead=True)
    outcome = get_object_or_404(unknown, pk=pk)
    is_found = look_again(outcome=outcome, now=timezone.now(), by=reader_of(request))
    text = _("Found: it stands with its lead now.") if is_found else _("Still nobody is known.")
    return done(request, f"{reverse('qualification:outcome-list')}?which=without", text)


def _load(request: HttpRequest, form: OutcomesForm) -> file.Loaded | None:
    now = timezone.now()
    try:
        return file.load_outcomes(
            body=form.cleaned_data["file"].read(),
            source=file.file_source(now=now),
            now=now,
            by=reader_of(request),
        )
    except OutcomeInvalid as error:
        form.add_error("file", str(error))
        return None


def _loaded_words(loaded: file.Loaded) -> str:
    words = ngettext("%(n)s outcome is new", "%(n)s outcomes are new", loaded.recorded) % {
        "n": loaded.recorded
    }
    known = _("%(n)s known before") % {"n": loaded.known}
    unmatched = _("%(n)s without a lead") % {"n": loaded.unmatched}
    return f"{words}, {known}, {unmatched}."
