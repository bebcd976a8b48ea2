"""A transfer on its way: ordered, picked, sent, perhaps diverted, brought, counted and verified."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.dispatching import DONE
from services.scenarios.second_act.stage import Stage, iso


@dataclass(frozen=True, slots=True)
class Diversion:
    at: datetime
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Journey:
    """So many pieces of one lot, from a site to another; ``lot`` tells which, when it is time."""

    name: str
    origin: str
    destination: str
    lot: Callable[[], str]
    quantity: int
    ordered_at: datetime
    depart_on: date
    due_on: date
    carrier: str
    reason: str
    diversion: Diversion | None = None

    @property
    def ends_at(self) -> str:
        return self.diversion.to if self.diversion else self.destination

    def schedule(self, stage: Stage, agenda: Agenda) -> None:
        agenda.add(self.ordered_at, partial(self._order, stage, agenda))

    def id(self, stage: Stage) -> str:
        return stage.id(f"transfer/{self.name}")

    def shipment(self, stage: Stage) -> dict[str, Any]:
        """The shipment that carries it, or carried it, as it is now."""
        order = stage.api.get(stage.dispatcher, f"/transfers/{self.id(stage)}")
        return self._shipment_of(stage, order)

    def _shipment_of(self, stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
        """Once it was diverted, another order stands in place of the one that was given."""
        if order["shipment_id"] is None:
            instead = stage.api.get(stage.dispatcher, "/transfers", destination=self.ends_at)
            mine = f"transfer:{self.id(stage)}"
            order = next(each for each in instead if each["in_place_of"] == mine)
        found: dict[str, Any] = stage.api.get(
            stage.dispatcher, f"/shipments/{order['shipment_id']}"
        )
        return found

    def _order(self, stage: Stage, agenda: Agenda) -> None:
        body = {
            "id": self.id(stage),
            "origin": self.origin,
            "destination": self.destination,
            "depart_on": self.depart_on.isoformat(),
            "due_on": self.due_on.isoformat(),
            "carrier": self.carrier,
            "reason": self.reason,
            "occurred_at": iso(self.ordered_at),
            "lines": [{"lot_id": self.lot(), "quantity_base": self.quantity}],
        }
        order = stage.api.post(stage.dispatcher, "/transfers", body)
        shipment = self._shipment_of(stage, order)
        for at, user, name, more in self._steps(stage, shipment):
            path = f"/shipments/{shipment['id']}/{name}"
            agenda.add(at, partial(stage.api.tell, user, path, {"occurred_at": iso(at)} | more))

    def _steps(
        self, stage: Stage, shipment: dict[str, Any]
    ) -> list[tuple[datetime, str, str, dict[str, Any]]]:
        """When and by whom each step that is still to be done is done."""
        hours = stage.scenario.header.hours
        counted = [
            {"line": line["line"], "accepted": line["quantity_base"]} for line in shipment["lines"]
        ]
        dispatcher, carrier = stage.dispatcher, stage.desk(self.carrier)
        consignee, auditor = stage.keeper(self.ends_at), stage.auditor
        first, last = self.depart_on, self.due_on
        steps: list[tuple[datetime, str, str, dict[str, Any]]] = [
            (hours.at(first, hours.pick), dispatcher, "pick", {}),
            (hours.at(first, hours.dispatch), dispatcher, "dispatch", {}),
            (hours.at(last, hours.deliver), carrier, "deliver", {}),
            (hours.at(last, hours.receive), consignee, "receive", {"lines": counted}),
            (hours.at(last, hours.verify), auditor, "verify", {}),
        ]
        done = DONE[shipment["state"]]
        left = steps[done:]
        if self.diversion and done < DONE["delivered"]:
            left.append((self.diversion.at, dispatcher, "divert", self._elsewhere(stage)))
        return left

    def _elsewhere(self, stage: Stage) -> dict[str, Any]:
        assert self.diversion is not None
        return {
            "id": stage.id(f"diversion/{self.name}"),
            "destination": self.diversion.to,
            "due_on": self.due_on.isoformat(),
            "reason": self.diversion.reason,
        }


def accepted(shipment: dict[str, Any]) -> int:
    """Pieces that were counted and taken in."""
    return sum(line["accepted_base"] for line in shipment["lines"])
