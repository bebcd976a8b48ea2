"""A lorry that is turned back on its way: what it carries goes to another warehouse."""

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.journey import Diversion, Journey, accepted
from services.scenarios.second_act.stage import Outcome, Stage


class DivertedLorry:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = script = stage.script.diversion
        self._journey = Journey(
            "diverted",
            script.origin,
            script.destination,
            lambda: stage.lot(script.donation, script.line),
            script.quantity,
            script.ordered_at,
            script.depart_on,
            script.due_on,
            script.carrier,
            f"{script.destination} runs short",
            Diversion(script.diverted_at, script.diverted_to, script.reason),
        )

    def schedule(self, agenda: Agenda) -> None:
        self._journey.schedule(self._stage, agenda)

    def outcome(self) -> Outcome:
        script, stage = self._script, self._stage
        shipment = self._journey.shipment(stage)
        lot = stage.lot(script.donation, script.line)
        brought = accepted(shipment)
        outcome = Outcome(
            "diverted lorry",
            f"{brought:,} pieces meant for {script.destination} stand at {script.diverted_to}",
            {"pieces": brought},
        )
        outcome.expect("where it went", shipment["destination"], script.diverted_to)
        outcome.expect("its state", shipment["state"], "verified")
        outcome.expect("pieces", brought, script.quantity)
        notes = [event["note"] for event in shipment["events"]]
        outcome.expect("whether its history says why", script.reason in notes, True)
        for site, pieces in ((script.destination, 0), (script.diverted_to, script.quantity)):
            # By now the lot may have been recalled.
            stands = stage.standing(site, lot, "available", "recalled")
            outcome.expect(f"what stands at {site}", stands, pieces)
        return outcome
