"""Forms of the verbs: they read what was typed, offer only what is in reach, and decide nothing.

Called by views; whether the verb is allowed is for the rooms to say.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from crm.models import Activity, BuyingRole, Lead, Team, User
from crm.roles import Role
from qualification.choices import SkipReason, TouchKind, TouchResult
from qualification.handoff.desks import target_named
from qualification.handoff.needs import Need
from qualification.models import Framework, RejectionReason
from qualification.review.next_steps import SNOOZES, snooze_time

NOTE = _("Note")
NOTE_LENGTH = 2000
LINE_LENGTH = 300
RECENT_ACTIVITIES = 5000


def note_field(*, label: Any = NOTE, required: bool = False, rows: int = 3) -> forms.CharField:
    """A text of some lines; length limited, NUL refused by the field."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def date_input() -> forms.DateInput:
    """The browser's date field, which wants ISO whatever the language."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def moment_input() -> forms.DateTimeInput:
    """The browser's field for a day with a time, in the reader's zone."""
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class StyledField(BoundField):
    """Gives every control the class of its kind, so that templates need not repeat it."""

    def build_widget_attrs(self, attrs: Any, widget: Any = None) -> dict[str, Any]:
        """The attributes of the control, with its class."""
        built = super().build_widget_attrs(attrs, widget)
        kind = widget or self.field.widget
        if isinstance(kind, forms.Textarea):
            return {"class": "textarea", **built}
        if isinstance(kind, forms.Select):
            return {"class": "select", **built}
        if isinstance(kind, forms.CheckboxInput):
            return built
        return built if kind.is_hidden else {"class": "input", **built}


class StyledForm(forms.Form):
    """A form of our pages."""

    bound_field_class = StyledField


class TargetField(forms.CharField):
    """Where an accepted lead goes, as `ae:5`, `team:2` or `partner:3`."""

    default_error_messages = {"required": _("Choose who gets the lead.")}

    def clean(self, value: Any) -> Any:
        """The AE, team or partner; refused when nobody is there who could answer."""
        found = target_named(super().clean(value))
        if found is None:
            raise forms.ValidationError(_("Choose one from the list."))
        return found


class TokenForm(StyledForm):
    """Carries the token of the item as the page knew it."""

    token = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class AcceptForm(TokenForm):
    """Hand over to an AE, a team or a partner, with what these need; with required answers open a
    manager says why."""

    to = TargetField(label=_("Goes to"))
    override_reason = forms.CharField(
        label=_("Accept anyway because"), required=False, max_length=LINE_LENGTH
    )
    opening = note_field(label=_("A first sentence for the call"), rows=2)
    note = note_field()

    def __init__(self, *args: Any, needs: Collection[Need] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.needs = needs
        for need in needs:
            self.fields[need.field] = forms.CharField(
                label=need.label, required=False, max_length=LINE_LENGTH
            )

    def said(self) -> dict[str, str]:
        """What was said of what the destination needs, by subject."""
        return {need.subject: self.cleaned_data[need.field] for need in self.needs}

    def asked(self) -> list[tuple[Need, BoundField]]:
        """What a destination needs, each with its field."""
        return [(need, self[need.field]) for need in self.needs]


class RejectForm(TokenForm):
    """One reason; a note where the reason asks for it."""

    reason = forms.ModelChoiceField(
        label=_("Reason"),
        queryset=RejectionReason.objects.filter(is_active=True),
        error_messages={"required": _("Choose a reason from the list.")},
    )
    note = note_field(label=_("What did you learn?"))
    tell_marketing = forms.BooleanField(label=_("Tell marketing about the source"), required=False)
    override_reason = forms.CharField(
        label=_("Reject anyway because"), required=False, max_length=LINE_LENGTH
    )


class TouchForm(StyledForm):
    """A contact or attempt, and what comes next."""

    kind = forms.ChoiceField(label=_("Kind"), choices=TouchKind.choices)
    result = forms.ChoiceField(label=_("Result"), choices=TouchResult.choices)
    note = note_field(rows=2)
    next_task = forms.CharField(label=_("Next task"), required=False, max_length=160)
    next_task_at = forms.DateTimeField(label=_("When"), required=False, widget=moment_input())


class SnoozeForm(StyledForm):
    """Put an owned lead off until a time: one of the presets, or another."""

    preset = forms.ChoiceField(
        label=_("Until"), required=False, choices=SNOOZES, initial=SNOOZES[1][0]
    )
    until = forms.DateTimeField(label=_("Another time"), required=False, widget=moment_input())
    task = forms.CharField(label=_("Next task"), required=False, max_length=160)

    def moment(self, *, now: datetime, zone: ZoneInfo) -> datetime:
        """The time chosen; a typed one goes before a preset."""
        typed: datetime | None = self.cleaned_data["until"]
        return typed or snooze_time(self.cleaned_data["preset"], now=now, zone=zone)


class PauseForm(SnoozeForm):
    """Stop the clock of a lead, at the latest until a time."""

    task = None  # type: ignore[assignment]
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        error_messages={"required": _("Say why the clock stops.")},
        widget=forms.TextInput(attrs={"data-autofocus": True}),
    )


class HelpForm(StyledForm):
    """An SDR asks a manager to accept with required answers open."""

    question = forms.CharField(
        label=_("What should your manager know?"), required=False, max_length=LINE_LENGTH
    )


class ReleaseForm(StyledForm):
    """Give the lead back; the note stays with it."""

    note = forms.CharField(label=_("Note"), required=False, max_length=LINE_LENGTH)


class SkipForm(StyledForm):
    """Pass a claimed lead on: why, in words when the reason is another one."""

    reason = forms.ChoiceField(label=_("Reason"), choices=SkipReason.choices)
    note = forms.CharField(label=_("Note"), required=False, max_length=LINE_LENGTH)


class ReassignForm(StyledForm):
    """Give the item to a colleague who works the lead's queue."""

    to = forms.ModelChoiceField(label=_("Give to"), queryset=User.objects.none(), empty_label=None)

    def __init__(self, *args: Any, lead: Lead, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = colleagues_for(lead)


class BulkAssignForm(StyledForm):
    """Give several items to a colleague who works a queue they are in."""

    to = forms.ModelChoiceField(label=_("Give to"), queryset=User.objects.none(), empty_label=None)

    def __init__(self, *args: Any, teams: Collection[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = colleagues_of(teams)


class BulkReleaseForm(StyledForm):
    """Give several items back; words are wanted for what others hold."""

    note = forms.CharField(label=_("Why they go back"), required=False, max_length=LINE_LENGTH)


class SavedViewForm(StyledForm):
    """A name for filters of the queue; sharing is offered to those who may."""

    name = forms.CharField(label=_("Name"), max_length=40)
    is_default = forms.BooleanField(label=_("The queue opens with it"), required=False)
    is_shared = forms.BooleanField(label=_("My whole team sees it"), required=False)

    def __init__(self, *args: Any, may_share: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_shared"].disabled = not may_share
        self.may_share = may_share


class OverturnForm(StyledForm):
    """A manager puts a rejected lead back into the queue."""

    note = note_field(label=_("Why does the rejection not stand?"), required=True)


class BringBackForm(StyledForm):
    """A manager puts a lead that a rule turned away into the queue."""

    note = note_field(label=_("Why should somebody look at it?"), required=True)


class DeclineForm(StyledForm):
    """A proposal is declined."""

    reason = forms.CharField(
        label=_("Why do you decline it?"),
        max_length=LINE_LENGTH,
        error_messages={"required": _("Say why you decline it.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PublishForm(StyledForm):
    """A version goes live; the text stands in its release note."""

    text = note_field(label=_("What should people know?"))


class RollbackForm(StyledForm):
    """An earlier version of the rules comes back."""

    reason = forms.CharField(
        label=_("Why do you roll back?"),
        max_length=200,
        error_messages={"required": _("Say why you roll back.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class FrameworkForm(StyledForm):
    """The checklist to work with."""

    framework = forms.ModelChoiceField(
        label=_("Checklist"), queryset=Framework.objects.filter(is_active=True)
    )


class BuyingRoleForm(StyledForm):
    """The part a lead plays in the purchase, where that is known from and how sure it is."""

    role = forms.ChoiceField(label=_("Role"), choices=BuyingRole.choices)
    source = forms.CharField(label=_("From"), max_length=80, initial=_("Call"))
    confidence = forms.TypedChoiceField(
        label=_("How sure"),
        coerce=int,
        choices=[("100", _("Confirmed")), ("70", _("Likely")), ("40", _("A guess"))],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Beside the form of an answer, which has a source too.
        super().__init__(*args, **{"auto_id": "buying_%s", **kwargs})


class TryLeadForm(StyledForm):
    """A lead in the reader's sight, by its number or mail address; cleaned it is the Lead."""

    lead = forms.CharField(
        label=_("Lead"),
        max_length=254,
        widget=forms.TextInput(attrs={"placeholder": _("Number or mail address")}),
    )

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reader = reader

    def clean_lead(self) -> Lead:
        text = str(self.cleaned_data["lead"]).strip().removeprefix("#")
        is_number = text.isascii() and text.isdigit() and len(text) < 19
        by = {"pk": int(text)} if is_number else {"email__iexact": text}
        found = Lead.objects.visible_to(self.reader).filter(**by).first()
        if found is None:
            raise forms.ValidationError(_("No lead in your sight has this number or address."))
        return found


def colleagues_for(lead: Lead) -> QuerySet[User]:
    """Active people who work the queue the lead is in; everybody's for the fallback team."""
    return colleagues_of([lead.team])


def colleagues_of(teams: Collection[Team]) -> QuerySet[User]:
    """Active people who work the queue of one of these teams."""
    people = _active_in(Role.SDR, Role.MANAGER)
    return people if any(team.is_fallback for team in teams) else people.filter(team__in=teams)


def activity_types() -> list[str]:
    """The activity types among the latest activities, by name."""
    latest = Activity.objects.order_by("-pk").values("pk")[:RECENT_ACTIVITIES]
    types = Activity.objects.filter(pk__in=latest).order_by("type")
    return list(types.values_list("type", flat=True).distinct())


def _active_in(*roles: str) -> QuerySet[User]:
    groups = Group.objects.filter(name__in=roles)
    people = User.objects.filter(is_active=True, groups__in=groups).distinct()
    return people.order_by("first_name", "last_name", "username")
