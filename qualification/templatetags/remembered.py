"""Tags that draw the same for the same values, drawn once: a page of the queue asks for hundreds.

For figures, states and words of rules; never for what is known of a person, which would outlive
its erasure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language

# More pairs of figures than the leads of a busy team have.
MOST = 4096


def remembered(draw: Callable[..., SafeString]) -> Callable[..., SafeString]:
    """The tag, which keeps what it drew by its arguments and the language of the reader."""

    @lru_cache(maxsize=MOST, typed=True)
    def kept(_language: str | None, *args: Any, **kwargs: Any) -> SafeString:
        return draw(*args, **kwargs)

    @wraps(draw)
    def tag(*args: Any, **kwargs: Any) -> SafeString:
        return kept(get_language(), *args, **kwargs)

    return tag
