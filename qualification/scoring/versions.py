"""Decides which version of the scoring rules exists, changes, is live: the only writer of status.
Called by commands, feedback (drafts), proposal pages (publish), and to know the active model."""

from __future__ import annotations

import zlib
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ModelStatus
from qualification.exceptions import ModelFrozen, ModelInvalid, PublishRefused
from qualification.models import ModelChange, RunKind, ScoringModel, ScoringRule
from qualification.models.scoring import MODEL_CONTENT, PublishedAs
from qualification.permissions import Right, has_right
from qualification.scoring.conditions import parse_points
from qualification.scoring.crossing import crossing_text, crossing_types
from qualification.scoring.declared import declare
from qualification.scoring.document import ModelDocument, checked_document, types_in
from qualification.scoring.runs import start_run

# Names the advisory lock under which versions are numbered and the active one switches.
_VERSIONS_LOCK = 0x4C51_5343

_RULE_CONTENT = [
    "key",
    "position",
    "name",
    "dimension",
    "condition",
    "points",
    "group",
    "segment",
    "disqualifies",
]


def active_model() -> ScoringModel | None:
    """The one live version, or None before the first activation."""
    return ScoringModel.objects.filter(status=ModelStatus.ACTIVE).first()


def model_in_force(at: datetime) -> ScoringModel | None:
    """The version that was live at `at`, as far as publish and retirement times tell."""
    was_live = Q(published_at__lte=at) & (Q(retired_at=None) | Q(retired_at__gt=at))
    return ScoringModel.objects.filter(was_live).order_by("-published_at", "-version").first()


def version_numbered(number: int) -> ScoringModel:
    """The version with this number. Raises ModelInvalid when there is none."""
    model = ScoringModel.objects.filter(version=number).first()
    if model is None:
        raise ModelInvalid(f"there is no scoring model version {number}")
    return model


def hold_versions() -> None:
    """Keep the active version active until the transaction ends; scorers run side by side."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_VERSIONS_LOCK])


def lock_versions() -> None:
    """Be the only one who numbers or switches versions until the end of the transaction.

    Whoever looks at versions before changing one takes this before any row lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_VERSIONS_LOCK])


@transaction.atomic
def load_draft(document: ModelDocument, *, by: User | None, now: datetime) -> ScoringModel:
    """A new draft from a checked document; `by` None is the operator. Raises ModelInvalid."""
    lock_versions()
    declare(types_in(document))
    thresholds = document.thresholds
    base, limits = document.base, document.limits
    draft = ScoringModel.objects.create(
        version=_next_version(),
        name=document.name,
        base_fit=base.fit,
        base_intent=base.intent,
        fit_min=limits.fit[0],
        fit_max=limits.fit[1],
        intent_min=limits.intent[0],
        intent_max=limits.intent[1],
        total_min=limits.total[0],
        total_max=limits.total[1],
        mql=thresholds.mql,
        accept=document.accept,
        fit_thresholds=_texts(thresholds.fit.model_dump()),
        intent_thresholds=_texts(thresholds.intent.model_dump(by_alias=True)),
        tiers=document.tiers,
        actions=document.actions,
        caps=_texts(document.caps),
        created_at=now,
        created_by=by,
    )
    ScoringRule.objects.bulk_create(
        ScoringRule(
            model=draft,
            key=key,
            position=position,
            name=rule.name,
            dimension=rule.dimension,
            condition=rule.when,
            points=rule.points,
            group=rule.group or "",
            disqualifies=rule.disqualifies or "",
        )
        for position, (key, rule) in enumerate(
            zip(rule_keys([rule.name for rule in document.rules]), document.rules, strict=True),
            start=1,
        )
    )
    return draft


def rule_keys(names: list[str]) -> list[str]:
    """A key per rule name, the same for the same name in every version; unique within the list."""
    keys: list[str] = []
    for name in names:
        keys.append(_key_beside(keys, name))
    return keys


def give_keys(model: ScoringModel, added: list[ScoringRule]) -> None:
    """Sets the keys of rules about to be added to a draft; those it has stay as they are."""
    taken = list(model.rules.values_list("key", flat=True))
    for rule in added:
        rule.key = _key_beside(taken, rule.name)
        taken.append(rule.key)


def _key_beside(taken: list[str], name: str) -> str:
    key = slugify(name)[:100]
    return key if key and key not in taken else f"{key or 'rule'}-{zlib.crc32(name.encode()):08x}"


