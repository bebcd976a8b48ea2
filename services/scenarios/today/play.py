"""Makes every desk alive on the day on which the demonstration is opened.

Its dates follow from that day. A day is acted out once: started again on the same day nothing
happens, and on another day that day's own goods, needs and plans are added to what is there.
"""

from datetime import date, datetime, timedelta
from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller, DriveFailed, NotThere, Refused
from services.scenarios.dispatching import DONE, solved
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.journey import Journey
from services.scenarios.second_act.stage import Stage, iso
from services.scenarios.today.script import Call, Day

_HORIZON_DAYS = 7
_LONGEST_SEARCH_S = 2


class Today:
    """The day of the demonstration on which ``moment`` falls by the scenario's clock."""

    def __init__(self, scenario: Scenario, api: ApiCaller, moment: datetime) -> None:
        self._stage = Stage(scenario, api)
        self._api = api
        self._script = scenario.today
        hours = scenario.header.hours
        zone = hours.at(scenario.header.first_day, 0).tzinfo
        self._day = Day(moment.astimezone(zone).date(), hours.zone, scenario.header.namespace)

    def play(self) -> None:
        """Act it out, unless its last act, the plan that waits for an approver, is there."""
        waiting = self._day.id("plan that waits")
        if self._api.find(self._stage.dispatcher, f"/runs/{waiting}") is not None:
            return
        try:
            self._play()
        except (NotThere, Refused) as refusal:
            raise DriveFailed(
                "Today's part doesn't fit what was done here since; `make demo FRESH=1` starts "
                f"over. {refusal.detail}"
            ) from refusal

    def _play(self) -> None:
        self._call(self._script.before)
        self._supply_the_point()
        self._send(self._approved_plan())
        self._call(self._script.after)
        self._propose("plan that waits", self._day.at(-1, "22:00"), self._day.today)

    def _call(self, calls: list[Call]) -> None:
        for call in calls:
            if call.unless and self._api.get(call.by, self._day.filled(call.unless)):
                continue
            body = self._day.filled(call.body)
            if call.post is not None:
                self._api.post(call.by, self._day.filled(call.post), body)
            else:
                self._api.put(call.by, self._day.filled(call.put), body)

    def _supply_the_point(self) -> None:
        """A transfer of masks, brought and counted the day before."""
        point, script = self._script.point, self._stage.script.community
        journey = Journey(
            f"today/{self._day.today.isoformat()}",
            point.origin,
            script.code,
            self._lot_of_the_point,
            point.pieces,
            self._day.at(-2, "19:00"),
            self._day.on(-2),
            self._day.on(-1),
            script.carrier,
            "masks for the neighbourhood",
        )
        agenda = Agenda()
        journey.schedule(self._stage, agenda)
        agenda.run(lambda _done, _known: None)

    def _lot_of_the_point(self) -> str:
        gift = self._day.id(self._script.point.gift)
        batch = self._day.filled(self._script.point.batch)
        trace = self._api.get(None, f"/audit/donations/{gift}/trace")
        return next(str(lot["lot_id"]) for lot in trace["lots"] if lot["batch"] == batch)

    def _approved_plan(self) -> str:
        """The plan of the day before, which a second person approved; its run's id."""
        at = self._day.at(-1, "13:00")
        run = self._propose("plan of the day before", at, self._day.on(-1))
        if run["state"] == "proposed":
            decision = {"occurred_at": iso(at + timedelta(hours=1))}
            self._api.post(self._stage.approver, f"/runs/{run['id']}/approve", decision)
        return str(run["id"])

    def _propose(self, name: str, at: datetime, day: date) -> dict[str, Any]:
        run = self._day.id(name)
        body = {
            "id": run,
            "day": day.isoformat(),
            "horizon_days": _HORIZON_DAYS,
            "occurred_at": iso(at),
        }
        self._api.post(self._stage.dispatcher, "/runs", body)
        return solved(self._api, self._stage.dispatcher, run)

    def _send(self, run: str) -> None:
        """One hospital's shipments are under way; the others wait to be picked, in rounds."""
        query = {"run_id": run, "destination": self._script.expects_a_shipment}
        steps = (("pick", "16:00"), ("dispatch", "17:00"))
        for shipment in self._api.get(self._stage.dispatcher, "/shipments", limit=100, **query):
            for name, clock in steps[DONE[shipment["state"]] :]:
                body = {"occurred_at": iso(self._day.at(-1, clock))}
                self._api.tell(self._stage.dispatcher, f"/shipments/{shipment['id']}/{name}", body)
        rounds = {
            "id": self._day.id("rounds"),
            "day": self._day.today.isoformat(),
            "most_seconds": _LONGEST_SEARCH_S,
        }
        self._api.post(self._stage.dispatcher, "/rounds", rounds)
