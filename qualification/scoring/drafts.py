"""Decides how a draft comes to be and changes, and who thereby becomes an author of it.
Called by commands, the admin, feedback; a version that left draft is never changed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ModelStatus
from qualification.exceptions import ModelFrozen, ModelInvalid
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.models.scoring import MODEL_CONTENT
from qualification.scoring.conditions import parse_points
from qualification.scoring.declared import declare
from qualification.scoring.document import ModelDocument, types_in
from qualification.scoring.document_rows import (
    RULE_CONTENT,
    document_of,
    key_beside,
    model_columns,
    rule_rows,
)
from qualification.scoring.sentences import signed_points
from qualification.scoring.versions import lock_versions


@transaction.atomic
def load_draft(document: ModelDocument, *, by: User | None, now: datetime) -> ScoringModel:
    """A new draft from a checked document; `by` None is the operator. Raises ModelInvalid."""
    lock_versions()
    declare(types_in(document))
    draft = ScoringModel.objects.create(
        **model_columns(document), version=_next_version(), created_at=now, created_by=by
    )
    ScoringRule.objects.bulk_create(rule_rows(document, model=draft))
    return draft


@transaction.atomic
def copy_to_draft(*, model: ScoringModel, by: User | None, now: datetime) -> ScoringModel:
    """A draft with the content of `model`, rule keys included; `by` becomes its author.

    A segment that the copy uses means again what it means today.
    """
    lock_versions()
    left_out = {"version", "segments"}
    content = {name: getattr(model, name) for name in MODEL_CONTENT if name not in left_out}
    draft = ScoringModel.objects.create(
        **content, version=_next_version(), parent=model, created_at=now, created_by=by
    )
    ScoringRule.objects.bulk_create(
        ScoringRule(model=draft, **{name: getattr(rule, name) for name in RULE_CONTENT})
        for rule in model.rules.all()
    )
    return draft


@transaction.atomic
def change_points(
    *,
    draft: ScoringModel,
    rule_key: str,
    points: Decimal,
    by: User | None,
    text: str = "",
    now: datetime,
) -> ScoringRule:
    """Other points for one rule of a draft; `by` becomes an author of it.

    Raises ModelFrozen (no draft any more), ModelInvalid (unusable points, no such rule).
    """
    locked = _locked_draft(draft)
    rule = locked.rules.filter(key=rule_key).first()
    if rule is None:
        raise ModelInvalid(f"version {locked.version} has no rule '{rule_key}'")
    before = rule.points
    rule.points = parse_points(points)
    rule.save(update_fields=["points"])
    words = text or f"{rule.name}: {signed_points(before)} → {signed_points(rule.points)}"
    ModelChange.objects.create(model=locked, by=by, at=now, text=words[:300])
    return rule


@transaction.atomic
def note_edit(*, draft: ScoringModel, by: User, text: str, now: datetime) -> ModelChange:
    """Checks an edited draft as a whole, declares its attributes, and names `by` as an author.

    Raises ModelFrozen when it is no draft any more, ModelInvalid when it is not usable.
    """
    locked = _locked_draft(draft)
    declare(types_in(document_of(locked)))
    return ModelChange.objects.create(model=locked, by=by, at=now, text=text[:300])


def give_keys(model: ScoringModel, added: list[ScoringRule]) -> None:
    """Sets the keys of rules about to be added to a draft; those it has stay as they are."""
    taken = list(model.rules.values_list("key", flat=True))
    for rule in added:
        rule.key = key_beside(taken, rule.name)
        taken.append(rule.key)


def _locked_draft(draft: ScoringModel) -> ScoringModel:
    """The draft as it stands, held until the transaction ends: nobody takes it out of draft."""
    locked = ScoringModel.objects.select_for_update().get(pk=draft.pk)
    if locked.status != ModelStatus.DRAFT:
        figures = {"version": locked.version}
        raise ModelFrozen(_("Version %(version)s is no draft any more.") % figures)
    return locked


def _next_version() -> int:
    return (ScoringModel.objects.aggregate(last=Max("version"))["last"] or 0) + 1
