"""Companies: the list, the page of one, and whether we go after it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models import Account
from qualification.permissions import Right, has_right, require
from qualification.review import accounts
from qualification.views.fetch import reader_of
from qualification.views.paging import number_in, url_at
from qualification.views.replies import is_htmx

MAX_SEARCH = 100


@require_GET
@require(Right.SEE_LEADS)
def account_list(request: HttpRequest) -> HttpResponse:
    """Companies by name, narrowed by the beginning of a name or domain, or to targets."""
    text = request.GET.get("q", "").replace("\x00", "")[:MAX_SEARCH]
    is_target = request.GET.get("target") == "1"
    page = accounts.account_list(text=text, is_target=is_target, after=number_in(request, "after"))
    context = {
        "page": page,
        "text": text,
        "is_target": is_target,
        "next_url": url_at(request, "after", page.after),
        "is_first": number_in(request, "after") is None,
    }
    name = "_account_rows.html" if is_htmx(request) else "account_list.html"
    return render(request, f"qualification/{name}", context)


@require_GET
@require(Right.SEE_LEADS)
def account_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One company: facts, people, weeks, decisions."""
    account = get_object_or_404(Account, pk=pk)
    reader = reader_of(request)
    context = {
        "page": accounts.account_page(account, reader, now=timezone.now()),
        "account": account,
        "can_edit": has_right(reader, Right.REASSIGN),
    }
    return render(request, "qualification/account_page.html", context)


@require_GET
@require(Right.SEE_LEADS)
def account_weeks(request: HttpRequest, pk: int) -> HttpResponse:
    """How many people of the company were active week by week: a piece of the page of a lead."""
    account = get_object_or_404(Account, pk=pk)
    if not is_htmx(request):
        return redirect("qualification:account-detail", pk=pk)
    weeks = accounts.active_people(account, now=timezone.now())
    return render(request, "qualification/_active_weeks.html", {"weeks": weeks})


@require_POST
@require(Right.REASSIGN)
def account_target(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes the company a target (`is_target=1`), or one no more."""
    account = get_object_or_404(Account, pk=pk)
    wanted = request.POST.get("is_target") == "1"
    changed = accounts.set_target(
        account=account, is_target=wanted, by=reader_of(request), now=timezone.now()
    )
    if changed and wanted:
        said = _("%(name)s is a target account. Its leads are scored anew.")
    elif changed:
        said = _("%(name)s is no target account any more. Its leads are scored anew.")
    else:
        said = _("%(name)s was so already.")
    messages.success(request, said % {"name": account})
    return redirect("qualification:account-detail", pk=pk)


@require_POST
@require(Right.REASSIGN)
def account_parent(request: HttpRequest, pk: int) -> HttpResponse:
    """The company belongs to the one with this domain or name; blank: to none."""
    account = get_object_or_404(Account, pk=pk)
    text = request.POST.get("parent", "").replace("\x00", "")[:MAX_SEARCH].strip()
    parent = accounts.find_account(text) if text else None
    if text and parent is None:
        messages.error(request, _("No single company has the domain or name “%s”.") % text)
        return redirect("qualification:account-detail", pk=pk)
    accounts.set_parent(account=account, parent=parent, by=reader_of(request), now=timezone.now())
    said = _("%(name)s belongs to %(parent)s.") if parent else _("%(name)s belongs to nobody.")
    messages.success(request, said % {"name": account, "parent": parent})
    return redirect("qualification:account-detail", pk=pk)
