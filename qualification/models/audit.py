"""The chain: an entry for each decision and each change of rules, calendars, routing, policy,
rights; and what was found when somebody looked."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One link. Written by triggers of PostgreSQL in the transaction of the change, never by us.

    `digest` covers the row's columns without personal values, `sealed` the others together with
    `salt`; `hash` covers everything here but the salt, and `previous`, the hash before it. Deeds:
    insert, update, delete, and record for rows older than the chain.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=10)
    deed = models.CharField(max_length=6)
    subject_table = models.CharField(max_length=63)
    subject = models.BigIntegerField()
    # No foreign key: the entry outlives whoever did it.
    actor = models.BigIntegerField(null=True)
    digest = models.CharField(max_length=64)
    sealed = models.CharField(max_length=64, blank=True)
    salt = models.BinaryField(null=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-seq"]
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(
                fields=["subject_table", "subject", "-seq"], name="qualification_auditentry_last"
            )
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.deed} {self.subject_table} {self.subject}"


class AuditCheck(models.Model):
    """One look at the whole chain. The head it saw must be in the chain for ever after."""

    at = models.DateTimeField()
    entries = models.BigIntegerField(help_text=_("Entries whose hashes were computed again."))
    rows = models.BigIntegerField(help_text=_("Rows compared with their digests."))
    head_seq = models.BigIntegerField()
    head_hash = models.CharField(max_length=64, blank=True)
    breaks = models.BigIntegerField()
    first_break = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}: {self.breaks}"
