"""Counts what strangers send, by address, in a fixed window in this process; no address is kept."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from qualification.client_address import client_address


def comes_too_often(request: HttpRequest, *, door: str, limit: int, seconds: int) -> bool:
    """Whether this address came to this door more than `limit` times in the window; counts it."""
    address = salted_hmac("intake", f"{door} {client_address(request)}").hexdigest()
    key = f"door:{address}"
    if cache.add(key, 1, seconds):
        return False
    try:
        return int(cache.incr(key)) > limit
    except ValueError:  # the window ended in between
        return False
