"""Queue filters somebody keeps under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.models import Team, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User | AnonymousUser) -> SavedViewQuerySet:
        """One's own, and those shared with one's team."""
        team = getattr(user, "team_id", None)
        shared = Q(team=team) if team is not None else Q(pk__in=[])
        return self.filter(Q(owner=user.pk) | shared)


class SavedView(models.Model):
    """A person's own tab over the queue. `query` is the query string of `QueueFilter`
    (qualification/filters.py), checked when it is saved. Written by `review/saved_views.py` only.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)
    is_default = models.BooleanField(default=False, help_text=_("What the queue opens with."))
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="saved_views",
        help_text=_("Everybody of this team sees it too."),
    )
    created_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("owner", Lower("name"), name="qualification_view_name"),
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(is_default=True),
                name="qualification_view_one_default",
            ),
            models.CheckConstraint(condition=Q(query__gt=""), name="qualification_view_narrows"),
        ]

    def __str__(self) -> str:
        return self.name
