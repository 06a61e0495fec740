"""Forms of nurture: what wakes a lead, when it is put to sleep and when its plan is changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qualification.forms import StyledForm, TokenForm, activity_types, date_input, note_field
from qualification.models import Cadence, NurturePlan, RejectionReason
from qualification.review.contracts import LEAD_DAYS, ContractEnd
from qualification.review.nurture import WakeWish

# Days until a nurtured lead wakes up; blank: no date, something else wakes it.
WAKE_PRESETS = (
    ("14", _("2 weeks")),
    ("30", _("1 month")),
    ("90", _("3 months")),
    ("", _("No date")),
)
LEAD_TIMES = (
    (30, _("1 month before")),
    (60, _("2 months before")),
    (90, _("3 months before")),
    (180, _("6 months before")),
)


class WakeForm(StyledForm):
    """What wakes the lead, whichever comes first."""

    preset = forms.ChoiceField(label=_("Wake up"), required=False, choices=WAKE_PRESETS)
    wake_on = forms.DateField(label=_("Wake up on"), required=False, widget=date_input())
    wake_activity = forms.ChoiceField(label=_("When they do this"), required=False)
    wake_rise = forms.DecimalField(
        label=_("When the score rises by"),
        required=False,
        min_value=1,
        max_digits=5,
        decimal_places=1,
    )
    contract_ends_on = forms.DateField(
        label=_("Before their contract ends on"), required=False, widget=date_input()
    )
    contract_lead_days = forms.TypedChoiceField(
        label=_("How long before"),
        required=False,
        coerce=int,
        choices=LEAD_TIMES,
        initial=LEAD_DAYS,
    )
    latest_on = forms.DateField(label=_("At the latest on"), required=False, widget=date_input())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        activity = self.fields["wake_activity"]
        assert isinstance(activity, forms.ChoiceField)  # noqa: S101 - declared above
        waited_for = self.initial.get("wake_activity") or ""
        types = sorted({*activity_types(), *([waited_for] if waited_for else [])})
        activity.choices = [("", "–"), *((name, name.replace("_", " ")) for name in types)]
        self._offer_lead_time(self.initial.get("contract_lead_days"))
        tomorrow = timezone.localdate() + timedelta(days=1)
        for name in ("wake_on", "latest_on", "contract_ends_on"):
            self.fields[name].widget.attrs["min"] = tomorrow.isoformat()
        self.fields["wake_rise"].widget.attrs["step"] = "0.1"

    def _offer_lead_time(self, days: int | None) -> None:
        """The lead time a plan has stays on offer, whatever it is."""
        field = self.fields["contract_lead_days"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        offered = [choice[0] for choice in LEAD_TIMES]
        if days is not None and days not in offered:
            words = _("%(n)s days before") % {"n": days}
            field.choices = sorted([*LEAD_TIMES, (days, words)], key=lambda choice: choice[0])

    @property
    def wish(self) -> WakeWish:
        """The wake conditions as they were chosen; the rise in tenths."""
        data = self.cleaned_data
        rise = data["wake_rise"]
        return WakeWish(
            on=data["wake_on"] or _in_days(data["preset"]),
            activity=data["wake_activity"],
            rise_tenths=None if rise is None else int(rise * 10),
            contract_ends_on=data["contract_ends_on"],
            contract_lead_days=data["contract_lead_days"] or LEAD_DAYS,
            latest_on=data["latest_on"],
        )


def _in_days(preset: str) -> date | None:
    return timezone.localdate() + timedelta(days=int(preset)) if preset else None


class NurtureForm(WakeForm, TokenForm):
    """Put a lead to sleep: why, until when, and whether somebody keeps in touch meanwhile."""

    reason = forms.ModelChoiceField(
        label=_("Reason"),
        queryset=RejectionReason.objects.filter(is_active=True, suggests_nurture=True),
        empty_label=_("Choose a reason"),
        error_messages={"required": _("Choose a reason from the list.")},
    )
    cadence = forms.ModelChoiceField(
        label=_("Keep in touch"),
        required=False,
        queryset=Cadence.objects.filter(is_active=True),
        empty_label=_("Let them rest"),
    )
    note = note_field()


def first_wishes(contract: ContractEnd | None) -> dict[str, Any]:
    """What the dialog offers: a month, or well before the contract ends where that is known and
    still ahead."""
    today = timezone.localdate()
    if contract is None or contract.on <= today + timedelta(days=LEAD_TIMES[0][0]):
        return {"preset": WAKE_PRESETS[1][0], "contract_lead_days": LEAD_DAYS}
    left = (contract.on - today).days
    ahead = max(days for days, _words in LEAD_TIMES[:3] if days < left)
    return {"preset": "", "contract_ends_on": contract.on, "contract_lead_days": ahead}


def wishes_of(plan: NurturePlan) -> dict[str, Any]:
    """The conditions of a plan, as the form shows them."""
    days = None
    if plan.contract_ends_on and plan.contract_wake_on:
        days = (plan.contract_ends_on - plan.contract_wake_on).days
    rise = plan.rise_tenths
    return {
        "preset": "",
        "wake_on": plan.wake_on,
        "wake_activity": plan.wake_activity,
        "wake_rise": None if rise is None else f"{rise / 10:.1f}",
        "contract_ends_on": plan.contract_ends_on,
        "contract_lead_days": LEAD_DAYS if days is None else days,
        "latest_on": plan.latest_on,
    }
