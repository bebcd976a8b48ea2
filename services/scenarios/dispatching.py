"""The runs: started, solved, approved by a second person, and their shipments seen through."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from services.parties.models import Role
from services.scenarios.acts import desk_of, desks
from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller, DriveFailed
from services.scenarios.rows import ReceiptOutcome, ReceiptRow, RunRow
from services.scenarios.scenario import Scenario

SOLVING = "solving"
_POLL_S = 0.1
_LONGEST_SOLVE_S = 600.0
_APPROVED_AFTER = timedelta(hours=1)
_UNSOLVED = frozenset({"queued", "solving"})
_PAGE = 200
# How far a shipment is, so that a second drive doesn't send again what was done.
DONE = {
    "planned": 0,
    "picked": 1,
    "dispatched": 2,
    "delivered": 3,
    "received": 4,
    "partly_received": 4,
    "verified": 5,
    "refused": 5,
    "lost": 5,
    "cancelled": 5,
}
_GONE = DONE["dispatched"]
_LONGEST_SEARCH_S = 3


@dataclass(frozen=True, slots=True)
class _Exception:
    """On this line of this shipment so many pieces fall short or are rejected."""

    rule: ReceiptRow
    shipment: str
    line: int
    pieces: int


class Dispatching:
    """Puts the runs on an agenda; a run, once approved, adds its shipments' steps to it."""

    def __init__(
        self, scenario: Scenario, api: ApiCaller, progress: Callable[[str, int, int], None]
    ) -> None:
        self._scenario = scenario
        self._api = api
        self._progress = progress
        self._users = desks(scenario)
        self._dispatcher = desk_of(scenario, Role.DISPATCHER)
        self._approver = desk_of(scenario, Role.APPROVER)
        self._auditor = desk_of(scenario, Role.AUDITOR)

    def schedule(self, agenda: Agenda) -> None:
        for row in self._scenario.runs:
            agenda.add(row.starts_at, partial(self._run, agenda, row))

    def run_id(self, row: RunRow) -> str:
        return str(self._scenario.id(f"run/{row.key_}"))

    def all_shipments(self) -> list[dict[str, Any]]:
        """Every shipment of the scenario's runs, as it is now."""
        return [each for row in self._scenario.runs for each in self._shipments(row)]

    def _run(self, agenda: Agenda, row: RunRow) -> None:
        body = {
            "id": self.run_id(row),
            "day": row.day.isoformat(),
            "horizon_days": row.horizon_days,
            "occurred_at": row.starts_at.isoformat(),
            "note": row.note,
        }
        self._api.post(self._dispatcher, "/runs", body)
        run = solved(self._api, self._dispatcher, self.run_id(row), self._tell_of(row))
        if run["state"] == "proposed":
            decision = {"occurred_at": (row.starts_at + _APPROVED_AFTER).isoformat()}
            self._api.post(self._approver, f"/runs/{run['id']}/approve", decision)
        elif run["state"] != "approved":
            why = run["failure"] or run["decision_note"]
            raise DriveFailed(f"Run {row.key_} is {run['state']}: {why}")
        shipments = self._shipments(row)
        self._plan_rounds(row, shipments)
        self._schedule_shipments(agenda, row, shipments)

    def _plan_rounds(self, row: RunRow, shipments: list[dict[str, Any]]) -> None:
        """Have the lorries' rounds planned for the day after the run, while some of these wait.

        A run is in the evening: its shipments are brought on the next day. Nothing waits for it.
        """
        if all(DONE[each["state"]] >= _GONE for each in shipments):
            return
        body = {
            "id": str(self._scenario.id(f"rounds/{row.key_}")),
            "day": (row.day + timedelta(days=1)).isoformat(),
            "most_seconds": _LONGEST_SEARCH_S,
        }
        self._api.post(self._dispatcher, "/rounds", body)

    def _tell_of(self, row: RunRow) -> Callable[[int], None]:
        return lambda percent: self._progress(f"{SOLVING} {row.key_}", percent, 100)

    def _schedule_shipments(
        self, agenda: Agenda, row: RunRow, shipments: list[dict[str, Any]]
    ) -> None:
        exceptions = self._exceptions(row, shipments)
        for shipment in shipments:
            mine = [each for each in exceptions if each.shipment == shipment["id"]]
            for at, step in self._steps(shipment, mine):
                agenda.add(at, step)

    def _shipments(self, row: RunRow) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._api.get(
                self._dispatcher,
                "/shipments",
                run_id=self.run_id(row),
                limit=_PAGE,
                offset=len(found),
            )
            found += page
            if len(page) < _PAGE:
                return found

    def _exceptions(self, row: RunRow, shipments: list[dict[str, Any]]) -> list[_Exception]:
        """What each rule of receipts.csv means for the run's largest line of the item."""
        found = []
        for rule in self._scenario.receipts:
            if rule.run != row.key_:
                continue
            lines = [
                (-line["quantity_base"], shipment["id"], line["line"])
                for shipment in shipments
                for line in shipment["lines"]
                if line["item"] == rule.item
            ]
            if lines:
                minus_quantity, shipment_id, line_number = min(lines)
                # At least a piece falls out, and at least one arrives.
                pieces = min(max(1, -minus_quantity * rule.percent // 100), -minus_quantity - 1)
                found.append(_Exception(rule, shipment_id, line_number, pieces))
        return found

    def _steps(
        self, shipment: dict[str, Any], exceptions: list[_Exception]
    ) -> list[tuple[datetime, Callable[[], None]]]:
        hours = self._scenario.header.hours
        departs = date.fromisoformat(shipment["depart_on"])
        due = date.fromisoformat(shipment["due_on"])
        # What leaves and arrives within one day arrives the day after: it leaves in the evening.
        due = max(due, departs + timedelta(days=1))
        consignee = self._users[shipment["destination"]]
        carrier = self._users[shipment["carrier"]]
        steps = [
            ("pick", departs, hours.pick, self._dispatcher, {}),
            ("dispatch", departs, hours.dispatch, self._dispatcher, {}),
            ("deliver", due, hours.deliver, carrier, {}),
            ("receive", due, hours.receive, consignee, {"lines": _count(shipment, exceptions)}),
            ("verify", due, hours.verify, self._auditor, {}),
        ]
        return [
            (
                hours.at(day, hour),
                partial(
                    self._api.tell,
                    user,
                    f"/shipments/{shipment['id']}/{name}",
                    {"occurred_at": hours.at(day, hour).isoformat()} | more,
                ),
            )
            for name, day, hour, user, more in steps[DONE[shipment["state"]] :]
        ]


def solved(
    api: ApiCaller, reader: str, run_id: str, tell: Callable[[int], None] = lambda _percent: None
) -> dict[str, Any]:
    """Wait until a run is solved, or failed, and return it; ``tell`` is told its per cent."""
    give_up = time.monotonic() + _LONGEST_SOLVE_S
    while True:
        run: dict[str, Any] = api.get(reader, f"/runs/{run_id}")
        tell(run["progress"])
        if run["state"] not in _UNSOLVED:
            return run
        if time.monotonic() > give_up:
            raise DriveFailed(f"Run {run_id} isn't solved after {_LONGEST_SOLVE_S:.0f} s")
        time.sleep(_POLL_S)


def _count(shipment: dict[str, Any], exceptions: list[_Exception]) -> list[dict[str, Any]]:
    """The consignee's count: everything accepted, but for the exceptions."""
    lines = []
    for line in shipment["lines"]:
        counted = {"line": line["line"], "accepted": line["quantity_base"]}
        for each in exceptions:
            if each.line == line["line"]:
                counted["accepted"] -= each.pieces
                name = "short" if each.rule.outcome is ReceiptOutcome.SHORT else "rejected"
                counted |= {name: each.pieces, "reason": each.rule.reason}
        lines.append(counted)
    return lines
