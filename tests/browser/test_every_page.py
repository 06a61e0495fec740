"""Every page in front of axe by its reader, in both themes, wide and on a phone; and by one other
who may read it. By everybody: `AXE_OTHERS=9 make test ARGS=tests/browser/test_every_page.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest
from playwright.sync_api import Page, Response

from tests.browser import pages
from tests.browser.axe import Visit, check
from tests.qualification.access import ACCESS

pytestmark = pytest.mark.django_db(transaction=True)
OTHERS = int(os.environ.get("AXE_OTHERS", "1"))


def visitors() -> dict[str, list[str]]:
    """The roles that look at each page: its reader, and some of the others who may."""
    random, found = Random(4), {}
    for name, (reader, _address) in pages.PAGES.items():
        roles = ACCESS[f"qualification:{name}"].roles or set()
        others = sorted(role for role in pages.READERS if role in roles and role != reader)
        found[name] = [reader, *random.sample(others, min(OTHERS, len(others)))]
    return found


def visits_of(role: str, things: dict[str, str]) -> list[Visit]:
    """The pages this role looks at, at the address of the list."""
    return [
        Visit(f"{name} as {role}", pages.PAGES[name][1].format_map(pages.for_role(things, role)))
        for name, roles in visitors().items()
        if role in roles
    ]


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
