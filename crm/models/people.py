"""The people who work here and their teams."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.roles import Role


class Team(models.Model):
    """A group of SDRs with a queue of its own. One team is the fallback: every lead has a team."""

    name = models.CharField(max_length=80, unique=True)
    is_fallback = models.BooleanField(
        default=False,
        help_text=_("Leads nobody else is named for wait here; every team sees them."),
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_fallback"],
                condition=models.Q(is_fallback=True),
                name="crm_team_one_fallback",
            )
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Somebody who logs in. What they may do comes from their groups (SDR, AE, manager, …)."""

    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="members"
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text=_("IANA name."))
    has_single_keys = models.BooleanField(
        _("single-key shortcuts"), default=True, help_text=_("Off: letters alone do nothing.")
    )
    # Written by `qualification/hints.py` only.
    hidden_hints = ArrayField(
        models.CharField(max_length=9),
        default=list,
        blank=True,
        editable=False,
        help_text=_("Roles whose first steps this person has put away."),
    )
    # Names of the roles, once somebody asked `crm.roles.roles_of`; no column.
    _roles: frozenset[str]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(hidden_hints__contained_by=Role.values), name="crm_user_known_hints"
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        letters = f"{self.first_name[:1]}{self.last_name[:1]}" or self.username[:2]
        return letters.upper()
