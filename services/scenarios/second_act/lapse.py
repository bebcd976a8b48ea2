"""A need that its hospital posts and never confirms: it lapses, judged by the world's time."""

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.stage import Outcome, Stage, iso


class LapsedNeed:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = stage.script.lapse

    def schedule(self, agenda: Agenda) -> None:
        agenda.add(self._script.posted_at, self._post)
        agenda.add(self._script.lapsed_at, self._lapse)

    @property
    def _request(self) -> str:
        return self._stage.id("request/lapse")

    def _post(self) -> None:
        script = self._script
        need = {
            "item": script.item,
            "quantity": script.quantity,
            "priority": script.priority.value,
            "need_by": script.need_by.isoformat(),
        }
        body = {
            "id": self._request,
            "site": script.site,
            "posted_at": iso(script.posted_at),
            "needs": [need],
            "duplicate": "keep",
        }
        self._stage.api.post(self._stage.keeper(script.site), "/requests", body)

    def _lapse(self) -> None:
        body = {"at": iso(self._script.lapsed_at), "site": self._script.site}
        self._stage.api.post(self._stage.dispatcher, "/needs/lapse", body)

    def outcome(self) -> Outcome:
        script, stage = self._script, self._stage
        lapsed = stage.api.get(stage.auditor, "/needs", state="lapsed", limit=1000)
        here = [need for need in lapsed if need["request_id"] == self._request]
        outcome = Outcome(
            "lapsed need",
            f"{len(here)} of {script.site}: {sum(need['quantity_base'] for need in here):,} "
            f"{script.item} that nobody stood by",
            {"needs": len(here), "pieces": sum(need["quantity_base"] for need in here)},
        )
        outcome.expect("whose", {need["site"] for need in here}, {script.site})
        outcome.expect("pieces", [need["quantity_base"] for need in here], [script.quantity])
        outcome.expect("outstanding", [need["outstanding_base"] for need in here], [0])
        return outcome
