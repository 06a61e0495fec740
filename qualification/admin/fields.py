"""Fields of the admin that take what people write instead of JSON and codes."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)


def words_as_text(words: list[str]) -> str:
    """A list as somebody would write it."""
    return ", ".join(words)


class WordsField(forms.CharField):
    """Words with commas between them; stored as a sorted list in lower case."""

    def __init__(self, *, label: Any, help_text: Any) -> None:
        super().__init__(
            label=label, required=False, widget=UnfoldAdminTextInputWidget, help_text=help_text
        )

    def prepare_value(self, value: Any) -> Any:
        return words_as_text(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = re.split(r"[,;\n]", str(value or ""))
        return sorted({part.strip().lower() for part in parts if part.strip()})

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


class WeekdaysField(forms.MultipleChoiceField):
    """Days of the week; stored as their digits, 1 is Monday."""

    def __init__(self, *, label: Any, help_text: Any) -> None:
        super().__init__(
            label=label,
            choices=[(str(day + 1), name) for day, name in WEEKDAYS.items()],
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            help_text=help_text,
        )

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, str) else value

    def clean(self, value: Any) -> Any:
        return "".join(sorted(super().clean(value)))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or "") != sorted(data or [])


class ZoneField(forms.ChoiceField):
    """An IANA time zone, to choose."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Time zone"),
            choices=[(name, name) for name in sorted(available_timezones())],
            widget=UnfoldAdminSelectWidget,
        )


class SecretField(forms.CharField):
    """A secret that is typed and never shown again; left empty the one there is stays."""

    def __init__(self, *, help_text: Any) -> None:
        super().__init__(
            label=_("Secret"),
            required=False,
            min_length=16,
            max_length=200,
            widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
            help_text=help_text,
        )
