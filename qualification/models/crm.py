"""The CRMs accepted leads go to, and what each calls our leads, accounts and handoffs."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Source, Team


class CrmConnection(models.Model):
    """A place that accepted leads are delivered to, and that may tell how they ended.

    The secret is not in the database: `secret_name` names a variable of the environment. What the
    CRM tells comes in under `source`. `polled_until` is the moment up to which its changes were
    read; `poll_due_at` when they are read next (NULL: it tells by itself or not at all).
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, help_text=_("Which connector speaks to it."))
    url = models.CharField(max_length=500)
    secret_name = models.CharField(max_length=80)
    options: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="crm_connections",
        help_text=_("Whose accepted leads go there; empty: everybody's."),
    )
    source = models.OneToOneField(Source, on_delete=models.PROTECT, related_name="crm_connection")
    is_active = models.BooleanField(
        default=True, help_text=_("Off: messages wait until it is on again.")
    )
    created_at = models.DateTimeField()
    polled_until = models.DateTimeField(null=True, blank=True)
    poll_due_at = models.DateTimeField(null=True, blank=True)
    poll_error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("CRM connection")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(secret_name=""), name="qualification_crmconnection_has_secret"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        """The lane of its messages in the outbox."""
        return f"crm:{self.pk}"


class CrmLink(models.Model):
    """What a CRM calls something of ours: readable in both directions, one each."""

    class Kind(models.TextChoices):
        LEAD = "lead", _("Lead")
        ACCOUNT = "account", _("Account")
        HANDOFF = "handoff", _("Handoff")

    connection = models.ForeignKey(CrmConnection, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=7, choices=Kind)
    our_id = models.BigIntegerField()
    vendor_id = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "our_id"], name="qualification_crmlink_one"
            )
        ]
        indexes = [
            # What comes back names the vendor's id.
            models.Index(
                fields=["connection", "kind", "vendor_id"], name="qualification_crmlink_back"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.our_id} = {self.vendor_id}"
