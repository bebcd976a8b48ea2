"""A request made by the forecast: what was worked out from the reports, accepted as it is."""

from functools import partial
from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.rows import DailyReportRow
from services.scenarios.second_act.reports import report_id
from services.scenarios.second_act.stage import Outcome, Stage, iso

_HORIZON_DAYS = 7


class ForecastRequest:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = stage.script.forecast

    def schedule(self, agenda: Agenda) -> None:
        agenda.add(self._script.accepted_at, partial(self._accept))

    def _accept(self) -> None:
        user = self._stage.keeper(self._script.site)
        body = {"posted_at": iso(self._script.accepted_at)}
        self._stage.api.post(user, f"/supply-offers/{self._offer()['id']}/accept", body)

    def _offer(self) -> dict[str, Any]:
        """The offer that the site's last report made."""
        last = report_id(self._stage, self._reports()[-1])
        offers = self._stage.api.get(
            self._stage.auditor, "/supply-offers", site=self._script.site, limit=1000
        )
        return next(each for each in offers if each["report_id"] == last)

    def _reports(self) -> list[DailyReportRow]:
        rows = [row for row in self._stage.scenario.daily_reports if row.site == self._script.site]
        return sorted(rows, key=lambda row: row.day)

    def outcome(self) -> Outcome:
        offer = self._offer()
        needs: list[dict[str, Any]] = []
        if offer["request_id"] is not None:
            path = f"/requests/{offer['request_id']}"
            needs = self._stage.api.get(self._stage.auditor, path)["needs"]
        asked = {need["item"]: need["quantity_base"] for need in needs}
        outcome = Outcome(
            "forecast",
            f"{self._script.site} accepted what was worked out: {sum(asked.values()):,} pieces "
            f"of {len(asked)} items",
            {"items": len(asked), "pieces": sum(asked.values())},
        )
        outcome.expect("the offer's state", offer["state"], "accepted")
        outcome.expect("what is asked for", asked, self._expected())
        outcome.expect(
            "what was suggested", {need["item"]: need["suggested_base"] for need in needs}, asked
        )
        return outcome

    def _expected(self) -> dict[str, int]:
        """A week of what was used a day on the average, less what is left.

        That is the burn rate of a house whose patients don't change, of items that nothing else is
        asked for or under way of: as this site's are.
        """
        first, last = self._reports()[0], self._reports()[-1]
        days = (last.day - first.day).days
        found = {}
        for item, left in self._counted(last).items():
            used = self._counted(first)[item] - left
            wanted = -(-_HORIZON_DAYS * used // days) - left
            if wanted > 0:
                found[item] = wanted
        return found

    def _counted(self, report: DailyReportRow) -> dict[str, int]:
        return {
            row.item: self._stage.pieces(row.item, row.unit, row.quantity)
            for row in self._stage.scenario.daily_stock
            if (row.site, row.day) == (report.site, report.day)
        }
