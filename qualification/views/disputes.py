"""Verb on a score line: it misled, or it did not after all."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.models import Lead
from qualification.choices import DisputeKind
from qualification.feedback.disputes import dispute_line, withdraw_dispute
from qualification.models import ScoreDispute, ScoringRule
from qualification.permissions import Right, require
from qualification.toasts import add_toast
from qualification.views.fetch import reader_of, visible_lead_or_404
from qualification.views.lead import parts_response
from qualification.views.misled import ledger_now, misled_context
from qualification.views.replies import is_htmx, lead_url

WITHDRAW = "withdraw"
NOTE_LENGTH = 300
PARTS = ("ledger", "journey")
DIALOG_LINES = "qualification/_misled.html"


@require_POST
@require(Right.WORK_QUEUE)
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """Flags a line as bad data, stale, wrong rule or bot, or takes the flag back; on the page of a
    lead or in the dialog of its decision."""
    lead = visible_lead_or_404(request.user, pk)
    # Drafts are the admins': nobody else learns what stands in one.
    rules = ScoringRule.objects.exclude(model__published_at=None)
    rule = get_object_or_404(rules, pk=_number(request.POST.get("rule", "")))
    kind = request.POST.get("kind", "")
    if kind != WITHDRAW and kind not in DisputeKind.values:
        raise BadRequest("kind")
    said = _apply(request, lead, rule, kind)
    if not is_htmx(request):
        messages.success(request, said)
        return redirect(lead_url(lead))
    if request.POST.get("from") == "dialog":
        lines = misled_context(lead, ledger=ledger_now(lead))
        parts = PARTS if _is_over_lead(request, lead) else ()
        return parts_response(request, lead, parts, main=DIALOG_LINES, context=lines)
    return add_toast(parts_response(request, lead, PARTS), said)


def _is_over_lead(request: HttpRequest, lead: Lead) -> bool:
    """Whether the dialog stands over the page of the lead, not on a page of its own."""
    htmx = getattr(request, "htmx", None)
    path = htmx.current_url_abs_path if htmx else None
    return (path or "").partition("?")[0] == lead_url(lead)


def _apply(request: HttpRequest, lead: Lead, rule: ScoringRule, kind: str) -> str:
    by, now = reader_of(request), timezone.now()
    if kind == WITHDRAW:
        standing = ScoreDispute.objects.filter(
            lead=lead, rule_key=rule.key, withdrawn_at=None
        ).first()
        if standing is not None:
            withdraw_dispute(dispute=standing, by=by, now=now)
        return _("Flag taken back: %(line)s.") % {"line": rule.name}
    note = request.POST.get("note", "").replace("\x00", "")[:NOTE_LENGTH]
    flagged = dispute_line(lead=lead, rule=rule, kind=kind, note=note, by=by, now=now)
    return _("Flagged as %(kind)s: %(line)s.") % {
        "kind": flagged.get_kind_display().lower(),
        "line": rule.name,
    }


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise BadRequest("rule")
    return int(text)
