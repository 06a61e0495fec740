"""Versions of the scoring rules: back-test, ask for publishing, publish, roll back."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import Lead
from qualification.choices import ModelStatus
from qualification.feedback.backtest import Backtest, backtest
from qualification.feedback.moves import moves_under
from qualification.feedback.proposals import settle_proposals
from qualification.feedback.reads import publish_hindrance
from qualification.forms import RollbackForm
from qualification.models import ScoringModel
from qualification.permissions import Right, require
from qualification.scoring import versions
from qualification.templatetags.figures import MINUS
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of
from qualification.views.proposals import list_url

LOST_SHOWN = 10


@require_GET
@require(Right.SEE_PROPOSALS)
def model_backtest(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft against the live version on past decisions; takes a moment, so it loads by itself."""
    draft = get_object_or_404(ScoringModel, pk=pk, status=ModelStatus.DRAFT)
    found = backtest(draft, now=timezone.now())
    lost = found.judged.moved.lost[:LOST_SHOWN] if found and found.judged else ()
    context = {
        "backtest": found,
        "moves": moves_under(draft, now=timezone.now()),
        "draft": draft,
        "gain": _gain_words(found),
        "lost": Lead.objects.visible_to(request.user).filter(pk__in=lost),
        "title": _("Back-test of v%(n)s") % {"n": draft.version},
    }
    return show_dialog(request, "_draft_backtest.html", context)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def model_request_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks the admins who did not work on the draft."""
    model = get_object_or_404(ScoringModel, pk=pk)
    versions.request_publish(model=model, by=reader_of(request), now=timezone.now())
    text = _("Asked. An admin sees v%(n)s is ready to publish.") % {"n": model.version}
    return done(request, list_url(), text)


@require_http_methods(["GET", "POST"])
@require(Right.PUBLISH)
def model_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes a draft live, as a second person; the queue is scored again afterwards."""
    model = get_object_or_404(ScoringModel, pk=pk)
    if request.method == "POST":
        with transaction.atomic():
            versions.publish(model=model, by=reader_of(request), now=timezone.now())
            settle_proposals(now=timezone.now())
        text = _("v%(n)s is live. The queue is being scored again.") % {"n": model.version}
        return done(request, list_url(), text)
    context = {
        "model": model,
        "changes": model.changes.select_related("by").order_by("at", "pk"),
        "hindrance": publish_hindrance(model, reader=reader_of(request)),
        "title": _("Publish v%(n)s") % {"n": model.version},
        "subtitle": model.name,
    }
    return show_dialog(request, "_publish_dialog.html", context)


@require_http_methods(["GET", "POST"])
@require(Right.PUBLISH)
def model_rollback(request: HttpRequest, pk: int) -> HttpResponse:
    """Brings an earlier version back, with the reason; the queue is scored again afterwards."""
    model = get_object_or_404(ScoringModel, pk=pk)
    form = RollbackForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        with transaction.atomic():
            versions.rollback(model=model, by=reader_of(request), reason=reason, now=timezone.now())
            settle_proposals(now=timezone.now())
        text = _("v%(n)s is live again. The queue is being scored again.") % {"n": model.version}
        return done(request, list_url(), text)
    context = {
        "model": model,
        "active": versions.active_model(),
        "form": form,
        "title": _("Roll back to v%(n)s") % {"n": model.version},
        "subtitle": model.name,
    }
    status = 422 if form.errors else 200
    return show_dialog(request, "_rollback_dialog.html", context, status=status)


def _gain_words(found: Backtest | None) -> tuple[str, ...]:
    """Change of the area under the curve and the ends of its interval, signed."""
    if found is None or found.judged is None:
        return ()
    gain = found.judged.gain
    return tuple(_signed(value) for value in (gain.value, gain.low, gain.high))


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", MINUS)
