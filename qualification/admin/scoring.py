"""Scoring models: drafts are edited here, rule by rule; everything published can only be read.

Publishing is on the proposals page, where the evidence is.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from qualification.admin.base import EditableAdmin, EditableInline, is_admin
from qualification.choices import ModelStatus
from qualification.exceptions import ModelInvalid
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import document_rows, drafts
from qualification.scoring.document import checked_document
from qualification.scoring.yaml_text import load_yaml


class ConditionField(forms.CharField):
    """The `when` of a rule as YAML, such as {subject: lead.title, op: is_known}; JSON is YAML."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value))
        try:
            return load_yaml(text)
        except ModelInvalid as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    condition = ConditionField(label=_("when"))

    class Meta:
        model = ScoringRule
        fields = ["position", "name", "dimension", "condition", "points", "group", "disqualifies"]


class RuleFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """Checks the version as a whole, the way a file is checked."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        rules = [
            form.instance
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        content = document_rows.content_of(self.instance, sorted(rules, key=lambda r: r.position))
        try:
            checked_document(content)
        except ModelInvalid as error:
            raise ValidationError(str(error)) from None


class RuleInline(EditableInline):
    model = ScoringRule
    form = RuleForm
    formset = RuleFormSet
    fields = RuleForm.Meta.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)


class ChangeInline(EditableInline):
    model = ModelChange
    fields = ["at", "by", "text"]
    readonly_fields = fields
    ordering = ["-at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def is_draft(model: ScoringModel | None) -> bool:
    """Whether this version may still be edited."""
    return model is not None and model.status == ModelStatus.DRAFT


@admin.register(ScoringModel)
class ScoringModelAdmin(EditableAdmin):
    list_display = ["version", "name", "status", "mql", "accept", "published_at", "published_by"]
    list_filter = ["status"]
    list_select_related = ["published_by"]
    inlines = [RuleInline, ChangeInline]
    actions = ["copy_to_draft"]
    readonly_fields = ["version", "status", "created_by", "published_at", "published_by"]
    fieldsets = [
        (None, {"fields": ["version", "name", "status", "created_by", "published_by"]}),
        (_("Lines"), {"fields": ["mql", "accept", "fit_thresholds", "intent_thresholds"]}),
        (
            _("Base and limits"),
            {
                "fields": [
                    ("base_fit", "base_intent"),
                    ("fit_min", "fit_max"),
                    ("intent_min", "intent_max"),
                    ("total_min", "total_max"),
                    "caps",
                ]
            },
        ),
        (_("Grades"), {"fields": ["tiers", "actions"]}),
    ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a version begins as a file or as a copy of another

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and (obj is None or is_draft(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and is_draft(obj)

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        words = self.construct_change_message(request, form, formsets, add=False)
        if words:
            drafts.note_edit(
                draft=form.instance,
                by=request.user,  # type: ignore[arg-type]
                text=_edit_in_words(form, formsets),
                now=timezone.now(),
            )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        if formset.model is ScoringRule:
            drafts.give_keys(form.instance, [f.instance for f in formset.extra_forms])
        super().save_formset(request, form, formset, change)

    @admin.action(description=_("Copy into a draft"))
    def copy_to_draft(self, request: HttpRequest, queryset: QuerySet[ScoringModel]) -> None:
        for model in queryset:
            draft = drafts.copy_to_draft(
                model=model,
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
            text = _("Version %(draft)d is a draft like version %(model)d.")
            figures = {"draft": draft.version, "model": model.version}
            self.message_user(request, text % figures, messages.SUCCESS)


def _edit_in_words(form: Any, formsets: Any) -> str:
    names = [
        *form.changed_data,
        *(f.instance.name for fs in formsets for f in fs.forms if f.has_changed()),
    ]
    return f"Edited: {', '.join(names)}"
