"""The lanes of a scenario: from every warehouse and factory to wherever goods are wanted."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from services.errors import InvalidInput
from services.parties.models import SiteKind
from services.scenarios.rows import CarrierRow, SiteRow
from services.scenarios.scenario import Scenario

EARTH_RADIUS_M = 6_371_009
ORIGINS = frozenset({SiteKind.WAREHOUSE, SiteKind.FACTORY})


class NoCarrier(InvalidInput):
    code, title = "no-carrier", "No carrier serves this lane"


@dataclass(frozen=True, slots=True)
class ComputedLane:
    origin: str
    destination: str
    carrier: str
    distance_m: int
    duration_days: int


def great_circle_m(a: SiteRow, b: SiteRow) -> int:
    """The great circle's length from site to site (haversine), to the metre."""
    latitude_a, latitude_b = radians(a.latitude), radians(b.latitude)
    half_chord = (
        sin((latitude_b - latitude_a) / 2) ** 2
        + cos(latitude_a) * cos(latitude_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_M * asin(sqrt(half_chord)))


def compute_lanes(scenario: Scenario) -> list[ComputedLane]:
    """Every lane, by origin and destination; NoCarrier where no row of carriers.csv fits one."""
    above = _regions_above(scenario)
    return [
        _lane(scenario, above, origin, destination)
        for origin in scenario.sites
        if origin.kind in ORIGINS
        for destination in scenario.sites
        if destination.kind is not SiteKind.FACTORY and destination.code != origin.code
    ]


def _lane(
    scenario: Scenario, above: dict[str, set[str]], origin: SiteRow, destination: SiteRow
) -> ComputedLane:
    rules = scenario.header.lanes
    carrier = _carrier(scenario, above, origin, destination)
    distance_m = great_circle_m(origin, destination) * rules.detour_percent // 100
    days = -(-distance_m // (carrier.km_per_day * 1000))
    return ComputedLane(
        origin.code,
        destination.code,
        carrier.carrier,
        distance_m,
        max(days, rules.shortest_days),
    )


def _carrier(
    scenario: Scenario, above: dict[str, set[str]], origin: SiteRow, destination: SiteRow
) -> CarrierRow:
    for row in sorted(scenario.carriers, key=lambda row: row.order):
        if (
            row.origin_region in above[origin.region]
            and row.destination_region in above[destination.region]
        ):
            return row
    raise NoCarrier(
        f"No carrier goes from {origin.code} to {destination.code}",
        field="carriers.csv",
        value=f"{origin.code} → {destination.code}",
        mend="add a row to carriers.csv whose regions hold both",
    )


def _regions_above(scenario: Scenario) -> dict[str, set[str]]:
    above: dict[str, set[str]] = {}
    for region in scenario.regions:
        above[region.code] = {region.code} | above.get(region.parent or "", set())
    return above
