"""Versions as files: download one, or bring one in as a draft after looking at what it changes."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from crm.models import User
from qualification.admin.scoring.pages import editor_in, show, version_or_404
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel
from qualification.permissions import Right, require
from qualification.scoring import drafts
from qualification.scoring.diff import Change, diff_of
from qualification.scoring.document import MAX_BYTES, ModelDocument, read_document
from qualification.scoring.document_rows import document_of
from qualification.scoring.export import to_yaml
from qualification.scoring.versions import active_model


class ImportForm(forms.Form):
    """A file, or the text of one."""

    file = forms.FileField(label=gettext_lazy("YAML file"), required=False)
    text = forms.CharField(
        label=gettext_lazy("or its text"), required=False, max_length=MAX_BYTES, strip=False
    )

    def content(self) -> bytes:
        """The bytes given, the file first. Raises ModelInvalid when there are none."""
        file = self.cleaned_data["file"]
        if file is not None and file.size > MAX_BYTES:
            raise ModelInvalid(f"larger than {MAX_BYTES:,} bytes")
        found: bytes = file.read() if file else self.cleaned_data["text"].encode()
        if not found.strip():
            raise ModelInvalid(_("Choose a file or paste its text."))
        return found


@require_GET
@require(Right.EDIT_SCORING)
def export_model(request: HttpRequest, pk: int) -> HttpResponse:
    """The version as the file `load_scoring_model` reads."""
    model = version_or_404(pk)
    response = HttpResponse(
        to_yaml(document_of(model)), content_type="application/yaml; charset=utf-8"
    )
    name = f"scoring-v{model.version}.yaml"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "POST"])
@require(Right.EDIT_SCORING)
def import_model(request: HttpRequest) -> HttpResponse:
    """A file: its mistake with the place, or what it changes; then a draft of who loads it."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "GET" or not form.is_valid():
        return _page(request, form, status=200 if request.method == "GET" else 422)
    try:
        content = form.content()
        document = read_document(content)
    except ModelInvalid as error:
        form.add_error(None, str(error))
        return _page(request, form, text=form.cleaned_data["text"], status=422)
    if "load" in request.POST:
        return _load(request, document)
    return _page(request, form, text=content.decode("utf-8-sig"), document=document)


def _page(
    request: HttpRequest,
    form: ImportForm,
    *,
    text: str = "",
    document: ModelDocument | None = None,
    status: int = 200,
) -> HttpResponse:
    live = active_model()
    return show(
        request,
        "import.html",
        title=_("Import a scoring model"),
        status=status,
        form=form,
        text=text,
        document=document,
        live=live,
        changes=_changes(document, live, editor_in(request)) if document and live else (),
    )


def _changes(document: ModelDocument, live: ScoringModel, by: User) -> tuple[Change, ...]:
    """What the document says otherwise than the live version, in words."""
    with transaction.atomic():
        # The difference is told of stored versions; this one is gone again at the end of the block.
        draft = drafts.load_draft(document, by=by, now=timezone.now())
        found = diff_of(live, draft)
        transaction.set_rollback(True)
    return found


def _load(request: HttpRequest, document: ModelDocument) -> HttpResponse:
    draft = drafts.load_draft(document, by=editor_in(request), now=timezone.now())
    messages.success(request, _("Version %(n)d is a draft.") % {"n": draft.version})
    url = reverse("admin:qualification_scoringmodel_change", args=[draft.pk])
    return HttpResponseRedirect(url)
