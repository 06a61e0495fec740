"""Decision dialogs: accept, reject, nurture; asking a manager; taking a decision back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Lead
from crm.roles import Role, roles_of
from qualification.exceptions import (
    ChecklistIncomplete,
    DestinationIncomplete,
    QualificationError,
    TooFewAttempts,
)
from qualification.forms import AcceptForm, HelpForm, RejectForm, TokenForm
from qualification.handoff.desks import desks_for
from qualification.handoff.needs import needs_of
from qualification.handoff.packet import build_packet
from qualification.models import Decision, ReviewItem
from qualification.permissions import Right, has_right, require
from qualification.review import decisions, help_wanted, next_lead, second_person, source_news
from qualification.review.checklists import Checklist, checklist_of
from qualification.review.frameworks import frameworks_on_offer
from qualification.review.rejection_reasons import reasons_by_group
from qualification.review.score_lines import standing_disputes
from qualification.review.suggestions import suggested_reason
from qualification.review.workspace import pick_of
from qualification.scoring.versions import active_model
from qualification.templatetags.figures import unsigned_tenths
from qualification.toasts import add_toast, close_dialog
from qualification.views.dialogs import show_dialog
from qualification.views.fetch import (
    newest_item_of,
    open_item_of,
    reader_of,
    visible_decision_or_404,
    visible_lead_or_404,
)
from qualification.views.lead import parts_response
from qualification.views.misled import ledger_now, misled_context
from qualification.views.replies import go_to, is_htmx, lead_url

MAX_KEY_DIGITS = 18


@dataclass
class Dialog:
    """One dialog over one lead: its template, form and what it shows beside the form."""

    request: HttpRequest
    lead: Lead
    item: ReviewItem
    template: str
    title: str
    form: TokenForm
    shows: Callable[[Dialog], dict[str, Any]]
    refusal: str = ""

    def draw(self, status: int = 200) -> HttpResponse:
        """The dialog with everything typed so far."""
        score = getattr(self.lead, "score", None)
        company = self.lead.account.name if self.lead.account else self.lead.company_name
        points = unsigned_tenths(score.total_tenths) if score else ""
        scored = _("score %(points)s") % {"points": points} if points else ""
        context = {
            "lead": self.lead,
            "item": self.item,
            "form": self.form,
            "refusal": self.refusal,
            "title": self.title,
            "score": score,
            "company": company or self.lead.name,
            "subtitle": ", ".join(part for part in (company, scored) if part),
            "can_override": has_right(self.request.user, Right.OVERRIDE),
            **self.shows(self),
        }
        return show_dialog(self.request, self.template, context, status=status)


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    """Why this lead goes no further."""
    lead = visible_lead_or_404(request.user, pk)
    item = item_of_form(request, lead)
    dialog = Dialog(
        request=request,
        lead=lead,
        item=item,
        template="_reject_dialog.html",
        title=_("Reject %(name)s") % {"name": lead.name},
        form=RejectForm(request.POST or None, initial={"token": item.token}),
        shows=_reject_context,
    )

    def decide(data: dict[str, Any]) -> Decision:
        return decisions.reject_lead(
            item=item,
            token=data["token"],
            by=reader_of(request),
            reason=data["reason"],
            note=data["note"],
            tells_marketing=data["tell_marketing"],
            override_reason=data["override_reason"],
            now=timezone.now(),
        )

    return run_dialog(
        dialog, decide, said=lambda made: _("Rejected: %(why)s") % {"why": made.reason}
    )


def item_of_form(request: HttpRequest, lead: Lead) -> ReviewItem:
    """What is decided. A form that comes back late may be about an item closed meanwhile: it is
    drawn again with who decided, and with everything typed."""
    return newest_item_of(lead) if request.method == "POST" else open_item_of(lead)


def _reject_context(dialog: Dialog) -> dict[str, Any]:
    standing = standing_disputes(dialog.lead)
    disputes = list(standing.values())
    wanted = settings.LEADQUAL["MIN_ATTEMPTS"]
    made = decisions.attempts_on(dialog.lead)
    checklist = checklist_for(dialog.item)
    hint = suggested_reason(disputes, checklist, attempts=made, wanted=wanted)
    groups = reasons_by_group()
    reasons = [reason for group in groups for reason in group.reasons]
    suggested = next((r for r in reasons if hint and r.key == hint.reason_key), None)
    chosen = dialog.form["reason"].value()
    if chosen is None and suggested is not None and not dialog.form.is_bound:
        chosen = suggested.pk
    return {
        **misled_context(dialog.lead, ledger=ledger_now(dialog.lead), disputes=standing),
        "reason_groups": groups,
        "suggested": suggested,
        "suggestion_reason": hint.why if hint else "",
        "chosen_reason": _number(chosen),
        "attempts_made": made,
        "attempts_wanted": wanted if made < wanted else 0,
        "needs_second": _needs_second(dialog),
        "help_form": HelpForm(),
        "n_of_source": source_news.rejected_this_month(dialog.lead.source_id, now=timezone.now()),
    }


def _needs_second(dialog: Dialog) -> bool:
    """Whether this reader cannot reject it: two people do, and they are not the second one."""
    score = getattr(dialog.lead, "score", None)
    if score is None or not second_person.is_needed(score.grade, active_model()):
        return False
    return not second_person.may_agree(dialog.item, reader_of(dialog.request))


def _number(value: Any) -> int | None:
    """The key in a field as it was sent; None for what no key can be."""
    text = str(value or "")
    return int(text) if text.isdecimal() and len(text) <= MAX_KEY_DIGITS else None


@require_http_methods(["GET", "POST"])
@require(Right.WORK_QUEUE)
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Who gets the lead, and what they read."""
    lead = visible_lead_or_404(request.user, pk)
    item = item_of_form(request, lead)
    form = AcceptForm(request.POST or None, initial={"token": item.token}, needs=needs_of(lead))
    dialog = Dialog(
        request=request,
        lead=lead,
        item=item,
        template="_accept_dialog.html",
        title=_("Accept and hand off"),
        form=form,
        shows=_accept_context,
    )

    def decide(data: dict[str, Any]) -> Decision:
        return decisions.accept_lead(
            item=item,
            token=data["token"],
            by=reader_of(request),
            to=data["to"],
            said=form.said(),
            note=data["note"],
            opening=data["opening"],
            override_reason=data["override_reason"],
            now=timezone.now(),
        )

    return run_dialog(dialog, decide, said=lambda made: _("Handed to %(name)s") % {"name": made.to})


