"""Needs, capacity, output, gifts, purchases and payments: each act sent as its own party."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.catalog.service import BASE_UNIT
from services.parties.models import Role
from services.scenarios.agenda import Agenda
from services.scenarios.client import ApiCaller
from services.scenarios.rows import (
    CapacityRow,
    DonationLineRow,
    DonationRow,
    MoneyGiftRow,
    NeedChangeRow,
    NeedRow,
    PaymentRow,
    ProductionRow,
    PurchaseRow,
)
from services.scenarios.scenario import Scenario

# The second asking of a need that is cancelled later comes this long after the first (assumed).
_ASKED_AGAIN_AFTER = timedelta(minutes=30)


class Acts:
    """Puts everything that the scenario's parties do of themselves on an agenda."""

    def __init__(self, scenario: Scenario, api: ApiCaller) -> None:
        self._scenario = scenario
        self._api = api
        self._users = desks(scenario)
        self._pieces = {(row.item, row.unit): row.pieces for row in scenario.packs}
        self._edited: dict[tuple[str, str], dict[str, Any]] = {}

    def schedule(self, agenda: Agenda) -> None:
        scenario = self._scenario
        self._schedule_needs(agenda)
        for capacity in scenario.capacity:
            start = scenario.header.hours.at(scenario.header.first_day, 8)
            agenda.add(start, partial(self._plan_capacity, capacity))
        for production in scenario.production:
            agenda.add(production.reported_at, partial(self._report_output, production))
        for donation in scenario.donations:
            agenda.add(donation.given_at, partial(self._give_goods, donation))
            agenda.add(donation.received_at, partial(self._receive_goods, donation))
        for gift in scenario.money_gifts:
            agenda.add(gift.given_at, partial(self._give_money, gift))
            agenda.add(gift.received_at, partial(self._receive_money, gift))
        for purchase in scenario.purchases:
            agenda.add(purchase.bought_at, partial(self._buy, purchase))
        for payment in scenario.payments:
            agenda.add(payment.paid_at, partial(self._pay, payment))

    def _schedule_needs(self, agenda: Agenda) -> None:
        changes = {(row.site, row.item): row for row in self._scenario.need_changes}
        requests: dict[tuple[str, datetime], list[NeedRow]] = defaultdict(list)
        for need in self._scenario.needs:
            requests[need.site, need.posted_at].append(need)
        for (site, posted_at), needs in requests.items():
            agenda.add(posted_at, partial(self._ask, site, posted_at, needs, changes))
        by_need = {(need.site, need.item): need for need in self._scenario.needs}
        for key, change in changes.items():
            need = by_need[key]
            if change.change == "edit":
                agenda.add(change.at, partial(self._edit, need, change))
            else:
                again = need.posted_at + _ASKED_AGAIN_AFTER
                agenda.add(again, partial(self._ask_again, need, again))
                agenda.add(change.at, partial(self._cancel, need, again, change))

    def _ask(
        self,
        site: str,
        posted_at: datetime,
        needs: Iterable[NeedRow],
        changes: dict[tuple[str, str], NeedChangeRow],
    ) -> None:
        slips = {
            key: change.first_quantity for key, change in changes.items() if change.change == "edit"
        }
        lines = [
            need_line(need) | {"quantity": slips.get((need.site, need.item), need.quantity)}
            for need in needs
        ]
        self._post_request(_name(site, posted_at), site, posted_at, lines)

    def _ask_again(self, need: NeedRow, at: datetime) -> None:
        self._second_asking(need, at)

    def _second_asking(self, need: NeedRow, at: datetime) -> dict[str, Any]:
        return self._post_request(_second_name(need), need.site, at, [need_line(need)])

    def _post_request(
        self, name: str, site: str, at: datetime, lines: list[dict[str, Any]]
    ) -> dict[str, Any]:
        body = {
            "id": str(self._scenario.id(name)),
            "site": site,
            "posted_at": at.isoformat(),
            "needs": lines,
            "duplicate": "keep",
        }
        request: dict[str, Any] = self._api.post(self._site_user(site), "/requests", body)
        for posted in request["needs"]:
            self._edited.setdefault((site, posted["item"]), posted)
        return request

    def _edit(self, need: NeedRow, change: NeedChangeRow) -> None:
        posted = self._edited[need.site, need.item]
        if posted["version"] > 1:
            return
        body = {"version": 1, "quantity": need.quantity, "reason": change.reason}
        self._api.patch(self._site_user(need.site), f"/needs/{posted['id']}", body)

    def _cancel(self, need: NeedRow, again: datetime, change: NeedChangeRow) -> None:
        """Cancel the second asking; sending that once more tells its id."""
        posted = self._second_asking(need, again)["needs"][0]
        user = self._site_user(need.site)
        self._api.post(user, f"/needs/{posted['id']}/cancel", {"reason": change.reason})

    def _plan_capacity(self, row: CapacityRow) -> None:
        """Nobody plans what is planned already: saying it again would change who said it when."""
        user = self._site_user(row.site)
        allotted = row.daily_capacity * row.allotted_percent // 100
        days = [day.isoformat() for day in self._scenario.days()]
        known = {
            (line["item"], line["day"]): line["planned_base"]
            for line in self._api.get(user, "/capacity-plans", site=row.site, limit=1000)
        }
        if all(known.get((row.item, day)) == allotted * self._per(row) for day in days):
            return
        lines = [
            {"item": row.item, "day": day, "planned": allotted, "unit": row.unit} for day in days
        ]
        self._api.put(user, "/capacity-plans", {"site": row.site, "days": lines})

    def _per(self, row: CapacityRow) -> int:
        return 1 if row.unit == BASE_UNIT else self._pieces[row.item, row.unit]

    def _report_output(self, row: ProductionRow) -> None:
        body = {
            "id": self._id("production", f"{row.site}/{row.batch}"),
            "site": row.site,
            "item": row.item,
            "day": row.produced_on.isoformat(),
            "quantity": row.quantity,
            "unit": row.unit,
            "batch": row.batch,
            "produced_on": row.produced_on.isoformat(),
            "expires_on": _date_text(row.expires_on),
            "occurred_at": row.reported_at.isoformat(),
        }
        self._api.post(self._site_user(row.site), "/productions", body)

    def _give_goods(self, row: DonationRow) -> None:
        body = {
            "id": self._id("donation", row.key_),
            "kind": "goods",
            "anonymous": row.anonymous,
            "site": row.site,
            "given_at": row.given_at.isoformat(),
            "earmark": _earmark(row),
            "message": row.message,
            "lines": [
                {
                    "item": line.item,
                    "quantity": line.quantity,
                    "unit": line.unit,
                    "batch": line.batch,
                    "produced_on": line.produced_on.isoformat(),
                    "expires_on": line.expires_on.isoformat(),
                }
                for line in self._lines(row)
            ],
        }
        self._api.post(self._users[row.donor], "/donations", body)

    def _receive_goods(self, row: DonationRow) -> None:
        body = {
            "occurred_at": row.received_at.isoformat(),
            "lines": [
                {
                    "line": line.line,
                    "accepted": line.accepted,
                    "unit": line.unit,
                    "note": line.note,
                }
                for line in self._lines(row)
            ],
        }
        self._receive(row.key_, body)

    def _receive(self, key: str, body: dict[str, Any]) -> None:
        self._api.post(self._dispatcher, f"/donations/{self._id('donation', key)}/receive", body)

    def _give_money(self, row: MoneyGiftRow) -> None:
        body = {
            "id": self._id("donation", row.key_),
            "kind": "money",
            "anonymous": row.anonymous,
            "fund": row.fund,
            "amount_minor": row.amount_minor,
            "given_at": row.given_at.isoformat(),
            "earmark": _earmark(row),
            "message": row.message,
        }
        self._api.post(self._users[row.donor], "/donations", body)

    def _receive_money(self, row: MoneyGiftRow) -> None:
        self._receive(row.key_, {"occurred_at": row.received_at.isoformat()})

    def _buy(self, row: PurchaseRow) -> None:
        body = {
            "id": self._id("purchase", row.key_),
            "fund": row.fund,
            "supplier": row.supplier,
            "site": row.site,
            "bought_at": row.bought_at.isoformat(),
            "item": row.item,
            "quantity": row.quantity,
            "unit": row.unit,
            "price_minor": row.price_minor,
            "batch": row.batch,
            "produced_on": row.produced_on.isoformat(),
            "expires_on": row.expires_on.isoformat(),
            "earmark": _earmark(row),
        }
        self._api.post(self._dispatcher, "/purchases", body)

    def _pay(self, row: PaymentRow) -> None:
        body = {
            "id": self._id("payment", row.key_),
            "fund": row.fund,
            "payee": row.payee,
            "amount_minor": row.amount_minor,
            "purpose": row.purpose,
            "paid_at": row.paid_at.isoformat(),
        }
        self._api.post(self._dispatcher, "/payments", body)

    def _id(self, kind: str, key: str) -> str:
        return str(self._scenario.id(f"{kind}/{key}"))

    def _lines(self, row: DonationRow) -> list[DonationLineRow]:
        return [line for line in self._scenario.donation_lines if line.donation == row.key_]

    def _site_user(self, site: str) -> str:
        return self._users[site]

    @property
    def _dispatcher(self) -> str:
        return desk_of(self._scenario, Role.DISPATCHER)


