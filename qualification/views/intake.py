"""Doors for strangers: the signed JSON webhook and the public web form. Both only store and ring.

Nothing is understood here but what the answer needs; `pipeline.process` does the rest.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.exceptions import PayloadInvalid, SignatureInvalid
from crm.intake import adapters
from crm.intake.adapters import form
from crm.intake.inbox import store_message
from crm.models import InboxMessage, Source
from qualification.enqueue import ring
from qualification.permissions import open_to_all
from qualification.rate_limit import comes_too_often

MAX_BODY = 1_000_000
SIGNATURE = "sha256="
# A person sends a form a few times at most; an office behind one address a few more.
FORM_LIMIT = 20
FORM_WINDOW_SECONDS = 10 * 60


@csrf_exempt
@open_to_all
@require_http_methods(["GET", "HEAD", "POST", "OPTIONS"])
def receive(request: HttpRequest, source: str, credential: str) -> HttpResponse:
    """A message from this source; 404 for a source or a credential that does not exist."""
    known = get_object_or_404(
        Source.objects.exclude(kind=Source.Kind.FILE),
        name=source,
        credential=credential,
        is_active=True,
    )
    if known.kind == Source.Kind.FORM:
        return _form(request, known)
    if known.kind == Source.Kind.JSON:
        return _webhook(request, known)
    raise Http404


def _webhook(request: HttpRequest, source: Source) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    body = body_of(request)
    if body is None:
        return JsonResponse({"error": f"larger than {MAX_BODY} bytes"}, status=413)
    try:
        check_signature(source.secret, body, request.headers.get("X-Signature", ""))
    except SignatureInvalid as error:
        return JsonResponse({"error": str(error)}, status=401)
    message, is_new = _store(request, source, body)
    status = "stored" if is_new else "already have it"
    return JsonResponse({"id": message.pk, "status": status}, status=202 if is_new else 200)


def check_signature(secret: str, body: bytes, header: str) -> None:
    """Raises SignatureInvalid unless the header is `sha256=` and the HMAC of these very bytes."""
    if not secret or not header.startswith(SIGNATURE):
        raise SignatureInvalid("X-Signature is missing")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = header.removeprefix(SIGNATURE).encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(expected.encode(), given):
        raise SignatureInvalid("X-Signature does not fit the body")


def body_of(request: HttpRequest) -> bytes | None:
    """The raw body, None when it is larger than we take or does not arrive whole."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
        return None
    try:
        body = request.read(MAX_BODY + 1)
    except (UnreadablePostError, OSError):
        return None
    return body if len(body) <= MAX_BODY else None


def _store(request: HttpRequest, source: Source, body: bytes) -> tuple[InboxMessage, bool]:
    with transaction.atomic():
        message, is_new = store_message(
            source=source,
            event_key=adapters.event_key(source.kind, body),
            body=body,
            content_type=request.content_type or "",
            now=timezone.now(),
        )
        if is_new:
            ring("process_inbox", message.pk)
    return message, is_new


def _form(request: HttpRequest, source: Source) -> HttpResponse:
    if request.method in ("GET", "HEAD"):
        return _form_page(request, source, {form.TOKEN: secrets.token_urlsafe(16)})
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    body = body_of(request)
    if request.content_type != form.CONTENT_TYPE:
        return _refused(request, _("This form sends plain fields only."), 415)
    if body is None:
        return _refused(request, _("That is more text than we can take."), 413)
    door = f"form {source.pk}"
    if comes_too_often(request, door=door, limit=FORM_LIMIT, seconds=FORM_WINDOW_SECONDS):
        answer = _refused(request, _("Too many messages. Try again in a few minutes."), 429)
        answer["Retry-After"] = str(FORM_WINDOW_SECONDS)
        return answer
    return _take_form(request, source, body)


def _take_form(request: HttpRequest, source: Source, body: bytes) -> HttpResponse:
    try:
        fields = form.fields_of(body)
    except PayloadInvalid:
        return _refused(request, _("The form did not arrive whole. Send it again."), 400)
    if not form.is_trapped(fields) and not form.has_address(fields):
        return _form_page(request, source, fields, status=422)
    _store(request, source, body)
    # A machine in the trap gets the same thanks and learns nothing.
    return render(request, "intake/thanks.html", {"source": source})


def _form_page(
    request: HttpRequest, source: Source, fields: dict[str, str], status: int = 200
) -> HttpResponse:
    context = {"source": source, "fields": fields, "has_no_address": status == 422}
    return render(request, "intake/form.html", context, status=status)


def _refused(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    return render(request, "intake/refused.html", {"sentence": sentence}, status=status)
