"""Decisions: what a person decided, why, and exactly what it was based on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Team, User
from crm.models.fields import KeptUntilErased
from crm.sight import leads_in_sight
from qualification.choices import DecisionKind, Influence
from qualification.models.destination import Partner, Target, one_target
from qualification.models.review import ReviewItem
from qualification.models.scoring import ScoringModel

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

TO_NOBODY = Q(ae=None, team=None, partner=None)
# The wall behind `review.decisions.accept_lead`, for whoever writes past it: nothing required by
# the checklist of the stay is open. See `review.checklists.Question.is_met`.
_ACCEPT_IS_ANSWERED = """
    IF EXISTS (
        SELECT FROM qualification_reviewitem AS i
        LEFT JOIN qualification_frameworkitem AS q
            ON q.framework_id = i.framework_id AND q.is_required
        LEFT JOIN qualification_criterion AS c ON c.id = q.criterion_id
        LEFT JOIN qualification_checklistanswer AS a ON a.lead_id = NEW.lead_id
            AND a.criterion_id = q.criterion_id AND a.superseded_at IS NULL
        WHERE i.id = NEW.item_id AND (i.framework_id IS NULL OR (q.id IS NOT NULL AND NOT coalesce(
            (a.state IN ('confirmed', 'inferred') OR (a.state = 'unknown' AND q.unknown_ok))
            AND (q.stale_ok OR c.stale_after_days IS NULL
                OR (NEW.at AT TIME ZONE 'UTC')::date - a.answered_on <= c.stale_after_days),
            false
        )))
    ) THEN
        RAISE EXCEPTION 'required answers are open' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


@pghistory.track()
class RejectionReason(models.Model):
    """Why a lead is rejected.

    `influences` says which dimension such a rejection is evidence about.
    """

    key = models.SlugField(max_length=40, unique=True)
    group = models.CharField(max_length=40)
    label = models.CharField(max_length=80)
    influences = models.CharField(max_length=6, choices=Influence, default=Influence.NONE)
    suggests_nurture = models.BooleanField(default=False)
    needs_note = models.BooleanField(default=False)
    needs_attempts = models.BooleanField(
        default=False, help_text=_("Refused before the minimum number of attempts.")
    )
    returns_credit = models.BooleanField(
        default=False,
        help_text=_("Nobody could have worked it: it does not count as a lead given to somebody."),
    )
    is_active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.label


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, user: User | AnonymousUser) -> DecisionQuerySet:
        """Decisions on leads in this user's sight."""
        return self.filter(leads_in_sight(user, prefix="lead__"))

    def standing(self) -> DecisionQuerySet:
        """Accepts, rejects and nurtures that were neither undone nor overturned."""
        return self.filter(
            kind__in=[DecisionKind.ACCEPT, DecisionKind.REJECT, DecisionKind.NURTURE],
            reversal__isnull=True,
        )


class Decision(models.Model):
    """One decision, append-only. An undo or an overturn is a row of its own that `reverses`
    another.

    `frozen` holds what the reviewer saw: facts, ledger, answers, clock; the past screen is drawn
    from it. `fired` maps the key of each rule that fired to the tenths it gave, for evidence.
    """

    item = models.ForeignKey(ReviewItem, on_delete=models.PROTECT, related_name="decisions")
    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="decisions",
        db_index=False,  # qualification_decision_journey begins with it
    )
    kind = models.CharField(max_length=10, choices=DecisionKind)
    reason = models.ForeignKey(
        RejectionReason, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)
    override_reason = models.CharField(
        max_length=300, blank=True, help_text=_("Why required answers were waived, by a manager.")
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    asked_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Who asked for it, where policy wants two people."),
    )
    # Whom an accepted lead was handed to: one of these.
    ae = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    model = models.ForeignKey(ScoringModel, null=True, on_delete=models.PROTECT, related_name="+")
    total_tenths = models.IntegerField(default=0)
    grade = models.CharField(max_length=2, blank=True)
    fired = models.JSONField(default=dict)
    frozen = models.JSONField(default=dict)
    reverses = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversal"
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="reject", reason__isnull=False, reverses=None) & TO_NOBODY
                | Q(kind="accept", reason=None, reverses=None) & one_target()
                | Q(kind="nurture", reverses=None) & TO_NOBODY
                | Q(kind__in=["reversed", "overturned"], reverses__isnull=False),
                name="qualification_decision_complete",
            ),
            models.CheckConstraint(
                condition=Q(asked_by=None) | ~Q(asked_by=F("by")),
                name="qualification_decision_by_two",
            ),
        ]
        indexes = [
            # Evidence and the list of rejected leads read decisions by time.
            models.Index(fields=["kind", "-at"], name="qualification_decision_kind"),
            # A page of the journey.
            models.Index(fields=["lead", "-at", "-id"], name="qualification_decision_journey"),
        ]
        triggers = [
            KeptUntilErased(name="append_only", blanks="note override_reason frozen"),
            pgtrigger.Trigger(
                name="accept_is_answered",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.kind = 'accept' AND NEW.override_reason = ''"),
                func=_ACCEPT_IS_ANSWERED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of lead {self.lead_id}"

    @property
    def to(self) -> Target | None:
        """Whom the lead was handed to when it was decided; None where it was not accepted."""
        return self.ae or self.team or self.partner
