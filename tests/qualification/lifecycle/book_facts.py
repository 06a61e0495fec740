"""What the rules say about facts and scores, in plain dicts: what sources stated, what leads did,
which version counts, whose rows are part of whose. Imports nothing of the app."""

from __future__ import annotations

import datetime as dt
from typing import Any

Row = dict[str, Any]
LINE, LEAVES_BELOW = 400, 350
# Tenths of points; versions differ in what a VP is worth.
BASE, BIG, DEMO, VISIT = 200, 100, 150, 60
SHADOW_LEADS, SHADOW_LASTS = 3, dt.timedelta(hours=24)
# What sources state about a person.
TOOL = "attributes.tool"
STATED = ("title", "country", "first_name", "phone", TOOL)
# What somebody who merges chooses from either side.
ANSWER = "answer."
REQUIRED, CONSENT = ("budget", "authority", "pain", "timing"), "share_consent"
ANSWERS = tuple(f"{ANSWER}{key}" for key in (*REQUIRED, CONSENT))
CHOSEN = (*STATED, "email", "account", *ANSWERS)


class BookOfFacts:
    """Leads as what is known of them, companies, versions of the rules, addresses."""

    now: dt.datetime

    def __init__(self) -> None:
        self.leads: dict[int, Row] = {}
        # The account a company has now, and which accounts are big.
        self.firms: dict[str, str] = {}
        self.is_big: dict[str, bool] = {}
        # Whose row a message from an address means.
        self.addresses: dict[str, int] = {}
        self.version = 1
        self.versions: dict[int, dict[str, Any]] = {}
        self.merges: list[dict[str, Any]] = []

    # --- facts --------------------------------------------------------------------------------

    def firm(self, company: str) -> str:
        """The account of a company."""
        firm = self.firms.setdefault(company, company)
        self.is_big.setdefault(firm, False)
        return firm

    def born(
        self, lead: int, *, address: str, stage: str = "new", has_outcome: bool = False
    ) -> Row:
        """A lead nobody has seen."""
        company = address.partition("@")[2].removesuffix(".com")
        self.addresses[address] = lead
        self.leads[lead] = {
            "lead": lead, "address": address, "email": address, "had": {address},
            "account": self.firm(company), "answers": {}, **dict.fromkeys(STATED, ""),
            "identities": {}, "demos": [], "visits": [], "born": self.now,
            "has_outcome": has_outcome, "stage": stage, "out_at": self.now,
            "turned_away": False, "state": None,
            "holder": None, "lease": None, "item": None, "assignee": None, "in_pool": False,
            "reason": "", "clock": None, "burning": False, "score": None, "scored_banned": False,
            "tier": "", "item_score": 0, "item_tier": "", "is_due": False, "touches": 0,
            "task": None, "touch": None, "plan": None, "handoff": None,
            "desk": "", "since": None, "link": None, "last": None, "decided": [],
            "merged_into": None, "is_erased": False, "is_asked": False,
        }  # fmt: skip
        return self.leads[lead]

    def states(
        self, row: Row, key: str, said: dict[str, Any], told_at: dt.datetime | None = None
    ) -> None:
        """A source says something by one of its ids: that replaces what a source said, not what
        came otherwise, and counts when it is another word than the last by this id. What was told
        before the last word by this id only fills gaps."""
        known = row["identities"].get(key)
        if known is None:
            known = row["identities"][key] = {
                "said": {}, "came_by": self.came_by(row, key), "told_at": None,
            }  # fmt: skip
        is_old = bool(told_at and known["told_at"] and told_at < known["told_at"])
        for field in STATED:
            if field not in said:
                continue
            everybody = row["identities"].values()
            heard = {each["said"][field] for each in everybody if field in each["said"]}
            may = row[field] in heard and not is_old if row[field] else not heard
            is_news = said[field] != known["said"].get(field)
            if is_news and may:
                row[field] = said[field]
        news = {field: said[field] for field in STATED if field in said}
        known["said"] = news | known["said"] if is_old else known["said"] | news
        known["told_at"] = known["told_at"] if is_old else told_at or known["told_at"]

    def came_by(self, row: Row, key: str) -> int | None:
        """The merged lead by whose address somebody is found."""
        parts = (each for each in self.leads.values() if each["merged_into"] == row["lead"])
        return next((each["lead"] for each in parts if each["address"] == key), None)

    # --- answers ------------------------------------------------------------------------------

    def answers(self, row: Row, told: dict[str, Any], person: int) -> None:
        """Somebody asked; the same words again are the same answer."""
        for key, value in told.items():
            said = {"value": value, "by": person, "on": self.now.date()}
            if row["answers"].get(key) != said:
                row["answers"][key] = said

    def is_answered(self, row: Row) -> bool:
        """Whether all is known that must be."""
        return all(key in row["answers"] for key in REQUIRED)

    def consents(self, row: Row) -> bool:
        """Whether they may be told to a partner."""
        return bool(row["answers"].get(CONSENT, {}).get("value"))

    # --- scores -------------------------------------------------------------------------------

    def total(self, row: Row, version: int | None = None) -> int:
        """Tenths of points under a version, the live one if not said, by the facts as they are."""
        worth = self.versions[version or self.version]["vp"]
        return (
            BASE
            + (worth if row["title"] == "VP" else 0)
            + (BIG if self.is_big[row["account"]] else 0)
            + (DEMO if row["demos"] else 0)
            + (VISIT if any(not visit["is_machine"] for visit in row["visits"]) else 0)
        )

    def store_score(self, row: Row, *, is_beside: bool = True) -> None:
        """The score of now stands in the row; the line is another step. `is_beside`: the version in
        shadow looks at a lead that came since it began."""
        row["score"], row["scored_banned"] = self.total(row), row["country"] == "Nowhere"
        row["is_due"] = False
        shadow = self.shadow()
        if is_beside and shadow is not None and row["born"] >= shadow["since"]:
            shadow["seen"].setdefault(row["lead"], self.total(row, shadow["number"]))

    def shadow(self) -> dict[str, Any] | None:
        """The version in shadow."""
        return next((v for v in self.versions.values() if v["status"] == "shadow"), None)

    def is_ready(self, version: dict[str, Any]) -> bool:
        """Whether a shadow saw enough, or lasted long enough, to go live."""
        lasted = self.now >= version["since"] + SHADOW_LASTS
        return lasted or len(version["seen"]) >= SHADOW_LEADS

    def goes_live(self, number: int) -> None:
        """Another version counts."""
        self.versions[self.version]["status"] = "retired"
        self.versions[number].update(status="active", was_live=True)
        self.version = number

    # --- one person, two rows -----------------------------------------------------------------

    def standing(self) -> list[Row]:
        """Rows that are people of their own, with something known of them."""
        rows = self.leads.values()
        return [row for row in rows if row["merged_into"] is None and not row["is_erased"]]

    def parts_of(self, row: Row) -> list[Row]:
        """What was merged into a row."""
        return [each for each in self.leads.values() if each["merged_into"] == row["lead"]]

    def hands_over(self, survivor: Row, loser: Row, takes: tuple[str, ...]) -> dict[str, Any]:
        """What says who a person is and what they did changes rows; what an undo needs."""
        values = {
            field: (survivor[field], loser[field])
            for field in takes
            if not field.startswith(ANSWER) and survivor[field] != loser[field]
        }
        survivor.update({field: theirs for field, (_, theirs) in values.items()})
        # Each keeps the address the other one gave up.
        for each in (survivor, loser):
            each["had"] = each["had"] | set(values.get("email", ()))
        absorbed = self.parts_of(loser)
        for part in [loser, *absorbed]:
            part["merged_into"] = survivor["lead"]
        for address, lead in self.addresses.items():
            if lead == loser["lead"]:
                self.addresses[address] = survivor["lead"]
        for each in loser["identities"].values():
            each["came_by"] = each["came_by"] or loser["lead"]
        for happened in (*loser["demos"], *loser["visits"]):
            happened["came_by"] = happened["came_by"] or loser["lead"]
        survivor["identities"].update(loser["identities"])
        survivor["demos"] += loser["demos"]
        survivor["visits"] += loser["visits"]
        loser.update(identities={}, demos=[], visits=[])
        survivor["is_due"] = True
        answers = self.answers_over(survivor, loser, takes)
        absorbed = [part["lead"] for part in absorbed]
        return {"values": values, "answers": answers, "absorbed": absorbed}

    def hands_back(self, survivor: Row, loser: Row, moved: dict[str, Any]) -> None:
        """The other way round; a value that changed since stays, what came since goes to the row
        it came by."""
        for field, (mine, theirs) in moved["values"].items():
            if survivor[field] == theirs:
                survivor[field] = mine
        self.answers_back(survivor, loser, moved["answers"])
        loser["merged_into"] = None
        theirs = {loser["lead"], *moved["absorbed"]}
        for lead in moved["absorbed"]:
            self.leads[lead]["merged_into"] = loser["lead"]
        for lead in theirs:
            self.addresses[self.leads[lead]["address"]] = loser["lead"]
        for key, each in list(survivor["identities"].items()):
            if each["came_by"] in theirs:
                loser["identities"][key] = survivor["identities"].pop(key)
        for kind in ("demos", "visits"):
            loser[kind] = [each for each in survivor[kind] if each["came_by"] in theirs]
            survivor[kind] = [each for each in survivor[kind] if each["came_by"] not in theirs]
        for each in (*loser["identities"].values(), *loser["demos"], *loser["visits"]):
            if each["came_by"] == loser["lead"]:
                each["came_by"] = None
        survivor["is_due"] = loser["is_due"] = True

    def answers_over(
        self, survivor: Row, loser: Row, takes: tuple[str, ...]
    ) -> list[tuple[str, Any, Any]]:
        """What the other one answered is the survivor's; its own of the same question sleep."""
        moved = []
        for key in [each.removeprefix(ANSWER) for each in takes if each.startswith(ANSWER)]:
            if key in loser["answers"]:
                theirs = loser["answers"].pop(key)
                moved.append((key, survivor["answers"].get(key), theirs))
                survivor["answers"][key] = theirs
        return moved

    def answers_back(self, survivor: Row, loser: Row, moved: list[tuple[str, Any, Any]]) -> None:
        """The other way round; one that was given since stays."""
        for key, mine, theirs in moved:
            loser["answers"][key] = theirs
            if survivor["answers"].get(key) is theirs:
                del survivor["answers"][key]
                if mine is not None:
                    survivor["answers"][key] = mine

    def forget(self, row: Row) -> set[str]:
        """Nothing is known of a person any more; a company that was theirs alone goes with them.
        Their addresses are returned: their own, and those they had by a merge, but for what is
        another person's by now."""
        parts = self.parts_of(row)
        had = {address for each in [row, *parts] for address in each["had"]}
        gone = {each for each in had if self.addresses.get(each, row["lead"]) == row["lead"]}
        firm = row["account"]
        if not any(each["account"] == firm for each in self.standing() if each is not row):
            for company, account in self.firms.items():
                if account == firm:
                    self.firms[company] = f"{company}:{len(self.is_big)}"
            self.is_big[firm] = False
        for each in [row, *parts]:
            self.addresses.pop(each["address"], None)
            each.update(is_erased=True, is_due=False, turned_away=False)
            each.update(identities={}, demos=[], visits=[], answers={})
        return gone
