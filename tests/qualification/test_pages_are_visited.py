"""No page without a visit of axe and of a keyboard: the list of `tests/browser/pages.py` against
the table of URLs."""

from __future__ import annotations

import pytest
from django.urls import resolve

from tests.browser.pages import NO_PAGES, PAGES, READERS, STRANGER
from tests.qualification.access import ACCESS

PREFIX = "qualification:"
READ = {name.removeprefix(PREFIX) for name, access in ACCESS.items() if "GET" in access.methods}


def test_every_name_that_is_read_is_a_visited_page_or_says_why_not() -> None:
    assert set(PAGES) | set(NO_PAGES) == READ
    assert not set(PAGES) & set(NO_PAGES)
    assert all(NO_PAGES.values())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_its_address_is_of_that_name_and_its_reader_may(name: str) -> None:
    role, address = PAGES[name]
    numbered = _Numbers()
    assert resolve(address.format_map(numbered).partition("?")[0]).url_name == name
    roles = ACCESS[f"{PREFIX}{name}"].roles
    assert (roles is None) == (role == STRANGER)
    assert roles is None or role in roles
    assert role in READERS or role == STRANGER


class _Numbers(dict[str, str]):
    """Any thing is number 1."""

    def __missing__(self, key: str) -> str:
        return "1"
