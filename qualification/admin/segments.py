"""Segments: made and changed here; versions in use keep them from being removed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from crm.models import Lead
from qualification.admin.base import EditableAdmin
from qualification.exceptions import ModelInvalid
from qualification.models import RoutingRule, ScoringModel, Segment
from qualification.scoring.segments import in_use, segment_words
from qualification.scoring.subjects import Catalogue
from qualification.segment_filter import SegmentFilter, members_of, query_of

# Beyond this nobody counts one by one.
MAX_COUNTED = 10_000
_WIDGETS: dict[type[forms.Widget], type[forms.Widget]] = {
    forms.Textarea: UnfoldAdminTextareaWidget,
    forms.Select: UnfoldAdminSelectWidget,
    forms.SelectMultiple: UnfoldAdminCheckboxSelectMultipleWidget,
    forms.NumberInput: UnfoldAdminIntegerFieldWidget,
    forms.TextInput: UnfoldAdminTextInputWidget,
}


def _dressed(plain: forms.Field) -> forms.Field:
    """A copy of the field with the admin theme's widget of its kind."""
    field = deepcopy(plain)
    is_long = isinstance(field.widget, forms.Textarea)
    widget = _WIDGETS[type(field.widget)](attrs={"rows": 2} if is_long else None)
    widget.attrs.update(field.widget_attrs(widget))
    field.widget = widget
    if isinstance(field, forms.ChoiceField):
        field.choices = field.choices  # hands them to the new widget
    return field


class _SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Key, name and description, with every filter a segment may use."""

    class Meta:
        model = Segment
        fields = ["key", "name", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.instance.query.items():
            if name in self.fields:
                self.initial[name] = str(value) if isinstance(value, bool) else value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self.instance.query = query_of(cleaned)
        return cleaned


# The same fields as the filter's: a filter added there is a field here.
SegmentForm = type(
    "SegmentForm",
    (_SegmentForm,),
    {name: _dressed(asked.field) for name, asked in SegmentFilter.base_filters.items()},
)


@admin.register(Segment)
class SegmentAdmin(EditableAdmin):
    list_display = ["name", "key", "description", "updated_at"]
    search_fields = ["name", "key"]
    form = SegmentForm
    readonly_fields = ["asks", "members", "versions", "routing"]
    fieldsets = [
        (None, {"fields": ["key", "name", "description"]}),
        (gettext_lazy("As saved"), {"fields": ["asks", "members", "versions", "routing"]}),
        (
            gettext_lazy("Company"),
            {
                "fields": [
                    "market",
                    "account_country",
                    "industry",
                    ("employees_min", "employees_max"),
                    ("revenue_min", "revenue_max"),
                    ("is_target", "is_competitor"),
                ]
            },
        ),
        (
            gettext_lazy("Person"),
            {
                "fields": [
                    "country",
                    "city",
                    "seniority",
                    "department",
                    "title",
                    ("email_kind", "opted_out"),
                ]
            },
        ),
        (
            gettext_lazy("Inquiry"),
            {
                "fields": [
                    "source",
                    "channel",
                    "campaign",
                    "topic",
                    "received_within",
                    ("attribute", "attribute_value"),
                ]
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        """Rules name the key; it stays."""
        return [*(["key"] if obj else []), *self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: Any) -> None:
        obj.updated_at = timezone.now()
        if not change:
            obj.created_at, obj.created_by = obj.updated_at, request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("Asks for"))
    def asks(self, segment: Segment) -> str:
        if not segment.query:
            return "–"
        try:
            return segment_words(segment.query, Catalogue.load())
        except ModelInvalid as error:
            return str(error)

    @admin.display(description=gettext_lazy("Leads now"))
    def members(self, segment: Segment) -> str:
        if not segment.query:
            return "–"
        found = members_of(segment.query, among=Lead.objects.standing())
        counted = found.order_by()[: MAX_COUNTED + 1].count()
        if counted > MAX_COUNTED:
            return _("more than %(n)s") % {"n": f"{MAX_COUNTED:,}"}
        return f"{counted:,}"

    @admin.display(description=gettext_lazy("Used by routing rules"))
    def routing(self, segment: Segment) -> str:
        return ", ".join(rule.name for rule in _routing_rules(segment)) or "–"

    @admin.display(description=gettext_lazy("Used by rules of"))
    def versions(self, segment: Segment) -> str:
        return _listed(in_use([segment.key]).get(segment.key, [])) or "–"

    def get_deleted_objects(
        self, objs: QuerySet[Segment], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        """What removing would take along; refused while rules of a version need it."""
        found, counts, lacking, kept = super().get_deleted_objects(objs, request)
        used = in_use([segment.key for segment in objs])
        refusals = [
            _("Segment %(name)s is used by rules of %(versions)s.")
            % {"name": segment.name, "versions": _listed(used[segment.key])}
            for segment in objs
            if segment.key in used
        ]
        refusals += [
            _("Segment %(name)s is used by routing rules: %(rules)s.")
            % {"name": segment.name, "rules": self.routing(segment)}
            for segment in objs
            if _routing_rules(segment).exists()
        ]
        lacking -= {RoutingRule._meta.verbose_name}  # never deleted, by nobody
        return found, counts, lacking, [*kept, *refusals]


def _routing_rules(segment: Segment) -> QuerySet[RoutingRule]:
    return RoutingRule.objects.filter(segment=segment).order_by("position", "id")


def _listed(models: list[ScoringModel]) -> str:
    """Versions with what they are, such as `v3 (draft), v2 (active)`."""
    return ", ".join(f"v{model.version} ({model.get_status_display()})" for model in models)
