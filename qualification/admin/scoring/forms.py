"""The forms of rules: one rule with its condition, and the check of the version as a whole."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from qualification.admin.scoring.editor import ConditionWidget, PlainConditionWidget
from qualification.admin.scoring.words import sentence_or_error
from qualification.choices import ModelStatus
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel, ScoringRule, Segment
from qualification.scoring.document import checked_document
from qualification.scoring.document_rows import content_of
from qualification.scoring.export import condition_yaml
from qualification.scoring.holds import checked_condition
from qualification.scoring.subjects import Catalogue
from qualification.scoring.yaml_text import load_yaml


class ConditionField(forms.CharField):
    """The `when` of a rule as YAML, such as {subject: lead.title, op: is_known}; JSON is YAML."""

    widget = ConditionWidget

    def prepare_value(self, value: Any) -> Any:
        if value is None:
            return NEW_CONDITION
        return value if isinstance(value, str) else condition_yaml(value)

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


class PlainConditionField(ConditionField):
    """The same outside of scoring, without activities: blank is every lead."""

    widget = PlainConditionWidget

    def __init__(self, *, such_as: str) -> None:
        """`such_as` is an example, in YAML."""
        text = _("As in a scoring model, without activities; blank for every lead. Such as {yaml}")
        help_text = format_lazy(text, yaml=such_as)
        super().__init__(label=_("When"), required=False, help_text=help_text)

    def prepare_value(self, value: Any) -> Any:
        return "" if value in (None, {}) else super().prepare_value(value)


class ConditionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row with a `condition` (a PlainConditionField) outside of scoring."""

    def clean_condition(self) -> Any:
        raw = self.cleaned_data["condition"] or {}
        try:
            checked_condition(raw)
        except ModelInvalid as error:
            raise ValidationError(str(error)) from None
        return raw


NEW_CONDITION = "{subject: lead.title, op: contains, value: director}\n"


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """One rule of a draft; refused for whatever a file would be refused for."""

    condition = ConditionField(label=_("When"))
    segment = forms.ChoiceField(
        label=_("Segment"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Only leads of this segment; blank for all."),
    )

    class Meta:
        model = ScoringRule
        fields = [
            *("model", "position", "name", "dimension", "condition", "points", "group"),
            *("segment", "disqualifies"),
        ]
        labels = {"model": _("Version")}
        help_texts = {
            "group": _("Rules of a group share a cap, set on the version."),
            "disqualifies": _("Reason, such as opted_out. Set: the lead is disqualified."),
            "position": _("Order among the rules; the first disqualifier names the reason."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("model", "segment"):
            # No links to add or change another row from inside this one.
            widget = self.fields[name].widget if name in self.fields else None
            if isinstance(widget, RelatedFieldWidgetWrapper):
                self.fields[name].widget = widget.widget
        if "segment" in self.fields:
            keys = Segment.objects.order_by("name").values_list("key", "name")
            self.fields["segment"].choices = [("", "–"), *keys]  # type: ignore[attr-defined]
        if "model" in self.fields:
            drafts = ScoringModel.objects.filter(status=ModelStatus.DRAFT)
            self.fields["model"].queryset = drafts  # type: ignore[attr-defined]
            # A rule stays in its version.
            self.fields["model"].disabled = self.instance.pk is not None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            for name, value in (cleaned or {}).items():
                setattr(self.instance, name, value)
            check_beside_others(self.instance)
        return cleaned


def check_beside_others(rule: ScoringRule) -> None:
    """Raises ValidationError when the version with this rule in its place is not usable."""
    others = list(rule.model.rules.exclude(pk=rule.pk))
    rules = sorted([*others, rule], key=lambda one: one.position)
    check_as_a_whole(rule.model, rules)


def check_as_a_whole(model: ScoringModel, rules: list[ScoringRule]) -> None:
    """Raises ValidationError for what a file with this content would be refused for."""
    try:
        checked_document(content_of(model, rules))
    except ModelInvalid as error:
        raise ValidationError(str(error)) from None


class RuleFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """The rules of a draft on its own page: points and order in place; checked as a whole."""

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        catalogue = Catalogue.load()
        for rule in rows:
            if not hasattr(rule, "sentence"):
                rule.sentence = sentence_or_error(rule, catalogue)
        return rows

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        rules = [
            form.instance
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        check_as_a_whole(self.instance, sorted(rules, key=lambda rule: rule.position))
