"""Every page in the time of who reads it: no clock stands still when the reader moves to Kathmandu,
five hours and three quarters ahead."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.html import strip_tags

from crm.models import User
from tests.browser import pages

pytestmark = pytest.mark.django_db
# A time of day; what has seconds lasts.
CLOCK = re.compile(r"(?<![\d:])[0-2]\d:[0-5]\d(?![\d:])")
# The one clock that is meant to be another's: what time it is for the lead.
THEIRS = re.compile(r"\d\d:\d\d(?= for them|, (not a )?good time to call)")
ELSEWHERE = "Asia/Kathmandu"


def clocks(client: Client, path: str) -> list[str]:
    """The times of day on a page, in order."""
    html = client.get(path).content.decode()
    text = strip_tags(re.sub(r"<(script|template|option)\b.*?</\1>", "", html))
    return CLOCK.findall(THEIRS.sub("", text))


def test_no_page_shows_the_time_of_another_zone(login: Callable[[User], Client]) -> None:
    things = pages.made_up_company()
    found: dict[str, list[str]] = {}
    seen = 0
    for name, (role, address) in pages.PAGES.items():
        if role == pages.STRANGER:
            continue
        path = address.format_map(things)
        reader = User.objects.filter(username=pages.READERS[role])
        reader.update(time_zone="UTC")
        at_home = clocks(login(reader.get()), path)
        reader.update(time_zone=ELSEWHERE)
        away = clocks(login(reader.get()), path)
        seen += len(away)
        stood = [one for one, other in zip(at_home, away, strict=False) if one == other]
        if stood:
            found[name] = stood
    assert found == {}
    assert seen > 80
