"""Where leads come from and the raw messages as they came."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.people import Team


class Source(models.Model):
    """A named way in. `name` stands in the path and on every lead that came this way."""

    class Kind(models.TextChoices):
        JSON = "json", _("Signed JSON webhook")
        FORM = "form", _("Public web form")
        FILE = "file", _("File import")
        CRM = "crm", _("CRM")

    name = models.SlugField(max_length=60, unique=True)
    label = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=4, choices=Kind)
    credential = models.CharField(
        max_length=64, unique=True, help_text=_("Random part of the path; not a password.")
    )
    secret = models.CharField(
        max_length=200, blank=True, help_text=_("Signs JSON bodies (HMAC-SHA256).")
    )
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Who works its leads; empty: the fallback team."),
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="json") | ~models.Q(secret=""),
                name="crm_source_json_is_signed",
            )
        ]

    def __str__(self) -> str:
        return self.label or self.name


class InboxMessage(models.Model):
    """One message, stored before anything is understood of it. `body` is kept byte for byte.

    State: `new` waits for `pipeline.process`, `done` became a lead or an activity, `quarantined`
    could not be understood (`error` says why). `due_at` is when the sweep may try it (again).
    """

    class State(models.TextChoices):
        NEW = "new", _("Waiting")
        DONE = "done", _("Done")
        QUARANTINED = "quarantined", _("Set aside")

    # crm_inbox_one_per_event begins with it.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    event_key = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    content_type = models.CharField(max_length=120, blank=True)
    body = models.BinaryField()
    state = models.CharField(max_length=11, choices=State, default=State.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    lead = models.ForeignKey("crm.Lead", null=True, on_delete=models.SET_NULL, related_name="+")
    processed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "event_key"], name="crm_inbox_one_per_event")
        ]
        indexes = [
            # The inbox sweep: what is due and not done.
            models.Index(fields=["due_at"], condition=models.Q(state="new"), name="crm_inbox_due")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.event_key}"
