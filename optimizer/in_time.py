"""From how far new supply would reach a need by the day it names. Standard library only."""

from collections import defaultdict

from optimizer.parts import Lane, Need
from optimizer.problem import Problem
from optimizer.remedy import Remedy

IN_TIME = {"in_time_by_road", "in_time_by_lane"}
"""The codes that say that something can still be in time."""


class InTime:
    """Answers for goods that leave on day 0; what must be kept cold goes by cold ways alone."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.placed = {place.site for place in problem.places}
        self.lanes: dict[str, list[Lane]] = defaultdict(list)
        for lane in problem.lanes:
            self.lanes[lane.destination].append(lane)
        self.known: dict[tuple[str, int, bool], Remedy] = {}

    def reach(self, need: Need) -> Remedy:
        """Return the distance by road, or the sites with a lane, from which it would be in time."""
        cold = self.problem.item(need.item).cold
        key = (need.site, need.need_by_day, cold)
        if key not in self.known:
            self.known[key] = self._reach(*key)
        return self.known[key]

    def _reach(self, site: str, need_by_day: int, cold: bool) -> Remedy:
        last = min(need_by_day, self.problem.horizon_days)
        roads = self.problem.roads
        by_road = roads is not None and site in self.placed and (roads.cold or not cold)
        if roads is not None and by_road and last >= 0:
            figures = {"metres": last * roads.metres_per_day, "day": last}
            return Remedy("in_time_by_road", figures)
        if by_road:
            return _late(0, last)
        lanes = [lane for lane in self.lanes[site] if lane.cold or not cold]
        if not lanes:
            return Remedy("in_time_never_cold" if cold else "in_time_never", {"site": site})
        nearest = min(lanes, key=lambda lane: (lane.transit_days, lane.distance_m, lane.origin))
        if nearest.transit_days > last:
            return _late(nearest.transit_days, last)
        sites = sum(lane.transit_days <= last for lane in lanes)
        return Remedy("in_time_by_lane", {"sites": sites, "origin": nearest.origin, "day": last})


def _late(transit_days: int, last_day: int) -> Remedy:
    return Remedy("in_time_no_more", {"days": transit_days - last_day})
