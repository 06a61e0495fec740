"""Every list of the admin has its place among the topics and says what it is for."""

from __future__ import annotations

import pytest
from django.contrib import admin as django_admin
from django.test import Client

from qualification import admin_topics as topics

# Registered by packages; they ask for Django's permissions, so nobody sees them.
OF_PACKAGES = {"crm", "qualification"}


def test_every_list_has_one_place() -> None:
    registered = sorted(
        model._meta.label_lower
        for model in django_admin.site._registry
        if model._meta.app_label in OF_PACKAGES
    )
    assert sorted(page.model for page in topics.pages()) == registered


@pytest.mark.django_db
def test_the_first_page_says_what_each_list_is_for(admin: Client) -> None:
    page = admin.get("/admin/").content.decode()
    assert [one.url for one in topics.pages() if f'href="{one.url}"' not in page] == []
    assert "When a team is open. Clocks run only then." in page


@pytest.mark.django_db
def test_a_list_says_what_it_is_for_and_that_it_is_empty(admin: Client) -> None:
    page = admin.get("/admin/qualification/accountowner/").content.decode()
    assert "Named companies whose leads go to one person" in page
    assert "Nothing here yet" in page
    filtered = admin.get("/admin/qualification/businesscalendar/?q=nobody").content.decode()
    assert "Nothing matches" in filtered
