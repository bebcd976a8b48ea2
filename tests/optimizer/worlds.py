"""Problems for the tests: drawn by Hypothesis when small, seeded when large."""

import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from optimizer.plan import Plan
from optimizer.problem import (
    Ban,
    Corridor,
    Lane,
    Need,
    Pair,
    Pin,
    Place,
    Policy,
    Problem,
    Roads,
    Source,
)
from optimizer.rules import refusal

DAY0 = "2020-02-01"
ITEMS = ("gloves", "mask", "n95")
ORIGINS = ("W1", "W2", "W3")
DESTINATIONS = ("H1", "H2", "H3", "H4")
TOKENS = ("site:H1", "region:420300")
ZONES = ("", "north", "south")


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


Feature = Callable[[st.DrawFn, Problem], Problem]
"""What makes a problem one with a feature more; those that need another one come after it."""


@st.composite
def featured(draw: st.DrawFn, *features: Feature, largest: int = 4, count: int = 5) -> Problem:
    """A problem with these features, in this order: `featured(zones, roads, pins)`."""
    problem = draw(problems(largest, count))
    for feature in features:
        problem = feature(draw, problem)
    return problem


def weights(draw: st.DrawFn, problem: Problem) -> Problem:
    needs = tuple(replace(need, weight=draw(st.integers(1, 4))) for need in problem.needs)
    return replace(problem, needs=needs, policy=replace(problem.policy, fairness="weighted"))


def zones(draw: st.DrawFn, problem: Problem) -> Problem:
    """Places, for most sites, some of them in no zone, and lots that go to one zone only."""
    here = st.integers(-3000, 3000)
    places = tuple(
        Place(site, draw(here), draw(here), draw(st.sampled_from(ZONES)))
        for site in (*ORIGINS, *DESTINATIONS)
        if draw(st.integers(0, 4))
    )
    known = sorted({place.zone for place in places if place.zone})
    only = st.sampled_from((None, None, None, *known))
    sources = tuple(replace(each, only_zone=draw(only)) for each in problem.sources)
    return replace(problem, places=places, sources=sources)


def crowd(draw: st.DrawFn, problem: Problem) -> Problem:
    """A place in a zone for every site, and an item that all are after and have: so corridors fill.

    Only where every site has a zone can full corridors be shared out.
    """
    here = st.integers(-3000, 3000)
    named = st.sampled_from(ZONES[1:])
    sites = (*ORIGINS, *DESTINATIONS)
    places = tuple(Place(site, draw(here), draw(here), draw(named)) for site in sites)
    masks = tuple(
        replace(each, item="mask", earmark=None, expiry_day=None, ready_day=0)
        for each in problem.sources[:3]
    )
    wanted = tuple(replace(each, item="mask", accepts=("n95",)) for each in problem.needs[:3])
    return replace(
        problem,
        places=places,
        sources=masks + problem.sources[3:],
        needs=wanted + problem.needs[3:],
    )


def roads(draw: st.DrawFn, problem: Problem) -> Problem:
    """Roads between places, where no lane says otherwise."""
    detour, daily = draw(st.integers(1000, 2000)), draw(st.integers(1000, 4000))
    return replace(problem, roads=Roads(detour, daily, cold=draw(st.booleans())))


def sizes(draw: st.DrawFn, problem: Problem) -> Problem:
    small = st.integers(0, 5)
    items = {code: problem.item(code) for code in ITEMS}
    sized = (replace(item, volume_ml=draw(small), weight_g=draw(small)) for item in items.values())
    return replace(problem, items=tuple(sized))


def corridors(draw: st.DrawFn, problem: Problem) -> Problem:
    """Limits between the zones that places lie in."""
    known = sorted({place.zone for place in problem.places if place.zone})
    limit = st.none() | st.integers(0, 9)
    return replace(
        problem,
        corridors=tuple(
            Corridor(origin, destination, draw(limit), draw(limit))
            for origin in known
            for destination in known
            if draw(st.integers(0, 4))
        ),
    )


def cold(draw: st.DrawFn, problem: Problem) -> Problem:
    """Items that must be kept cold, and lanes that keep them so."""
    items = tuple(replace(problem.item(code), cold=draw(st.booleans())) for code in ITEMS)
    lanes = tuple(replace(lane, cold=draw(st.booleans())) for lane in problem.lanes)
    return replace(problem, items=items, lanes=lanes)


def handling(draw: st.DrawFn, problem: Problem) -> Problem:
    """Lanes on which a piece costs something besides its distance."""
    lanes = (replace(lane, cost_per_piece_micro=draw(st.integers(0, 9))) for lane in problem.lanes)
    return replace(problem, lanes=tuple(lanes))


def _pairs(draw: st.DrawFn, problem: Problem) -> list[tuple[str, str]]:
    both = [(source.id, need.id) for source in problem.sources for need in problem.needs]
    return draw(st.lists(st.sampled_from(both), max_size=6, unique=True)) if both else []


def bans(draw: st.DrawFn, problem: Problem) -> Problem:
    """Pairs that are banned, and now and then a whole lot or need."""
    chosen = {
        draw(st.sampled_from(((source, need), (source, need), (source, None), (None, need))))
        for source, need in _pairs(draw, problem)
    }
    ordered = sorted(chosen, key=str)
    return replace(problem, bans=tuple(Ban(source, need, "tried it") for source, need in ordered))


def last(draw: st.DrawFn, problem: Problem) -> Problem:
    """What a last plan joined, some of it gone by now, and what any other pair costs more."""
    pairs = [*_pairs(draw, problem), *draw(st.sampled_from(([], [("gone", "N0")])))]
    policy = replace(problem.policy, stability_micro_per_piece=draw(st.integers(0, 9)))
    return replace(problem, policy=policy, last=tuple(Pair(*pair) for pair in pairs))


def packs(draw: st.DrawFn, problem: Problem) -> Problem:
    """Lots in packs, given out in whole ones."""
    sources = (replace(s, pack_size=draw(st.sampled_from((1, 1, 2, 3)))) for s in problem.sources)
    policy = replace(problem.policy, whole_packs=True)
    return replace(problem, sources=tuple(sources), policy=policy)


def conversion(draw: st.DrawFn, problem: Problem) -> Problem:
    """Items of which one piece stands for more than one of another."""
    items = (
        replace(problem.item(code), uses_per_piece=draw(st.sampled_from((1, 1, 2, 3))))
        for code in ITEMS
    )
    return replace(problem, items=tuple(items))


def least_drop(draw: st.DrawFn, problem: Problem) -> Problem:
    policy = replace(problem.policy, least_drop_pieces=draw(st.integers(0, 4)))
    return replace(problem, policy=policy)


def pins(draw: st.DrawFn, problem: Problem) -> Problem:
    """Pins that the rules, the lots, the needs and each other leave room for; no corridors."""
    sources = {source.id: source for source in problem.sources}
    needs = {need.id: need for need in problem.needs}
    stock = {source.id: source.quantity for source in problem.sources}
    wanted = {need.id: need.quantity for need in problem.needs}
    chosen = []
    for source_id, need_id in _pairs(draw, problem):
        source, need = sources[source_id], needs[need_id]
        way = problem.way(source.site, need.site)
        pieces = draw(st.integers(1, source.quantity))
        received = problem.converted(pieces, source.item, need.item)
        if received is None or refusal(source, need, way, problem) is not None:
            continue
        if pieces <= stock[source_id] and received <= wanted[need_id]:
            stock[source_id] -= pieces
            wanted[need_id] -= received
            chosen.append(Pin(source_id, need_id, pieces, "promised"))
    return replace(problem, pins=tuple(chosen))


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
