"""What the reader was told: the list, opening one, marking read, and how they want to hear."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from qualification.channels.reach import reach_of
from qualification.context import unread_words
from qualification.models import Notice
from qualification.notice_forms import PreferencesForm
from qualification.notices import preferences, reads
from qualification.permissions import Right, require
from qualification.review.newest import newest_page
from qualification.views.fetch import reader_of
from qualification.views.paging import number_in, url_at
from qualification.views.replies import go_to, is_htmx

PAGE_LENGTH = 50


@require_GET
@require(Right.USE)
def notice_list(request: HttpRequest) -> HttpResponse:
    """What the reader was told, the newest first; `unread` leaves out what they have read."""
    reader = reader_of(request)
    only_unread = "unread" in request.GET
    found = reads.notices_of(reader)
    page = newest_page(
        found.filter(read_at=None) if only_unread else found,
        stamp="at",
        length=PAGE_LENGTH,
        before=number_in(request, "before"),
        after=number_in(request, "after"),
    )
    newest = found.values_list("pk", flat=True).first()
    context = {
        "rows": reads.shown_to(reader, page.rows),
        "only_unread": only_unread,
        "unread": reads.unread_count(reader),
        "newest": newest,
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    return render(request, "qualification/notice_list.html", context)


@require_GET
@require(Right.USE)
def notice_bell(request: HttpRequest) -> HttpResponse:
    """The number on the bell, for pages that stay open."""
    return HttpResponse(unread_words(request))


@require_POST
@require(Right.USE)
def notice_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Marks the notice read and opens what it is about."""
    reader, notice = reader_of(request), _own(request, pk)
    reads.mark_read(notice=notice, now=timezone.now())
    (shown,) = reads.shown_to(reader, [notice])
    return go_to(request, shown.url or reverse("qualification:notice-list"))


@require_POST
@require(Right.USE)
def notice_read(request: HttpRequest, pk: int) -> HttpResponse:
    """The reader has read this one; the row shows it."""
    reader, notice = reader_of(request), _own(request, pk)
    reads.mark_read(notice=notice, now=timezone.now())
    if not is_htmx(request):
        return redirect("qualification:notice-list")
    notice.refresh_from_db(fields=["read_at"])
    (shown,) = reads.shown_to(reader, [notice])
    context = {"row": shown, "unread": reads.unread_count(reader), "is_answer": True}
    return render(request, "qualification/_notice_row.html", context)


@require_POST
@require(Right.USE)
def notice_read_all(request: HttpRequest) -> HttpResponse:
    """The reader has read everything up to `newest`, the newest the page showed."""
    text = request.POST.get("newest", "")
    up_to = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    marked = reads.mark_all_read(person=reader_of(request), up_to=up_to, now=timezone.now())
    messages.success(request, _("%(n)s marked as read.") % {"n": marked})
    return go_to(request, reverse("qualification:notice-list"))


@require_http_methods(["GET", "POST"])
@require(Right.USE)
def notice_preferences(request: HttpRequest) -> HttpResponse:
    """Which kinds reach the reader on which channels, and when."""
    reader = reader_of(request)
    form = PreferencesForm(
        request.POST if request.method == "POST" else None,
        kinds=preferences.kinds_for(reader),
        wishes=preferences.wishes_of([reader.pk])[reader.pk],
        settings=preferences.settings_of(reader),
    )
    if form.is_valid():
        preferences.choose(
            person=reader,
            wanted=form.wanted(),
            is_quiet=form.cleaned_data["is_quiet"],
            digest=form.cleaned_data["digest"],
        )
        messages.success(request, _("Saved. It counts from the next notice on."))
        return go_to(request, reverse("qualification:notice-preferences"))
    context = {"form": form, "reach": reach_of(reader, now=timezone.now())}
    status = 422 if form.errors else 200
    return render(request, "qualification/notice_preferences_page.html", context, status=status)


def _own(request: HttpRequest, pk: int) -> Notice:
    """The reader's notice; another person's is a 404 like one that does not exist."""
    return get_object_or_404(reads.notices_of(request.user), pk=pk)
