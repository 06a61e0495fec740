"""The time zone of a person by its name; a name nobody knows means UTC.

Called by the middleware for pages and by sweeps for days that a person named.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_named(name: str) -> ZoneInfo:
    """The zone with this IANA name, else UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones
        return ZoneInfo("UTC")
