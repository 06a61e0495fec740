"""Release notes: all of them, one with who has read it, and that somebody has."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from qualification.models import ReleaseNote
from qualification.permissions import Right, has_right, require
from qualification.scoring import releases
from qualification.views.fetch import reader_of
from qualification.views.replies import go_to

SHOWN = 100


@require_GET
@require(Right.SEE_LEADS)
def release_list(request: HttpRequest) -> HttpResponse:
    """What changed in the scores and when, newest first."""
    notes = ReleaseNote.objects.select_related("model", "before", "published_by")[:SHOWN]
    return render(request, "qualification/release_list.html", {"notes": notes})


@require_GET
@require(Right.SEE_LEADS)
def release_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One note; managers and admins see who has read it and who has not."""
    notes = ReleaseNote.objects.select_related("model", "before", "published_by")
    note = get_object_or_404(notes, pk=pk)
    reader = reader_of(request)
    may_audit = has_right(reader, Right.AUDIT)
    context = {
        "note": note,
        "is_unread": releases.is_unread(note, reader=reader),
        "readers": releases.readers_of(note, viewer=reader) if may_audit else (),
        "may_audit": may_audit,
    }
    return render(request, "qualification/release_page.html", context)


@require_POST
@require(Right.WORK_QUEUE)
def release_acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """This person has read the note; the banner goes."""
    note = get_object_or_404(ReleaseNote, pk=pk)
    releases.acknowledge(note=note, by=reader_of(request), now=timezone.now())
    messages.success(request, _("Thanks. You have read what changed."))
    return go_to(request, reverse("qualification:queue"))
