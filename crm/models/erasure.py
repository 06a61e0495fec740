"""Who asked to be forgotten: requests, what was given out before, whom not to write to again."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.fields import append_only
from crm.models.lead import Lead
from crm.models.people import User


class ErasureReason(models.TextChoices):
    """Why personal data go."""

    ASKED = "asked", _("The person asked for it")
    WITHDRAWN = "withdrawn", _("Consent was withdrawn")
    NOT_NEEDED = "not_needed", _("The data are no longer needed")
    UNLAWFUL = "unlawful", _("There was no right to have them")


class Erasure(models.Model):
    """That a person is to be, or was, erased. Written by `qualification/personal/erase.py` only.

    `reference` names the request outside, such as a ticket, and nobody by name. No person in
    `asked_by` or `carried_out_by`: the operator of the installation. `company` is the account that
    nobody else belonged to and that went with them. Never changed once it is carried out.
    """

    lead = models.OneToOneField(Lead, on_delete=models.PROTECT, related_name="erasure")
    reference = models.CharField(max_length=120)
    reason = models.CharField(max_length=10, choices=ErasureReason)
    is_no_contact = models.BooleanField(
        default=False, help_text=_("They are recognised and left alone when they turn up again.")
    )
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    carried_out_at = models.DateTimeField(null=True, blank=True)
    carried_out_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    company = models.BigIntegerField(null=True, blank=True, unique=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(carried_out_at__isnull=False)
                | Q(carried_out_at=None, carried_out_by=None, company=None),
                name="crm_erasure_carried_out",
            ),
            models.CheckConstraint(condition=~Q(reference=""), name="crm_erasure_has_reference"),
        ]
        indexes = [
            # The requests that wait.
            models.Index(
                fields=["asked_at"],
                condition=Q(carried_out_at=None),
                name="crm_erasure_waiting",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="stays_carried_out",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.carried_out_at IS NOT NULL"),
            )
        ]

    def __str__(self) -> str:
        return f"erasure of lead {self.lead_id}"


class NoContact(models.Model):
    """A keyed hash of something an erased person was known by: nothing of them can be read from
    it, and who comes with the same is recognised (`crm/matching/no_contact.py`)."""

    digest = models.CharField(max_length=64, unique=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="no_contact")

    class Meta:
        ordering = ["id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"no contact after erasure {self.erasure_id}"


class PersonalExport(models.Model):
    """That everything held about a person was given out: to whom and when. Append-only."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    form = models.CharField(max_length=4, choices=[("json", "JSON"), ("zip", "CSV")])

    class Meta:
        ordering = ["-at", "-id"]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"export of lead {self.lead_id}"
