"""Who a session belongs to: the person with their team in one query; every page names both."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend

from crm.models import User


class PersonBackend(ModelBackend):
    """Django's log-in by name and password; the person comes with their team."""

    def get_user(self, user_id: int) -> User | None:
        """The active person of a session, None when they may not work here any more."""
        person = User.objects.select_related("team").filter(pk=user_id).first()
        return person if person is not None and self.user_can_authenticate(person) else None
