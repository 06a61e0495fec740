"""Verbs on the rows chosen in the queue: claim, give to somebody, give back. No decision is made in
bulk.

The rows are told in place and never move under the cursor; what could not be had is listed lead by
lead. Each can be taken back for 30 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Lead, Team
from qualification.exceptions import WrongNumberChosen
from qualification.forms import BulkAssignForm, BulkReleaseForm
from qualification.models import ReviewItem
from qualification.permissions import Right, has_right, require
from qualification.review import bulk
from qualification.review import bulk_undo as undoing
from qualification.review.bulk import Outcome
from qualification.toasts import add_toast, close_dialog, unpick
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import reader_of
from qualification.views.queue import pieces_of_items
from qualification.views.replies import is_htmx

MAX_DIGITS = 9


@require_POST
@require(Right.WORK_QUEUE)
def bulk_claim(request: HttpRequest) -> HttpResponse:
    """Claims the chosen leads, best first, as far as the limit goes."""
    chosen, now = _chosen(request), timezone.now()
    key = uuid4()
    outcomes = bulk.claim_leads(chosen, by=reader_of(request), key=key, now=now)
    done, same = _done(outcomes), _was_so(outcomes)
    said = [ngettext("%(n)s claimed", "%(n)s claimed", done) % {"n": done}]
    if same:
        said.append(
            ngettext("%(n)s was yours already", "%(n)s were yours already", same) % {"n": same}
        )
    return _told(request, outcomes, said, now, key=key)


@require_http_methods(["GET", "POST"])
@require(Right.REASSIGN)
def bulk_assign(request: HttpRequest) -> HttpResponse:
    """The dialog that asks who gets the chosen leads, and giving them."""
    chosen, by, now = _chosen(request), reader_of(request), timezone.now()
    in_sight = Lead.objects.visible_to(by).filter(pk__in=chosen)
    teams = Team.objects.filter(pk__in=in_sight.values("team"))
    form = BulkAssignForm(request.POST if request.method == "POST" else None, teams=list(teams))
    if request.method == "GET" or not form.is_valid():
        title = ngettext("Assign %(n)s lead", "Assign %(n)s leads", len(chosen))
        return _ask(request, "_bulk_assign_dialog.html", chosen, form, title)
    to = form.cleaned_data["to"]
    key = uuid4()
    outcomes = bulk.assign_leads(chosen, to=to, by=by, key=key, now=now)
    said = [_("%(n)s assigned to %(who)s") % {"n": _done(outcomes), "who": to}]
    same = _was_so(outcomes)
    if same:
        already = ngettext("%(n)s was theirs already", "%(n)s were theirs already", same)
        said.append(already % {"n": same})
    return _told(request, outcomes, said, now, key=key)


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def bulk_release(request: HttpRequest) -> HttpResponse:
    """The dialog that asks why, and giving the chosen leads back to the queue."""
    chosen, by, now = _chosen(request), reader_of(request), timezone.now()
    form = BulkReleaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        note = form.cleaned_data["note"]
        if note or not _are_of_others(request, chosen):
            key = uuid4()
            outcomes = bulk.release_leads(chosen, by=by, note=note, key=key, now=now)
            said = [_("%(n)s given back") % {"n": _done(outcomes)}]
            return _told(request, outcomes, said, now, key=key)
        form.add_error("note", _("Say in a few words why: others hold some of them."))
    title = ngettext("Give %(n)s lead back", "Give %(n)s leads back", len(chosen))
    return _ask(request, "_bulk_release_dialog.html", chosen, form, title)


@require_POST
@require(Right.WORK_QUEUE)
def bulk_undo(request: HttpRequest, key: UUID) -> HttpResponse:
    """Takes back what the reader just did to many leads, but for those somebody worked on since."""
    by, now = reader_of(request), timezone.now()
    steps = undoing.steps_of(key, by=by)
    if not steps:
        raise Http404
    outcomes = undoing.undo_bulk(steps=steps, by=by, now=now)
    said = ngettext("%(n)s taken back", "%(n)s taken back", _done(outcomes))
    could_not = _("%(n)s could not be taken back")
    return _told(request, outcomes, [said % {"n": _done(outcomes)}], now, could_not=could_not)


def _are_of_others(request: HttpRequest, chosen: bulk.Chosen) -> bool:
    """Whether a manager chose what somebody else holds: that takes words."""
    reader = reader_of(request)
    held = ReviewItem.objects.open().filter(lead__in=chosen, holder__isnull=False)
    return has_right(reader, Right.REASSIGN) and held.exclude(holder=reader).exists()


def _chosen(request: HttpRequest) -> dict[int, int | None]:
    """Lead → token as chosen, from the form or the URL.

    Raises WrongNumberChosen; 404 when one of them is not in sight: nothing is done then.
    """
    words = request.POST.getlist("lead") or request.GET.getlist("lead")
    chosen = dict(_read(word) for word in words[: bulk.MOST + 1])
    seen = Lead.objects.visible_to(request.user).filter(pk__in=chosen).count()
    if not 0 < len(chosen) <= bulk.MOST:
        raise WrongNumberChosen(_("Choose from 1 to %(most)s leads first.") % {"most": bulk.MOST})
    if seen != len(chosen):
        raise Http404
    return chosen


def _read(word: str) -> tuple[int, int | None]:
    """`12-3` is lead 12 as of token 3; without a token any will do. 404 for what is not ours."""
    lead, _dash, token = word.partition("-")
    numbers = [lead, token or "0"]
    if not all(n.isascii() and n.isdecimal() and len(n) <= MAX_DIGITS for n in numbers):
        raise Http404
    return int(lead), int(token) if token else None


def _ask(
    request: HttpRequest, template: str, chosen: bulk.Chosen, form: Any, title: str
) -> HttpResponse:
    context = {
        "form": form,
        "chosen": [f"{lead}-{token}" if token else str(lead) for lead, token in chosen.items()],
        "title": title % {"n": len(chosen)},
    }
    return show_dialog(request, template, context, status=422 if form.is_bound else 200)


def _told(
    request: HttpRequest,
    outcomes: Sequence[Outcome],
    said: Sequence[str],
    now: datetime,
    *,
    key: UUID | None = None,
    could_not: str = "",
) -> HttpResponse:
    """What became of the leads: one sentence, the rows in place, and a list of what was refused.
    What was done under a `key` can be taken back; `could_not` says it of those it was not done to.
    """
    undo_url = reverse("qualification:queue-bulk-undo", args=[key]) if key else ""
    if not _done(outcomes):
        undo_url = ""
    refused = [one for one in outcomes if one.refusal]
    sentence = f"{', '.join([*said, *_refusals(outcomes, could_not)])}."
    if not is_htmx(request):
        text = " ".join([sentence, *(f"{r.lead}: {r.refusal}" for r in refused)])
        messages.info(request, text, extra_tags=f"undo:{undo_url}" if undo_url else "")
        return redirect("qualification:queue")
    context = {"refused": refused, "sentence": sentence, "oob": True}
    html = render_to_string("qualification/_bulk_result.html", context, request=request)
    leads = [one.lead.pk for one in outcomes]
    response = HttpResponse(html + pieces_of_items(request, leads, now=now))
    unpick(close_dialog(response), [one.lead.pk for one in outcomes if not one.refusal])
    return add_toast(
        response, sentence, kind="danger" if refused else "", undo_url=undo_url, is_in_place=True
    )


def _refusals(outcomes: Sequence[Outcome], could_not: str) -> list[str]:
    """Such as “2 had been taken by Aisha”, “1 could not be had”."""
    said = []
    for taker in bulk.takers(outcomes):
        n = sum(one.taken_by == taker for one in outcomes)
        said.append(_("%(n)s had been taken by %(who)s") % {"n": n, "who": taker})
    others = sum(bool(one.refusal) and one.taken_by is None for one in outcomes)
    if others:
        said.append((could_not or _("%(n)s could not be had")) % {"n": others})
    return said


def _done(outcomes: Sequence[Outcome]) -> int:
    return sum(one.is_done for one in outcomes)


def _was_so(outcomes: Sequence[Outcome]) -> int:
    return sum(one.was_so for one in outcomes)
