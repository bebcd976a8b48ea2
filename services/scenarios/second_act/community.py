"""A community point: registered, supplied, and 200 households that book masks and fetch them."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.scenarios.agenda import Agenda
from services.scenarios.second_act.journey import Journey, accepted
from services.scenarios.second_act.stage import Outcome, Stage, iso

_COMES_AFTER = timedelta(minutes=5)
_REFUSED = "quota-used"


class CommunityPoint:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._script = script = stage.script.community
        self._item = stage.line(script.donation, script.line).item
        self._codes: dict[int, str] = {}
        self._refused: Counter[str] = Counter()
        self._slots = self._all_slots()
        self._journey = Journey(
            "community",
            script.origin,
            script.code,
            lambda: stage.lot(script.donation, script.line),
            script.supplied,
            script.supplied_at,
            script.depart_on,
            script.due_on,
            script.carrier,
            "masks for the neighbourhood",
        )

    def schedule(self, agenda: Agenda) -> None:
        script = self._script
        agenda.add(script.registered_at, self.register)
        self._journey.schedule(self._stage, agenda)
        agenda.add(script.booked_at - timedelta(minutes=30), self._offer)
        for number in range(script.households):
            agenda.add(script.booked_at, partial(self._book, number))
        for number in range(script.second_tries):
            agenda.add(script.booked_at + _COMES_AFTER, partial(self._book_again, number))
        for number in range(script.served):
            comes = self._slot_of(number) + _COMES_AFTER
            agenda.add(comes, partial(self._fetch, number, comes))
        for number in range(script.served, script.served + script.given_up):
            agenda.add(script.booked_at + 2 * _COMES_AFTER, partial(self._give_up, number))
        agenda.add(script.missed_at, self._miss)

    def register(self) -> None:
        """The organisation, its place and its user, each where it isn't there yet."""
        script, api, admin = self._script, self._stage.api, self._stage.admin
        names = {"name_en": script.name_en, "name_zh": script.name_zh}
        organisation = {"code": script.code, "kind": "hospital", **names}
        site = {
            "code": script.code,
            "organisation": script.code,
            "kind": "relief_point",
            **names,
            "region": script.region,
            "latitude": script.latitude,
            "longitude": script.longitude,
        }
        user = {
            "username": script.username,
            "display_name": f"The staff of {script.name_en}",
            "role": "hospital",
            "organisation": script.code,
            "password": script.password,
        }
        bodies: dict[str, dict[str, Any]] = {
            "/organisations": organisation,
            "/sites": site,
            "/users": user,
        }
        for path, body in bodies.items():
            api.attempt(admin, path, body)

    @property
    def _offer_id(self) -> str:
        return self._stage.id("point-offer")

    def _offer(self) -> None:
        script = self._script
        body = {
            "id": self._offer_id,
            "site": script.code,
            "item": self._item,
            "pieces": script.pieces,
            "period_days": script.period_days,
            "opens_at": script.opens_at.isoformat(),
            "closes_at": script.closes_at.isoformat(),
            "slot_minutes": script.slot_minutes,
            "bookings_per_slot": script.bookings_per_slot,
            "first_day": script.first_day.isoformat(),
            "last_day": script.last_day.isoformat(),
        }
        self._stage.api.post(script.username, "/community/offers", body)

    def _all_slots(self) -> list[datetime]:
        """When a household may come: the first slot of the first day first."""
        script, zone = self._script, self._stage.scenario.header.hours.zone
        length = timedelta(minutes=script.slot_minutes)
        found = []
        for after in range((script.last_day - script.first_day).days + 1):
            day = (script.first_day + timedelta(days=after)).isoformat()
            here = datetime.fromisoformat(f"{day}T{script.opens_at.isoformat()}{zone}")
            closes = datetime.fromisoformat(f"{day}T{script.closes_at.isoformat()}{zone}")
            while here + length <= closes:
                found.append(here)
                here += length
        return found

    def _slot_of(self, number: int) -> datetime:
        return self._slots[number // self._script.bookings_per_slot]

    def _booking(self, number: int, name: str, slot: datetime) -> dict[str, Any]:
        """The household's number is made up, and looks it."""
        return {
            "id": self._stage.id(f"{name}/{number}"),
            "slot_starts_at": iso(slot),
            "household": f"MADE-UP-HOUSEHOLD-{number:05}",
            "booked_at": iso(self._script.booked_at),
        }

    @property
    def _bookings(self) -> str:
        return f"/community/offers/{self._offer_id}/bookings"

    def _book(self, number: int) -> None:
        body = self._booking(number, "booking", self._slot_of(number))
        booked = self._stage.api.post(None, self._bookings, body)
        self._codes[number] = booked["pickup_code"]

    def _book_again(self, number: int) -> None:
        body = self._booking(number, "second-try", self._slots[-1])
        self._refused[str(self._stage.api.attempt(None, self._bookings, body))] += 1

    def _fetch(self, number: int, at: datetime) -> None:
        body = {"pickup_code": self._codes[number], "occurred_at": iso(at)}
        self._stage.api.post(self._script.username, "/community/hand-outs", body)

    def _give_up(self, number: int) -> None:
        booking = self._stage.id(f"booking/{number}")
        self._stage.api.post(None, f"/community/bookings/{booking}/cancel", {})

    def _miss(self) -> None:
        body = {"site": self._script.code, "at": iso(self._script.missed_at)}
        self._stage.api.post(self._script.username, "/community/bookings/miss", body)

    def _bookings_of_the_story(self) -> list[dict[str, Any]]:
        """Those of the days that the point was open then: it may have opened again since."""
        stage, past = self._stage, self._script.last_day.isoformat()
        rows = stage.api.get(
            stage.auditor,
            "/community/bookings",
            site=self._script.code,
            sort="slot_starts_at",
            limit=1000,
        )
        zone = stage.scenario.header.hours.zone
        end = datetime.fromisoformat(f"{past}T23:59:59{zone}")
        return [row for row in rows if datetime.fromisoformat(row["slot_starts_at"]) <= end]

    def outcome(self) -> Outcome:
        script, stage = self._script, self._stage
        if not self._refused:
            # The story was acted out before, so nobody has tried yet.
            for number in range(script.second_tries):
                self._book_again(number)
        rows = self._bookings_of_the_story()
        states = Counter(row["state"] for row in rows)
        given = sum(row["pieces"] for row in rows if row["state"] == "handed_out")
        refused = self._refused[_REFUSED]
        outcome = Outcome(
            "community point",
            f"{len(rows)} households booked, {states['handed_out']} came for {given:,} masks, "
            f"{states['cancelled']} gave it up, {states['missed']} missed it; "
            f"{refused} were refused a second share",
            {
                "bookings": len(rows),
                "handed_out": states["handed_out"],
                "given_up": states["cancelled"],
                "missed": states["missed"],
                "refused": refused,
                "pieces": given,
            },
        )
        expected = {"handed_out": script.served, "cancelled": script.given_up}
        outcome.expect("bookings", dict(states), expected | {"missed": script.missed})
        outcome.expect("refusals", dict(self._refused), {_REFUSED: script.second_tries})
        outcome.expect("what was brought", accepted(self._journey.shipment(stage)), script.supplied)
        lot = stage.lot(script.donation, script.line)
        outcome.expect(
            "what is left of it",
            stage.standing(script.code, lot, "available", "recalled"),
            script.supplied - script.served * script.pieces,
        )
        return outcome
