"""Decides which version of the scoring rules is in shadow and which is live: the only writer of
status. Called by commands and pages, and by whoever asks for the active version."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ModelStatus
from qualification.exceptions import (
    ModelInvalid,
    PublishRefused,
    ShadowRefused,
    ShadowTooShort,
)
from qualification.models import ReleaseNote, RunKind, ScoringModel
from qualification.models.scoring import PublishedAs
from qualification.permissions import Right, has_right
from qualification.scoring import releases, shadow
from qualification.scoring.crossing import crossing_text, crossing_types
from qualification.scoring.document_rows import document_of
from qualification.scoring.runs import start_run
from qualification.scoring.segments import queries_of

# Names the advisory lock under which versions are numbered and the active one switches.
_VERSIONS_LOCK = 0x4C51_5343


def active_model() -> ScoringModel | None:
    """The one live version, or None before the first activation."""
    return ScoringModel.objects.filter(status=ModelStatus.ACTIVE).first()


def model_in_force(at: datetime) -> ScoringModel | None:
    """The version that was live at `at`: every switch leaves a release note.

    Of the time before there were notes, as far as publish and retirement times tell.
    """
    notes = ReleaseNote.objects.filter(published_at__lte=at).select_related("model")
    note = notes.order_by("-published_at", "-id").first()
    if note is not None:
        return note.model
    was_live = Q(published_at__lte=at) & (Q(retired_at=None) | Q(retired_at__gt=at))
    return ScoringModel.objects.filter(was_live).order_by("-published_at", "-version").first()


def models_in_force(moments: Collection[datetime]) -> dict[datetime, ScoringModel | None]:
    """The version that was live at each of these moments. Two queries, and one more for each moment
    before the first release note."""
    notes = ReleaseNote.objects.select_related("model").order_by("published_at", "id")
    before = notes.filter(published_at__lte=min(moments)).last()
    since = list(notes.filter(published_at__gt=min(moments), published_at__lte=max(moments)))
    known = [before, *since] if before is not None else since
    found = {}
    for at in moments:
        live = [note for note in known if note.published_at <= at]
        found[at] = live[-1].model if live else model_in_force(at)
    return found


def version_numbered(number: int) -> ScoringModel:
    """The version with this number. Raises ModelInvalid when there is none."""
    model = ScoringModel.objects.filter(version=number).first()
    if model is None:
        raise ModelInvalid(f"there is no scoring model version {number}")
    return model


def chosen_or_live(number: int | None) -> ScoringModel:
    """The version with this number, without one the live version. Raises ModelInvalid when there is
    none."""
    model = active_model() if number is None else version_numbered(number)
    if model is None:
        raise ModelInvalid("no scoring model is live: load one with --activate")
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
def start_shadow(*, model: ScoringModel, by: User, now: datetime) -> ScoringModel:
    """Freeze a draft and let it score every new lead beside the live version, without effect.

    Raises ShadowRefused: no right, no draft, another version is in shadow, or one activity type
    crosses the line alone, so that it could never go live; ModelInvalid when it is not usable.
    """
    if not has_right(by, Right.APPROVE_PROPOSALS):
        raise ShadowRefused(_("You may not prepare scoring versions."))
    lock_versions()
    _hold_content(model)
    why_not = _shadow_hindrance(model)
    if why_not:
        raise ShadowRefused(why_not)
    document_of(model)
    _set_status(
        model,
        ModelStatus.DRAFT,
        status=ModelStatus.SHADOW,
        shadow_started_at=now,
        shadow_by=by,
        segments=_meanings(model),
    )
    return model


@transaction.atomic
def withdraw_shadow(*, model: ScoringModel, by: User, now: datetime) -> ScoringModel:
    """End a shadow without publishing; what it said is kept, and a copy can be edited on.

    Raises ShadowRefused: no right, or the version is not in shadow.
    """
    if not has_right(by, Right.APPROVE_PROPOSALS):
        raise ShadowRefused(_("You may not prepare scoring versions."))
    lock_versions()
    _hold_content(model)
    if model.status != ModelStatus.SHADOW:
        raise ShadowRefused(_("Version %(version)s is not in shadow.") % _figures(model))
    _set_status(model, ModelStatus.SHADOW, status=ModelStatus.RETIRED, retired_at=now)
    return model


@transaction.atomic
def publish(*, model: ScoringModel, by: User, text: str = "", now: datetime) -> ScoringModel:
    """Make a version in shadow live, as a second person; every lead is scored anew afterwards.

    `text`: what the people who work with the scores should know. Raises PublishRefused (no right,
    own work, not in shadow) and ShadowTooShort.
    """
    if not has_right(by, Right.PUBLISH):
        raise PublishRefused(_("You may not publish scoring versions."))
    lock_versions()
    _hold_content(model)
    if by.pk in authors_of(model):
        raise PublishRefused(
            _("You worked on version %(version)s. Another admin must publish it.") % _figures(model)
        )
    if model.status != ModelStatus.SHADOW:
        raise PublishRefused(_("Version %(version)s is not in shadow.") % _figures(model))
    lacking = shadow.minimum_of(model, now=now).lacking
    if lacking:
        raise ShadowTooShort(lacking)
    return _go_live(model, published_as=PublishedAs.PERSON, by=by, text=text, now=now)


@transaction.atomic
def activate_as_operator(*, model: ScoringModel, text: str = "", now: datetime) -> ScoringModel:
    """Make this version live from the shell: no shadow needed, no second person, recorded as the
    operator's.

    Raises PublishRefused: wrong status, or one activity type crosses the line.
    """
    lock_versions()
    _hold_content(model)
    if model.status not in (ModelStatus.DRAFT, ModelStatus.SHADOW):
        raise PublishRefused(_("Version %(version)s is no draft any more.") % _figures(model))
    return _go_live(model, published_as=PublishedAs.OPERATOR, by=None, text=text, now=now)


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
    releases.write_note(model=model, before=left, text=reason, by=by, now=now)
    start_run(kind=RunKind.RESCORE, model=model, by=by, now=now)
    return model


def authors_of(model: ScoringModel) -> set[int]:
    """Ids of everybody who made the draft or changed something in it.

    What it was copied from counts too, back to a version that was live: nobody else has published
    those changes.
    """
    found: set[int] = set()
    version: ScoringModel | None = model
    while version is not None:
        changed = version.changes.exclude(by=None).values_list("by_id", flat=True)
        found |= {author for author in (*changed, version.created_by_id) if author is not None}
        parent = version.parent
        version = parent if parent is not None and parent.published_at is None else None
    return found


def crossing_types_of(model: ScoringModel) -> list[str]:
    """Activity types that could carry a lead over the line alone under this version."""
    return crossing_types(model, list(model.rules.all()))


def shadow_hindrance(model: ScoringModel, *, reader: User) -> str:
    """Why this reader cannot start the version's shadow, in words; blank when they can."""
    if not has_right(reader, Right.APPROVE_PROPOSALS):
        return _("You may not prepare scoring versions.")
    return _shadow_hindrance(model)


