"""Reads what pages show of versions: cards on the way to live, the list, the page of one.

Called by the proposal and version views; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from crm.models import User
from crm.roles import Role
from qualification.choices import ModelStatus
from qualification.models import (
    ModelChange,
    ReleaseNote,
    RunKind,
    RunState,
    ScoringModel,
    ScoringRule,
    ScoringRun,
)
from qualification.permissions import Right, has_right
from qualification.scoring import runs, versions
from qualification.scoring.diff import Change, diff_of, settings_of
from qualification.scoring.sentences import rule_sentence
from qualification.scoring.shadow_report import ShadowReport, shadow_report
from qualification.scoring.simulation import Simulation, simulation_of
from qualification.scoring.subjects import Catalogue


@dataclass(frozen=True)
class VersionCard:
    """A draft or a version in shadow; `hindrance` says why this reader cannot take the next step:
    start its shadow, publish it."""

    model: ScoringModel
    active: ScoringModel | None
    changes: tuple[ModelChange, ...]
    authors: tuple[User, ...]
    publishers: tuple[User, ...]
    is_author: bool
    hindrance: str
    report: ShadowReport | None
    simulation: Simulation | None

    @property
    def is_shadow(self) -> bool:
        """In shadow, not a draft any more."""
        return bool(self.model.status == ModelStatus.SHADOW)


@dataclass(frozen=True)
class Version:
    """A line of the list of versions; `words`: the last that was said about it."""

    model: ScoringModel
    words: str
    can_come_back: bool


@dataclass(frozen=True)
class RuleLine:
    """A rule of a version and what it does in one sentence."""

    rule: ScoringRule
    sentence: str


@dataclass(frozen=True)
class Rescoring:
    """Leads being scored anew under the live version, or that it failed."""

    run: ScoringRun
    progress: runs.Progress
    is_failed: bool


@dataclass(frozen=True)
class VersionPage:
    """All of the page of one version. `card` and `report` only for those who tune scoring."""

    version: Version
    rules: tuple[RuleLine, ...]
    settings: tuple[tuple[str, str], ...]
    against: ScoringModel | None
    choices: tuple[ScoringModel, ...]
    differences: tuple[Change, ...]
    changes: tuple[ModelChange, ...]
    notes: tuple[ReleaseNote, ...]
    card: VersionCard | None
    report: ShadowReport | None
    simulation: Simulation | None
    may_publish: bool

    @property
    def model(self) -> ScoringModel:
        """The version."""
        return self.version.model


def card_of(model: ScoringModel, *, reader: User, now: datetime) -> VersionCard:
    """The card of a draft or of the version in shadow, for one reader."""
    ids = versions.authors_of(model)
    is_shadow = model.status == ModelStatus.SHADOW
    return VersionCard(
        model=model,
        active=versions.active_model(),
        changes=tuple(model.changes.select_related("by").order_by("at", "pk")),
        authors=tuple(User.objects.filter(pk__in=ids).order_by("first_name", "pk")),
        publishers=tuple(publishers().exclude(pk__in=ids)),
        is_author=reader.pk in ids,
        hindrance=versions.publish_hindrance(model, reader=reader, now=now)
        if is_shadow
        else versions.shadow_hindrance(model, reader=reader),
        report=shadow_report(model, now=now) if is_shadow else None,
        simulation=simulation_of(model),
    )


def publishers() -> QuerySet[User]:
    """Active people whose role publishes versions."""
    admins = Q(groups__in=Group.objects.filter(name=Role.ADMIN)) | Q(is_superuser=True)
    people = User.objects.filter(admins, is_active=True).distinct()
    return people.order_by("first_name", "last_name", "username")


def version_list(limit: int | None = None) -> tuple[Version, ...]:
    """The newest versions, each with the last that was said about it."""
    rows = ScoringModel.objects.order_by("-version").select_related(
        "created_by", "published_by", "shadow_by"
    )
    return tuple(_line(row) for row in rows.prefetch_related("changes", "release_notes")[:limit])


def rescoring() -> Rescoring | None:
    """The newest scoring of all leads under the live version, unless it is done."""
    newest = ScoringRun.objects.filter(kind=RunKind.RESCORE, model__status=ModelStatus.ACTIVE)
    run = newest.select_related("model").first()
    if run is None or run.state not in (RunState.RUNNING, RunState.FAILED):
        return None
    return Rescoring(run, runs.progress_of(run), is_failed=run.state == RunState.FAILED)


def version_page(
    model: ScoringModel, *, against: int | None, reader: User, now: datetime
) -> VersionPage:
    """The page for one reader; `against`: the number of the version to compare with, None for the
    one it was made from."""
    catalogue = Catalogue.load()
    others = ScoringModel.objects.exclude(pk=model.pk).order_by("-version")
    other = _other(model, against)
    may_tune = has_right(reader, Right.SEE_PROPOSALS)
    is_on_its_way = model.status in (ModelStatus.DRAFT, ModelStatus.SHADOW)
    return VersionPage(
        version=_line(model),
        rules=tuple(
            RuleLine(rule, rule_sentence(rule, catalogue))
            for rule in model.rules.order_by("position", "id")
        ),
        settings=settings_of(model),
        against=other,
        choices=tuple(others),
        differences=diff_of(other, model) if other else (),
        changes=tuple(model.changes.select_related("by")),
        notes=tuple(model.release_notes.select_related("published_by", "before")),
        card=card_of(model, reader=reader, now=now) if may_tune and is_on_its_way else None,
        report=shadow_report(model, now=now) if may_tune else None,
        simulation=simulation_of(model) if may_tune else None,
        may_publish=has_right(reader, Right.PUBLISH),
    )


def _other(model: ScoringModel, number: int | None) -> ScoringModel | None:
    """The version asked for, else the parent, else the one before by number."""
    others = ScoringModel.objects.exclude(pk=model.pk)
    if number is not None:
        return others.filter(version=number).first()
    return model.parent or others.filter(version__lt=model.version).order_by("-version").first()


def _line(model: ScoringModel) -> Version:
    notes, changes = list(model.release_notes.all()), list(model.changes.all())
    words = ""
    if notes:
        words = notes[0].text or "; ".join(notes[0].changes)
    elif changes:
        words = changes[0].text
    return Version(
        model=model,
        words=words,
        can_come_back=model.status == ModelStatus.RETIRED and model.published_at is not None,
    )
