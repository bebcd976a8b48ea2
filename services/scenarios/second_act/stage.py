"""What every act of the second part works with, and what it comes to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from services.catalog.service import BASE_UNIT
from services.parties.models import Role
from services.scenarios.acts import desk_of, desks
from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller
from services.scenarios.rows import DonationLineRow
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.script import Script

_A_PAGE = 1000


@dataclass(slots=True)
class Outcome:
    """An act's figures, its sentence, and where what the API says isn't what was expected."""

    name: str
    sentence: str
    figures: dict[str, int]
    differences: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, expected: object) -> None:
        """Note a difference between what the API says and what the script comes to."""
        if found != expected:
            self.differences.append(f"{self.name}: {what} is {found}, not {expected}")


class Act(Protocol):
    def schedule(self, agenda: Agenda) -> None: ...

    def outcome(self) -> Outcome: ...


class Stage:
    """The API as the scenario's parties use it, and what the scenario says of its lots."""

    def __init__(self, scenario: Scenario, api: ApiCaller) -> None:
        self.scenario = scenario
        self.api = api
        self.script: Script = scenario.second_act
        self.dispatcher = desk_of(scenario, Role.DISPATCHER)
        self.approver = desk_of(scenario, Role.APPROVER)
        self.auditor = desk_of(scenario, Role.AUDITOR)
        self.admin = desk_of(scenario, Role.ADMIN)
        self._users = desks(scenario)
        self._lots: dict[tuple[str, int], str] = {}
        self._pieces = {(row.item, row.unit): row.pieces for row in scenario.packs}

    def id(self, name: str) -> str:
        return str(self.scenario.id(f"second-act/{name}"))

    def donation_id(self, key: str) -> str:
        return str(self.scenario.id(f"donation/{key}"))

    def keeper(self, site: str) -> str:
        """Who counts and signs at a site: its own desk; at a relief warehouse, the dispatcher."""
        if site == self.script.community.code:
            return self.script.community.username
        relief = next(
            row.organisation for row in self.scenario.users if row.username == self.dispatcher
        )
        warehouses = {row.code for row in self.scenario.sites if row.organisation == relief}
        return self.dispatcher if site in warehouses else self._users[site]

    def desk(self, organisation: str) -> str:
        """Who acts for an organisation."""
        return self._users[organisation]

    def line(self, donation: str, number: int) -> DonationLineRow:
        return next(
            row
            for row in self.scenario.donation_lines
            if (row.donation, row.line) == (donation, number)
        )

    def pieces(self, item: str, unit: str, quantity: int) -> int:
        return quantity * (1 if unit == BASE_UNIT else self._pieces[item, unit])

    def accepted(self, donation: str, number: int) -> int:
        """How many pieces of a line were taken in, by the scenario's own table."""
        row = self.line(donation, number)
        return self.pieces(row.item, row.unit, row.accepted)

    def lot(self, donation: str, number: int) -> str:
        """The id of the lot that a line of a gift became, by the gift's public trace."""
        known = self._lots.get((donation, number))
        if known is not None:
            return known
        trace = self.api.get(None, f"/audit/donations/{self.donation_id(donation)}/trace")
        batch = self.line(donation, number).batch
        found = next(str(lot["lot_id"]) for lot in trace["lots"] if lot["batch"] == batch)
        self._lots[donation, number] = found
        return found

    def standing(self, site: str, lot_id: str, *states: str) -> int:
        """Pieces of a lot at a site in these states, as the API tells a desk."""
        return sum(
            row[state]
            for state in states
            for row in self.api.get(self.dispatcher, "/stock", site=site, state=state, limit=1000)
            if row["lot_id"] == lot_id
        )

    def brought(self, lot_id: str, site: str | None = None) -> int:
        """Pieces of a lot that the runs' shipments brought, to a site or anywhere, by receipts."""
        found = 0
        offset = 0
        while page := self._shipments(offset):
            offset += len(page)
            found += sum(
                line["accepted_base"]
                for shipment in page
                if shipment["run_id"] and site in {None, shipment["destination"]}
                for line in shipment["lines"]
                if line["lot_id"] == lot_id
            )
        return found

    def _shipments(self, offset: int) -> list[dict[str, Any]]:
        page: list[dict[str, Any]] = self.api.get(
            self.dispatcher, "/shipments", limit=_A_PAGE, offset=offset
        )
        return page


def iso(moment: datetime) -> str:
    return moment.isoformat()
