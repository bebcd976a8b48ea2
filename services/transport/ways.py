"""What a plan may use of the lanes: how long they take, what a piece costs, what they carry."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from services.settings import get_settings
from services.transport.durations import days_to_plan_with, observed
from services.transport.models import Lane
from services.transport.service import lanes

_ML_PER_L, _G_PER_KG = 1000, 1000


@dataclass(frozen=True, slots=True)
class PlannedWay:
    """A lane in the units of the optimizer; ``transit_days`` may be the observed ones."""

    origin: str
    destination: str
    distance_m: int
    transit_days: int
    cost_per_piece_micro: int
    keeps_cold: bool


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """What all lanes from one zone to another carry on a day; None is no limit."""

    origin_zone: str
    destination_zone: str
    volume_ml: int | None
    weight_g: int | None


def planned_ways(session: Session, rows: Iterable[Lane] | None = None) -> list[PlannedWay]:
    """Every lane as a plan is to see it, by the setting about observed days."""
    use_observed = get_settings().plan_with_observed_days
    known = observed(session) if use_observed else {}
    return [
        PlannedWay(
            lane.origin,
            lane.destination,
            lane.distance_m,
            days_to_plan_with(lane, known, use_observed=use_observed),
            lane.cost_per_piece_micro,
            lane.keeps_cold,
        )
        for lane in (lanes(session) if rows is None else rows)
    ]


def daily_limits(
    rows: Iterable[Lane],
    zones: Mapping[str, str],
    origins: Collection[str],
    destinations: Collection[str],
) -> list[DailyLimit]:
    """The lanes' capacities added up from zone to zone, of the sites that a plan uses.

    A sum is known only where each of these lanes states its own: one that doesn't is unlimited.
    """
    groups: dict[tuple[str, str], list[Lane]] = {}
    for lane in rows:
        if lane.origin in origins and lane.destination in destinations:
            groups.setdefault((zones[lane.origin], zones[lane.destination]), []).append(lane)
    limits = [
        DailyLimit(
            *pair,
            _sum([lane.volume_l_per_day for lane in group], _ML_PER_L),
            _sum([lane.weight_kg_per_day for lane in group], _G_PER_KG),
        )
        for pair, group in sorted(groups.items())
    ]
    return [each for each in limits if each.volume_ml is not None or each.weight_g is not None]


def _sum(stated: Collection[int | None], factor: int) -> int | None:
    known = [each for each in stated if each is not None]
    return sum(known) * factor if len(known) == len(stated) else None