def _accept_context(dialog: Dialog) -> dict[str, Any]:
    lead, now = dialog.lead, timezone.now()
    checklist = checklist_for(dialog.item)
    ledger = ledger_now(lead)
    desks = desks_for(lead, now=now)
    chosen = dialog.form["to"].value()
    packet = build_packet(lead=lead, checklist=checklist, ledger=ledger, now=now)
    if not dialog.form.is_bound:
        dialog.form.initial["opening"] = packet["opening"]["text"]
    return {
        "desks": desks,
        "chosen": desks[0].value if desks and chosen is None else chosen,
        "missing": checklist.missing,
        "packet": packet,
        "help_form": HelpForm(),
        **misled_context(lead, ledger=ledger),
    }


def checklist_for(item: ReviewItem) -> Checklist:
    """The checklist the item is worked with, or would be: looking stores nothing."""
    now = timezone.now()
    framework = item.framework or pick_of(item, frameworks_on_offer(), now=now).framework
    return checklist_of(item.lead, framework, now=now)


def run_dialog(
    dialog: Dialog,
    decide: Callable[[dict[str, Any]], Decision],
    *,
    said: Callable[[Decision], str],
) -> HttpResponse:
    """GET draws the dialog; POST decides, or draws it again with what is wrong or what changed."""
    if dialog.request.method == "GET":
        return dialog.draw()
    form = dialog.form
    if not form.is_valid():
        return dialog.draw(status=422)
    try:
        made = decide(form.cleaned_data)
    except DestinationIncomplete as refused:
        form.add_error("to", str(refused))
        form.add_error(None, str(refused))
        return dialog.draw(status=refused.status)
    except (ChecklistIncomplete, TooFewAttempts) as refused:
        form.add_error("override_reason", str(refused))
        form.add_error(None, str(refused))
        return dialog.draw(status=refused.status)
    except QualificationError as refused:
        if refused.status == 422:
            form.add_error(_field_of(str(refused), form), str(refused))
        else:
            dialog.refusal = str(refused)
        return dialog.draw(status=refused.status)
    return _decided(dialog.request, made, said(made))


def _field_of(text: str, form: TokenForm) -> str | None:
    """A refusal about the note belongs to the note."""
    reason = form.cleaned_data.get("reason")
    needs_note = getattr(reason, "needs_note", False) and not form.cleaned_data.get("note")
    return "note" if needs_note and str(reason) in text else None


def _decided(request: HttpRequest, made: Decision, said: str) -> HttpResponse:
    """On to the next lead, with an Undo for as long as it is possible."""
    undo_url = reverse("qualification:decision-undo", args=[made.pk])
    messages.success(
        request,
        _("%(name)s. %(said)s.") % {"name": made.lead.name, "said": said},
        extra_tags=f"undo:{undo_url}",
    )
    return go_to(request, _next_url(request))


def _next_url(request: HttpRequest) -> str:
    """The page after a decision: an SDR's next lead, for everybody else the queue."""
    by, now = reader_of(request), timezone.now()
    if Role.SDR in roles_of(by):
        held = ReviewItem.objects.held_by(by).filter(lease_until__gt=now).ranked().first()
        try:
            item = held or next_lead.claim_next(by=by, now=now)
        except QualificationError:
            item = None
        if item is not None:
            return lead_url(item.lead_id)
    return reverse("qualification:queue")


@require_POST
@require(Right.WORK_QUEUE)
def ask_manager(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks the managers of the team to accept although required answers are open."""
    lead = visible_lead_or_404(request.user, pk)
    form = HelpForm(request.POST)
    question = form.cleaned_data["question"] if form.is_valid() else ""
    item = open_item_of(lead)
    help_wanted.ask_manager(item=item, by=reader_of(request), note=question, now=timezone.now())
    said = _("Your manager is asked. The lead stays yours until they take it.")
    if not is_htmx(request):
        messages.success(request, said)
        return go_to(request, lead_url(lead))
    response = parts_response(request, lead)
    response["HX-Reswap"] = "none"
    return close_dialog(add_toast(response, said))


@require_POST
@require(Right.WORK_QUEUE)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes one's own decision back while that is possible; the lead opens again."""
    decision = visible_decision_or_404(request.user, pk)
    try:
        decisions.undo_decision(decision=decision, by=reader_of(request), now=timezone.now())
    except QualificationError as refused:
        if is_htmx(request):
            raise
        messages.error(request, str(refused))
        return go_to(request, reverse("qualification:queue"))
    messages.success(request, _("Undone. %(name)s is yours again.") % {"name": decision.lead.name})
    return go_to(request, lead_url(decision.lead_id))
