"""A recall of a batch that stands on shelves and was handed out: stopped, gathered, told."""

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.stage import Outcome, Stage, iso


class RecalledBatch:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = script = stage.script.recall
        self._line = stage.line(script.donation, script.line)
        self._origin = next(row for row in stage.scenario.donations if row.key_ == script.donation)
        self._stopped: str | None = None

    def schedule(self, agenda: Agenda) -> None:
        agenda.add(self._script.at, self._recall)

    @property
    def _id(self) -> str:
        return self._stage.id("recall")

    def is_played(self) -> bool:
        """Whether it was recalled: the last thing that happens in the whole story."""
        return self._stage.api.find(self._stage.auditor, f"/recalls/{self._id}") is not None

    def _recall(self) -> None:
        script, stage = self._script, self._stage
        body = {
            "id": self._id,
            "item": self._line.item,
            "batch": self._line.batch,
            "cause": script.cause,
            "reason": script.reason,
            "occurred_at": iso(script.at),
        }
        stage.api.post(stage.dispatcher, "/recalls", body)
        self._stopped = self._ask_for_more()

    def _ask_for_more(self) -> str | None:
        """Order what nobody may order any more: the word for why it is refused."""
        script, stage = self._script, self._stage
        day = script.at.date().isoformat()
        more = {
            "id": stage.id("transfer/of-what-is-recalled"),
            "origin": self._origin.site,
            "destination": stage.script.community.code,
            "depart_on": day,
            "due_on": day,
            "carrier": stage.script.community.carrier,
            "reason": "more masks",
            "occurred_at": iso(script.at),
            "lines": [{"lot_id": stage.lot(script.donation, script.line), "quantity_base": 1}],
        }
        return stage.api.attempt(stage.dispatcher, "/transfers", more)

    def outcome(self) -> Outcome:
        stage = self._stage
        told = stage.api.get(stage.auditor, f"/recalls/{self._id}")
        progress, notices = told["progress"], self._notices()
        if self._stopped is None and told["lifted_at"] is None:
            # The story was acted out before, so nobody has asked yet.
            self._stopped = self._ask_for_more()
        outcome = Outcome(
            "recall",
            f"of batch {self._line.batch}: {progress['gathered']:,} pieces stopped at "
            f"{len(told['sites'])} places, {progress['used']:,} were handed out before; "
            f"{len(notices)} notices",
            {
                "opened": told["opened_base"],
                "gathered": progress["gathered"],
                "used": progress["used"],
                "notices": len(notices),
            },
        )
        stands = self._expected()
        used = stage.script.community.served * stage.script.community.pieces
        came = stage.accepted(self._script.donation, self._script.line)
        outcome.expect("what came in", told["opened_base"], came)
        outcome.expect("what was used", progress["used"], used)
        outcome.expect("what is gathered", progress["gathered"], came - used)
        outcome.expect("what is neither", progress["elsewhere"] + progress["under_way"], 0)
        found = {
            row["holder"].removeprefix("site:"): row["states"].get("recalled", 0)
            for row in told["standings"]
            if row["states"].get("recalled")
        }
        outcome.expect("where it stands", found, stands)
        outcome.expect("who is told", sorted(notices), sorted(self._whom()))
        outcome.expect("how another order of it is answered", self._stopped, "lot-recalled")
        return outcome

    def _expected(self) -> dict[str, int]:
        """By place, what the other acts left of it there."""
        script = self._stage.script
        mine = (self._script.donation, self._script.line)
        home = self._stage.accepted(*mine)
        stands = {}
        if (script.diversion.donation, script.diversion.line) == mine:
            home -= script.diversion.quantity
            stands[script.diversion.diverted_to] = script.diversion.quantity
        if (script.community.donation, script.community.line) == mine:
            home -= script.community.supplied
            given = script.community.served * script.community.pieces
            stands[script.community.code] = script.community.supplied - given
        return stands | {self._origin.site: home}

    def _whom(self) -> set[str]:
        """The desks, whoever gave it, and whoever keeps some of it."""
        sites = {site.code: site.organisation for site in self._stage.scenario.sites}
        keepers = {sites.get(site, site) for site in self._expected()}
        return {"", self._origin.donor} | keepers

    def _notices(self) -> set[str]:
        """Which organisations see a notice of it ("" is the desks'), each asked by its own user."""
        stage = self._stage
        about = f"recall:{self._id}"
        keepers = {stage.keeper(site) for site in self._expected()}
        found = set()
        for user in {stage.auditor, stage.desk(self._origin.donor)} | keepers:
            for alert in stage.api.get(user, "/alerts", kind="recall", scope="all", limit=1000):
                subject, _, organisation = alert["subject"].partition("/")
                if subject == about:
                    found.add(organisation)
        return found
