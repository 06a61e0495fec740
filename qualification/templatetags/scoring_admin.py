"""Filters and tags of the admin's pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils import timezone

from qualification import admin_topics as topics
from qualification.scoring.reviews import overdue

register = template.Library()


@register.filter
def item(values: Mapping[str, Any], key: str) -> Any:
    """The value under a key; nothing when there is none."""
    return values.get(key) if isinstance(values, Mapping) else None


@register.filter
def plain(name: str) -> str:
    """A name of the file format as words: `is_one_of` is `is one of`."""
    return name.replace("_", " ")


@register.simple_tag
def overdue_reviews() -> int:
    """How many rules somebody should have looked at by now."""
    return overdue(now=timezone.now()).count()


@register.simple_tag
def admin_topics() -> tuple[topics.Topic, ...]:
    """The lists of the admin by topic."""
    return topics.TOPICS


@register.simple_tag
def purpose_of(model: str) -> str:
    """What a list is for; `model` is `app.model`."""
    page = topics.page_of(model)
    return str(page.purpose) if page else ""
