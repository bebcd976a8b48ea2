"""A hospital gives surplus back, and a transfer brings it to a warehouse."""

from functools import partial

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.journey import Journey, accepted
from services.scenarios.second_act.stage import Outcome, Stage, iso


class GivingBack:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = script = stage.script.giving_back
        self._journey = Journey(
            "giving-back",
            script.site,
            script.to,
            self._lot,
            script.quantity,
            script.at,
            script.depart_on,
            script.due_on,
            script.carrier,
            script.reason,
        )

    def schedule(self, agenda: Agenda) -> None:
        agenda.add(self._script.at, partial(self._give_back, agenda))

    def _lot(self) -> str:
        """The largest lot of the item that the site has received: what it gives back is little."""
        script = self._script
        user = self._stage.keeper(script.site)
        rows = self._stage.api.get(user, "/stock", site=script.site, item=script.item)
        received = [(row["received"], row["lot_id"]) for row in rows]
        return str(max(received)[1])

    def _give_back(self, agenda: Agenda) -> None:
        script = self._script
        body = {
            "id": self._stage.id("giving-back"),
            "site": script.site,
            "lot_id": self._lot(),
            "quantity": script.quantity,
            "occurred_at": iso(script.at),
            "reason": script.reason,
        }
        self._stage.api.post(self._stage.keeper(script.site), "/stock/returns", body)
        # Nothing of it can be ordered before it is back on the shelf.
        self._journey.schedule(self._stage, agenda)

    def outcome(self) -> Outcome:
        script, stage = self._script, self._stage
        shipment = self._journey.shipment(stage)
        brought = accepted(shipment)
        outcome = Outcome(
            "return",
            f"{script.site} gave {brought:,} {script.item} back, which stand at {script.to} again",
            {"pieces": brought},
        )
        outcome.expect("the transfer's state", shipment["state"], "verified")
        outcome.expect("pieces", brought, script.quantity)
        lot = shipment["lines"][0]["lot_id"]
        outcome.expect(
            "what is left to give at the hospital",
            stage.standing(script.site, lot, "available", "reserved"),
            0,
        )
        outcome.expect(
            "what the hospital has kept",
            stage.standing(script.site, lot, "received"),
            stage.brought(lot, script.site) - script.quantity,
        )
        return outcome
