"""Decides how numbers, times and names are worded: true minus, one decimal, `1 h 20 m`.

Pure functions. Called by the template tags and by text written in Python (mails, toasts).
"""

import zlib
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

MINUS = "−"
COUNTDOWN_BELOW = timedelta(minutes=15)
AVATAR_HUES = 5


def tenths_of(points: Decimal | float | int) -> int:
    """Whole tenths of a number of points; half goes to the even neighbour."""
    exact = Decimal(str(points)) * 10
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def unsigned_tenths(tenths: int) -> str:
    """Tenths as a total: `865` is `86.5`; below zero with a true minus."""
    whole, rest = divmod(abs(tenths), 10)
    return f"{MINUS if tenths < 0 else ''}{whole}.{rest}"


def signed_tenths(tenths: int) -> str:
    """Tenths as a change: `+20.0`, `−6.5`, and `0.0` without a sign."""
    return f"+{unsigned_tenths(tenths)}" if tenths > 0 else unsigned_tenths(tenths)


def duration_text(length: timedelta) -> str:
    """A length of time: `48 m`, `1 h 04 m`, `3 d 4 h`; overdue at least `−1 m`."""
    overdue = length < timedelta(0)
    minutes = max(abs(length) // timedelta(minutes=1), int(overdue))
    sign = MINUS if overdue else ""
    if minutes < 60:
        return f"{sign}{minutes} m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{sign}{hours} h {minutes:02d} m" if minutes else f"{sign}{hours} h"
    days, hours = divmod(hours, 24)
    return f"{sign}{days} d {hours} h" if hours else f"{sign}{days} d"


def open_time_text(minutes: int) -> str:
    """A length of open time: `45 m`, `1 h 30 m`, `48 h`; never in days, which have as many open
    hours as a calendar says."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} m"
    return f"{hours} h {rest:02d} m" if rest else f"{hours} h"


def countdown_text(left: timedelta) -> str:
    """Time left on a clock: `06:40` below 15 minutes, else as a length; overdue is negative."""
    if timedelta(0) <= left < COUNTDOWN_BELOW:
        minutes, seconds = divmod(int(left.total_seconds()), 60)
        return f"{minutes:02d}:{seconds:02d}"
    return duration_text(left)


def percent_text(share: Decimal | float, decimals: int = 0) -> str:
    """A share between 0 and 1 as percent: `31%`, with one decimal `31.4%`."""
    text = f"{abs(float(share)) * 100:.{decimals}f}%"
    return f"{MINUS}{text}" if share < 0 and float(text[:-1]) else text


def initials_of(name: str) -> str:
    """First letters of the first and the last word, upper case; `?` for no name."""
    words = [word for word in name.replace(".", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    return letters.upper()


def hue_of(name: str) -> int:
    """A steady avatar hue 1 to 5 for a name."""
    return zlib.crc32(name.encode()) % AVATAR_HUES + 1


def axis_top(*shares: float, least: float = 0.6) -> float:
    """Upper end of a shared percent axis: at least `least`, in steps of a tenth, at most 1."""
    highest = max((least, *shares))
    return min(1.0, -(-round(highest * 1000) // 100) / 10)
