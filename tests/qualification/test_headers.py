"""What every answer carries: a strict policy, no sniffing, no frames, nothing kept by the browser;
and templates that such a policy leaves whole."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from crm.models import User
from tests.qualification.access import ACCESS, EVERYBODY
from tests.qualification.test_access import path_of

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))

# Attributes of a tag, with template tags inside quotes or between them.
INLINE = re.compile(r"""<[a-z][^<>]*?\s(style|on[a-z]+)\s*=""", re.IGNORECASE)
SCRIPT = re.compile(r"<script\b[^>]*>", re.IGNORECASE)


def assert_strict(response: HttpResponse, what: str) -> None:
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy, what
    assert "unsafe" not in policy, what
    for directive in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy, what
    assert response["X-Content-Type-Options"] == "nosniff", what
    assert response["Referrer-Policy"] == "same-origin", what
    assert response["X-Frame-Options"] == "DENY", what


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_it_is_strict_for_whoever_may_look(
    role: str, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    client = login(people[role])
    for name, access in ACCESS.items():
        if "GET" in access.methods and role in (access.roles or EVERYBODY):
            response = client.get(path_of(name))
            # 422: a dialog about rows, and none is chosen.
            assert response.status_code in {200, 302, 404, 422}
            assert_strict(response, name)
            assert "no-store" in response["Cache-Control"], name


@pytest.mark.django_db
def test_it_is_strict_where_nobody_is_known(
    client: Client, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    for path in ("/login/", "/queue/", "/no-such-page/"):
        assert_strict(client.get(path), path)
    refused = login(people["marketing"]).get("/queue/")
    assert refused.status_code == 403
    assert_strict(refused, "refused")
    assert "no-store" in refused["Cache-Control"]


def test_its_templates_have_nothing_inline() -> None:
    found = {path.name: inline_in(path.read_text()) for path in TEMPLATES}
    assert {name: inline for name, inline in found.items() if inline} == {}


def test_it_would_see_something_inline() -> None:
    for text in (
        '<p class="{% if a > b %}x{% endif %}" style="color: red">',
        '<button onclick="go()">',
        "<style>p { color: red }</style>",
        "<script>go()</script>",
    ):
        assert inline_in(text), text
    allowed = '<script nonce="{{ request.csp_nonce }}">1</script><script src="/a.js"></script>'
    assert inline_in(f'{allowed}<a href="?on=1" data-style="x">style="x"</a>') == []


def inline_in(text: str) -> list[str]:
    """Handlers, styles and scripts that the policy would refuse."""
    # A `>` inside a template tag would end the tag for the pattern.
    plain = re.sub(r"{[%{].*?[%}]}", lambda tag: tag[0].replace(">", " ").replace("<", " "), text)
    scripts = [tag for tag in SCRIPT.findall(plain) if "src=" not in tag and "nonce=" not in tag]
    return [found[0] for found in INLINE.finditer(plain)] + scripts + re.findall("<style", plain)
