"""Daily reports: hospitals say each evening who lies there, who works, and what is left."""

from functools import partial
from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.rows import DailyReportRow
from services.scenarios.second_act.stage import Outcome, Stage, iso

_PEOPLE = (
    *("patients_suspected", "patients_mild", "patients_severe", "patients_critical"),
    *("shifts_doctor", "shifts_nurse", "shifts_cleaner", "shifts_other", "tests_done"),
)


class DailyReports:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._rows = stage.scenario.daily_reports

    def schedule(self, agenda: Agenda) -> None:
        for row in self._rows:
            agenda.add(row.counted_at, partial(self._report, row))

    def _report(self, row: DailyReportRow) -> None:
        body = {
            "id": report_id(self._stage, row),
            "site": row.site,
            "day": row.day.isoformat(),
            "counted_at": iso(row.counted_at),
            "stock": [
                {"item": each.item, "quantity": each.quantity, "unit": each.unit}
                for each in self._stage.scenario.daily_stock
                if (each.site, each.day) == (row.site, row.day)
            ],
        }
        people = {name: getattr(row, name) for name in _PEOPLE}
        self._stage.api.post(self._stage.keeper(row.site), "/daily-reports", body | people)

    def outcome(self) -> Outcome:
        sites = {row.site for row in self._rows}
        told = self._told()
        ours = [told[each] for row in self._rows if (each := report_id(self._stage, row)) in told]
        patients = sum(report[name] for report in ours for name in _PEOPLE[:4])
        counts = sum(stock["quantity_base"] for report in ours for stock in report["stock"])
        outcome = Outcome(
            "daily reports",
            f"{len(ours)} reports of {len(sites)} hospitals, of {patients:,} patients' days",
            {"reports": len(ours), "hospitals": len(sites), "patient_days": patients},
        )
        outcome.expect("the number of reports", len(ours), len(self._rows))
        said = sum(getattr(row, name) for row in self._rows for name in _PEOPLE[:4])
        outcome.expect("the number of patients", patients, said)
        left = sum(
            self._stage.pieces(row.item, row.unit, row.quantity)
            for row in self._stage.scenario.daily_stock
        )
        outcome.expect("what was counted, in pieces", counts, left)
        return outcome

    def _told(self) -> dict[str, dict[str, Any]]:
        """The reports that count, by id."""
        rows = self._stage.api.get(self._stage.auditor, "/daily-reports", limit=1000)
        return {row["id"]: row for row in rows if row["current"]}


def report_id(stage: Stage, row: DailyReportRow) -> str:
    return stage.id(f"report/{row.site}/{row.day.isoformat()}")
