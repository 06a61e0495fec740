"""What waits for a person, for the frame of every page: tasks whose time has come, unread notices.

Called by the context processor; the topics themselves say what counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value

from crm.models import User
from qualification.notices.reads import unread_of
from qualification.review.my_work import due_runs, due_tasks


@dataclass(frozen=True)
class Todo:
    """How many of each; unread notices up to `notices.reads.COUNTED`."""

    unread: int
    tasks: int


def todo_of(person: User, *, works: bool, now: datetime) -> Todo:
    """Both numbers in one query: a row of one word for each thing that waits. `works` whether the
    person works the queue; others have no tasks."""
    parts: list[QuerySet[Any, Any]] = [unread_of(person).values_list(Value("unread"))]
    if works:
        tasks = (due_tasks(person, now=now), due_runs(person, now=now))
        parts += [part.order_by().values_list(Value("task")) for part in tasks]
    first, *others = parts
    found = Counter(word for (word,) in first.union(*others, all=True))
    return Todo(unread=found["unread"], tasks=found["task"])
