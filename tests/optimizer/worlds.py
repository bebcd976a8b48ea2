"""Problems for the tests: drawn by Hypothesis when small, seeded when large."""

import random

from hypothesis import strategies as st

from optimizer.plan import Plan
from optimizer.problem import Lane, Need, Policy, Problem, Source

DAY0 = "2020-02-01"
ITEMS = ("gloves", "mask", "n95")
ORIGINS = ("W1", "W2", "W3")
DESTINATIONS = ("H1", "H2", "H3", "H4")
TOKENS = ("site:H1", "region:420300")


@st.composite
def sources(draw: st.DrawFn, largest: int, count: int) -> list[Source]:
    return [
        Source(
            id=f"S{number}",
            site=draw(st.sampled_from(ORIGINS)),
            item=draw(st.sampled_from(ITEMS)),
            quantity=draw(st.integers(1, largest)),
            ready_day=draw(st.integers(-1, 3)),
            expiry_day=draw(st.none() | st.integers(0, 12)),
            earmark=draw(st.none() | st.none() | st.sampled_from(TOKENS)),
        )
        for number in range(draw(st.integers(0, count)))
    ]


@st.composite
def needs(draw: st.DrawFn, largest: int, count: int) -> list[Need]:
    # Only masks accept a substitute: an N95 may serve a mask need, never the reverse.
    items = [draw(st.sampled_from(ITEMS)) for _ in range(draw(st.integers(0, count)))]
    return [
        Need(
            id=f"N{number}",
            site=draw(st.sampled_from(DESTINATIONS)),
            item=item,
            quantity=draw(st.integers(1, largest)),
            tier=draw(st.integers(0, 2)),
            need_by_day=draw(st.integers(-1, 6)),
            posted_at=draw(st.integers(0, 3)),
            accepts=("n95",) if item == "mask" and draw(st.booleans()) else (),
            earmarks=draw(st.frozensets(st.sampled_from(TOKENS))),
            min_shelf_days_on_arrival=draw(st.integers(0, 2)),
        )
        for number, item in enumerate(items)
    ]


@st.composite
def problems(draw: st.DrawFn, largest: int = 4, count: int = 5) -> Problem:
    pairs = [(origin, destination) for origin in ORIGINS for destination in DESTINATIONS]
    lanes = [
        Lane(origin, destination, draw(st.integers(0, 9)), draw(st.integers(0, 3)))
        for origin, destination in pairs
        if draw(st.integers(0, 3))
    ]
    return Problem(
        DAY0,
        tuple(draw(sources(largest, count))),
        tuple(draw(needs(largest, count))),
        tuple(lanes),
        Policy("max_min", 1, draw(st.sampled_from((0, 3))), draw(st.sampled_from((0, 20)))),
        horizon_days=draw(st.integers(2, 6)),
    )


def aim(plan: Plan) -> dict[str, int]:
    """The terms that are optimised; the parts of the cost may differ between equal optima."""
    terms = {name: value for name, value in plan.objective.items() if name.startswith("tier_")}
    return terms | {name: plan.objective[name] for name in ("cost_micro", "fefo_piece_days")}


def seeded(
    seed: int,
    source_count: int,
    need_count: int,
    items: int = 3,
    largest: int = 1000,
    share: float = 0.6,
) -> Problem:
    """A random problem with every feature: tiers, substitutes, earmarks, expiry, missing lanes."""
    rng = random.Random(seed)
    names = [f"item{number}" for number in range(items)]
    origins = [f"W{number}" for number in range(max(1, source_count // 5))]
    place = {f"H{number}": (rng.random(), rng.random()) for number in range(need_count)}
    place |= {origin: (rng.random(), rng.random()) for origin in origins}
    wanted = []
    for number in range(need_count):
        kind = rng.randrange(items)
        wanted.append(
            Need(
                f"N{number:05}",
                f"H{number}",
                names[kind],
                rng.randint(1, largest),
                rng.randrange(3),
                rng.randint(1, 6),
                number,
                tuple(names[kind + 1 : kind + 2]) if rng.random() < 0.5 else (),
                frozenset({rng.choice(TOKENS)}),
            )
        )
    total = sum(need.quantity for need in wanted)
    offered = [
        Source(
            f"S{number:05}",
            rng.choice(origins),
            rng.choice(names),
            max(1, int(2 * share * total * rng.random() / source_count)),
            rng.randint(-1, 3),
            rng.choice((None, 3, 6, 9, 20, 30)),
            rng.choice((None, None, None, None, *TOKENS)),
        )
        for number in range(source_count)
    ]
    lanes = [
        Lane(origin, f"H{number}", _metres(place[origin], place[f"H{number}"]), rng.randint(0, 3))
        for origin in origins
        for number in range(need_count)
        if rng.random() < 0.8
    ]
    return Problem(DAY0, tuple(offered), tuple(wanted), tuple(lanes), Policy(), 7)


def _metres(one: tuple[float, float], other: tuple[float, float]) -> int:
    return int(1e6 * ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)
