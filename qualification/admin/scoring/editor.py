"""The editor of one condition: fields and YAML side by side, settled into one of them.

Whoever changed the YAML by hand gets its meaning into the fields; otherwise the fields are written
as YAML. `was` is the YAML both sides last agreed on. There is no second reader of conditions: both
ways go through `parse_when`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from qualification.admin.scoring.activity_fields import (
    ABSENCE,
    ACTIVITY,
    ActivityFields,
    fields_of,
    posted_fields,
    raw_activity,
)
from qualification.admin.scoring.suggestions import Suggestions
from qualification.admin.scoring.tree import (
    ALL,
    ANY,
    ROOT,
    Node,
    changed,
    node_at_error,
    node_of,
    placed,
    posted_node,
    raw_of,
    shape_of,
)
from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import ActivityTest, NoActivityTest, parse_when
from qualification.scoring.export import condition_yaml
from qualification.scoring.subjects import Catalogue
from qualification.scoring.yaml_text import load_yaml

FACTS = "facts"
# Outside of scoring a condition looks at facts alone, and a blank one is for every lead.
EVERY = "every"
# Where the form is sent while somebody writes.
RULE_CHECK, PLAIN_CHECK = "admin:scoring_rule_check", "admin:condition_check"
TEMPLATE = "admin/leadqual/_condition.html"


@dataclass(frozen=True)
class Editor:
    """The state of the editor. `node` or `activity` is set, by `what`; neither when the YAML cannot
    be read, or for every lead. `error` is the refusal of the condition by itself, `error_place`
    where it is. `is_by_hand`: the YAML was changed and decided. `is_plain`: outside of scoring."""

    what: str
    text: str
    node: Node | None = None
    activity: ActivityFields | None = None
    error: str = ""
    error_place: str = ""
    is_by_hand: bool = False
    is_plain: bool = False

    @property
    def is_read(self) -> bool:
        """Whether there are fields for it."""
        return self.what == EVERY or self.node is not None or self.activity is not None

    @property
    def shape(self) -> str:
        """What decides which fields there are."""
        if self.what == EVERY:
            return EVERY
        if self.node is not None:
            return shape_of(self.node)
        return self.activity.shape if self.activity is not None else ""


def editor_of(text: str, catalogue: Catalogue, *, is_plain: bool = False) -> Editor:
    """The editor for a condition as YAML; with the refusal when it is none."""
    try:
        raw = load_yaml(text) if text.strip() or not is_plain else {}
        if is_plain and raw == {}:
            return Editor(EVERY, "", is_plain=True)
        when = parse_when(raw)
    except ModelInvalid as error:
        return Editor(FACTS, text, error=str(error), is_plain=is_plain)
    if isinstance(when, ActivityTest | NoActivityTest):
        fields = fields_of(when)
        return Editor(fields.kind, text, activity=fields, is_plain=is_plain)
    node = placed(node_of(when), catalogue)
    return Editor(FACTS, text, node=node, is_plain=is_plain)


def posted_editor(
    data: QueryDict, catalogue: Catalogue, prefix: str = "condition", *, is_plain: bool = False
) -> Editor:
    """The editor as it was sent, both sides agreed.

    The YAML wins when somebody changed it, and where there are no fields.
    """
    text = data.get(prefix, "")
    is_by_hand = _flat(text) != _flat(data.get("was", ""))
    if "what" not in data or (is_by_hand and "do" not in data):
        return replace(editor_of(text, catalogue, is_plain=is_plain), is_by_hand=is_by_hand)
    return replace(_from_fields(data, catalogue, is_plain=is_plain), is_plain=is_plain)


def _from_fields(data: QueryDict, catalogue: Catalogue, *, is_plain: bool) -> Editor:
    what = data.get("what", FACTS)
    if is_plain and what == EVERY:
        return Editor(EVERY, "")
    if what in (ACTIVITY, ABSENCE):
        fields = posted_fields(data, what)
        return _checked(Editor(what, "", activity=fields), raw_activity(fields))
    node = posted_node(data)
    verb, _, place = data.get("do", "").partition(":")
    node = placed(changed(node, verb, place), catalogue)
    return _checked(Editor(FACTS, "", node=node), raw_of(node, catalogue))


def _checked(editor: Editor, raw: dict[str, Any]) -> Editor:
    editor = replace(editor, text=condition_yaml(raw))
    try:
        parse_when(raw)
    except ModelInvalid as error:
        place = node_at_error(str(error), editor.node) if editor.node else ""
        return replace(editor, error=str(error), error_place=place)
    return editor


def _flat(text: str) -> str:
    """Browsers send line ends of their own."""
    return "\n".join(text.split("\r\n")).strip()


class ConditionWidget(forms.Widget):
    """Draws the editor around the YAML text of a condition."""

    posted: Editor | None = None
    is_plain = False

    class Media:
        css = {"all": ["admin/leadqual/scoring.css"]}
        js = ["admin/leadqual/editor.js"]

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        catalogue = Catalogue.load()
        editor = editor_of(str(value or ""), catalogue, is_plain=self.is_plain)
        if self.posted is not None and self.posted.text == value:
            # What cannot be read yet keeps its fields.
            editor = self.posted
        context = editor_context(editor, catalogue)
        return render_to_string(TEMPLATE, {**context, "name": name, "id": attrs.get("id", name)})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The condition as YAML; the fields decide unless somebody changed the YAML."""
        if name not in data:
            return None
        if not isinstance(data, QueryDict):
            return data[name]
        self.posted = posted_editor(data, Catalogue.load(), name, is_plain=self.is_plain)
        return self.posted.text


class PlainConditionWidget(ConditionWidget):
    """The same for a condition outside of scoring."""

    is_plain = True


def editor_context(editor: Editor, catalogue: Catalogue) -> dict[str, Any]:
    """What the templates of the editor need; suggestions come from what was recorded."""
    return {
        "editor": editor,
        "suggestions": Suggestions.load(catalogue),
        "check": reverse(
            "admin:condition_check" if editor.is_plain else "admin:scoring_rule_check"
        ),
        "groups": (ALL, ANY),
        "root": ROOT,
    }
