"""The form of one fact of a lead or its company, edited where it stands."""

from __future__ import annotations

from typing import Any

from django import forms

from qualification.forms import StyledForm
from qualification.review.facts import Fact

# As long as the longest column.
MAX_LENGTH = 255
# What keyboard a phone shows.
MODES = {
    "email": "email",
    "phone": "tel",
    "website": "url",
    "employees": "numeric",
    "revenue": "numeric",
}


class FactForm(StyledForm):
    """`text` is what it should say; `take` is what a source says, chosen instead; `seen` what it
    said when the form was drawn."""

    take = forms.CharField(required=False, max_length=MAX_LENGTH, widget=forms.HiddenInput)
    seen = forms.CharField(
        required=False, max_length=MAX_LENGTH, strip=False, widget=forms.HiddenInput
    )

    def __init__(self, data: Any = None, *, fact: Fact) -> None:
        known = {"text": fact.text, "seen": fact.text}
        super().__init__(data, initial=known, auto_id=f"id_{fact.key}_%s")
        attrs = {
            "autocomplete": "off",
            "data-focus-key": f"fact-{fact.key}",
            "data-focus-new": True,
            "inputmode": MODES.get(fact.key, "text"),
        }
        self.fields["text"] = forms.CharField(
            label=fact.label,
            required=False,
            max_length=MAX_LENGTH,
            widget=forms.TextInput(attrs=attrs),
        )

    @property
    def wanted(self) -> str:
        """What it should say."""
        chosen: str = self.cleaned_data["take"] or self.cleaned_data["text"]
        return chosen
