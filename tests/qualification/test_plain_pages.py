"""Pages without navigation: log-in, its errors, demo people, refusals."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

PAGES = ["400", "403", "404", "500", "503", "403_csrf", "refused", "locked_out"]


@pytest.fixture(autouse=True)
def unhashed_static_files(settings):
    settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


def assert_nothing_inline(html: str) -> None:
    assert not re.search(r"\sstyle=", html)
    assert not re.search(r"\son[a-z]+=", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert "<style" not in html


@pytest.mark.parametrize("name", PAGES)
def test_it_answers_with_a_heading_and_a_way_out(name):
    html = render_to_string(f"{name}.html", {"message": "This lead was accepted a minute ago."})
    assert 'id="plain-h"' in html
    assert 'class="btn primary lg" href="/' in html
    assert_nothing_inline(html)


def test_it_says_which_rule_refused():
    assert "Too late." in render_to_string("refused.html", {"message": "Too late."})


@pytest.mark.django_db
def test_it_shows_the_log_in_form_with_labels():
    html = Client().get(reverse("login")).content.decode()
    assert '<label for="id_username">' in html
    assert '<label for="id_password">' in html
    assert_nothing_inline(html)


@pytest.mark.django_db
def test_it_keeps_the_name_and_explains_a_wrong_password():
    answer = Client().post(reverse("login"), {"username": "maya", "password": "wrong"})
    html = answer.content.decode()
    assert 'value="maya"' in html
    assert 'role="alert"' in html
    assert 'aria-invalid="true"' in html


def test_it_offers_demo_people_only_when_there_are_any():
    person = {"username": "maya", "password": "demo", "name": "Maya", "role": "SDR"}
    assert "Demo log-ins" in render_to_string("registration/login.html", {"demo_logins": [person]})
    assert "Demo log-ins" not in render_to_string("registration/login.html", {})
