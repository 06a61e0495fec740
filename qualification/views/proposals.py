"""Proposals: the page, and what people do with them: look again, approve, decline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qualification.counting import figures_of, is_counting
from qualification.feedback import proposals as room
from qualification.feedback import reads
from qualification.forms import DeclineForm
from qualification.insights.kept import Figures
from qualification.models import RuleProposal, ScoringModel
from qualification.permissions import Right, has_right, require
from qualification.scoring.versions import active_model
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of
from qualification.views.replies import is_htmx, when_counted
from qualification.views.versions import simulation_context


@require_GET
@require(Right.SEE_PROPOSALS)
def proposal_list(request: HttpRequest) -> HttpResponse:
    """Proposals of one tab, the draft, the versions."""
    now, active = timezone.now(), active_model()
    found = _basis(active, now=now) if active else Figures(None, None)
    if found.is_kept and is_counting("look", "all"):
        found = replace(found, is_waiting=True)
    if is_htmx(request):
        return when_counted(found)
    tab = request.GET.get("tab", "open")
    page = reads.proposal_page(
        reader=reader_of(request),
        tab=tab if tab in reads.TABS else "open",
        active=active,
        basis=reads.basis_from(found.answer) if found.answer else None,
        now=now,
    )
    context = {
        "page": page,
        "figures": found,
        "can_approve": has_right(request.user, Right.APPROVE_PROPOSALS),
    }
    if page.draft:
        context |= simulation_context(request, page.draft.model, page.draft.simulation)
    return render(request, "qualification/proposal_list.html", context)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def proposal_refresh(request: HttpRequest) -> HttpResponse:
    """Looks at all decisions again; where there are very many, a worker does."""
    now, active = timezone.now(), active_model()
    found = figures_of("look", "all", {}, now=now, anew=True)
    if active is not None and found.is_waiting:
        _basis(active, now=now, anew=True)
    if found.is_waiting or found.answer is None:
        return done(
            request, list_url(), _("Looking at all decisions; proposals come by themselves.")
        )
    n = found.answer["open"]
    text = ngettext("%(n)s open proposal.", "%(n)s open proposals.", n) % {"n": n}
    return done(request, list_url(), text)


def _basis(active: ScoringModel, *, now: datetime, anew: bool = False) -> Figures:
    return figures_of("basis", str(active.pk), {"model": active.pk}, now=now, anew=anew)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def proposal_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The proposed points go into the draft."""
    proposal = _proposal(pk)
    room.approve_proposal(proposal=proposal, by=reader_of(request), now=timezone.now())
    version = proposal.draft.version if proposal.draft else ""
    text = _("“%(rule)s” is in the draft v%(version)s.")
    return done(request, list_url(), text % {"rule": proposal.rule.name, "version": version})


@require_http_methods(["GET", "POST"])
@require(Right.APPROVE_PROPOSALS)
def proposal_decline(request: HttpRequest, pk: int) -> HttpResponse:
    """Not now, with the reason; the rule is left alone for 30 days."""
    proposal = _proposal(pk)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        room.decline_proposal(
            proposal=proposal, by=reader_of(request), reason=reason, now=timezone.now()
        )
        return done(request, list_url(), _("Declined: %(rule)s.") % {"rule": proposal.rule.name})
    context = {
        "proposal": proposal,
        "form": form,
        "title": _("Decline the proposal"),
        "subtitle": proposal.rule.name,
    }
    status = 422 if form.errors else 200
    return show_dialog(request, "_proposal_decline_dialog.html", context, status=status)


def list_url() -> str:
    """The page of proposals."""
    return reverse("qualification:proposal-list")


def _proposal(pk: int) -> RuleProposal:
    return get_object_or_404(RuleProposal.objects.select_related("rule"), pk=pk)
