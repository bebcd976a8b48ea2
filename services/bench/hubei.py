"""The whole week of the Hubei scenario as one problem, made from its tables, without a database.

The demonstration plans three times, each evening with what has come by then. Here the week is one
plan made in advance: every need as it stood in the end, and every lot from the day it came in.
"""

from collections.abc import Iterator
from datetime import date, datetime
from math import cos, radians

from optimizer.parts import Lane, Need, Place, Source
from optimizer.problem import Problem
from services.catalog.service import BASE_UNIT
from services.donations.models import EarmarkKind
from services.requests.models import TIERS
from services.scenarios.lanes import EARTH_RADIUS_M, compute_lanes
from services.scenarios.rows import DonationRow, PurchaseRow, SiteRow
from services.scenarios.scenario import Scenario

__all__ = ["HORIZON_DAYS", "week_problem"]

HORIZON_DAYS = 14  # what comes on the last day has a week to arrive
COUNTRY, HUBEI = "CN", "420000"


def week_problem(scenario: Scenario) -> Problem:
    """Return the scenario's week as one problem; zones are prefectures, and provinces elsewhere."""
    return _Week(scenario).problem()


class _Week:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._parent = {region.code: region.parent for region in scenario.regions}
        self._region = {site.code: site.region for site in scenario.sites}
        self._pieces = {(pack.item, pack.unit): pack.pieces for pack in scenario.packs}
        self._accepted = {
            item.code: tuple(
                row.item
                for row in sorted(scenario.substitutes, key=lambda row: (row.preference, row.item))
                if row.serves == item.code
            )
            for item in scenario.items
        }

    def problem(self) -> Problem:
        return Problem(
            day0=self._scenario.header.first_day.isoformat(),
            sources=(*self._gifts(), *self._bought(), *self._made()),
            needs=tuple(self._needs()),
            lanes=tuple(
                Lane(lane.origin, lane.destination, lane.distance_m, lane.duration_days)
                for lane in compute_lanes(self._scenario)
            ),
            horizon_days=HORIZON_DAYS,
            places=tuple(self._place(site) for site in self._scenario.sites),
        )

    def _needs(self) -> Iterator[Need]:
        order = sorted(
            self._scenario.needs, key=lambda need: (need.posted_at, need.site, need.item)
        )
        for place, need in enumerate(order):
            yield Need(
                id=f"{need.site}|{need.item}",
                site=need.site,
                item=need.item,
                quantity=self._in_pieces(need.item, need.quantity, need.unit),
                tier=TIERS[need.priority],
                need_by_day=self._day(need.need_by),
                posted_at=place,
                accepts=self._accepted[need.item],
                earmarks=frozenset(self._tokens(need.site)),
            )

    def _gifts(self) -> Iterator[Source]:
        gifts = {gift.key_: gift for gift in self._scenario.donations}
        for line in self._scenario.donation_lines:
            gift = gifts[line.donation]
            if line.accepted:
                yield Source(
                    id=f"{gift.key_}/{line.line}",
                    site=gift.site,
                    item=line.item,
                    quantity=self._in_pieces(line.item, line.accepted, line.unit),
                    ready_day=self._day(gift.received_at),
                    expiry_day=self._day(line.expires_on),
                    earmark=_token(gift),
                )

    def _bought(self) -> Iterator[Source]:
        for each in self._scenario.purchases:
            yield Source(
                id=each.key_,
                site=each.site,
                item=each.item,
                quantity=self._in_pieces(each.item, each.quantity, each.unit),
                ready_day=self._day(each.bought_at),
                expiry_day=self._day(each.expires_on),
                earmark=_token(each),
            )

    def _made(self) -> Iterator[Source]:
        for each in self._scenario.production:
            yield Source(
                id=f"{each.site}/{each.batch}",
                site=each.site,
                item=each.item,
                quantity=self._in_pieces(each.item, each.quantity, each.unit),
                ready_day=self._day(each.reported_at),
                expiry_day=self._day(each.expires_on) if each.expires_on else None,
            )

    def _in_pieces(self, item: str, quantity: int, unit: str) -> int:
        return quantity if unit == BASE_UNIT else quantity * self._pieces[item, unit]

    def _day(self, when: date | datetime) -> int:
        day = when.date() if isinstance(when, datetime) else when
        return (day - self._scenario.header.first_day).days

    def _tokens(self, site: str) -> Iterator[str]:
        yield f"site:{site}"
        for region in self._above(site):
            yield f"region:{region}"

    def _above(self, site: str) -> Iterator[str]:
        region: str | None = self._region[site]
        while region is not None:
            yield region
            region = self._parent[region]

    def _place(self, site: SiteRow) -> Place:
        """Return the site on a plane: east and north of the point where degrees are zero."""
        north = radians(site.latitude) * EARTH_RADIUS_M
        east = radians(site.longitude) * EARTH_RADIUS_M * cos(radians(site.latitude))
        return Place(site.code, round(east), round(north), self._zone(site.code))

    def _zone(self, site: str) -> str:
        chain = list(self._above(site))
        top = HUBEI if HUBEI in chain and chain[0] != HUBEI else COUNTRY
        return chain[max(0, chain.index(top) - 1)]


def _token(row: DonationRow | PurchaseRow) -> str | None:
    """Return the token of an earmark for a place; one for an item restricts nothing more."""
    if row.earmark_kind is None or row.earmark_kind is EarmarkKind.ITEM:
        return None
    return f"{row.earmark_kind}:{row.earmark}"
