"""The log-in page; in a demo it names the people one can be."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView

from crm.models import User
from crm.roles import Role
from qualification.demo import company
from qualification.permissions import open_to_all


class LogIn(LoginView):
    """Django's log-in, opened to all."""

    redirect_authenticated_user = True

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return open_to_all(super().as_view(**initkwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if settings.SHOW_DEMO_LOGINS:
            context["demo_logins"] = demo_logins()
        return context


def demo_logins() -> list[dict[str, str]]:
    """The demo's people that exist here, with their common password."""
    names = [person.username for person in company.PEOPLE]
    present = set(User.objects.filter(username__in=names).values_list("username", flat=True))
    return [
        {
            "username": person.username,
            "password": company.PASSWORD,
            "name": f"{person.first_name} {person.last_name}",
            "role": f"{Role(person.role).label}, {person.team}",
        }
        for person in company.PEOPLE
        if person.username in present
    ]
