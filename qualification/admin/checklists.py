"""Checklists: criteria, versions of questions, translations, and which lead gets which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from qualification.admin.base import EditableAdmin, EditableInline
from qualification.admin.scoring.forms import ConditionForm, PlainConditionField
from qualification.choices import DecisionKind
from qualification.exceptions import FrameworkRefused
from qualification.models import (
    Criterion,
    Decision,
    Framework,
    FrameworkItem,
    FrameworkRule,
    FrameworkText,
)
from qualification.review import framework_versions as versions
from qualification.review.frameworks import sentence_of


class DraftInline(EditableInline):
    """Rows that stay once their checklist was published."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request) and _is_open(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request) and _is_open(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request) and _is_open(obj)


class FrameworkItemInline(DraftInline):
    model = FrameworkItem
    fields = [
        "position",
        "part",
        "criterion",
        "question",
        "why",
        "is_required",
        "unknown_ok",
        "stale_ok",
    ]


@admin.register(Framework)
class FrameworkAdmin(EditableAdmin):
    list_display = ["name", "key", "version", "state", "n_questions", "n_accepts", "n_waived"]
    list_filter = ["is_active"]
    search_fields = ["name", "key"]
    inlines = [FrameworkItemInline]
    actions = ["make_version", "make_own", "publish", "offer_again", "take_off", "make_default"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Framework]:
        rows: QuerySet[Framework] = super().get_queryset(request)
        return rows.annotate(n_items=Count("items"))

    def get_fields(self, request: HttpRequest, obj: Framework | None = None) -> list[str]:
        return ["key", "version", "name", "state"] if obj else ["key", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Framework | None = None) -> list[str]:
        """A published version is named for good: work and decisions point at it."""
        if obj is None:
            return []
        return ["version", "state"] if obj.is_draft else ["key", "version", "state"]

    def has_delete_permission(self, request: HttpRequest, obj: Framework | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.is_draft)

    @admin.display(description=_("State"))
    def state(self, framework: Framework) -> str:
        if framework.is_draft:
            return str(_("Draft"))
        if framework.is_default:
            return str(_("On offer, the default"))
        return str(_("On offer") if framework.is_active else _("Off offer"))

    @admin.display(description=_("Questions"))
    def n_questions(self, framework: Any) -> int:
        return int(framework.n_items)

    @admin.display(description=_("Accepted with it"))
    def n_accepts(self, framework: Framework) -> int:
        return _accepts(framework).count()

    @admin.display(description=_("Of these with open answers"))
    def n_waived(self, framework: Framework) -> int:
        return _accepts(framework).filter(~Q(override_reason="")).count()

    @admin.action(description=_("Copy to a new version, to change its questions"))
    def make_version(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        self._each(request, queryset, lambda row: versions.new_version(framework=row), _("Copied"))

    @admin.action(description=_("Make an own checklist from it"))
    def make_own(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        self._each(request, queryset, lambda row: versions.new_framework(template=row), _("Made"))

    @admin.action(description=_("Publish the draft"))
    def publish(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        now = timezone.now()
        done = _("Published")
        self._each(request, queryset, lambda row: versions.publish(framework=row, now=now), done)

    @admin.action(description=_("Offer this version again"))
    def offer_again(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        done = _("On offer")
        self._each(request, queryset, lambda row: versions.put_on_offer(framework=row), done)

    @admin.action(description=_("Take off offer"))
    def take_off(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        done = _("Off offer")
        self._each(request, queryset, lambda row: versions.take_off_offer(framework=row), done)

    @admin.action(description=_("Make it the default"))
    def make_default(self, request: HttpRequest, queryset: QuerySet[Framework]) -> None:
        done = _("The default")
        self._each(request, queryset, lambda row: versions.make_default(framework=row), done)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Framework],
        verb: Callable[[Framework], object],
        done: Any,
    ) -> None:
        for row in queryset:
            try:
                made = verb(row)
            except FrameworkRefused as refused:
                messages.error(request, str(refused))
                continue
            shown = made if isinstance(made, Framework) else row
            messages.success(request, f"{done}: {shown}, v{shown.version}.")


class TextForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(label=_("language"), choices=settings.LANGUAGES)

    class Meta:
        model = FrameworkText
        fields = ["language", "question", "why"]


class FrameworkTextInline(EditableInline):
    model = FrameworkText
    form = TextForm


@admin.register(FrameworkItem)
class FrameworkItemAdmin(EditableAdmin):
    """The questions, to write them in other languages; what they ask is changed in a new version of
    their checklist."""

    list_display = ["question", "framework", "part", "n_languages"]
    list_filter = ["framework"]
    list_select_related = ["framework"]
    search_fields = ["question"]
    fields = ["framework", "part", "criterion", "question", "why"]
    readonly_fields = ["framework", "part", "criterion", "question", "why"]
    inlines = [FrameworkTextInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FrameworkItem]:
        rows: QuerySet[FrameworkItem] = super().get_queryset(request)
        return rows.annotate(n_texts=Count("texts"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("Translations"))
    def n_languages(self, item: Any) -> int:
        return int(item.n_texts)


class FrameworkRuleForm(ConditionForm):
    framework_key = forms.ChoiceField(label=_("Checklist"), widget=UnfoldAdminSelectWidget)
    condition = PlainConditionField(
        such_as="{subject: account.revenue, op: at_least, value: 10000000}"
    )

    class Meta:
        model = FrameworkRule
        fields = ["position", "name", "is_active", "segment", "condition", "framework_key"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_offer = Framework.objects.filter(is_active=True).values_list("key", "name")
        choices = dict(on_offer)
        if self.instance.framework_key:
            choices.setdefault(self.instance.framework_key, self.instance.framework_key)
        self.fields["framework_key"].choices = list(choices.items())  # type: ignore[attr-defined]


@admin.register(FrameworkRule)
class FrameworkRuleAdmin(EditableAdmin):
    """The first rule by position that holds chooses; without one it is the default checklist."""

    form = FrameworkRuleForm
    list_display = ["position", "name", "is_active", "says"]
    list_display_links = ["name"]
    list_select_related = ["segment"]

    @admin.display(description=_("Says"))
    def says(self, rule: FrameworkRule) -> str:
        return sentence_of(rule)


@admin.register(Criterion)
class CriterionAdmin(EditableAdmin):
    list_display = ["label", "key", "value_type", "stale_after_days"]
    search_fields = ["label", "key"]

    def get_readonly_fields(self, request: HttpRequest, obj: Criterion | None = None) -> list[str]:
        """Rules and answers are written for this key and type; both stay as they are."""
        return ["key", "value_type"] if obj else []


def _is_open(framework: Any) -> bool:
    return framework is None or not isinstance(framework, Framework) or framework.is_draft


def _accepts(framework: Framework) -> QuerySet[Decision]:
    decisions = Decision.objects.standing().filter(kind=DecisionKind.ACCEPT)
    return decisions.filter(item__framework=framework)
