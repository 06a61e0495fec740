"""The form of a person's notices: one box for each kind and channel, and when they may come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from qualification.choices import Channel, Digest, NoticeKind
from qualification.forms import StyledForm
from qualification.models import NoticeSettings
from qualification.notices.preferences import Wishes


@dataclass(frozen=True)
class KindRow:
    """A kind with its boxes, in the order of the channels."""

    label: str
    boxes: tuple[BoundField, ...]


class PreferencesForm(StyledForm):
    """Shows what holds now; `wanted` is what was ticked."""

    is_quiet = forms.BooleanField(
        label=_("Only while my team is open"),
        required=False,
        help_text=_("E-mail and chat wait for the next opening. LeadQual shows notices at once."),
    )
    digest = forms.ChoiceField(
        label=_("E-mail that waited comes"), choices=Digest.choices, widget=forms.RadioSelect
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        kinds: Sequence[NoticeKind],
        wishes: Wishes,
        settings: NoticeSettings,
    ) -> None:
        super().__init__(data, initial={"is_quiet": settings.is_quiet, "digest": settings.digest})
        self.kinds, self.wishes = kinds, wishes
        for kind in kinds:
            for channel in Channel:
                self.fields[_name(kind, channel)] = forms.BooleanField(
                    label=f"{kind.label}: {channel.label}",
                    required=False,
                    initial=wishes.wants(kind, channel),
                )

    def rows(self) -> Iterator[KindRow]:
        """The kinds with their boxes."""
        for kind in self.kinds:
            boxes = tuple(self[_name(kind, channel)] for channel in Channel)
            yield KindRow(str(kind.label), boxes)

    def channels(self) -> list[str]:
        """The heads of the columns."""
        return [str(channel.label) for channel in Channel]

    def wanted(self) -> set[tuple[NoticeKind, Channel]]:
        """What was ticked, of a valid form; kinds it does not show stay as they are."""
        return {
            (kind, channel)
            for kind in NoticeKind
            for channel in Channel
            if self.cleaned_data.get(_name(kind, channel), False)
            or (kind not in self.kinds and self.wishes.wants(kind, channel))
        }


def _name(kind: NoticeKind, channel: Channel) -> str:
    return f"{kind}-{channel}"
