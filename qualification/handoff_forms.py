"""Forms about accepted leads: given back, moved to another desk, and what became of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.models import User
from qualification.forms import LINE_LENGTH, StyledForm, account_executives


class ReturnForm(StyledForm):
    """The AE gives a handoff back."""

    reason = forms.CharField(
        label=_("Why do you give it back?"),
        max_length=LINE_LENGTH,
        error_messages={"required": _("Say why you give this lead back.")},
    )


class MoveForm(StyledForm):
    """A manager gives a waiting handoff to another AE."""

    to = forms.ModelChoiceField(
        label=_("Give to"),
        queryset=User.objects.none(),
        error_messages={"required": _("Choose who gets the handoff.")},
    )
    reason = forms.CharField(
        label=_("Why does it go to another desk?"),
        max_length=LINE_LENGTH,
        error_messages={"required": _("Say why the handoff goes to another desk.")},
    )

    def __init__(self, *args: Any, ae: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = account_executives().exclude(pk=ae.pk)


class OutcomesForm(StyledForm):
    """A CSV file of outcomes."""

    file = forms.FileField(
        label=_("File of outcomes"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"empty": _("The file is empty.")},
    )
