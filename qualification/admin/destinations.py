"""Destinations as an admin sets them up: partners, what must be known of a lead before it goes
somewhere, and which destination is suggested for which lead."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from qualification.admin.base import EditableAdmin
from qualification.admin.scoring.forms import ConditionForm, PlainConditionField
from qualification.exceptions import ModelInvalid
from qualification.handoff.desks import takes_handoffs
from qualification.models import DestinationField, DestinationRule, Partner
from qualification.scoring.subjects import (
    ACCOUNT_FIELDS,
    COMMITTEE,
    LEAD_FIELDS,
    Catalogue,
    subject_of,
)

# Counted or derived when asked: no columns that could be looked at.
NO_COLUMNS = frozenset(
    {"lead.phone_kind", "lead.source", "lead.buying_roles"}
    | {f"account.{part}" for part in COMMITTEE}
)


@admin.register(Partner)
class PartnerAdmin(EditableAdmin):
    list_display = ["name", "contact", "email", "region", "product", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "contact", "email"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # handoffs name their partner; it is switched off instead


def known_subjects(catalogue: Catalogue, now: str) -> list[tuple[Any, Any]]:
    """What could be asked to be known, by kind; also what is asked now, whatever it is."""
    parts: dict[Any, list[str]] = {
        _("Lead"): [f"lead.{part}" for part in LEAD_FIELDS],
        _("Company"): [f"account.{part}" for part in ACCOUNT_FIELDS],
        _("Own fields"): [f"attributes.{part}" for part in catalogue.attributes],
        _("Answers of the checklist"): [f"checklist.{part}" for part in catalogue.criteria],
    }
    groups: list[tuple[Any, Any]] = [("", "–")]
    for title, names in parts.items():
        labelled = [(n, catalogue.label_of(subject_of(n))) for n in names if n not in NO_COLUMNS]
        groups.append((title, sorted(labelled, key=lambda one: one[1])))
    if now and now not in {name for _title, names in groups[1:] for name, _label in names}:
        groups.append((now, now))
    return groups


class FieldForm(forms.ModelForm):  # type: ignore[type-arg]
    """One thing that must be known; refused when nobody could ever know it."""

    # No ChoiceField: `clean_subject` says more than that a choice is none.
    subject = forms.CharField(label=_("Must be known"), widget=UnfoldAdminSelectWidget)

    class Meta:
        model = DestinationField
        fields = ["target", "subject"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = known_subjects(Catalogue.load(), self.instance.subject)
        self.fields["subject"].widget.choices = choices

    def clean_subject(self) -> str:
        name = str(self.cleaned_data["subject"]).strip()
        try:
            subject = subject_of(name)
        except ModelInvalid as error:
            raise ValidationError(str(error)) from None
        if name in NO_COLUMNS or subject.is_state or Catalogue.load().type_of(subject) is None:
            raise ValidationError(
                _("Such as lead.country, account.industry, attributes.region, checklist.timing.")
            )
        return name


@admin.register(DestinationField)
class DestinationFieldAdmin(EditableAdmin):
    """A question to answer by yes or no must be confirmed with yes."""

    form = FieldForm
    list_display = ["target", "must_be_known"]
    list_display_links = ["must_be_known"]
    list_filter = ["target"]

    @admin.display(description=_("Must be known"), ordering="subject")
    def must_be_known(self, field: DestinationField) -> str:
        try:
            return Catalogue.load().label_of(subject_of(field.subject))
        except ModelInvalid:
            return field.subject


class SuggestionForm(ConditionForm):
    condition = PlainConditionField(such_as="{subject: lead.country, op: is, value: Brazil}")

    class Meta:
        model = DestinationRule
        fields = ["position", "name", "is_active", "condition", "team", "partner"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        team, partner = cleaned.get("team"), cleaned.get("partner")
        if (team is None) == (partner is None):
            raise ValidationError(_("Name a team or a partner, one of them."))
        to = team or partner
        if to is not None and not takes_handoffs(to):
            self.add_error(
                "team" if team else "partner", _("%(name)s takes no handoffs.") % {"name": to}
            )
        return cleaned


@admin.register(DestinationRule)
class DestinationRuleAdmin(EditableAdmin):
    """The first rule by position that fits is suggested when somebody accepts the lead."""

    form = SuggestionForm
    list_display = ["position", "name", "is_active", "team", "partner"]
    list_display_links = ["name"]
    list_filter = ["is_active"]
    list_select_related = ["team", "partner"]
