"""Forms about accepted leads: given back, moved to another desk, and what became of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qualification.forms import LINE_LENGTH, StyledForm, TargetField


class ReturnForm(StyledForm):
    """The AE gives a handoff back."""

    reason = forms.CharField(
        label=_("Why do you give it back?"),
        max_length=LINE_LENGTH,
        error_messages={"required": _("Say why you give this lead back.")},
    )


class MoveForm(StyledForm):
    """A manager gives a waiting handoff to another desk."""

    to = TargetField(
        label=_("Give to"), error_messages={"required": _("Choose who gets the handoff.")}
    )
    reason = forms.CharField(
        label=_("Why does it go to another desk?"),
        max_length=LINE_LENGTH,
        error_messages={"required": _("Say why the handoff goes to another desk.")},
    )


class PartnerAnswerForm(StyledForm):
    """What a partner says about a handoff, or what a manager was told by them."""

    answer = forms.ChoiceField(
        label=_("They"),
        choices=[("take", _("take it")), ("return", _("give it back"))],
        error_messages={"required": _("Say whether they take it.")},
    )
    reason = forms.CharField(label=_("Why?"), required=False, max_length=LINE_LENGTH)

    def clean(self) -> dict[str, Any]:
        """A lead that comes back comes with a reason."""
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "return" and not cleaned.get("reason"):
            self.add_error("reason", _("Say why you give this lead back."))
        return cleaned


class OutcomesForm(StyledForm):
    """A CSV file of outcomes."""

    file = forms.FileField(
        label=_("File of outcomes"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"empty": _("The file is empty.")},
    )
