"""What each role may do. One table; views name the right they need, everything else is denied.

`require(right)` marks a view with its right; `open_to_all` marks the few views without log-in. The
middleware `DenyByDefault` refuses any view that carries neither.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from crm.roles import Role, roles_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from crm.models import User

P = ParamSpec("P")


class Right(StrEnum):
    """Something a page or a verb needs."""

    USE = "use"  # be logged in at all
    SEE_LEADS = "see_leads"
    WORK_QUEUE = "work_queue"
    OVERRIDE = "override"
    REASSIGN = "reassign"
    AUDIT = "audit"
    ANSWER_HANDOFFS = "answer_handoffs"
    SEE_PROPOSALS = "see_proposals"
    APPROVE_PROPOSALS = "approve_proposals"
    EDIT_SCORING = "edit_scoring"
    PUBLISH = "publish"
    SEE_SOURCES = "see_sources"
    ERASE = "erase"


RIGHTS: dict[str, frozenset[Right]] = {
    Role.SDR: frozenset({Right.USE, Right.SEE_LEADS, Right.WORK_QUEUE}),
    Role.AE: frozenset({Right.USE, Right.SEE_LEADS, Right.ANSWER_HANDOFFS}),
    Role.MANAGER: frozenset(
        {
            Right.USE,
            Right.SEE_LEADS,
            Right.WORK_QUEUE,
            Right.OVERRIDE,
            Right.REASSIGN,
            Right.AUDIT,
            Right.SEE_PROPOSALS,
            Right.APPROVE_PROPOSALS,
            Right.SEE_SOURCES,
        }
    ),
    Role.ADMIN: frozenset(set(Right) - {Right.ANSWER_HANDOFFS}),
    Role.MARKETING: frozenset({Right.USE, Right.SEE_SOURCES}),
}


def rights_of(user: User | AnonymousUser) -> frozenset[Right]:
    """Everything this user may do; nothing for nobody."""
    return frozenset().union(*(RIGHTS[role] for role in roles_of(user)))


def has_right(user: User | AnonymousUser, right: Right) -> bool:
    """Whether one of the user's roles carries the right."""
    return right in rights_of(user)


def require(
    right: Right,
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """The view needs this right: log-in page for strangers, 403 for everybody without it."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not has_right(request.user, right):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        checked = login_required(guarded)
        checked.required_right = right  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate


def open_to_all(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The view is for anybody: log-in, health, intake."""
    view.required_right = None  # type: ignore[attr-defined]
    return view
