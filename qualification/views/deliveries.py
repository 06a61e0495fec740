"""What was to be delivered and was not: the list, and sending one or all again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from qualification.handoff import deliveries
from qualification.models import OutboxMessage
from qualification.permissions import Right, require
from qualification.views.dialogs import done
from qualification.views.fetch import reader_of
from qualification.views.paging import number_in, url_at


@require_GET
@require(Right.AUDIT)
def delivery_list(request: HttpRequest) -> HttpResponse:
    """Messages given up, or tried again, in the reader's sight; narrowed by the place."""
    places = deliveries.places()
    which = "trying" if request.GET.get("which") == "trying" else "dead"
    lane = request.GET.get("lane", "")
    lane = lane if lane in places else ""
    found = deliveries.undelivered(request.user, which=which, lane=lane)
    page = deliveries.delivery_page(
        found, before=number_in(request, "before"), after=number_in(request, "after")
    )
    context = {
        "rows": [
            deliveries.Delivery(message, places.get(message.lane, message.lane))
            for message in page.rows
        ],
        "which": which,
        "lane": lane,
        "places": places.items(),
        "newer_url": url_at(request, "after", page.newer),
        "older_url": url_at(request, "before", page.older),
    }
    return render(request, "qualification/delivery_list.html", context)


@require_POST
@require(Right.AUDIT)
def delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    """One message is sent again; one that is not given up stays as it is."""
    message = get_object_or_404(OutboxMessage.objects.visible_to(request.user), pk=pk)
    one = OutboxMessage.objects.filter(pk=message.pk)
    return _again(request, deliveries.deliver_again(one, by=reader_of(request), now=timezone.now()))


@require_POST
@require(Right.AUDIT)
def delivery_all_again(request: HttpRequest) -> HttpResponse:
    """Everything given up in the reader's sight is sent again, for one place or for all."""
    found = deliveries.undelivered(
        request.user, which="dead", lane=request.POST.get("lane", "")[:40].replace("\x00", "")
    )
    return _again(
        request, deliveries.deliver_again(found, by=reader_of(request), now=timezone.now())
    )


def _again(request: HttpRequest, n: int) -> HttpResponse:
    text = (
        ngettext("%(n)s message is sent again.", "%(n)s messages are sent again.", n) % {"n": n}
        if n
        else _("Nothing to send again: it is on its way already.")
    )
    return done(request, f"{reverse('qualification:delivery-list')}?which=trying", text)
