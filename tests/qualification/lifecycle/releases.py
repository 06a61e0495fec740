"""Versions of the scoring rules: drafts, shadows, publication by a second person, the operator's
switch, and the run over all leads that follows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from qualification import runner
from qualification.models import ScoringModel
from qualification.scoring import versions
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.book_facts import SHADOW_LEADS
from tests.qualification.lifecycle.upkeep import MORE, Upkeep
from tests.qualification.lifecycle.walker import HAPPENED, crashes, picks
from tests.qualification.lifecycle.world import COMPANIES

MOST_VERSIONS = 6
DRAFTED = [120, 200, 300, 300]


class Releases(Upkeep):
    """Which version counts."""

    def model(self, number: int) -> ScoringModel:
        model = self.world.models[number]
        model.refresh_from_db()
        return model

    @rule(
        worth=st.sampled_from(DRAFTED), is_own=st.sampled_from([False] * 4 + [True]), crash=crashes
    )
    def start_shadow(self, worth: int, is_own: bool, crash: bool) -> None:
        """A draft goes beside the live version; one at a time."""
        by = self.world.admins[1 if is_own else 0]
        draft = world.draft(worth / 10, by=by, now=self.now)
        number = draft.version
        self.world.models[number] = draft
        self.book.versions[number] = world.version(number, worth, is_own=is_own)
        found = self.through(
            "shadow",
            lambda: versions.start_shadow(model=draft, by=self.world.manager, now=self.now),
            refusal="ShadowRefused" if self.book.shadow() else "",
            crash=crash and not self.book.shadow(),
        )
        if found is not None:
            self.book.versions[number].update(status="shadow", since=self.now)

    def may_be_published(self) -> bool:
        shadow = self.book.shadow()
        return shadow is not None and self.book.is_ready(shadow)

    @rule(number=picks)
    @precondition(lambda self: self.book.shadow() is not None)
    def withdraw_shadow(self, number: int) -> None:
        """Seldom: a shadow is there to be published."""
        version = self.book.shadow()
        if version is None or number % 4:
            return
        model = self.model(version["number"])
        found = self.through(
            "withdraw",
            lambda: versions.withdraw_shadow(model=model, by=self.world.manager, now=self.now),
        )
        assert found is not None
        version["status"] = "retired"

    @rule(number=picks, works_at_once=st.booleans(), crash=crashes)
    @precondition(lambda self: self.steps % 5 == 0 or self.may_be_published())
    def publish(self, number: int, works_at_once: bool, crash: bool) -> None:
        """Another admin makes the version in shadow live; now and then they try another one."""
        every = list(self.book.versions.values())
        version = self.book.shadow() or every[number % len(every)]
        if number % 8 == 0:
            version = every[number // 8 % len(every)]
        model = self.model(version["number"])
        is_in_shadow = version["status"] == "shadow" and not version["is_own"]
        refusal = "" if is_in_shadow else "PublishRefused"
        if is_in_shadow and not self.book.is_ready(version):
            refusal = "ShadowTooShort"
        found = self.through(
            "publish",
            lambda: versions.publish(model=model, by=self.world.admins[1], now=self.now),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            self.is_live(version, works_at_once)

    @precondition(lambda self: len(self.book.versions) < MOST_VERSIONS)
    @rule(worth=st.sampled_from(DRAFTED), company=st.sampled_from(COMPANIES), at_once=st.booleans())
    def a_release(self, worth: int, company: str, at_once: bool) -> None:
        """A draft, a shadow that sees some strangers, publication: as a version comes."""
        if self.book.shadow() is None:
            self.start_shadow(worth, is_own=False, crash=False)
        for _ in range(SHADOW_LEADS):
            self.arrives(company, "VP", "France", "form_submit", MORE[0])
        self.publish(1, works_at_once=at_once, crash=False)

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(number=picks, works_at_once=st.booleans(), crash=crashes)
    def switch_version(self, number: int, works_at_once: bool, crash: bool) -> None:
        """The operator makes another version live: one that never was, or a rollback."""
        others = [v for n, v in self.book.versions.items() if n != self.book.version]
        version = others[number % len(others)]
        model = self.model(version["number"])
        is_retired = version["status"] == "retired"
        door = self.roll_back if is_retired else versions.activate_as_operator
        refusal = "PublishRefused" if is_retired and not version["was_live"] else ""
        found = self.through(
            "activate",
            lambda: door(model=model, now=self.now),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            self.is_live(version, works_at_once)

    def roll_back(self, *, model: ScoringModel, now: Any) -> ScoringModel:
        return versions.rollback(model=model, by=None, now=now)

    def is_live(self, version: dict[str, Any], works_at_once: bool) -> None:
        """All leads are scored anew, at once or by the sweep."""
        self.book.goes_live(version["number"])
        self.run_at = self.now
        if works_at_once:
            runner.work_runs(now=self.now)
            self.run_over_all()
            HAPPENED["all leads scored anew at once"] += 1
