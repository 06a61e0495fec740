"""Routing as an admin sets it up: rules, pools, what people can take on, named accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from qualification.admin.base import EditableAdmin, EditableInline, ReadOnlyAdmin
from qualification.admin.fields import WeekdaysField, WordsField, words_as_text
from qualification.admin.scoring.forms import ConditionForm, PlainConditionField
from qualification.models import (
    AccountOwner,
    Assignment,
    Leave,
    PoolMember,
    RoutingPool,
    RoutingRule,
    WorkProfile,
)
from qualification.routing.overview import rule_history
from qualification.routing.rules import rule_sentence
from qualification.scoring.subjects import Catalogue


class RuleForm(ConditionForm):
    condition = PlainConditionField(
        such_as="{subject: account.employees, op: at_least, value: 1000}"
    )
    skills = WordsField(
        label=_("Skills"),
        help_text=_("Whoever gets the lead needs all of them. Such as french, sap."),
    )

    class Meta:
        model = RoutingRule
        fields = [
            "position",
            "name",
            "is_active",
            "segment",
            "condition",
            "to_account_owner",
            "skills",
            "team",
            "pool",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        team, pool = cleaned.get("team"), cleaned.get("pool")
        if team and pool and pool.team_id != team.pk:
            self.add_error("pool", _("This pool belongs to %(team)s.") % {"team": pool.team})
        if cleaned.get("skills") and not pool:
            self.add_error("pool", _("Skills choose among the people of a pool: name one."))
        if cleaned.get("to_account_owner") and not pool:
            self.add_error("pool", _("Name the pool for when the owner cannot."))
        return cleaned


@admin.register(RoutingRule)
class RoutingRuleAdmin(EditableAdmin):
    """The first rule by position that fits decides; the page “Routing” tries a lead."""

    form = RuleForm
    list_display = ["position", "name", "is_active", "says"]
    list_display_links = ["name"]
    list_filter = ["is_active", "team"]
    list_select_related = ["team", "pool", "segment"]
    readonly_fields = ["says", "was"]
    fieldsets = [
        (None, {"fields": ["position", "name", "is_active", "says"]}),
        (_("For which leads"), {"fields": ["segment", "condition", "to_account_owner"]}),
        (_("Where they go"), {"fields": ["team", "pool", "skills"]}),
        (_("History"), {"fields": ["was"]}),
    ]

    @admin.display(description=_("Says"))
    def says(self, rule: RoutingRule) -> str:
        return rule_sentence(rule, Catalogue.load()) if rule.pk else "–"

    @admin.display(description=_("What it said"))
    def was(self, rule: RoutingRule) -> str:
        lines = [(f"{said.at:%Y-%m-%d %H:%M} UTC", said.text) for said in rule_history(rule)]
        return format_html_join(mark_safe("<br>"), "{}: {}", lines) or "–"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # assignments name their rule; it is switched off instead


class MemberInline(EditableInline):
    model = PoolMember
    fields = ["person", "weight"]


@admin.register(RoutingPool)
class RoutingPoolAdmin(EditableAdmin):
    list_display = ["name", "team"]
    list_select_related = ["team"]
    inlines = [MemberInline]

    def save_model(self, request: HttpRequest, obj: RoutingPool, form: Any, change: Any) -> None:
        # Leads are given out meanwhile: the balances of an open page are old ones.
        obj.save(update_fields=["name", "team"] if change else None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # assignments name their pool


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    skills = WordsField(label=_("Skills"), help_text=_("Such as french, sap."))
    work_days = WeekdaysField(
        label=_("Work days"), help_text=_("They count only with hours below.")
    )

    class Meta:
        model = WorkProfile
        fields = ["person", "capacity", "reserved", "skills", "work_days", "works_from", "works_to"]
        # The admin's own input compares with the time of the server; these are the person's.
        widgets = dict.fromkeys(
            ("works_from", "works_to"), UnfoldAdminTextInputWidget(attrs={"type": "time"})
        )
        help_texts = {
            "works_to": _("In the person's own time zone; before the start: past midnight.")
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("reserved") or 0) > (cleaned.get("capacity") or 0):
            self.add_error(
                "reserved", _("No more than the open leads at once, which need a number.")
            )
        return cleaned


class LeaveInline(EditableInline):
    model = Leave


@admin.register(WorkProfile)
class WorkProfileAdmin(EditableAdmin):
    form = ProfileForm
    list_display = ["person", "capacity", "reserved", "skilled", "works_from", "works_to"]
    list_select_related = ["person"]
    inlines = [LeaveInline]

    @admin.display(description=_("Skills"))
    def skilled(self, profile: WorkProfile) -> str:
        return words_as_text(profile.skills)


@admin.register(AccountOwner)
class AccountOwnerAdmin(EditableAdmin):
    list_display = ["account", "person"]
    list_select_related = ["account", "person"]
    autocomplete_fields = ["account"]


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ["at", "lead", "how", "rule_name", "pool", "person"]
    list_filter = ["how", "pool"]
    list_select_related = ["lead", "pool", "person"]
