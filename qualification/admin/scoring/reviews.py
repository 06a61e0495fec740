"""Reviews of rules: the dates, the verb “reviewed today”, the list of what is stale."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from qualification.admin.base import ReadOnlyAdmin
from qualification.admin.scoring.pages import editor_in
from qualification.exceptions import ReviewRefused
from qualification.models import RuleReview, ScoringRule
from qualification.permissions import Right, require
from qualification.scoring.reviews import NEXT_DAYS, mark_reviewed, reviews_of, set_review


class ReviewForm(forms.Form):
    """By when, and what to look at."""

    due_on = forms.DateField(label=gettext_lazy("Review due"))
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=200)


@require_POST
@require(Right.EDIT_SCORING)
def rule_review(request: HttpRequest, pk: int) -> HttpResponse:
    """Sets the day a rule is due for review, or says it was looked at today."""
    rule = get_object_or_404(ScoringRule, pk=pk)
    by, now = editor_in(request), timezone.now()
    form = ReviewForm(request.POST)
    try:
        if "reviewed" in request.POST:
            note = request.POST.get("note", "")
            review = mark_reviewed(rule_key=rule.key, by=by, now=now, note=note)
        elif form.is_valid():
            review = set_review(rule_key=rule.key, by=by, now=now, **form.cleaned_data)
        else:
            raise ReviewRefused(_("A review needs a date."))
    except ReviewRefused as error:
        messages.error(request, str(error))
    else:
        text = _("%(rule)s: next review on %(day)s.")
        figures = {"rule": rule.name, "day": date_format(review.due_on)}
        messages.success(request, text % figures)
    url = reverse("admin:qualification_scoringrule_change", args=[rule.pk])
    return HttpResponseRedirect(url)


def review_context(rule: ScoringRule) -> dict[str, Any]:
    """What the review box on the page of a rule shows."""
    review = reviews_of([rule.key]).get(rule.key)
    return {
        "review": review,
        "due_badge": due_badge(review),
        "next_days": NEXT_DAYS,
        "today": timezone.localdate(),
    }


def due_badge(review: RuleReview | None) -> str:
    """The day a review is due, marked when it has passed; a dash without one."""
    if review is None:
        return "–"
    day = date_format(review.due_on, "SHORT_DATE_FORMAT")
    if review.due_on < timezone.localdate():
        text = _("overdue since %(day)s") % {"day": day}
        return format_html('<span class="lq-badge is-bad">{}</span>', text)
    return format_html('<span class="lq-badge">{}</span>', day)


class OverdueFilter(admin.SimpleListFilter):
    """Reviews whose day has passed."""

    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", _("Overdue")), ("ahead", _("Ahead"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RuleReview]
    ) -> QuerySet[RuleReview]:
        today = timezone.localdate()
        match self.value():
            case "overdue":
                return queryset.filter(due_on__lt=today)
            case "ahead":
                return queryset.filter(due_on__gte=today)
        return queryset


@admin.register(RuleReview)
class RuleReviewAdmin(ReadOnlyAdmin):
    """Every review that has a date, the longest overdue first."""

    list_display = ["rule_key", "due", "reviewed_at", "reviewed_by", "note"]
    list_filter = [OverdueFilter]
    list_select_related = ["reviewed_by"]
    search_fields = ["rule_key", "note"]
    ordering = ["due_on", "rule_key"]
    actions = ["reviewed_today"]

    class Media:
        css = {"all": ["admin/leadqual/scoring.css"]}

    @admin.display(description=gettext_lazy("due"), ordering="due_on")
    def due(self, review: RuleReview) -> str:
        return due_badge(review)

    @admin.action(description=gettext_lazy("Reviewed today, next in 90 days"))
    def reviewed_today(self, request: HttpRequest, queryset: QuerySet[RuleReview]) -> None:
        now = timezone.now()
        for review in queryset:
            mark_reviewed(rule_key=review.rule_key, by=editor_in(request), now=now)
        self.message_user(request, _("%d reviewed.") % len(queryset), messages.SUCCESS)
