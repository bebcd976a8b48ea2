"""An earmark that its donor lets go: what is left of the gift may serve anybody."""

from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.stage import Outcome, Stage, iso


class ReleasedEarmark:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = stage.script.release
        self._gift = next(
            row for row in stage.scenario.donations if row.key_ == self._script.donation
        )

    def schedule(self, agenda: Agenda) -> None:
        agenda.add(self._script.released_at, self._release)

    def _release(self) -> None:
        script = self._script
        body = {"released_at": iso(script.released_at), "reason": script.reason}
        path = f"/donations/{self._stage.donation_id(script.donation)}/release-earmark"
        self._stage.api.post(self._stage.desk(self._gift.donor), path, body)

    def outcome(self) -> Outcome:
        script, stage = self._script, self._stage
        mine = stage.donation_id(script.donation)
        honours: list[dict[str, Any]] = [
            row
            for row in stage.api.get(stage.auditor, "/earmarks", limit=1000)
            if row["donation_id"] == mine
        ]
        free = sum(row["came_in_base"] - row["served_base"] for row in honours if row["released"])
        outcome = Outcome(
            "earmark released",
            f"{self._gift.donor} lets {free:,} pieces go that were kept for {self._gift.earmark}",
            {"lots": len(honours), "pieces": free},
        )
        outcome.expect("released", [row["released"] for row in honours], [True] * len(honours))
        lines = [row for row in stage.scenario.donation_lines if row.donation == script.donation]
        came = sorted(stage.accepted(row.donation, row.line) for row in lines)
        outcome.expect("what came in", sorted(row["came_in_base"] for row in honours), came)
        outcome.expect("pieces", free, sum(came) - self._served())
        return outcome

    def _served(self) -> int:
        """What shipments have brought of it to whom it was kept for, by their receipts."""
        donation = self._script.donation
        return sum(
            self._stage.brought(self._stage.lot(row.donation, row.line))
            for row in self._stage.scenario.donation_lines
            if row.donation == donation
        )
