"""Decides how points and integer tenths turn into one another.
Pure. Used wherever a score is written, read or shown."""

from __future__ import annotations

from decimal import Decimal


def tenths_of(points: Decimal) -> int:
    """Integer tenths of points with one decimal, exact."""
    return int(points * 10)


def points_of(tenths: int) -> Decimal:
    """Points with one decimal of integer tenths."""
    return (Decimal(tenths) / 10).quantize(Decimal("0.1"))


def points_text(tenths: int, *, signed: bool = False) -> str:
    """Points as plain text with one decimal, such as 12.5; signed: with + above zero."""
    return f"{points_of(tenths):{'+' if signed and tenths else ''}.1f}"
