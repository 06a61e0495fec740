"""Forms of practice: the size of a round and what somebody would have decided."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from qualification.forms import StyledForm
from qualification.models import PracticeCase, RejectionReason
from qualification.practice.draw import SIZES

Choice = PracticeCase.Choice


class PracticeSizeForm(StyledForm):
    """How many leads a round has."""

    size = forms.TypedChoiceField(
        label=_("Leads"), choices=[(size, str(size)) for size in SIZES], coerce=int
    )


class PracticeChoiceForm(StyledForm):
    """Accept or nurture; `gone` goes on past a lead that cannot be judged any more."""

    choice = forms.ChoiceField(
        choices=[(c.value, c.label) for c in (Choice.ACCEPT, Choice.NURTURE, Choice.GONE)]
    )


class PracticeReasonForm(StyledForm):
    """Why one would have rejected."""

    reason = forms.ModelChoiceField(
        label=_("Reason"),
        queryset=RejectionReason.objects.filter(is_active=True),
        error_messages={"required": _("Choose a reason from the list.")},
    )
