"""What people are told, how each wants to hear of it, and the chat tools that listen."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, Team, User
from qualification.choices import Channel, Digest, NoticeKind


class Notice(models.Model):
    """Something told to one person. Written by `qualification/notices/tell.py` only.

    `words` fill the sentence of the kind; what is said of the lead is read with the lead, when the
    notice is, so that a lead out of sight shows nothing. `due_at` is when mail and chat are planned
    (NULL: they are, or nobody wants them).
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=24, choices=NoticeKind)
    key = models.CharField(max_length=120, help_text=_("Told twice is told once."))
    lead = models.ForeignKey(
        Lead, null=True, blank=True, on_delete=models.CASCADE, related_name="notices"
    )
    words: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    at = models.DateTimeField()
    is_in_app = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    was_held_back = models.BooleanField(default=False)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="qualification_notice_once")
        ]
        indexes = [
            # The page of a person.
            models.Index(
                fields=["person", "-at", "-id"],
                condition=Q(is_in_app=True),
                name="qualification_notice_page",
            ),
            # The bell.
            models.Index(
                fields=["person"],
                condition=Q(is_in_app=True, read_at=None),
                name="qualification_notice_unread",
            ),
            # The sweep that plans mail and chat.
            models.Index(
                fields=["due_at", "person"],
                condition=Q(due_at__isnull=False),
                name="qualification_notice_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"


class NoticePreference(models.Model):
    """That a person wants a kind of notice on a channel, or does not; without a row the default of
    the kind holds (`notices/preferences.py`)."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_preferences")
    kind = models.CharField(max_length=24, choices=NoticeKind)
    channel = models.CharField(max_length=7, choices=Channel)
    is_on = models.BooleanField()

    class Meta:
        ordering = ["person", "kind", "channel"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind", "channel"], name="qualification_noticepreference_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {self.is_on}"


class NoticeSettings(models.Model):
    """When mail and chat may reach a person. Without a row: quiet while the team is closed, then
    each notice by itself."""

    person = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="notice_settings"
    )
    is_quiet = models.BooleanField(
        default=True, help_text=_("Hold mail and chat back while the team is closed.")
    )
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.NONE)

    def __str__(self) -> str:
        return f"{self.person_id}: {self.digest}"


class WebhookTarget(models.Model):
    """A chat tool that is told: every notice of people of the team who want chat, once."""

    name = models.CharField(max_length=80, unique=True)
    url = models.CharField(max_length=500)
    secret = models.CharField(max_length=200)
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="webhook_targets",
        help_text=_("Whose people it is for; empty: everybody."),
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("chat tool")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(secret=""), name="qualification_webhooktarget_signed"
            )
        ]

    def __str__(self) -> str:
        return self.name
