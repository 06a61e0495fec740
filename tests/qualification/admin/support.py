"""What a browser would send from the pages of the admin."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from qualification.models import ScoringModel, ScoringRule


def version_path(model: ScoringModel) -> str:
    """The change page of a version."""
    return f"/admin/qualification/scoringmodel/{model.pk}/change/"


def rule_path(rule: ScoringRule) -> str:
    """The page of a rule."""
    return f"/admin/qualification/scoringrule/{rule.pk}/change/"


def form_data(client: Client, path: str) -> dict[str, Any]:
    """What the browser would submit if nothing was touched."""
    context = client.get(path).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if isinstance(value, dict | list):
                value = json.dumps(value)
            value = getattr(value, "pk", value)
            data[bound.html_name] = "" if value is None else value
            if bound.field.show_hidden_initial:
                data[bound.html_initial_name] = data[bound.html_name]
    return data


def field_of(data: dict[str, Any], rule: ScoringRule, field: str) -> str:
    """Name of the input that holds this field of the rule in the list of a version."""
    name = next(key for key, value in data.items() if key.endswith("-id") and value == rule.pk)
    return f"{name.removesuffix('-id')}-{field}"


def rule_of(model: ScoringModel, key: str) -> ScoringRule:
    """The rule with this key."""
    return ScoringRule.objects.get(model=model, key=key)
