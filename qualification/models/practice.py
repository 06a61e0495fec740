"""Practice: rounds of past leads somebody judges again without knowing what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from crm.roles import Role, roles_of
from qualification.models.decision import Decision, RejectionReason

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

_CASE_OF_THEIR_ROUND = """
    IF NOT EXISTS (
        SELECT FROM qualification_practiceround AS r
        JOIN qualification_decision AS d ON d.id = NEW.decision_id
        WHERE r.id = NEW.round_id AND r.person_id = NEW.person_id AND d.lead_id = NEW.lead_id
    ) THEN
        RAISE EXCEPTION 'a case is of the person of its round and the lead of its decision'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


class PracticeRoundQuerySet(models.QuerySet["PracticeRound"]):
    def visible_to(self, user: User | AnonymousUser) -> PracticeRoundQuerySet:
        """One's own, and for managers those of the people of their team."""
        sight = Q(person=user.pk)
        team = getattr(user, "team_id", None)
        if team is not None and Role.MANAGER in roles_of(user):
            sight |= Q(person__team=team)
        return self.filter(sight)

    def open(self) -> PracticeRoundQuerySet:
        """Rounds with a case nobody judged yet."""
        return self.filter(finished_at=None)


class PracticeRound(models.Model):
    """One round of a person. Written by `practice/rounds.py` only; no statistic reads it.

    `pool` holds the decisions it was drawn from, by kind; with `seed` and `size` the draw can be
    done again (`practice/draw.py`).
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="practice_rounds")
    size = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    pool = models.JSONField(help_text=_("Kind → numbers of decisions, newest first."))
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = PracticeRoundQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(finished_at=None),
                name="qualification_practice_one_open",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="draw_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.finished_at IS NOT NULL OR (OLD.person_id, OLD.size, OLD.seed, OLD.pool,"
                    " OLD.started_at) IS DISTINCT FROM (NEW.person_id, NEW.size, NEW.seed,"
                    " NEW.pool, NEW.started_at)"
                ),
            )
        ]

    def __str__(self) -> str:
        return f"practice {self.pk} of {self.person}"


class PracticeCase(models.Model):
    """A past decision in a round, and what the person would have decided; judged once.

    `gone`: when it was their turn the personal data were erased, or the lead was out of sight.
    """

    class Choice(models.TextChoices):
        ACCEPT = "accept", _("Accept")
        REJECT = "reject", _("Reject")
        NURTURE = "nurture", _("Nurture")
        GONE = "gone", _("Left out")

    round = models.ForeignKey(
        PracticeRound, on_delete=models.CASCADE, related_name="cases", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    # As in the round: a lead is shown to a person once, whatever the round.
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="+")
    choice = models.CharField(max_length=7, choices=Choice, blank=True)
    reason = models.ForeignKey(
        RejectionReason, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    judged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["round", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["round", "position"], name="qualification_practice_position"
            ),
            models.UniqueConstraint(
                fields=["person", "lead"], name="qualification_practice_lead_once"
            ),
            models.CheckConstraint(
                condition=Q(choice="", reason=None, judged_at=None)
                | Q(choice="reject", reason__isnull=False, judged_at__isnull=False)
                | Q(choice__in=["accept", "nurture", "gone"], reason=None, judged_at__isnull=False),
                name="qualification_practice_judged",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="of_their_round",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=_CASE_OF_THEIR_ROUND,
            ),
            pgtrigger.Protect(
                name="judged_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.choice <> '' OR (OLD.round_id, OLD.position, OLD.lead_id, OLD.decision_id)"
                    " IS DISTINCT FROM (NEW.round_id, NEW.position, NEW.lead_id, NEW.decision_id)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.position} of round {self.round_id}"
