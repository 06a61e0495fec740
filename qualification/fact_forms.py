"""The form of what is known of a lead and its company, each field with what sources say."""

from __future__ import annotations

from typing import Any

from django import forms

from crm.exceptions import FactsInvalid
from crm.facts import facts_of, stated_about
from crm.models import Lead
from qualification.forms import StyledForm
from qualification.review.facts import LABELS

MAX_LENGTH = 254


class FactsForm(StyledForm):
    """A field for each fact; `said` of a field lists what sources say otherwise."""

    def __init__(self, data: Any = None, *, lead: Lead) -> None:
        known = facts_of(lead)
        super().__init__(data, initial={key: str(value) for key, value in known.items()})
        said = stated_about(lead)
        for key, value in known.items():
            field = forms.CharField(label=LABELS[key], required=False, max_length=MAX_LENGTH)
            field.said = [  # type: ignore[attr-defined]
                told for told in said.get(key, ()) if str(told.value) != str(value)
            ]
            self.fields[key] = field

    def refuse(self, refused: FactsInvalid) -> None:
        """Puts what is wrong beside its field."""
        for key, text in refused.wrong.items():
            self.add_error(key if key in self.fields else None, text)
