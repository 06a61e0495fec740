"""Places in a list as they stand in the URL."""

from __future__ import annotations

from django.http import HttpRequest

PLACES = ("before", "after")


def number_in(request: HttpRequest, name: str) -> int | None:
    """A whole number of the query string; None when it is none or too long for a key."""
    return number_of(request.GET.get(name, ""))


def number_of(text: str) -> int | None:
    """The text as a number a key can be; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def url_at(request: HttpRequest, name: str, pk: int | None) -> str:
    """The same filters, at another place; blank at the end of the list."""
    if pk is None:
        return ""
    query = request.GET.copy()
    for other in PLACES:
        query.pop(other, None)
    query[name] = str(pk)
    return f"?{query.urlencode()}"
