"""Filters of the list of rules: which versions, and which rules somebody must look at again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qualification.choices import ModelStatus
from qualification.models import RuleReview, ScoringRule
from qualification.scoring.reviews import overdue

Choices = list[tuple[str, Any]]


class VersionFilter(admin.SimpleListFilter):
    """The live version and drafts unless asked for others: old versions repeat the same rules."""

    title = _("version")
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("live", _("Live")), ("draft", _("Drafts")), ("every", _("Every version"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ScoringRule]
    ) -> QuerySet[ScoringRule]:
        match self.value():
            case "live":
                return queryset.filter(model__status=ModelStatus.ACTIVE)
            case "draft":
                return queryset.filter(model__status=ModelStatus.DRAFT)
            case "every":
                return queryset
        return queryset.exclude(model__status=ModelStatus.RETIRED)


class ReviewFilter(admin.SimpleListFilter):
    """By the day somebody must look at the rule again."""

    title = _("review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("overdue", _("Overdue")), ("set", _("Has a date")), ("none", _("No date"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ScoringRule]
    ) -> QuerySet[ScoringRule]:
        dated = RuleReview.objects.values("rule_key")
        match self.value():
            case "overdue":
                return queryset.filter(key__in=overdue(now=timezone.now()).values("rule_key"))
            case "set":
                return queryset.filter(key__in=dated)
            case "none":
                return queryset.exclude(key__in=dated)
        return queryset