def _texts(points: dict[str, Decimal]) -> dict[str, str]:
    return {name: str(value) for name, value in points.items()}


def _next_version() -> int:
    return (ScoringModel.objects.aggregate(last=Max("version"))["last"] or 0) + 1


def document_of(model: ScoringModel) -> ModelDocument:
    """A stored version as a document. Raises ModelInvalid when it no longer is a valid one."""
    return checked_document(content_of(model, list(model.rules.order_by("position", "id"))))


def content_of(model: ScoringModel, rules: list[ScoringRule]) -> dict[str, object]:
    """What a file would say about this version with these rules; not checked."""
    return {
        "name": model.name,
        "base": {"fit": model.base_fit, "intent": model.base_intent},
        "limits": {
            "fit": [model.fit_min, model.fit_max],
            "intent": [model.intent_min, model.intent_max],
            "total": [model.total_min, model.total_max],
        },
        "thresholds": {
            "mql": model.mql,
            "accept": model.accept,
            "fit": _decimals(model.fit_thresholds),
            "intent": _decimals(model.intent_thresholds),
        },
        "tiers": model.tiers,
        "actions": model.actions,
        "caps": _decimals(model.caps),
        "rules": [_rule_content(rule) for rule in rules],
    }


def _decimals(points: dict[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(str(value)) for name, value in points.items()}


def _rule_content(rule: ScoringRule) -> dict[str, object]:
    content = {
        "name": rule.name,
        "dimension": rule.dimension,
        "when": rule.condition,
        "points": rule.points,
    }
    optional = {
        "group": rule.group,
        "segment": rule.segment,
        "disqualifies": rule.disqualifies,
    }
    return content | {key: value for key, value in optional.items() if value}


@transaction.atomic
def copy_to_draft(*, model: ScoringModel, by: User | None, now: datetime) -> ScoringModel:
    """A draft with the content of `model`, rule keys included; `by` becomes its author."""
    lock_versions()
    content = {name: getattr(model, name) for name in MODEL_CONTENT if name != "version"}
    draft = ScoringModel.objects.create(
        **content, version=_next_version(), parent=model, created_at=now, created_by=by
    )
    ScoringRule.objects.bulk_create(
        ScoringRule(model=draft, **{name: getattr(rule, name) for name in _RULE_CONTENT})
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
    locked = ScoringModel.objects.select_for_update().get(pk=draft.pk)
    if locked.status != ModelStatus.DRAFT:
        raise ModelFrozen(_("Version %(version)s is no draft any more.") % _figures(locked))
    rule = locked.rules.filter(key=rule_key).first()
    if rule is None:
        raise ModelInvalid(f"version {locked.version} has no rule '{rule_key}'")
    before = rule.points
    rule.points = parse_points(points)
    rule.save(update_fields=["points"])
    words = text or f"{rule.name}: {before} → {rule.points}"
    ModelChange.objects.create(model=locked, by=by, at=now, text=words[:300])
    return rule


@transaction.atomic
def note_edit(*, draft: ScoringModel, by: User, text: str, now: datetime) -> ModelChange:
    """Checks an edited draft as a whole, declares its attributes, and names `by` as an author.

    Raises ModelFrozen when it is no draft any more, ModelInvalid when it is not usable.
    """
    locked = ScoringModel.objects.select_for_update().get(pk=draft.pk)
    if locked.status != ModelStatus.DRAFT:
        raise ModelFrozen(_("Version %(version)s is no draft any more.") % _figures(locked))
    declare(types_in(document_of(locked)))
    return ModelChange.objects.create(model=locked, by=by, at=now, text=text[:300])


@transaction.atomic
def request_publish(*, model: ScoringModel, by: User, now: datetime) -> ScoringModel:
    """Ask a second person to publish this draft; asking again changes nothing.

    Raises PublishRefused: no draft, or `by` may not prepare versions.
    """
    if not has_right(by, Right.APPROVE_PROPOSALS):
        raise PublishRefused(_("You may not prepare scoring versions."))
    asked = ScoringModel.objects.filter(
        pk=model.pk, status=ModelStatus.DRAFT, publish_requested_at=None
    ).update(publish_requested_at=now, publish_requested_by=by)
    model.refresh_from_db()
    if not asked and model.status != ModelStatus.DRAFT:
        raise PublishRefused(_("Version %(version)s is no draft any more.") % _figures(model))
    return model


@transaction.atomic
def publish(*, model: ScoringModel, by: User, now: datetime) -> ScoringModel:
    """Make this version live, as a second person; every lead is scored anew afterwards.

    Raises PublishRefused: no right, own work, wrong status, or one activity type crosses the line.
    """
    if not has_right(by, Right.PUBLISH):
        raise PublishRefused(_("You may not publish scoring versions."))
    lock_versions()
    _hold_content(model)
    if by.pk in authors_of(model):
        raise PublishRefused(
            _("You worked on version %(version)s. Another admin must publish it.") % _figures(model)
        )
    return _go_live(model, published_as=PublishedAs.PERSON, by=by, now=now)


@transaction.atomic
def activate_as_operator(*, model: ScoringModel, now: datetime) -> ScoringModel:
    """Make this version live from the shell: no second person, recorded as the operator's.

    Raises PublishRefused: wrong status, or one activity type crosses the line.
    """
    lock_versions()
    _hold_content(model)
    return _go_live(model, published_as=PublishedAs.OPERATOR, by=None, now=now)


@transaction.atomic
def rollback(
    *, model: ScoringModel, by: User | None, reason: str = "", now: datetime
) -> ScoringModel:
    """Bring a retired version back, as it was; `by` None is the operator.

    Raises PublishRefused: no right, or it never was live.
    """
    if by is not None and not has_right(by, Right.PUBLISH):
        raise PublishRefused(_("You may not publish scoring versions."))
    lock_versions()
    model.refresh_from_db()
    if model.status != ModelStatus.RETIRED or model.published_at is None:
        raise PublishRefused(_("Version %(version)s was never live.") % _figures(model))
    left = _retire_active(now)
    _set_status(model, ModelStatus.RETIRED, status=ModelStatus.ACTIVE, retired_at=None)
    text = _("Rolled back to version %(version)s from version %(left)s.")
    figures = _figures(model) | {"left": left.version if left else "–"}
    words = " ".join([text % figures, reason.strip()]).strip()
    ModelChange.objects.create(model=model, by=by, at=now, text=words[:300])
    start_run(kind=RunKind.RESCORE, model=model, by=by, now=now)
    return model


def authors_of(model: ScoringModel) -> set[int]:
    """Ids of everybody who made the draft or changed something in it."""
    changed = model.changes.exclude(by=None).values_list("by_id", flat=True)
    made = set() if model.created_by_id is None else {model.created_by_id}
    return made | {author for author in changed if author is not None}


def crossing_types_of(model: ScoringModel) -> list[str]:
    """Activity types that could carry a lead over the line alone under this version."""
    return crossing_types(model, list(model.rules.all()))


def _hold_content(model: ScoringModel) -> None:
    """Nobody changes the version until the transaction ends; the object shows it as it is now."""
    ScoringModel.objects.select_for_update().values_list("pk").get(pk=model.pk)
    model.refresh_from_db()


def _go_live(
    model: ScoringModel, *, published_as: PublishedAs, by: User | None, now: datetime
) -> ScoringModel:
    if model.status not in (ModelStatus.DRAFT, ModelStatus.SHADOW):
        raise PublishRefused(_("Version %(version)s is no draft any more.") % _figures(model))
    crossing = crossing_types_of(model)
    if crossing:
        raise PublishRefused(crossing_text(crossing))
    _retire_active(now)
    _set_status(
        model,
        ModelStatus(model.status),
        status=ModelStatus.ACTIVE,
        published_at=now,
        published_as=published_as,
        published_by=by,
    )
    start_run(kind=RunKind.RESCORE, model=model, by=by, now=now)
    return model


def _retire_active(now: datetime) -> ScoringModel | None:
    active = active_model()
    if active is not None:
        _set_status(active, ModelStatus.ACTIVE, status=ModelStatus.RETIRED, retired_at=now)
    return active


def _set_status(model: ScoringModel, before: ModelStatus, **changes: object) -> None:
    """The conditional update behind every move; one row or the move is refused."""
    moved = ScoringModel.objects.filter(pk=model.pk, status=before).update(**changes)
    if moved != 1:
        raise PublishRefused(_("Version %(version)s changed meanwhile.") % _figures(model))
    model.refresh_from_db()


def _figures(model: ScoringModel) -> dict[str, object]:
    return {"version": model.version}
