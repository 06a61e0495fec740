"""The answer to a question of a checklist."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qualification.choices import AnswerState
from qualification.forms import StyledForm, date_input
from qualification.models import Criterion


class AnswerForm(StyledForm):
    """The answer to one question; the value's field follows the criterion's type."""

    state = forms.ChoiceField(
        label=_("How sure"),
        choices=AnswerState.choices,
        error_messages={"required": _("Say how sure it is.")},
    )
    source = forms.CharField(label=_("From"), required=False, max_length=120)
    answered_on = forms.DateField(label=_("Said on"), required=False, widget=date_input())
    evidence_url = forms.URLField(
        label=_("Link to the evidence"), required=False, max_length=200, assume_scheme="https"
    )

    def __init__(self, *args: Any, criterion: Criterion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.criterion_key = criterion.key
        self.fields["value"] = value_field(criterion)
        self.fields["answered_on"].initial = timezone.localdate

    def clean_answered_on(self) -> Any:
        """Today when left empty."""
        return self.cleaned_data["answered_on"] or timezone.localdate()

    def clean_evidence_url(self) -> str:
        """Only web addresses; others would run in the browser of whoever clicks."""
        url: str = self.cleaned_data["evidence_url"]
        if url and not url.lower().startswith(("https://", "http://")):
            raise forms.ValidationError(_("Enter a web address."))
        return url


def value_field(criterion: Criterion) -> forms.Field:
    """The field for a criterion's value; never required here, `record_answer` knows when it is."""
    kind = criterion.value_type
    if kind == Criterion.ValueType.BOOLEAN:
        return forms.ChoiceField(
            label=criterion.label,
            required=False,
            choices=[("", "–"), ("yes", _("Yes")), ("no", _("No"))],
        )
    if kind == Criterion.ValueType.NUMBER:
        return forms.DecimalField(label=criterion.label, required=False, max_digits=15)
    if kind == Criterion.ValueType.DATE:
        return forms.DateField(label=criterion.label, required=False, widget=date_input())
    if kind == Criterion.ValueType.PERSON:
        # The page lists the people of the company under this id.
        named = forms.TextInput(attrs={"list": "contacts", "autocomplete": "off"})
        return forms.CharField(label=criterion.label, required=False, max_length=1000, widget=named)
    return forms.CharField(
        label=criterion.label,
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