def publish_hindrance(model: ScoringModel, *, reader: User, now: datetime) -> str:
    """Why this reader cannot publish the version, in words; blank when they can."""
    if not has_right(reader, Right.PUBLISH):
        return _("Only an admin can publish.")
    if reader.pk in authors_of(model):
        figures = _figures(model)
        return _("You worked on v%(version)s. Another admin must publish it.") % figures
    if model.status != ModelStatus.SHADOW:
        return _("Version %(version)s is not in shadow.") % _figures(model)
    return shadow.minimum_of(model, now=now).lacking


def _shadow_hindrance(model: ScoringModel) -> str:
    if model.status != ModelStatus.DRAFT:
        return _("Version %(version)s is no draft any more.") % _figures(model)
    other = shadow.shadow_model()
    if other is not None:
        text = _("Version %(version)s is in shadow. Publish or withdraw it first.")
        return text % _figures(other)
    crossing = crossing_types_of(model)
    return crossing_text(crossing) if crossing else ""


def _hold_content(model: ScoringModel) -> None:
    """Nobody changes the version until the transaction ends; the object shows it as it is now."""
    ScoringModel.objects.select_for_update().values_list("pk").get(pk=model.pk)
    model.refresh_from_db()


def _go_live(
    model: ScoringModel, *, published_as: PublishedAs, by: User | None, text: str, now: datetime
) -> ScoringModel:
    crossing = crossing_types_of(model)
    if crossing:
        raise PublishRefused(crossing_text(crossing))
    left = _retire_active(now)
    status = ModelStatus(model.status)
    _set_status(
        model,
        status,
        status=ModelStatus.ACTIVE,
        published_at=now,
        published_as=published_as,
        published_by=by,
        segments=_meanings(model) if status == ModelStatus.DRAFT else model.segments,
    )
    releases.write_note(model=model, before=left, text=text, by=by, now=now)
    start_run(kind=RunKind.RESCORE, model=model, by=by, now=now)
    return model


def _meanings(model: ScoringModel) -> dict[str, dict[str, Any]]:
    """What the segments of the version's rules mean now; frozen with it."""
    return queries_of(model.rules.all())


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
