"""Made-up problems of a nation's size: the same seed and shape always give the same problem.

Nothing here is data. Cities of Zipf sizes lie on a plane as large as a large country; hospitals
crowd in cities, stores and makers do so less. What is offered adds up to three fifths of what is
asked for, item by item, so everything is short and sharing is the question.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.parts import Corridor, Item, Need, Place, Roads, Source
from optimizer.problem import Problem

__all__ = ["BadShape", "Shape", "make_problem"]

Ints = NDArray[np.int64]

DAY0 = "2020-02-01"
HORIZON_DAYS = 7
METRES_A_DAY = 300_000
WIDTH_M, HEIGHT_M = 5_000_000, 3_500_000
CITIES, ZONES = 120, 30
CITY_RADIUS_M = 80_000  # of the largest; a city's area goes with its size

SUPPLY_PERCENT = 60
TIER_SHARES = (0.10, 0.20, 0.40, 0.30)
TIER_DAYS = (2, 3, 5, 7)  # until when a tier's needs are to be met
SPREAD_OF_NEED = 1.0  # of a log-normal: one need in twenty is five times the median
SPREAD_OF_SUPPLY = 1.2

READY_LATER, DATED, EARMARKED = 0.4, 0.35, 0.2  # shares of the lots
SHELF_ASKED = 0.15  # share of the needs that ask for shelf life on arrival
SHELF_DAYS = 30

CORRIDOR_DAYS = 4  # a zone's own goods fill its corridors for so many days, on average
CORRIDOR_PERCENT = 80  # how much of what would like to leave on such a day a corridor can take
CORRIDOR_HALVED_M = 300_000  # so far apart, two zones have half the corridor


class BadShape(ValueError):
    """No problem has such a shape; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a problem is: `needs` and `sources` are those of each item."""

    needs: int
    sources: int
    items: int = 1
    lanes: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.sources < 1 or self.items < 1 or self.sources * 100 > self.needs * SUPPLY_PERCENT:
            raise BadShape(
                f"{self.size} needs by sources with {self.items} items can't be made: each lot "
                f"holds a piece at least, and all of them {SUPPLY_PERCENT} % of what is needed"
            )

    @property
    def size(self) -> str:
        return f"{self.needs}x{self.sources}"


def make_problem(shape: Shape) -> Problem:
    """Return the problem of this shape: a need of each hospital and a lot of each store, by item.

    With `lanes`, corridors between zones limit a day's volume and weight, tightly enough that some
    are overloaded by the plan that doesn't know of them.
    """
    with _no_collecting():
        random = np.random.default_rng((shape.seed, shape.needs, shape.sources, shape.items))
        country = _Country.draw(random, shape)
        items = _items(random, shape.items)
        needs = [_needs(random, country, item, column) for column, item in enumerate(items)]
        asked = [sum(each.quantity for each in part) for part in needs]
        lots = [
            _sources(random, country, item, pieces)
            for item, pieces in zip(items, asked, strict=True)
        ]
        return Problem(
            day0=DAY0,
            sources=tuple(lot for part in lots for lot in part),
            needs=tuple(need for part in needs for need in part),
            lanes=(),
            horizon_days=HORIZON_DAYS,
            items=tuple(items),
            places=country.places(),
            roads=Roads(metres_per_day=METRES_A_DAY),
            corridors=_corridors(country, items, lots) if shape.lanes else (),
        )


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Half a million parts that stay make the cycle collector walk them over and over in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Country:
    """Sites by name, with their positions in metres (sites, 2) and the numbers of their zones."""

    zones: list[str]
    zone_xy: Ints
    hospitals: list[str]
    hospital_xy: Ints
    hospital_zone: Ints
    beds: NDArray[np.float64]
    stores: list[str]
    store_xy: Ints
    store_zone: Ints
    sympathy: NDArray[np.float64]

    @classmethod
    def draw(cls, random: np.random.Generator, shape: Shape) -> "_Country":
        city_xy = random.uniform((0, 0), (WIDTH_M, HEIGHT_M), (CITIES, 2))
        size = 1 / np.arange(1, CITIES + 1)
        hospital_xy = _around(random, city_xy, size, size, shape.needs)
        store_xy = _around(random, city_xy, size, np.sqrt(size), shape.sources)
        hospital_zone = _nearest(hospital_xy, city_xy[:ZONES])
        sympathy = np.sqrt(np.bincount(hospital_zone, minlength=ZONES))
        return cls(
            zones=[f"Z{row:02}" for row in range(ZONES)],
            zone_xy=city_xy[:ZONES].astype(np.int64),
            hospitals=[f"H{row:06}" for row in range(shape.needs)],
            hospital_xy=hospital_xy,
            hospital_zone=hospital_zone,
            beds=random.lognormal(0, SPREAD_OF_NEED, shape.needs),
            stores=[f"W{row:05}" for row in range(shape.sources)],
            store_xy=store_xy,
            store_zone=_nearest(store_xy, city_xy[:ZONES]),
            sympathy=sympathy / sympathy.sum(),
        )

    def tokens(self) -> list[frozenset[str]]:
        """Return the earmarks that each hospital may have."""
        return [
            frozenset((f"site:{site}", f"region:{self.zones[zone]}"))
            for site, zone in zip(self.hospitals, self.hospital_zone.tolist(), strict=True)
        ]

    def places(self) -> tuple[Place, ...]:
        """Return where every site lies."""
        return tuple(
            Place(site, x, y, self.zones[zone])
            for sites, xy, zones in (
                (self.hospitals, self.hospital_xy, self.hospital_zone),
                (self.stores, self.store_xy, self.store_zone),
            )
            for site, (x, y), zone in zip(sites, xy.tolist(), zones.tolist(), strict=True)
        )


def _around(
    random: np.random.Generator,
    city_xy: NDArray[np.float64],
    size: NDArray[np.float64],
    weight: NDArray[np.float64],
    count: int,
) -> Ints:
    """Return positions of `count` sites: each in a city drawn by weight, spread by its size."""
    city = random.choice(CITIES, count, p=weight / weight.sum())
    spread = random.normal(0, CITY_RADIUS_M, (count, 2)) * np.sqrt(size[city])[:, None]
    xy = np.clip(city_xy[city] + spread, 0, (WIDTH_M, HEIGHT_M))
    return xy.astype(np.int64)


def _nearest(xy: Ints, centres: NDArray[np.float64]) -> Ints:
    """Return the centre that is nearest to each site: the zones around the largest cities."""
    apart = ((xy[:, None, :] - centres[None]) ** 2).sum(axis=2)
    nearest: Ints = np.argmin(apart, axis=1)
    return nearest


def _items(random: np.random.Generator, count: int) -> list[Item]:
    volumes = np.exp(random.uniform(np.log(50), np.log(20_000), count)).astype(np.int64)
    weights = volumes * random.integers(10, 60, count) // 100 + 1  # lighter than water
    return [
        Item(f"item{row:02}", volume_ml=volume, weight_g=weight)
        for row, (volume, weight) in enumerate(
            zip(volumes.tolist(), weights.tolist(), strict=True), start=1
        )
    ]


def _needs(random: np.random.Generator, country: _Country, item: Item, column: int) -> list[Need]:
    count = len(country.hospitals)
    usual = np.exp(random.uniform(np.log(50), np.log(2000)))  # of this item, for a middling site
    wanted = usual * country.beds * random.lognormal(0, SPREAD_OF_NEED / 2, count)
    tiers = random.choice(len(TIER_SHARES), count, p=TIER_SHARES)
    days = np.array(TIER_DAYS)[tiers]
    shelf = np.where(random.random(count) < SHELF_ASKED, SHELF_DAYS, 0)
    posted = random.permutation(count) + column * count
    return list(
        map(
            Need,
            [f"{item.code}-{site}" for site in country.hospitals],
            country.hospitals,
            repeat(item.code),
            np.maximum(1, wanted).astype(np.int64).tolist(),
            tiers.tolist(),
            days.tolist(),
            posted.tolist(),
            repeat(()),
            country.tokens(),
            shelf.tolist(),
        )
    )


def _sources(
    random: np.random.Generator, country: _Country, item: Item, asked: int
) -> list[Source]:
    """Return a lot of this item at each store, all together three fifths of what is asked for."""
    count = len(country.stores)
    quantities = _split(asked * SUPPLY_PERCENT // 100, random.lognormal(0, SPREAD_OF_SUPPLY, count))
    ready = np.where(random.random(count) < READY_LATER, random.integers(1, 6, count), 0)
    # Half of what has a date expires too soon for a need that asks for shelf life on arrival.
    dated = random.random(count) < DATED
    expiry = np.where(random.random(count) < 0.5, SHELF_DAYS, 10 * SHELF_DAYS)
    expiry = random.integers(1, expiry + 1) + ready
    # Donors know where it is bad, not how bad: gifts for a region go by the root of what it needs.
    zones = random.choice(ZONES, count, p=country.sympathy)
    marked = random.random(count) < EARMARKED
    return [
        Source(
            f"{item.code}-{site}",
            site,
            item.code,
            quantity,
            ready_day=day,
            expiry_day=until if has_date else None,
            earmark=f"region:{country.zones[zone]}" if is_marked else None,
        )
        for site, quantity, day, until, has_date, zone, is_marked in zip(
            country.stores,
            quantities.tolist(),
            *(each.tolist() for each in (ready, expiry, dated, zones, marked)),
            strict=True,
        )
    ]


def _split(total: int, weights: NDArray[np.float64]) -> Ints:
    """Return whole parts of a total in these proportions, each at least 1, that add up to it."""
    parts: Ints = 1 + ((total - len(weights)) * weights / weights.sum()).astype(np.int64)
    parts[np.argmax(parts)] += total - parts.sum()  # what rounding left over
    return parts


def _corridors(
    country: _Country, items: list[Item], lots: list[list[Source]]
) -> tuple[Corridor, ...]:
    """Return a corridor from each zone to each other one, by what lies there and how near it is.

    A zone's corridors could carry all that lies in it, if only it left evenly: over the days, and
    to where the corridors lead. Goods wait for neither, so corridors to where most is wanted fill.
    """
    volume, weight = _offered(country, items, lots)
    wanted = np.bincount(country.hospital_zone, weights=country.beds, minlength=ZONES)
    across = country.zone_xy[:, None, :] - country.zone_xy[None]
    metres = np.sqrt((across**2).sum(axis=2))
    pull = wanted[None, :] * CORRIDOR_HALVED_M / (CORRIDOR_HALVED_M + metres)
    share = pull / pull.sum(axis=1, keepdims=True) * CORRIDOR_PERCENT / 100 / CORRIDOR_DAYS
    volumes = (volume[:, None] * share).astype(np.int64).tolist()
    weights = (weight[:, None] * share).astype(np.int64).tolist()
    used = set(country.hospital_zone.tolist()) | set(country.store_zone.tolist())
    return tuple(
        Corridor(country.zones[one], country.zones[other], volumes[one][other], weights[one][other])
        for one in sorted(used)
        for other in sorted(used)
        if one != other
    )


def _offered(country: _Country, items: list[Item], lots: list[list[Source]]) -> tuple[Any, Any]:
    """Return the volume and the weight of all goods that lie in each zone."""
    pieces = np.array([[lot.quantity for lot in part] for part in lots])
    volume = (pieces * np.array([[item.volume_ml] for item in items])).sum(axis=0)
    weight = (pieces * np.array([[item.weight_g] for item in items])).sum(axis=0)
    return tuple(
        np.bincount(country.store_zone, weights=each, minlength=ZONES) for each in (volume, weight)
    )  # type: ignore[return-value]
