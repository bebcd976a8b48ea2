"""Holds rounds to every rule of their problem, without the solver and without its timetable.

What it can't say is that no better plan exists: rounds are searched for, not proven. It does see
through a plan that leaves goods out for no reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from optimizer.report import Report, Violation
from optimizer.rounds_parcels import fits_somewhere, lorries_for
from optimizer.rounds_parts import (
    REASONS,
    Drop,
    Goods,
    LeftOut,
    Round,
    Rounds,
    RoundsProblem,
    Stop,
    Vehicle,
)
from optimizer.rounds_ways import Ways

__all__ = ["check_rounds"]

VERIFIED = ("lorries", "loads", "capacity", "times", "distances", "goods", "left_out")


def check_rounds(problem: RoundsProblem, rounds: Rounds) -> Report:
    """Whether the rounds keep every rule; every violation names its round or drop.

    Rules: known lorries, each at one place at a time; goods from where they stand to where they
    are wanted, on their day, cold ones on cold lorries; volume and weight; opening hours; the
    driver's day; distances and driving times as they add up; each piece handed over once or left
    out with a reason that holds.
    """
    violations = tuple(_Checker(problem, rounds).violations())
    return Report(not violations, proven=False, verified=VERIFIED, violations=violations)


class _Checker:
    def __init__(self, problem: RoundsProblem, rounds: Rounds) -> None:
        self.problem, self.rounds = problem, rounds
        self.ways = Ways(problem)
        self.vehicles = {(each.depot, each.code): each for each in problem.vehicles}
        self.drops = {drop.id: drop for drop in problem.drops}
        self.goods = {(drop.id, one.code): one for drop in problem.drops for one in drop.goods}

    def violations(self) -> Iterator[Violation]:
        for each in self.rounds.rounds:
            vehicle = self.vehicles.get((each.depot, each.vehicle))
            if vehicle is None or not 1 <= each.unit <= vehicle.count:
                yield Violation("lorry", _name(each), "there is no such lorry")
            elif not each.stops:
                yield Violation("empty", _name(each), "a round calls somewhere")
            elif any(stop.site not in self.ways.sites for stop in each.stops):
                yield Violation("site", _name(each), "calls at a site that isn't in the problem")
            else:
                yield from self._loads(each, vehicle)
                yield from self._capacity(each, vehicle)
                yield from self._times(each, vehicle)
                yield from self._distances(each)
        yield from self._days()
        yield from self._pieces()
        for left in self.rounds.left_out:
            yield from self._reason(left)

    def _loads(self, each: Round, vehicle: Vehicle) -> Iterator[Violation]:
        for stop in each.stops:
            if not stop.loads:
                yield Violation("empty", _name(each), f"brings nothing to {stop.site}")
            for load in stop.loads:
                drop = self.drops.get(load.drop_id)
                goods = self.goods.get((load.drop_id, load.goods))
                if drop is None or goods is None or load.quantity < 1:
                    yield Violation("load", _name(each), f"{load} is of no drop's goods")
                    continue
                wrong = _misplaced(each, stop, drop)
                if wrong is not None:
                    yield Violation("load", _name(each), f"drop {drop.id}: {wrong}")
                if goods.cold and not vehicle.cold:
                    message = f"drop {drop.id}: {goods.code} must stay cold, and the lorry doesn't"
                    yield Violation("cold", _name(each), message)

    def _capacity(self, each: Round, vehicle: Vehicle) -> Iterator[Violation]:
        loads = [load for stop in each.stops for load in stop.loads]
        known = [(self.goods.get((load.drop_id, load.goods)), load.quantity) for load in loads]
        volume = sum(one.volume_ml * quantity for one, quantity in known if one is not None)
        weight = sum(one.weight_g * quantity for one, quantity in known if one is not None)
        if volume > vehicle.volume_ml or weight > vehicle.weight_g:
            message = (
                f"carries {volume} ml and {weight} g; "
                f"the lorry holds {vehicle.volume_ml} ml and {vehicle.weight_g} g"
            )
            yield Violation("capacity", _name(each), message)
        if (volume, weight) != (each.volume_ml, each.weight_g):
            message = f"says {each.volume_ml} ml and {each.weight_g} g, not {volume} and {weight}"
            yield Violation("load", _name(each), message)

    def _times(self, each: Round, vehicle: Vehicle) -> Iterator[Violation]:
        depot = self.ways.sites[each.depot]
        if each.loads_s < max(depot.opens_s, vehicle.starts_s):
            yield Violation("hours", _name(each), "loads before the depot or the driver is there")
        if each.departs_s != each.loads_s + depot.service_s:
            yield Violation("times", _name(each), "doesn't depart when it is loaded")
        here, left_s = each.depot, each.departs_s
        for stop in each.stops:
            site = self.ways.sites[stop.site]
            if stop.arrives_s != left_s + self.ways.duration_s(here, stop.site):
                yield Violation("times", _name(each), f"can't arrive at {stop.site} then")
            if not max(stop.arrives_s, site.opens_s) <= stop.begins_s:
                yield Violation("hours", _name(each), f"begins at {stop.site} before it can")
            if stop.leaves_s != stop.begins_s + site.service_s:
                yield Violation("times", _name(each), f"handing over at {stop.site} takes longer")
            if stop.leaves_s > site.closes_s:
                yield Violation("hours", _name(each), f"is at {stop.site} after it has closed")
            here, left_s = stop.site, stop.leaves_s
        if each.returns_s != left_s + self.ways.duration_s(here, each.depot):
            yield Violation("times", _name(each), "can't be back then")
        if each.returns_s > min(depot.closes_s, vehicle.ends_s):
            yield Violation("hours", _name(each), "is back after the depot or the driver has gone")

    def _distances(self, each: Round) -> Iterator[Violation]:
        sites = [each.depot, *(stop.site for stop in each.stops)]
        for stop, (here, there) in zip(each.stops, pairwise(sites), strict=True):
            if stop.distance_m != self.ways.distance_m(here, there):
                yield Violation("distance", _name(each), f"{here} to {there} is another distance")
        back = self.ways.distance_m(sites[-1], each.depot)
        if each.distance_m != sum(stop.distance_m for stop in each.stops) + back:
            yield Violation("distance", _name(each), "its distances don't add up")

    def _days(self) -> Iterator[Violation]:
        """A lorry's rounds of one day, one after another, within its driver's day."""
        days: dict[tuple[int, str, str, int], list[Round]] = defaultdict(list)
        for each in self.rounds.rounds:
            days[each.day, each.depot, each.vehicle, each.unit].append(each)
        for (_, depot, code, _), trips in days.items():
            vehicle = self.vehicles.get((depot, code))
            trips.sort(key=lambda each: each.trip)
            where = _name(trips[0])
            if [each.trip for each in trips] != list(range(1, len(trips) + 1)):
                yield Violation("trips", where, "its trips aren't numbered 1, 2 and so on")
            if any(later.loads_s < earlier.returns_s for earlier, later in pairwise(trips)):
                yield Violation("times", where, "begins a trip before it is back")
            if vehicle is None:
                continue
            if len(trips) > vehicle.most_rounds:
                yield Violation("trips", where, f"drives more than {vehicle.most_rounds} rounds")
            if trips[-1].returns_s - trips[0].loads_s > vehicle.shift_s:
                message = f"the driver's day is longer than {vehicle.shift_s} s"
                yield Violation("shift", where, message)

    def _pieces(self) -> Iterator[Violation]:
        brought = Counter[tuple[str, str]]()
        left = Counter[tuple[str, str]]()
        for each in self.rounds.rounds:
            for load in (load for stop in each.stops for load in stop.loads):
                brought[load.drop_id, load.goods] += load.quantity
        for out in self.rounds.left_out:
            left[out.drop_id, out.goods] += out.quantity
        for key, one in self.goods.items():
            if brought[key] + left[key] != one.quantity:
                message = (
                    f"of {one.quantity} pieces of {one.code}, {brought[key]} are brought "
                    f"and {left[key]} left out"
                )
                yield Violation("goods", f"drop {key[0]}", message)

    def _reason(self, left: LeftOut) -> Iterator[Violation]:
        where = f"drop {left.drop_id}"
        goods = self.goods.get((left.drop_id, left.goods))
        if goods is None or left.quantity < 1 or left.reason not in REASONS:
            yield Violation("left_out", where, f"{left} says nothing of a drop's goods")
            return
        drop = self.drops[left.drop_id]
        reason, usable = lorries_for(self.problem, self.ways, drop, cold=goods.cold)
        if reason is None and not fits_somewhere(goods, usable):
            reason = "too_large"
        if (reason or "no_room") != left.reason:
            message = f"{goods.code} is left out for {left.reason}; that isn't so"
            yield Violation("left_out", where, message)
        elif reason is None and self._idle(drop, goods, usable):
            message = f"{goods.code} is left out, and a lorry that could bring it stands idle"
            yield Violation("left_out", where, message)

    def _idle(self, drop: Drop, goods: Goods, usable: list[Vehicle]) -> bool:
        """Whether a lorry that doesn't drive on that day could bring a piece of it."""
        driving = {
            (each.depot, each.vehicle, each.unit)
            for each in self.rounds.rounds
            if each.day == drop.day
        }
        return any(
            fits_somewhere(goods, [vehicle])
            and any(
                (vehicle.depot, vehicle.code, unit) not in driving
                for unit in range(1, vehicle.count + 1)
            )
            for vehicle in usable
        )


def _name(each: Round) -> str:
    return f"round {each.trip} of {each.vehicle} {each.unit} from {each.depot} on day {each.day}"


def _misplaced(each: Round, stop: Stop, drop: Drop) -> str | None:
    if stop.site != drop.site:
        return f"is for {drop.site}, not for {stop.site}"
    if each.depot not in drop.depots:
        return f"doesn't stand at {each.depot}"
    if each.day != drop.day:
        return f"is for day {drop.day}, not for day {each.day}"
    return None
