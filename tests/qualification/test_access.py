"""Every URL × role × method against the table in `access.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from crm.models import User
from tests import factories
from tests.qualification.access import ACCESS, EVERYBODY

pytestmark = pytest.mark.django_db
OURS = ("qualification",)
ABSENT = 987_654_321


def our_patterns(
    resolver: URLResolver | None = None, namespace: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every named pattern of ours, as (full name, pattern)."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace in (None, *OURS):
                yield from our_patterns(entry, entry.namespace or namespace)
        elif namespace in OURS:
            yield f"{namespace}:{entry.name}", entry


NAMES = dict(our_patterns())


def path_of(name: str) -> str:
    """A path that names things that do not exist."""
    absent = {"IntConverter": ABSENT, "UUIDConverter": UUID(int=ABSENT)}
    kwargs: dict[str, object] = {}
    for key, converter in NAMES[name].pattern.converters.items():
        kwargs[key] = absent.get(type(converter).__name__, "absent")
    return reverse(name, kwargs=kwargs)


def test_it_knows_every_url() -> None:
    assert set(ACCESS) == set(NAMES)


@pytest.mark.parametrize("name", sorted(ACCESS))
def test_it_sends_strangers_to_the_login(name: str, client: Client) -> None:
    access = ACCESS[name]
    for method in access.methods:
        response = getattr(client, method.lower())(path_of(name))
        if access.roles is None:
            assert response.status_code != 403
        else:
            assert response.status_code == 302
            assert response["Location"].startswith("/login/")


@pytest.mark.parametrize("role", sorted(EVERYBODY))
@pytest.mark.parametrize("name", sorted(ACCESS))
def test_it_answers_by_role(
    name: str, role: str, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    access = ACCESS[name]
    client = login(people[role])
    for method in access.methods:
        status = getattr(client, method.lower())(path_of(name)).status_code
        is_allowed = access.roles is None or role in access.roles
        if not is_allowed:
            assert status == 403, f"{method} {name} as {role}"
        elif NAMES[name].pattern.converters:
            assert status == 404, f"{method} {name} as {role}"
        else:
            assert status in {200, 204, 302, 409, 422}, f"{method} {name} as {role}"


@pytest.mark.parametrize("name", sorted(ACCESS))
def test_it_refuses_other_methods(
    name: str, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    access = ACCESS[name]
    role = next(iter(sorted(access.roles or EVERYBODY)))
    client = login(people[role])
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - access.methods:
        status = getattr(client, method.lower())(path_of(name)).status_code
        assert status == 405, f"{method} {name}"


def test_it_answers_a_foreign_lead_like_an_absent_one(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    foreign = factories.LeadFactory(
        team=factories.TeamFactory(name="Elsewhere"), last_name="Canary-Kx9"
    )
    client = login(people["sdr"])
    for name, access in ACCESS.items():
        if not name.startswith("qualification:lead-") or "sdr" not in (access.roles or ()):
            continue
        for method in access.methods:
            absent = getattr(client, method.lower())(path_of(name))
            hidden = getattr(client, method.lower())(
                path_of(name).replace(str(ABSENT), str(foreign.pk))
            )
            assert hidden.status_code == absent.status_code == 404
            assert stripped(hidden.content) == stripped(absent.content)
            assert b"Canary" not in hidden.content


def stripped(content: bytes) -> list[bytes]:
    """Lines of a page without those that carry a token or the time."""
    return [
        line
        for line in content.splitlines()
        if b"csrf" not in line and b"nonce" not in line and b"server-time" not in line
    ]


def test_it_keeps_everybody_but_admins_out_of_the_admin(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    for role, user in people.items():
        client = login(user)
        status = client.get("/admin/").status_code
        assert status == (200 if role == "admin" else 302), role


def test_the_admin_opens_every_list_and_form(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    from django.contrib import admin

    client = login(people["admin"])
    for model, model_admin in admin.site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{base}_changelist")).status_code == 200, base
        request = type("Request", (), {"user": people["admin"]})()
        expected = 200 if model_admin.has_add_permission(request) else 403
        assert client.get(reverse(f"{base}_add")).status_code == expected, base
