"""The frame of the admin: its theme, its style elements, its ways of writing dates."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/admin/", "/admin/qualification/businesscalendar/"])
def test_the_policy_knows_every_style_element_of_the_theme(admin: Client, path: str) -> None:
    response = admin.get(path)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", response.content.decode(), re.DOTALL)
    assert styles
    for style in styles:
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in response["Content-Security-Policy"]


def test_the_theme_of_the_workspace_counts(admin: Client) -> None:
    admin.cookies["theme"] = "dark"
    assert 'class="dark"' in admin.get("/admin/").content.decode()


def test_times_are_written_as_in_the_workspace(admin: Client) -> None:
    page = admin.get("/admin/crm/user/").content.decode()
    assert "p.m." not in page
