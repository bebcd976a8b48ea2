"""What is said to change a need's result does change it, exactly so: held against a new plan."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from optimizer.certificate import Pool
from optimizer.parts import Ban, Item, Lane, Need, Place, Roads, Source
from optimizer.plan import Plan
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.remedies import Remedy, remedies
from optimizer.rules import refusal
from optimizer.solve import solve
from tests.optimizer.worlds import DAY0, DESTINATIONS, ORIGINS, problems

quick = settings(
    deadline=None, max_examples=150, database=None, suppress_health_check=[HealthCheck.too_slow]
)
ZONES = ("north", "south")


@st.composite
def worlds(draw: st.DrawFn, largest: int = 30, count: int = 7) -> Problem:
    """Problems with what only some have: bans, cold goods, lots kept for one zone."""
    problem = draw(problems(largest=largest, count=count))
    sources, needs = problem.sources, problem.needs
    pairs = [(source.id, need.id) for source in sources for need in needs]
    banned = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    whole = draw(st.lists(st.sampled_from(sources), unique=True, max_size=1)) if sources else []
    places = tuple(
        Place(site, 0, 0, draw(st.sampled_from(ZONES))) for site in (*ORIGINS, *DESTINATIONS)
    )
    zones = [place.zone for place in places]
    return replace(
        problem,
        items=(Item("gloves", cold=draw(st.booleans())),),
        places=places,
        lanes=tuple(replace(lane, cold=draw(st.booleans())) for lane in problem.lanes),
        sources=tuple(
            replace(each, only_zone=draw(st.none() | st.none() | st.sampled_from(zones)))
            for each in sources
        ),
        bans=(
            *(Ban(source, need, f"why {source}") for source, need in banned),
            *(Ban(source.id, None, "spoilt") for source in whole),
        ),
    )


@st.composite
def scarce(draw: st.DrawFn, largest: int = 12, tiers: int = 2) -> Problem:
    """One item, too little of it, and few lanes: pools that split, chain and meet each other."""
    sources = tuple(
        Source(f"S{row}", f"W{row}", "mask", draw(st.integers(1, largest)))
        for row in range(draw(st.integers(1, 6)))
    )
    needs = tuple(
        Need(
            *(f"N{row}", f"H{row}", "mask", draw(st.integers(1, 2 * largest))),
            *(draw(st.integers(0, tiers - 1)), 5, row),
            weight=draw(st.integers(1, 3)),
        )
        for row in range(draw(st.integers(1, 7)))
    )
    lanes = tuple(
        Lane(source.site, need.site, 1, 1)
        for source in sources
        for need in needs
        if draw(st.integers(0, 2)) == 0
    )
    return Problem(DAY0, sources, needs, lanes)


def told(problem: Problem, plan: Plan, *codes: str) -> Iterator[tuple[Need, Remedy]]:
    found = remedies(problem, plan)
    assert set(found) == {need.id for need in problem.needs}
    for need in problem.needs:
        for remedy in found[need.id]:
            if remedy.code in codes:
                event(remedy.code)
                yield need, remedy


def number(remedy: Remedy, name: str) -> int:
    value = remedy.params[name]
    assert isinstance(value, int)
    return value


def fraction(remedy: Remedy, name: str) -> Fraction:
    return Fraction(number(remedy, f"{name}_numerator"), number(remedy, f"{name}_denominator"))


def with_more(problem: Problem, remedy: Remedy, pieces: int) -> Problem:
    """The problem with another lot beside the one that the remedy names, and like it."""
    source = next(each for each in problem.sources if each.id == remedy.params["source"])
    assert (source.site, source.item) == (remedy.params["site"], remedy.params["item"])
    bans = [replace(ban, source_id="new") for ban in problem.bans if ban.source_id == source.id]
    new = replace(source, id="new", quantity=pieces)
    return replace(problem, sources=(*problem.sources, new), bans=(*problem.bans, *bans))


def pool_of(plan: Plan, need: Need) -> Pool:
    assert plan.certificate is not None
    return next(
        pool for pool in plan.certificate.pools if need.id in pool.needs or need.id in pool.carried
    )


def rate_of(problem: Problem, need: Need) -> Fraction:
    """The fair rate of a need in the plan of a problem: its share before pieces are made whole."""
    pool = pool_of(solve(problem), need)
    if need.id in pool.carried or pool.is_met:
        return Fraction(1)
    weight = need.weight if problem.policy.fairness == "weighted" else 1
    return min(Fraction(1), weight * Fraction(pool.rate_numerator, pool.rate_denominator))


def allocated(plan: Plan, need: Need) -> int:
    return next(each.allocated for each in plan.outcomes if each.need_id == need.id)


many = settings(parent=quick, max_examples=250)


@many
@given(scarce() | worlds())
def test_more_supply_raises_the_rate_as_told(problem: Problem) -> None:
    for need, remedy in told(problem, solve(problem), "more_supply"):
        assert rate_of(problem, need) == fraction(remedy, "rate")
        pieces = number(remedy, "pieces")
        assert pieces <= number(remedy, "most_pieces")
        assert rate_of(with_more(problem, remedy, pieces), need) == fraction(remedy, "new_rate")


@many
@given(scarce(largest=200) | scarce(), st.data())
def test_the_rate_is_exact_for_any_number_within_the_range(
    problem: Problem, data: st.DataObject
) -> None:
    plan = solve(problem)
    for need, remedy in told(problem, plan, "more_supply"):
        most = number(remedy, "most_pieces")
        pieces = data.draw(st.integers(1, most) | st.just(most))
        asked = [
            each
            for each in remedies(problem, plan, [need.id], pieces)[need.id]
            if each.code == "more_supply"
        ]
        new = rate_of(with_more(problem, remedy, pieces), need)
        assert [fraction(each, "new_rate") for each in asked] == ([new] if asked else [])
        assert asked or new == 1


@many
@given(scarce())
def test_weighted_needs_rise_each_by_its_weight(problem: Problem) -> None:
    problem = replace(problem, policy=replace(problem.policy, fairness="weighted"))
    for need, remedy in told(problem, solve(problem), "more_supply", "meet_all"):
        more = rate_of(with_more(problem, remedy, number(remedy, "pieces")), need)
        if remedy.code == "meet_all":
            assert more == 1
        else:
            assert rate_of(problem, need) == fraction(remedy, "rate")
            assert more == fraction(remedy, "new_rate")


@many
@given(scarce() | worlds())
def test_what_is_said_to_meet_all_does_and_a_piece_less_does_not(problem: Problem) -> None:
    for need, remedy in told(problem, solve(problem), "meet_all"):
        pieces = number(remedy, "pieces")
        assert rate_of(with_more(problem, remedy, pieces), need) == 1
        assert pieces == 1 or rate_of(with_more(problem, remedy, pieces - 1), need) < 1


@quick
@given(scarce() | worlds())
def test_without_fairness_every_piece_more_serves_one_more(problem: Problem) -> None:
    problem = replace(problem, policy=replace(problem.policy, fairness="most_pieces"))
    plan = solve(problem)
    for need, remedy in told(problem, plan, "more_pieces"):
        served = f"tier_{need.tier}_pieces"
        for pieces in (number(remedy, "pieces"), number(remedy, "most_pieces")):
            more = solve(with_more(problem, remedy, pieces))
            assert more.objective[served] == plan.objective[served] + pieces


@many
@given(scarce(tiers=3) | worlds())
def test_what_is_beyond_the_more_urgent_needs_comes_to_the_others(problem: Problem) -> None:
    for need, remedy in told(problem, solve(problem), "after_more_urgent"):
        pieces = number(remedy, "pieces")
        assert rate_of(problem, need) == 0
        assert rate_of(with_more(problem, remedy, pieces + 1), need) > 0


# What no lot may serve


def opened(problem: Problem, need: Need) -> int:
    """The pieces of all the lots that may serve a need, rule by rule."""
    return sum(
        source.quantity
        for source in problem.sources
        if refusal(source, need, problem.way(source.site, need.site), problem) is None
    )


def mended(problem: Problem, need: Need, remedy: Remedy) -> tuple[Problem, Need]:
    """The problem and the need with what the remedy tells done, and nothing else."""
    params = remedy.params
    if remedy.code == "less_shelf_life":
        least = need.min_shelf_days_on_arrival - number(remedy, "days")
        return problem, replace(need, min_shelf_days_on_arrival=least)
    if remedy.code == "later_horizon":
        return replace(problem, horizon_days=problem.horizon_days + number(remedy, "days")), need
    if remedy.code == "release_earmark":
        sources = tuple(
            replace(each, earmark=None) if each.earmark == params["earmark"] else each
            for each in problem.sources
        )
        return replace(problem, sources=sources), need
    if remedy.code == "lift_ban":
        applies = [
            ban
            for ban in problem.bans
            if ban.why == params["why"] and ban.need_id in {None, need.id}
        ]
        return replace(problem, bans=tuple(set(problem.bans) - set(applies[:1]))), need
    if remedy.code == "wider_corridor":
        sources = tuple(
            replace(each, only_zone=None)
            if problem.zone(each.site) == params["origin_zone"]
            and max(0, each.ready_day) == params["day"]
            else each
            for each in problem.sources
        )
        return replace(problem, sources=sources), need
    return replace(problem, lanes=with_lane(problem, need, remedy)), need


def with_lane(problem: Problem, need: Need, remedy: Remedy) -> tuple[Lane, ...]:
    origin = str(remedy.params["origin"])
    known = problem.way(origin, need.site)
    if remedy.code in {"new_lane", "new_cold_lane"}:
        assert known is None
        cold = remedy.code == "new_cold_lane"
        lane = Lane(origin, need.site, 1, number(remedy, "days"), cold=cold)
    elif remedy.code == "cold_lane":
        assert known is not None
        lane = replace(known, cold=True)
    else:
        assert known is not None
        lane = replace(known, transit_days=known.transit_days - number(remedy, "days"))
    others = (each for each in problem.lanes if (each.origin, each.destination) != _ends(lane))
    return (*others, lane)


def _ends(lane: Lane) -> tuple[str, str]:
    return lane.origin, lane.destination


OPENINGS = (
    *("new_lane", "new_cold_lane", "cold_lane", "faster_lane", "later_horizon", "less_shelf_life"),
    *("release_earmark", "lift_ban", "wider_corridor"),
)


@settings(parent=quick, max_examples=300)
@given(worlds())
def test_an_opening_opens_exactly_as_many_pieces_as_told(problem: Problem) -> None:
    for need, remedy in told(problem, solve(problem), *OPENINGS):
        assert opened(problem, need) == 0
        assert opened(*mended(problem, need, remedy)) == number(remedy, "pieces") > 0


@quick
@given(worlds())
def test_every_need_that_is_short_late_or_served_by_substitutes_is_told_something(
    problem: Problem,
) -> None:
    plan = solve(problem)
    found = remedies(problem, plan)
    for outcome in plan.outcomes:
        well = outcome.allocated == outcome.requested and not outcome.late + outcome.substituted
        assert bool(found[outcome.need_id]) != well
        alone = remedies(problem, plan, [outcome.need_id])
        assert alone == {outcome.need_id: found[outcome.need_id]}


# What is left out, late or a substitute


SOURCE = Source("S", "W", "mask", 60, pack_size=50)
LANES = (Lane("W", "H", 1000, 2), Lane("V", "H", 1000, 5))


def codes(problem: Problem) -> dict[str, list[Remedy]]:
    return {name: list(told) for name, told in remedies(problem, solve(problem)).items()}


def test_in_packs_a_remedy_counts_pieces_and_keeps_its_word() -> None:
    source = replace(SOURCE, quantity=100)
    need = Need("A", "H", "mask", 400, 0, 5, 0)
    problem = Problem(DAY0, (source,), (need,), LANES, Policy(whole_packs=True))
    more = [each for each in codes(problem)["A"] if each.code in {"more_supply", "meet_all"}]
    assert [number(each, "pieces") for each in more] == [50, 300]
    for remedy in more:
        grown = replace(source, quantity=100 + number(remedy, "pieces"))
        plan = solve(replace(problem, sources=(grown,)))
        assert allocated(plan, need) == 100 + number(remedy, "pieces")
    assert fraction(more[0], "new_rate") == Fraction(150, 400)


def test_what_is_late_is_told_how_long_it_would_have_to_wait() -> None:
    need = Need("A", "H", "mask", 40, 0, 1, 0)
    problem = Problem(DAY0, (SOURCE,), (need,), LANES)
    found = {each.code: each.params for each in codes(problem)["A"]}
    assert found == {
        "wait_longer": {"days": 1, "pieces": 40},
        "in_time_no_more": {"days": 1},
    }
    soon = (*LANES, Lane("U", "H", 9000, 1))
    found = {each.code: each.params for each in codes(replace(problem, lanes=soon))["A"]}
    assert found["sooner_supply"] == {"item": "mask", "pieces": 40}
    early = (replace(SOURCE, id="T", site="U", quantity=40), SOURCE)
    assert codes(replace(problem, lanes=soon, sources=early)) == {"A": []}
    assert codes(replace(problem, needs=(replace(need, need_by_day=2),))) == {"A": []}


def test_a_substitute_says_how_much_of_its_own_item_would_do() -> None:
    need = Need("A", "H", "mask", 80, 0, 3, 0, accepts=("n95",))
    problem = Problem(DAY0, (SOURCE, Source("T", "W", "n95", 50)), (need,), LANES)
    found = {each.code: each.params for each in codes(problem)["A"]}
    assert found == {
        "own_item": {"item": "mask", "pieces": 20},
        "in_time_by_lane": {"sites": 1, "origin": "W", "day": 3},
    }
    own = replace(SOURCE, quantity=60 + 20)
    assert codes(replace(problem, sources=(own, problem.sources[1]))) == {"A": []}


# From how far away


@given(
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(1_000, 9_000),
    st.integers(1000, 2000),
    st.sampled_from((1, 0, -1, -3)),
)
def test_supply_at_the_told_distance_by_road_is_in_time_and_farther_is_not(
    need_by: int, horizon: int, a_day: int, detour: int, off: int
) -> None:
    need = Need("A", "H", "mask", 10, 0, need_by, 0)
    roads = Roads(detour, a_day)
    problem = Problem(DAY0, (), (need,), (), horizon_days=horizon, roads=roads)
    problem = replace(problem, places=(Place("H", 0, 0),))
    reach = remedies(problem, solve(problem))["A"][-1]
    assert reach.code == "in_time_by_road"
    metres = number(reach, "metres")
    line = next((x for x in range(metres + 2) if x * detour // 1000 == metres + off), None)
    if line is None:
        return
    problem = replace(problem, places=(Place("H", 0, 0), Place("W", line, 0)))
    way = problem.way("W", "H")
    assert way is not None
    assert (way.transit_days <= min(need_by, horizon)) == (off <= 0)


def test_lanes_in_time_are_counted_and_the_quickest_is_named() -> None:
    need = Need("A", "H", "mask", 10, 0, 5, 0)
    problem = Problem(DAY0, (), (need,), LANES)
    assert remedies(problem, solve(problem))["A"][-1] == Remedy(
        "in_time_by_lane", {"sites": 2, "origin": "W", "day": 5}
    )
    cold = replace(problem, items=(Item("mask", cold=True),))
    assert remedies(cold, solve(cold))["A"][-1] == Remedy("in_time_never_cold", {"site": "H"})
    nowhere = replace(problem, lanes=())
    assert remedies(nowhere, solve(nowhere))["A"][-1] == Remedy("in_time_never", {"site": "H"})
