"""Policy an admin tunes: rejection reasons, SLA policies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from qualification.admin.base import EditableAdmin
from qualification.models import RejectionReason, SLAPolicy
from qualification.templatetags.figures import open_time_text

CONDITIONS = ("tier", "source", "segment", "team")


class ReasonForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = RejectionReason
        fields = "__all__"  # noqa: DJ007
        help_texts = {
            "group": _("The heading it stands under in the dialog."),
            "influences": _(
                "Which rules a rejection for this reason counts for, as evidence; any other teaches"
                " the rules nothing."
            ),
            "suggests_nurture": _("Offered for nurture too."),
            "needs_note": _("Refused without a note."),
            "is_active": _("Off: not offered any more; past rejections keep it."),
            "position": _("Its place in the dialog, from 0."),
        }


@admin.register(RejectionReason)
class RejectionReasonAdmin(EditableAdmin):
    form = ReasonForm
    list_display = [
        "label",
        "group",
        "influences",
        "suggests_nurture",
        "needs_note",
        "needs_attempts",
        "returns_credit",
        "is_active",
        "position",
    ]
    list_filter = ["group", "influences", "is_active"]
    search_fields = ["label", "key"]
    ordering = ["position"]


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy; the one for every lead keeps its kind and has no conditions, so that no lead is
    ever without a clock."""

    class Meta:
        model = SLAPolicy
        fields = [
            "kind",
            *CONDITIONS,
            "is_active",
            "minutes",
            "warn_minutes",
            "on_breach",
            "escalate_after",
            "on_escalation",
        ]

    def clean_escalate_after(self) -> list[int]:
        steps: list[int] = self.cleaned_data["escalate_after"] or []
        if sorted(set(steps)) != steps or 0 in steps:
            raise ValidationError(_("Minutes above 0, each once, in rising order."))
        return steps

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        minutes, warn = cleaned.get("minutes"), cleaned.get("warn_minutes")
        if minutes is not None and not minutes:
            self.add_error("minutes", _("At least one minute."))
        elif minutes is not None and warn is not None and warn > minutes:
            self.add_error("warn_minutes", _("It cannot warn before the clock has started."))
        if self.instance.pk and SLAPolicy.objects.get(pk=self.instance.pk).is_general:
            self._keep_general(cleaned)
        return cleaned

    def _keep_general(self, cleaned: dict[str, Any]) -> None:
        is_other = any(cleaned.get(name) for name in CONDITIONS) or not cleaned.get("is_active")
        if is_other or "kind" in self.changed_data:
            raise ValidationError(
                _("This policy is for every lead without another one. Add one for exceptions.")
            )


@admin.register(SLAPolicy)
class SLAPolicyAdmin(EditableAdmin):
    form = PolicyForm
    list_display = [
        "kind",
        "applies_to",
        "due_after",
        "warns_before",
        "on_breach",
        "escalations",
        "is_active",
    ]
    list_filter = ["kind", "is_active"]
    fieldsets = [
        (
            None,
            {
                "fields": ["kind", *CONDITIONS, "is_active"],
                "description": _(
                    "Of the policies that match a lead the one with the most conditions applies;"
                    " of as many, a segment goes before a source, a source before a team, a team"
                    " before a tier. Clocks that run keep the times they have."
                ),
            },
        ),
        (_("Times"), {"fields": ["minutes", "warn_minutes", "escalate_after"]}),
        (_("What happens"), {"fields": ["on_breach", "on_escalation"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SLAPolicy]:
        rows: QuerySet[SLAPolicy] = super().get_queryset(request)
        return rows.select_related("source", "segment", "team")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_general = obj is not None and obj.is_general
        return not is_general and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # would delete the policy for every lead too
        return actions

    @admin.display(description=_("due after"), ordering="minutes")
    def due_after(self, policy: SLAPolicy) -> str:
        return open_time_text(policy.minutes)

    @admin.display(description=_("warns before"), ordering="warn_minutes")
    def warns_before(self, policy: SLAPolicy) -> str:
        return open_time_text(policy.warn_minutes)

    @admin.display(description=_("applies to"))
    def applies_to(self, policy: SLAPolicy) -> str:
        return policy.words

    @admin.display(description=_("escalates after"))
    def escalations(self, policy: SLAPolicy) -> str:
        return ", ".join(open_time_text(minutes) for minutes in policy.escalate_after) or "–"
