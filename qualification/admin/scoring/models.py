"""Versions of the scoring rules: drafts are edited here, everything published can only be read.

Publishing is on the version's own page in the workspace, where the evidence is.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from qualification.admin.base import EditableAdmin, EditableInline, is_admin
from qualification.admin.scoring import files, impact, matrix, trial, usage
from qualification.admin.scoring.forms import RuleFormSet
from qualification.admin.scoring.pages import editor_in, is_draft, route, tabs_of
from qualification.admin.scoring.words import edited_words, joined
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import drafts
from qualification.scoring.subjects import Catalogue


class RuleInline(EditableInline):
    """Rules as sentences; points and order in place, everything else on the page of the rule."""

    model = ScoringRule
    formset = RuleFormSet
    fields = ["position", "rule", "dimension", "group", "points"]
    readonly_fields = ["rule", "dimension", "group"]
    ordering_field = "position"
    hide_title = True
    verbose_name_plural = _("rules")

    @admin.display(description=_("what it does"))
    def rule(self, rule: ScoringRule) -> str:
        return format_html(
            '<span class="lq-sentence"><a href="{}">{}</a> {}</span>',
            reverse("admin:qualification_scoringrule_change", args=[rule.pk]),
            rule.name,
            getattr(rule, "sentence", ""),
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a new rule has a page of its own

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)


class ChangeInline(EditableInline):
    """Who changed what: the authors, who may not publish."""

    model = ModelChange
    fields = ["at", "by", "text"]
    readonly_fields = fields
    ordering = ["-at"]
    verbose_name_plural = _("changes")
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ScoringModel)
class ScoringModelAdmin(EditableAdmin):
    list_display = ["version", "name", "status", "n_rules", "mql", "accept", "published_at"]
    list_filter = ["status"]
    inlines = [RuleInline, ChangeInline]
    actions = ["copy_to_draft"]
    change_form_template = "admin/leadqual/version_form.html"
    list_before_template = "admin/leadqual/_versions_top.html"
    readonly_fields = ["version", "status", "created_by", "published_at", "published_by"]
    fieldsets = [
        (None, {"fields": ["name", ("version", "status"), ("created_by", "published_by")]}),
        (
            _("Lines"),
            {
                "classes": ["collapse"],
                "fields": [("mql", "accept"), "fit_thresholds", "intent_thresholds"],
            },
        ),
        (
            _("Base and limits"),
            {
                "classes": ["collapse"],
                "fields": [
                    ("base_fit", "base_intent"),
                    ("fit_min", "fit_max"),
                    ("intent_min", "intent_max"),
                    ("total_min", "total_max"),
                    ("account_poor_below", "account_cap"),
                    "caps",
                ],
            },
        ),
        (_("Grades"), {"classes": ["collapse"], "fields": ["tiers", "actions"]}),
    ]

    class Media:
        css = {"all": ["admin/leadqual/scoring.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a version begins as a file or as a copy of another

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and (obj is None or is_draft(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScoringModel]:
        return super().get_queryset(request).annotate(n_rules=Count("rules"))  # type: ignore[no-any-return]

    @admin.display(description=_("rules"), ordering="n_rules")
    def n_rules(self, model: ScoringModel) -> int:
        return model.n_rules  # type: ignore[attr-defined,no-any-return]

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        *args: Any,
        obj: ScoringModel | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        if obj:
            context |= {"version": obj, "tabs": tabs_of(obj), "is_draft": is_draft(obj)}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        own = [
            route("import/", files.import_model, "scoring_import"),
            route("<int:pk>/export/", files.export_model, "scoring_export"),
            route("<int:pk>/matrix/", matrix.points_matrix, "scoring_matrix"),
            route("<int:pk>/trial/", trial.test_on_lead, "scoring_trial"),
            route("<int:pk>/impact/", impact.impact_preview, "scoring_impact"),
            route("<int:pk>/usage/", usage.rule_usage, "scoring_usage"),
            route("runs/<int:pk>/progress/", impact.run_progress, "scoring_run_progress"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        draft = form.instance
        before = {rule.pk: rule for rule in draft.rules.all()}
        super().save_related(request, form, formsets, change)
        text = _edit_in_words(form, formsets, before)
        if text:
            drafts.note_edit(draft=draft, by=editor_in(request), text=text, now=timezone.now())

    @admin.action(description=_("Copy into a draft"))
    def copy_to_draft(self, request: HttpRequest, queryset: QuerySet[ScoringModel]) -> None:
        for model in queryset:
            draft = drafts.copy_to_draft(model=model, by=editor_in(request), now=timezone.now())
            text = _("Version %(draft)d is a draft like version %(model)d.")
            figures = {"draft": draft.version, "model": model.version}
            self.message_user(request, text % figures, messages.SUCCESS)


def _edit_in_words(form: forms.ModelForm, formsets: Any, before: dict[int, ScoringRule]) -> str:  # type: ignore[type-arg]
    """What was edited on the page of a version: its own fields, then rule by rule."""
    labels = [str(form.fields[name].label or name) for name in form.changed_data]
    parts = [_("Edited: %(fields)s") % {"fields": ", ".join(labels)}] if labels else []
    catalogue = Catalogue.load()
    for formset in formsets:
        if formset.model is not ScoringRule:
            continue
        parts += [_("Deleted: %(rule)s") % {"rule": rule.name} for rule in formset.deleted_objects]
        parts += [
            edited_words(before[rule.pk], rule, catalogue)
            for rule, _fields in formset.changed_objects
        ]
    return joined(parts)
