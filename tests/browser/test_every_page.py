"""Every page in front of axe by whoever may read it, in both themes, wide and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response

from tests.browser import pages
from tests.browser.axe import Visit, check
from tests.qualification.access import ACCESS

pytestmark = pytest.mark.django_db(transaction=True)


def visits_of(role: str, things: dict[str, str]) -> list[Visit]:
    """Every page this role may read, at the address of the list."""
    found = []
    for name, (_reader, address) in pages.PAGES.items():
        roles = ACCESS[f"qualification:{name}"].roles
        if roles is None if role == pages.STRANGER else roles is not None and role in roles:
            path = address.format_map(pages.for_role(things, role))
            found.append(Visit(f"{name} as {role}", path))
    return found


def test_no_page_is_a_barrier(things: dict[str, str], open_as: Callable[[str], Page]) -> None:
    found, refused = [], set[str]()
    for role in (*pages.READERS, pages.STRANGER):
        page = open_as(role)
        mine = {at.format_map(things) for reader, at in pages.PAGES.values() if reader == role}
        page.on("response", lambda answer, mine=mine: refused.update(_refused(answer) & mine))
        found += check(page, visits_of(role, things))
        page.context.close()
    assert not found, "\n".join(found)
    assert refused == set()


def _refused(answer: Response) -> set[str]:
    """The address, where the page did not open."""
    return {"/" + answer.url.split("/", 3)[3]} if answer.status >= 400 else set()
