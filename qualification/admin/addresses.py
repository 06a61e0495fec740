"""The address messages are posted to, as an admin types it."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from qualification.outbox.addresses import UnsafeAddress, refuse_url


class WithAddress(forms.ModelForm):  # type: ignore[type-arg]
    """A form with the field `url`."""

    def clean_url(self) -> str:
        """Only https; whether the name points to a public address is looked at on sending."""
        url: str = self.cleaned_data["url"]
        try:
            refuse_url(url)
        except UnsafeAddress as error:
            raise ValidationError(str(error)) from error
        return url
