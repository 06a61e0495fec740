"""Who a session belongs to: the person with team and roles in one query; every page needs both."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from crm.models import User
from crm.roles import remember_roles


class PersonBackend(ModelBackend):
    """Django's log-in by name and password; the person comes with their team and roles."""

    def get_user(self, user_id: int) -> User | None:
        """The active person of a session, None when they may not work here any more."""
        named = ArrayAgg("groups__name", filter=Q(groups__isnull=False), default=[])
        people = User.objects.select_related("team").annotate(group_names=named)
        person = people.filter(pk=user_id).first()
        if person is None or not self.user_can_authenticate(person):
            return None
        remember_roles(person, person.group_names)
        return person
