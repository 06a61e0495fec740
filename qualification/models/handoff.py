"""What goes on to an AE, a team or a partner."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Team, User
from crm.models.fields import KeptUntilErased
from qualification.choices import TargetKind
from qualification.models.decision import Decision
from qualification.models.destination import Partner, Target, one_target

# The wall behind `handoff.needs`: the destination is told only what may be told, and enough.
_NEEDS_ARE_MET = """
    IF EXISTS (SELECT FROM leadqual_lacks(NEW.lead_id) AS f WHERE f.target = NEW.target) THEN
        RAISE EXCEPTION 'what this destination needs is missing' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


class Handoff(models.Model):
    """An accepted lead with an AE, on the desk of a team, or at a partner. The packet is what they
    read and never changes. On the desk of a team, `ae` is the one who answered."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ACCEPTED = "accepted", _("Taken")
        RETURNED = "returned", _("Returned")
        CANCELLED = "cancelled", _("Undone")

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="handoff")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="handoffs")
    target = models.CharField(max_length=7, choices=TargetKind, default=TargetKind.AE)
    ae = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="handoffs"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="desk_handoffs"
    )
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="handoffs"
    )
    packet = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    return_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(state="waiting"),
                name="qualification_handoff_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(state="returned") | ~Q(return_reason=""),
                name="qualification_handoff_return_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(target="ae", ae__isnull=False, team=None, partner=None)
                | Q(target="team", team__isnull=False, partner=None)
                & (Q(ae=None) | Q(state__in=["accepted", "returned"]))
                | Q(target="partner", partner__isnull=False, ae=None, team=None),
                name="qualification_handoff_fits_target",
            ),
        ]
        triggers = [
            KeptUntilErased(
                name="packet_is_frozen",
                blanks="packet return_reason",
                condition=pgtrigger.Condition("OLD.packet IS DISTINCT FROM NEW.packet"),
            ),
            pgtrigger.Trigger(
                name="needs_are_met",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("target"),  # type: ignore[no-untyped-call]
                func=_NEEDS_ARE_MET,
            ),
        ]

    def __str__(self) -> str:
        return f"handoff of lead {self.lead_id}"

    @property
    def to(self) -> Target:
        """Whom it waits for, or went to."""
        found = {TargetKind.TEAM: self.team, TargetKind.PARTNER: self.partner}.get(
            TargetKind(self.target), self.ae
        )
        assert found is not None  # noqa: S101 - a constraint
        return found


def _named(model: type[models.Model]) -> Any:
    """One of the columns that name where a handoff was, or went."""
    return models.ForeignKey(
        model, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )


class HandoffMove(models.Model):
    """A waiting handoff went from one desk to another: who moved it, and why. Append-only."""

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="moves")
    from_ae = _named(User)
    from_team = _named(Team)
    from_partner = _named(Partner)
    to_ae = _named(User)
    to_team = _named(Team)
    to_partner = _named(Partner)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="qualification_handoffmove_has_reason"
            ),
            models.CheckConstraint(
                condition=one_target("from_") & one_target("to_"),
                name="qualification_handoffmove_from_one_to_one",
            ),
            models.CheckConstraint(
                condition=~(
                    Q(from_ae=F("to_ae"))
                    | Q(from_team=F("to_team"))
                    | Q(from_partner=F("to_partner"))
                ),
                name="qualification_handoffmove_goes_on",
            ),
        ]
        triggers = [
            KeptUntilErased(
                name="append_only",
                blanks="reason",
                of="(SELECT h.lead_id FROM qualification_handoff AS h WHERE h.id = OLD.handoff_id)",
            )
        ]

    def __str__(self) -> str:
        return f"handoff {self.handoff_id} went to another desk"

    @property
    def from_target(self) -> Target | None:
        """Where it was."""
        found: Target | None = self.from_ae or self.from_team or self.from_partner
        return found

    @property
    def to_target(self) -> Target | None:
        """Where it went."""
        found: Target | None = self.to_ae or self.to_team or self.to_partner
        return found
