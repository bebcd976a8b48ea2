"""Small worlds of drops and lorries, and their best rounds by trying every one."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise, permutations

from hypothesis import strategies as st

from optimizer.rounds_parts import Drop, Goods, Road, RoundsProblem, Site, Vehicle

HOUR, MINUTE = 3600, 60
# A kilometre is a minute: driving times are whole minutes.
SPEED = 60_000
DEPOT = Site("D", 30_000_000, 114_000_000, 0, 24 * HOUR, 10 * MINUTE)


def road_km(one: str, two: str, km: int) -> Road:
    return Road(one, two, km * 1000)


def star(
    hours: Sequence[tuple[int, int]],
    to_depot: Sequence[int],
    between: Sequence[Sequence[int]],
    demands: Sequence[int],
    vehicles: Sequence[Vehicle],
    *,
    cold: frozenset[int] = frozenset(),
    tiers: Sequence[int] = (),
) -> RoundsProblem:
    """Sites S0, S1, … with one drop each; `between[i][j]` for j < i; all lengths in kilometres."""
    sites = [
        Site(f"S{i}", 30_000_000, 114_000_000, opens, closes, 10 * MINUTE)
        for i, (opens, closes) in enumerate(hours)
    ]
    roads = [road_km("D", f"S{i}", km) for i, km in enumerate(to_depot)]
    roads += [
        road_km(f"S{i}", f"S{j}", km) for i, row in enumerate(between) for j, km in enumerate(row)
    ]
    drops = [
        Drop(
            f"d{i}",
            f"S{i}",
            ("D",),
            (Goods("1", demand, 1000, 500, i in cold),),
            tier=tiers[i] if tiers else 0,
        )
        for i, demand in enumerate(demands)
    ]
    return RoundsProblem(
        (DEPOT, *sites), tuple(vehicles), tuple(drops), tuple(roads), speed_m_per_h=SPEED
    )


def best_by_trying(problem: RoundsProblem) -> tuple[int, int]:
    """The least worth of drops left out (1 in tier 3, 10 in tier 2, …), then the least metres.

    For one depot, one day, and drops that fit a lorry whole. Every sequence of drops is cut into
    trips of lorries in every way, and every minute is tried for the driver's first loading.
    """
    lorries = [v for v in problem.vehicles for _ in range(v.count)]
    slots = [(number, v) for number, v in enumerate(lorries) for _ in range(v.most_rounds)]
    worth = {drop.id: 10 ** (3 - drop.tier) for drop in problem.drops}
    best = (sum(worth.values()), 0)
    for size in range(1, len(problem.drops) + 1):
        for chosen in combinations(problem.drops, size):
            left = sum(worth.values()) - sum(worth[drop.id] for drop in chosen)
            if left > best[0]:
                continue
            for order in permutations(chosen):
                for trips in _cuts(order, len(slots)):
                    metres = _metres(problem, slots, trips)
                    if metres is not None and (left, metres) < best:
                        best = left, metres
    return best


def _cuts(order: Sequence[Drop], slots: int) -> Iterator[list[Sequence[Drop]]]:
    """The sequence in at most `slots` pieces, empty ones included."""
    for bars in combinations(range(len(order) + slots - 1), slots - 1):
        ends = [bar - at for at, bar in enumerate(bars)]
        bounds = [0, *ends, len(order)]
        yield [order[a:b] for a, b in pairwise(bounds)]


def _metres(
    problem: RoundsProblem,
    slots: Sequence[tuple[int, Vehicle]],
    trips: Sequence[Sequence[Drop]],
) -> int | None:
    total = 0
    for number in {number for number, _ in slots}:
        vehicle = next(v for n, v in slots if n == number)
        own = [trip for (n, _), trip in zip(slots, trips, strict=True) if n == number and trip]
        if not all(_may_carry(vehicle, trip) for trip in own):
            return None
        if own and not any(
            _in_time(problem, vehicle, own, start)
            for start in range(vehicle.starts_s, vehicle.ends_s, MINUTE)
        ):
            return None
        for trip in own:
            calls = ["D", *(drop.site for drop in trip), "D"]
            total += sum(_way(problem, a, b) for a, b in pairwise(calls))
    return total


def _may_carry(vehicle: Vehicle, trip: Sequence[Drop]) -> bool:
    goods = [one for drop in trip for one in drop.goods]
    return (
        sum(one.quantity * one.volume_ml for one in goods) <= vehicle.volume_ml
        and sum(one.quantity * one.weight_g for one in goods) <= vehicle.weight_g
        and (vehicle.cold or not any(one.cold for one in goods))
    )


def _in_time(
    problem: RoundsProblem, vehicle: Vehicle, trips: Sequence[Sequence[Drop]], start: int
) -> bool:
    sites = {site.code: site for site in problem.sites}
    now = start
    for trip in trips:
        now += sites["D"].service_s
        here = "D"
        for drop in trip:
            site = sites[drop.site]
            now = max(now + _way(problem, here, site.code) * 60 // 1000, site.opens_s)
            now += site.service_s
            if now > site.closes_s:
                return False
            here = site.code
        now += _way(problem, here, "D") * 60 // 1000
    return now <= vehicle.ends_s and now - start <= vehicle.shift_s


def _way(problem: RoundsProblem, a: str, b: str) -> int:
    if a == b:
        return 0
    lengths = {(road.origin, road.destination): road.distance_m for road in problem.roads}
    return lengths.get((a, b)) or lengths[b, a]


@st.composite
def problems(draw: st.DrawFn) -> RoundsProblem:
    """Up to three depots, four vehicles and six drops, of any size, hours and days."""
    depots = [f"D{i}" for i in range(draw(st.integers(1, 3)))]
    places = [f"S{i}" for i in range(draw(st.integers(1, 4)))]
    sites = [
        Site(
            code,
            30_000_000 + draw(st.integers(0, 600_000)),
            114_000_000 + draw(st.integers(0, 600_000)),
            opens := draw(st.integers(0, 12)) * HOUR,
            opens + draw(st.integers(1, 12)) * HOUR,
            draw(st.integers(0, 60)) * MINUTE,
        )
        for code in [*depots, *places]
    ]
    vehicles = [
        Vehicle(
            f"V{i}",
            draw(st.sampled_from(depots)),
            draw(st.integers(0, 5000)),
            draw(st.integers(0, 5000)),
            draw(st.booleans()),
            draw(st.integers(1, 2)),
            starts := draw(st.integers(0, 10)) * HOUR,
            starts + draw(st.integers(1, 14)) * HOUR,
            draw(st.integers(1, 12)) * HOUR,
            draw(st.integers(1, 3)),
        )
        for i in range(draw(st.integers(0, 4)))
    ]
    drops = [
        Drop(
            f"d{i}",
            draw(st.sampled_from([*places, *depots])),
            tuple(draw(st.lists(st.sampled_from(depots), min_size=1, unique=True))),
            tuple(
                Goods(
                    str(line),
                    draw(st.integers(1, 30)),
                    draw(st.integers(0, 2000)),
                    draw(st.integers(0, 2000)),
                    draw(st.booleans()),
                )
                for line in range(draw(st.integers(1, 3)))
            ),
            draw(st.integers(0, 1)),
            draw(st.integers(0, 3)),
        )
        for i in range(draw(st.integers(1, 6)))
    ]
    return RoundsProblem(tuple(sites), tuple(vehicles), tuple(drops))
