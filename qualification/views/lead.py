"""The page of one lead: three panes and the decision bar, and the pieces that verbs redraw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Lead
from qualification.answer_forms import AnswerForm
from qualification.choices import AnswerState, DisputeKind
from qualification.forms import BuyingRoleForm, colleagues_for
from qualification.handoff.packet import opening
from qualification.models import Criterion
from qualification.permissions import Right, has_right, require
from qualification.personal.reads import request_on
from qualification.review import guard, presence, workspace
from qualification.review.buying import buying_committee_of
from qualification.review.follow import follow_of
from qualification.review.lead_clock import story_of
from qualification.review.next_steps import TOUCHES
from qualification.review.replay import decisions_of
from qualification.review.workspace import Workspace, workspace_of
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.journey import journey_context
from qualification.views.replies import is_htmx, lead_url

# The pieces a verb may redraw out of band, each a partial with a root of a fixed id.
PARTS = ("top", "bar", "journey")
# Those a reader may act on or not, by who holds the lead.
OF_HANDS = ("top", "bar", "answers", "pane")
DEFAULT_SOURCE = _("Call")
PRESENCE = "qualification/_presence.html"


@require_GET
@require(Right.SEE_LEADS)
def lead_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The review workspace; read only for everybody but the holder. Of an erased person only what
    was decided is left."""
    lead = visible_lead_or_404(request.user, pk, erased_too=True)
    if lead.erased_at is not None:
        return _erased_page(request, lead)
    if lead.merged_into_id is not None and "part" not in request.GET:
        return redirect(lead_url(lead.merged_into_id))
    ask = request.GET.get("ask", "")
    context = page_context(request, lead, ask=ask)
    return render(request, "qualification/lead_page.html", {**context, "is_asking": bool(ask)})


def _erased_page(request: HttpRequest, lead: Lead) -> HttpResponse:
    context = {
        "lead": lead,
        "erasure": request_on(lead),
        "decisions": decisions_of(lead.pk),
        "can_audit": has_right(request.user, Right.AUDIT),
    }
    return render(request, "qualification/erased_page.html", context)


@require_POST
@require(Right.SEE_LEADS)
def lead_presence(request: HttpRequest, pk: int) -> HttpResponse:
    """The page is open: who else is looking. Whoever reads along sees the lead change hands."""
    lead = visible_lead_or_404(request.user, pk)
    reader, now = reader_of(request), timezone.now()
    who = {"others": presence.look(lead=lead, by=reader, now=now)}
    seen = request.POST.get("hands")
    # Blank from whoever holds it: their heartbeat tells.
    item = workspace.item_of(lead) if seen else None
    if item is None or item.hands == seen:
        return render(request, PRESENCE, who)
    said = guard.hands_sentence(item, reader, now)
    if item.holder_id == reader.pk:
        return add_toast(with_discovery(request, lead, main=PRESENCE, context=who), said)
    return add_toast(parts_response(request, lead, OF_HANDS, main=PRESENCE, context=who), said)


@require_GET
@require(Right.SEE_LEADS)
def lead_clock(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the clock of a lead has its time, and whose time passed so far."""
    lead = visible_lead_or_404(request.user, pk)
    story = story_of(workspace.item_of(lead), now=timezone.now())
    name = "_clock_story.html" if is_htmx(request) else "clock_page.html"
    return render(request, f"qualification/{name}", {"lead": lead, "story": story})


def page_context(
    request: HttpRequest, lead: Lead, *, ask: str = "", now: datetime | None = None
) -> dict[str, Any]:
    """What the lead page and each of its pieces are drawn from."""
    now = now or timezone.now()
    # Questions passed over travel with the pane: the next page load suggests them again.
    passed_over = request.POST.getlist("skip") or request.GET.getlist("skip")
    space = workspace_of(lead, reader=reader_of(request), now=now, ask=ask, passed_over=passed_over)
    return {
        "space": space,
        "now": now,
        "back_url": reverse("qualification:queue"),
        **journey_context(lead, space.journey),
        "dispute_kinds": DisputeKind.choices,
        "can_dispute": has_right(request.user, Right.WORK_QUEUE),
        "follow": follow_of(lead, reader=reader_of(request), is_mine=space.is_mine, now=now),
        "touch_choices": TOUCHES,
        "answer_states": AnswerState.choices,
        "answer_form": answer_form_for(space),
        "opening": opening(lead=lead, checklist=space.checklist, ledger=space.ledger),
        "later_query": _later_query(space),
        "buying": buying_committee_of(lead, space.committee),
        "role_form": BuyingRoleForm() if space.is_mine else None,
        "colleagues": colleagues_for(lead) if space.can_reassign else (),
    }


def _later_query(space: Workspace) -> str:
    """The query string that also passes over the question asked now."""
    keys = [*space.passed_over, *([space.ask.key] if space.ask else [])]
    return urlencode([("skip", key) for key in keys])


def answer_form_for(space: Workspace) -> AnswerForm | None:
    """The empty form for the question asked next, or the standing answer to change."""
    question = space.ask
    if question is None or not space.is_mine:
        return None
    criterion = Criterion(
        pk=question.criterion_id,
        key=question.key,
        label=question.label,
        value_type=question.value_type,
    )
    initial: dict[str, Any] = {"source": str(DEFAULT_SOURCE)}
    if question.state:
        initial = {
            "state": question.state,
            "value": question.value,
            "source": question.source or initial["source"],
            "answered_on": question.answered_on,
            "evidence_url": question.evidence_url,
        }
    return dress_answer_form(AnswerForm(criterion=criterion, initial=initial))


def dress_answer_form(form: AnswerForm) -> AnswerForm:
    """Adds what the page needs: the placeholders."""
    form.fields["value"].widget.attrs.update({"placeholder": _("What did they say?")})
    form.fields["source"].widget.attrs.update({"placeholder": _("Call, mail, form …")})
    form.fields["evidence_url"].widget.attrs.update({"placeholder": "https://"})
    return form


def parts_response(
    request: HttpRequest,
    lead: Lead,
    parts: Sequence[str] = PARTS,
    *,
    main: str = "",
    status: int = 200,
    context: dict[str, Any] | None = None,
    ask: str = "",
) -> HttpResponse:
    """Answers a verb on the lead page: an optional main fragment, then pieces out of band. The verb
    may have moved the stage; `lead` was read before."""
    lead.refresh_from_db(fields=["stage"])
    drawn = {**page_context(request, lead, ask=ask), **(context or {})}
    html = render_to_string(main, drawn, request=request) if main else ""
    for part in parts:
        name = f"qualification/_lead_{part}.html"
        html += render_to_string(name, {**drawn, "oob": True}, request=request)
    return HttpResponse(html, status=status)


def with_discovery(
    request: HttpRequest, lead: Lead, *, main: str = "", context: dict[str, Any] | None = None
) -> HttpResponse:
    """Every piece that depends on who holds the lead, the answers and facts included."""
    parts = (*PARTS, "answers", "pane", "verdict", "ledger")
    return parts_response(request, lead, parts, main=main, context=context)