def desks(scenario: Scenario) -> dict[str, str]:
    """The user who acts for each organisation and site, by its code: the last one listed."""
    users = {row.organisation: row.username for row in scenario.users}
    return users | {site.code: users[site.organisation] for site in scenario.sites}


def desk_of(scenario: Scenario, role: Role) -> str:
    """The first user with this role; every scenario that is driven has one."""
    return next(row.username for row in scenario.users if row.role is role)


def request_ids(scenario: Scenario) -> set[str]:
    """The ids of every request that the scenario's own needs are posted in."""
    names = {_name(need.site, need.posted_at) for need in scenario.needs}
    names |= {_second_name(need) for need in scenario.needs}
    return {str(scenario.id(name)) for name in names}


def _name(site: str, posted_at: datetime) -> str:
    return f"request/{site}/{posted_at.isoformat()}"


def _second_name(need: NeedRow) -> str:
    return f"request/{need.site}/{need.item}/again"


def need_line(need: NeedRow) -> dict[str, Any]:
    return {
        "item": need.item,
        "quantity": need.quantity,
        "unit": need.unit,
        "priority": need.priority.value,
        "need_by": need.need_by.isoformat(),
    }


def _earmark(row: DonationRow | MoneyGiftRow | PurchaseRow) -> dict[str, str] | None:
    if row.earmark_kind is None or row.earmark is None:
        return None
    return {"kind": row.earmark_kind.value, "target": row.earmark}


def _date_text(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())
