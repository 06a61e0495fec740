"""Forms about personal data: asking for an erasure, carrying it out, an export."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.models import ErasureReason
from qualification.forms import StyledForm
from qualification.personal.export import CSV, JSON
from qualification.personal.requests import REFERENCE_LENGTH


class AskErasureForm(StyledForm):
    """A request that a person is erased."""

    reference = forms.CharField(
        label=_("Reference of the request"),
        max_length=REFERENCE_LENGTH,
        help_text=_("Such as the number of its ticket; nobody's name. It is kept."),
        error_messages={"required": _("Name the request, such as the number of its ticket.")},
    )
    reason = forms.ChoiceField(label=_("Why"), choices=ErasureReason.choices)
    is_no_contact = forms.BooleanField(
        label=_("Do not contact: turn them away when they turn up again"), required=False
    )


class EraseForm(StyledForm):
    """An admin types the name of the lead: this cannot be undone."""

    confirmed = forms.CharField(
        label=_("Name of the lead"),
        max_length=300,
        error_messages={"required": _("Type the name of the lead to confirm.")},
    )


class ExportForm(forms.Form):
    """In which form the data are given out."""

    form = forms.ChoiceField(choices=[(JSON, "JSON"), (CSV, "CSV")])
