"""Practice: the page that offers a round, its leads one after the other, its result."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import User
from qualification.exceptions import AlreadyPractised, PracticeOpen, TooFewPastLeads
from qualification.models import PracticeCase, PracticeRound, RejectionReason
from qualification.permissions import Right, require
from qualification.practice import draw, results, rounds
from qualification.practice.blind import blind_lead
from qualification.practice.truth import truth_of
from qualification.practice_forms import (
    PracticeChoiceForm,
    PracticeReasonForm,
    PracticeSizeForm,
)
from qualification.review.rejection_reasons import reasons_by_group
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import reader_of
from qualification.views.paging import number_in
from qualification.views.replies import go_to

SEEDS = 2**62


@require_GET
@require(Right.WORK_QUEUE)
def practice_page(request: HttpRequest) -> HttpResponse:
    """One's rounds so far and the next one; for managers the rounds of their team, with `who` those
    of one person."""
    return _page(request)


@require_POST
@require(Right.WORK_QUEUE)
def practice_start(request: HttpRequest) -> HttpResponse:
    """Draws a round; one that is begun goes on instead."""
    form = PracticeSizeForm(request.POST)
    if not form.is_valid():
        return _page(request, refusal=_("Choose one of the sizes."), status=422)
    by, now = reader_of(request), timezone.now()
    try:
        begun = rounds.start_round(
            by=by, size=form.cleaned_data["size"], seed=secrets.randbelow(SEEDS), now=now
        )
    except PracticeOpen as refused:
        messages.error(request, str(refused))
        begun = PracticeRound.objects.open().get(person=by)
    except TooFewPastLeads as refused:
        return _page(request, refusal=str(refused), status=refused.status)
    return redirect("qualification:practice-round", pk=begun.pk)


@require_GET
@require(Right.WORK_QUEUE)
def practice_round(request: HttpRequest, pk: int) -> HttpResponse:
    """The result; a round that is not finished goes on where it stands."""
    reader = reader_of(request)
    found = get_object_or_404(
        PracticeRound.objects.visible_to(reader).select_related("person"), pk=pk
    )
    if found.finished_at is None:
        waiting = rounds.next_case(found.pk)
        if found.person_id != reader.pk or waiting is None:
            raise Http404
        return redirect("qualification:practice-case", pk=pk, position=waiting.position)
    context = {
        "round": found,
        "result": results.result_of(found, reader=reader, now=timezone.now()),
        "enough": results.ENOUGH,
        "is_own": found.person_id == reader.pk,
    }
    return render(request, "qualification/practice_round.html", context)


@require_GET
@require(Right.WORK_QUEUE)
def practice_case(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    """A lead as it was before its decision; once it is judged, with what was decided."""
    case = _own_case_or_404(request, pk, position)
    if not case.choice:
        waiting = rounds.next_case(pk)
        if waiting is None or waiting.pk != case.pk:
            return redirect("qualification:practice-round", pk=pk)
    is_gone = case.choice == PracticeCase.Choice.GONE or rounds.is_gone(
        case, reader=reader_of(request)
    )
    context = {
        "case": case,
        "round": case.round,
        "is_gone": is_gone,
        "blind": None if is_gone else blind_lead(case.decision),
        "truth": truth_of(case, now=timezone.now()) if case.choice and not is_gone else None,
        # N goes on with the round, or nowhere: nobody claims a lead from here by accident.
        "next_lead_url": "",
    }
    return render(request, "qualification/practice_case.html", context)


@require_POST
@require(Right.WORK_QUEUE)
def practice_judge(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    """Accept or nurture, or on past a lead that is gone."""
    case = _own_case_or_404(request, pk, position)
    form = PracticeChoiceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose accept, reject or nurture."))
        return redirect("qualification:practice-case", pk=pk, position=position)
    return _judged(request, case, form.cleaned_data["choice"])


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def practice_reject(request: HttpRequest, pk: int, position: int) -> HttpResponse:
    """The dialog with the reasons, and rejecting."""
    case = _own_case_or_404(request, pk, position)
    form = PracticeReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _judged(request, case, PracticeCase.Choice.REJECT, form.cleaned_data["reason"])
    context = {
        "case": case,
        "form": form,
        "title": _("Reject, for practice"),
        "subtitle": _("Nothing happens to the lead."),
        "reason_groups": reasons_by_group(),
        "back_url": reverse("qualification:practice-case", args=[pk, position]),
    }
    status = 422 if form.errors else 200
    return show_dialog(request, "_practice_reject_dialog.html", context, status=status)


def _judged(
    request: HttpRequest,
    case: PracticeCase,
    choice: str,
    reason: RejectionReason | None = None,
) -> HttpResponse:
    """Back to the lead, which now tells what was decided; a lead that is gone leads on."""
    try:
        made = rounds.judge_case(
            case=case, choice=choice, reason=reason, by=reader_of(request), now=timezone.now()
        )
    except AlreadyPractised as refused:
        messages.error(request, str(refused))
        made = case
    if made.choice == PracticeCase.Choice.GONE:
        return go_to(request, reverse("qualification:practice-round", args=[case.round_id]))
    return go_to(
        request, reverse("qualification:practice-case", args=[case.round_id, case.position])
    )


def _own_case_or_404(request: HttpRequest, pk: int, position: int) -> PracticeCase:
    """A case of the reader's own round: nobody learns from another's what is still hidden."""
    cases = PracticeCase.objects.select_related("round", "decision", "reason")
    return get_object_or_404(cases, round=pk, position=position, person=reader_of(request))


def _page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    reader = reader_of(request)
    members = results.members_seen_by(reader)
    person = _person_asked_for(request, members) or reader
    is_own = person.pk == reader.pk
    waiting = PracticeRound.objects.open().filter(person=reader).first() if is_own else None
    context = {
        "person": person,
        "is_own": is_own,
        "history": results.history_of(person),
        "members": members,
        "waiting": waiting,
        "next_case": rounds.next_case(waiting.pk) if waiting else None,
        "sizes": _sizes(reader) if is_own and waiting is None else (),
        "refusal": refusal,
        "enough": results.ENOUGH,
        "min_days": settings.LEADQUAL["PRACTICE_MIN_DAYS"],
    }
    return render(request, "qualification/practice_page.html", context, status=status)


def _person_asked_for(request: HttpRequest, members: list[results.Member]) -> User | None:
    """Whose rounds are shown instead of one's own; 404 for somebody the reader does not manage."""
    if "who" not in request.GET:
        return None
    who = number_in(request, "who")
    for member in members:
        if member.person.pk == who:
            return member.person
    raise Http404


def _sizes(reader: User) -> tuple[int, ...]:
    """The sizes of a round there are leads enough for."""
    pool = draw.pool_for(reader, now=timezone.now())
    return tuple(size for size in draw.SIZES if draw.fits(pool, size))
