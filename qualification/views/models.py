"""Versions of the scoring rules: shadow, publish, withdraw, roll back, back-test."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import Lead
from qualification.choices import ModelStatus
from qualification.feedback import proposals as room
from qualification.feedback.backtest import Backtest, backtest
from qualification.forms import PublishForm, RollbackForm
from qualification.models import ScoringModel
from qualification.permissions import Right, require
from qualification.scoring import drafts, versions
from qualification.scoring.diff import diff_of
from qualification.templatetags.figures import MINUS
from qualification.views.dialogs import done, show_dialog
from qualification.views.fetch import reader_of
from qualification.views.proposals import list_url

LOST_SHOWN = 10


@require_GET
@require(Right.SEE_PROPOSALS)
def model_backtest(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft against the live version on past decisions; takes a moment, so it loads by itself."""
    unpublished = [ModelStatus.DRAFT, ModelStatus.SHADOW]
    draft = get_object_or_404(ScoringModel, pk=pk, status__in=unpublished)
    found = backtest(draft, now=timezone.now())
    lost = found.judged.moved.lost[:LOST_SHOWN] if found and found.judged else ()
    context = {
        "backtest": found,
        "draft": draft,
        "gain": _gain_words(found),
        "lost": Lead.objects.visible_to(request.user).filter(pk__in=lost),
        "title": _("Back-test of v%(n)s") % {"n": draft.version},
    }
    return show_dialog(request, "_draft_backtest.html", context)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def model_start_shadow(request: HttpRequest, pk: int) -> HttpResponse:
    """Freezes a draft; it scores new leads beside the live version from now on."""
    model = get_object_or_404(ScoringModel, pk=pk)
    versions.start_shadow(model=model, by=reader_of(request), now=timezone.now())
    text = _("v%(n)s is in shadow. It scores every new lead, without effect.") % {
        "n": model.version
    }
    return done(request, list_url(), text)


@require_POST
@require(Right.APPROVE_PROPOSALS)
def model_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends a shadow without publishing."""
    model = get_object_or_404(ScoringModel, pk=pk)
    room.withdraw_version(model=model, by=reader_of(request), now=timezone.now())
    return done(request, list_url(), _("v%(n)s is withdrawn.") % {"n": model.version})


@require_POST
@require(Right.APPROVE_PROPOSALS)
def model_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft like this version; whoever makes it is its author."""
    model = get_object_or_404(ScoringModel, pk=pk)
    draft = drafts.copy_to_draft(model=model, by=reader_of(request), now=timezone.now())
    figures = {"draft": draft.version, "n": model.version}
    text = _("v%(draft)s is a draft like v%(n)s.") % figures
    return done(request, reverse("qualification:model-detail", args=[draft.pk]), text)


@require_http_methods(["GET", "POST"])
@require(Right.PUBLISH)
def model_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes a version in shadow live, as a second person; the queue is scored again afterwards."""
    model = get_object_or_404(ScoringModel, pk=pk)
    reader, now = reader_of(request), timezone.now()
    form = PublishForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        room.publish_version(model=model, by=reader, text=form.cleaned_data["text"], now=now)
        text = _("v%(n)s is live. The queue is being scored again.") % {"n": model.version}
        return done(request, list_url(), text)
    active = versions.active_model()
    context = {
        "model": model,
        "active": active,
        "form": form,
        "differences": diff_of(active, model) if active else (),
        "hindrance": versions.publish_hindrance(model, reader=reader, now=now),
        "title": _("Publish v%(n)s") % {"n": model.version},
        "subtitle": model.name,
    }
    status = 422 if form.errors else 200
    return show_dialog(request, "_publish_dialog.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require(Right.PUBLISH)
def model_rollback(request: HttpRequest, pk: int) -> HttpResponse:
    """Brings an earlier version back, with the reason; the queue is scored again afterwards."""
    model = get_object_or_404(ScoringModel, pk=pk)
    form = RollbackForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        room.bring_back_version(
            model=model, by=reader_of(request), reason=reason, now=timezone.now()
        )
        text = _("v%(n)s is live again. The queue is being scored again.") % {"n": model.version}
        return done(request, list_url(), text)
    active = versions.active_model()
    context = {
        "model": model,
        "active": active,
        "differences": diff_of(active, model) if active else (),
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
