"""The answer to somebody who writes a rule, or a condition outside of scoring: its sentence, its
mistake, on how many leads it fires.

The form is sent as it stands; both sides of the editor come back as soon as they differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from qualification.admin.scoring.editor import Editor, editor_context, posted_editor
from qualification.admin.scoring.forms import RuleForm
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringRule
from qualification.permissions import Right, require
from qualification.scoring.holds import checked_condition, words_within
from qualification.scoring.sample import fires_on, holds_for
from qualification.scoring.sentences import rule_sentence
from qualification.scoring.subjects import Catalogue
from qualification.scoring.yaml_text import load_yaml


@require_POST
@require(Right.EDIT_SCORING)
def check_rule(request: HttpRequest) -> HttpResponse:
    """Says what the rule in the form would do; stores nothing."""
    catalogue = Catalogue.load()
    editor = posted_editor(request.POST, catalogue)
    return _answer(request, editor, catalogue, _says(request, editor.text, catalogue))


@require_POST
@require(Right.EDIT_SCORING)
def check_condition(request: HttpRequest) -> HttpResponse:
    """Says for whom the condition in a form outside of scoring holds; stores nothing."""
    catalogue = Catalogue.load()
    editor = posted_editor(request.POST, catalogue, is_plain=True)
    return _answer(request, editor, catalogue, _says_for_whom(editor.text, catalogue))


def _answer(
    request: HttpRequest, editor: Editor, catalogue: Catalogue, says: dict[str, Any]
) -> HttpResponse:
    """What is said, and both sides of the editor where they differ from what was sent."""
    is_other = editor.is_by_hand or editor.shape != request.POST.get("shape", "")
    context = {
        "editor": editor,
        "is_read": editor.is_read,
        "is_redrawn": editor.is_read and is_other,
        "is_rewritten": editor.text != request.POST.get("condition", ""),
        "says": says,
    }
    if context["is_redrawn"]:
        context |= editor_context(editor, catalogue)
    return render(request, "admin/leadqual/_checked.html", context)


def _says_for_whom(text: str, catalogue: Catalogue) -> dict[str, Any]:
    """The condition in words and for how many leads it holds, or why it is none."""
    try:
        raw = load_yaml(text) if text.strip() else {}
        condition = checked_condition(raw)
        words = words_within(None, raw, catalogue)
        return {"sentence": words, "fires": holds_for(condition, now=timezone.now())}
    except ModelInvalid as error:
        return {"errors": [_without_rule(error)]}


def _says(request: HttpRequest, condition: str, catalogue: Catalogue) -> dict[str, Any]:
    """Sentence, refusal and firing of the rule in the form."""
    data = request.POST.copy()
    data["condition"] = condition
    # Without the fields the YAML stands for itself.
    data.pop("what", None)
    form = RuleForm(data, instance=_stored(request))
    form.is_valid()
    return {"errors": list(_errors(form)), **_meaning(form, catalogue)}


def _errors(form: RuleForm) -> Iterator[str]:
    """Each refusal on a line; those of a plain field begin with its label."""
    for name, messages in form.errors.items():
        label = form.fields[name].label if name in form.fields and name != "condition" else ""
        for message in map(_without_rule, messages):
            yield f"{str(label).capitalize()}: {message}" if label else message


def _without_rule(message: Any) -> str:
    """The refusal without the name of the rule everybody is looking at."""
    return re.sub(r"^rule '.*?': (?=when: )", "", str(message))


def _stored(request: HttpRequest) -> ScoringRule | None:
    key = request.POST.get("rule", "")
    rules = ScoringRule.objects.select_related("model")
    return rules.filter(pk=int(key)).first() if key.isdecimal() else None


def _meaning(form: RuleForm, catalogue: Catalogue) -> dict[str, Any]:
    """The sentence and the firing where the condition can be read, whatever else is missing."""
    cleaned = form.cleaned_data
    model = cleaned.get("model")
    if "condition" not in cleaned or model is None or cleaned.get("points") is None:
        return {}
    rule = ScoringRule(
        model=model,
        name=cleaned.get("name", ""),
        dimension=cleaned.get("dimension", "fit"),
        condition=cleaned["condition"],
        points=cleaned["points"],
        group=cleaned.get("group", ""),
        segment=cleaned.get("segment", ""),
        disqualifies=cleaned.get("disqualifies", ""),
    )
    try:
        sentence = rule_sentence(rule, catalogue)
        fires = fires_on(rule, now=timezone.now())
    except ModelInvalid:
        return {}
    return {"sentence": sentence, "fires": fires}
