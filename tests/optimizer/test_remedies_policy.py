"""What is said to change a result where lanes are shared, or packs and drops leave needs out."""

from dataclasses import replace

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from optimizer.check import check
from optimizer.derive import derive
from optimizer.lane_shares import in_shares
from optimizer.parts import Ban, Corridor, Item, Need, Place, Source
from optimizer.plan import Plan, Reason
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.remedies import Remedy, remedies
from optimizer.solve import solve
from tests.optimizer.test_remedies import (
    LANES,
    SOURCE,
    codes,
    fraction,
    number,
    opened,
    rate_of,
    scarce,
)
from tests.optimizer.worlds import DAY0

ZONES = ("north", "south")


@st.composite
def crowded(draw: st.DrawFn) -> Problem:
    """Two zones, and ways between them on which not all that is asked for has room."""
    problem = draw(scarce(largest=20, tiers=1))
    sites = [source.site for source in problem.sources]
    sites += [need.site for need in problem.needs]
    return replace(
        problem,
        items=(Item("mask", volume_ml=1),),
        places=tuple(Place(site, 0, 0, ZONES[row % 2]) for row, site in enumerate(sites)),
        corridors=tuple(
            Corridor(one, other, volume_ml_per_day=draw(st.integers(0, 12)))
            for one in ZONES
            for other in ZONES
            if {one, other} <= {ZONES[row % 2] for row in range(len(sites))}
        ),
        horizon_days=draw(st.integers(1, 3)),
        policy=Policy("max_min"),
    )


lanes = settings(
    deadline=None, max_examples=60, database=None, suppress_health_check=list(HealthCheck)
)


def in_its_shares(problem: Problem, plan: Plan, remedy: Remedy, pieces: int) -> Problem:
    """The problem of the plan's shares, with so much more in the one that the remedy names."""
    assert plan.certificate is not None
    assert plan.certificate.lanes is not None
    shares = [
        replace(each, units=each.units + pieces)
        if (each.source_id, each.zone, each.day) == key
        else each
        for each in plan.certificate.lanes.shares
        for params in [remedy.params]
        for key in [(params["source"], params["destination_zone"], params["day"])]
    ]
    assert sum(share.units for share in shares) > sum(
        share.units for share in plan.certificate.lanes.shares
    )
    return in_shares(derive(problem).problem, shares)


@lanes
@given(crowded())
def test_in_shared_lanes_more_supply_with_room_raises_the_rate_as_told(problem: Problem) -> None:
    plan = solve(problem)
    needs = {need.id: need for need in problem.needs}
    for name, told in remedies(problem, plan).items():
        for remedy in told:
            if remedy.code == "more_supply_and_room":
                event(remedy.code)
                assert plan.solver.status == "bounded"
                shared = in_its_shares(problem, plan, remedy, number(remedy, "pieces"))
                assert rate_of(shared, needs[name]) == fraction(remedy, "new_rate")
            elif remedy.code == "meet_all_and_room":
                event(remedy.code)
                shared = in_its_shares(problem, plan, remedy, number(remedy, "pieces"))
                assert rate_of(shared, needs[name]) == 1
            assert remedy.code not in {"more_supply", "meet_all"} or (
                plan.solver.status == "optimal"
            )


def test_what_has_no_room_is_told_how_much_more_room_would_let_come() -> None:
    places = (Place("W", 0, 0, "north"), Place("H", 0, 0, "south"))
    problem = Problem(
        DAY0,
        (replace(SOURCE, pack_size=1),),
        (Need("A", "H", "mask", 50, 0, 9, 0),),
        LANES[:1],
        horizon_days=3,
        items=(Item("mask", volume_ml=10),),
        places=places,
        corridors=(Corridor("north", "south", volume_ml_per_day=150),),
    )
    plan = solve(problem)
    assert plan.solver.status == "bounded"
    assert plan.outcomes[0].allocated == 30  # on days 0 and 1; what leaves later is too late
    found = {each.code: each.params for each in remedies(problem, plan)["A"]}
    assert found["wider_corridor"] == {
        "origin_zone": "north",
        "destination_zone": "south",
        "day": 0,
        "pieces": 30,
    }
    wide = replace(problem, corridors=(Corridor("north", "south", volume_ml_per_day=250),))
    assert solve(wide).outcomes[0].allocated == 50
    assert opened(problem, problem.needs[0]) == 60


def test_whom_a_shut_way_keeps_from_all_lots_is_told_so_and_not_that_there_are_none() -> None:
    places = (Place("W", 0, 0, "north"), Place("H", 0, 0, "south"), Place("G", 0, 0, "north"))
    problem = Problem(
        DAY0,
        (Source("S", "W", "mask", 60),),
        (Need("A", "H", "mask", 50, 0, 9, 0), Need("B", "G", "mask", 50, 0, 9, 1)),
        (LANES[0], replace(LANES[0], destination="G")),
        horizon_days=3,
        items=(Item("mask", volume_ml=10),),
        places=places,
        corridors=(Corridor("north", "south", volume_ml_per_day=0),),
    )
    plan = solve(problem)
    assert check(problem, plan).proven
    assert plan.outcomes[0].reason == Reason("lane_full", {"sources": 1, "source_pieces": 60})
    first = remedies(problem, plan)["A"][0]
    assert (first.code, first.params["pieces"]) == ("wider_corridor", 10)
    missing = replace(problem, sources=(*problem.sources, Source("T", "W", "n95", 5)))
    missing = replace(missing, needs=(*missing.needs, Need("C", "H", "gown", 5, 0, 9, 2)))
    plan = solve(missing)
    assert check(missing, plan).proven
    assert plan.outcomes[2].reason.code == "no_supply"


def test_who_asks_for_less_than_a_pack_is_told_what_to_ask_for() -> None:
    needs = (Need("A", "H", "mask", 30, 0, 5, 0), Need("B", "H", "mask", 60, 0, 5, 1))
    problem = Problem(
        DAY0, (replace(SOURCE, quantity=300),), needs, LANES, Policy(whole_packs=True)
    )
    asked = {"A": {"pieces": 20, "total_pieces": 50}, "B": {"pieces": 40, "total_pieces": 100}}
    found = codes(problem)
    assert found == {name: [Remedy("ask_whole_pack", asked[name])] for name in asked}
    larger = tuple(
        replace(need, quantity=need.quantity + asked[need.id]["pieces"]) for need in needs
    )
    assert codes(replace(problem, needs=larger)) == {"A": [], "B": []}


def test_who_asks_for_less_than_the_least_drop_is_told_what_to_ask_for() -> None:
    needs = (Need("A", "H", "mask", 3, 0, 5, 0), Need("B", "H", "mask", 20, 0, 5, 1))
    problem = Problem(DAY0, (SOURCE,), needs, LANES, Policy(least_drop_pieces=5))
    asked = Remedy("ask_least_drop", {"pieces": 2, "total_pieces": 5})
    assert codes(problem) == {"A": [asked], "B": []}
    assert codes(replace(problem, needs=(replace(needs[0], quantity=5), needs[1]))) == {
        "A": [],
        "B": [],
    }


def test_nobody_is_told_to_ask_for_more_of_what_no_lot_holds_or_for_more_than_double() -> None:
    needs = (
        Need("A", "H", "gown", 30, 0, 5, 0),
        Need("B", "H", "mask", 30, 0, 5, 1),
        Need("C", "H", "mask", 20, 0, 5, 2),
        Need("D", "H", "mask", 30, 0, 5, 3),
    )
    stock = (replace(SOURCE, quantity=300),)
    for policy in (Policy(whole_packs=True), Policy(least_drop_pieces=50)):
        bans = (Ban(None, "D", "kept back"),)
        problem = Problem(DAY0, stock, needs, LANES, policy, bans=bans)
        asks = {
            name: [each.params for each in told if each.code.startswith("ask_")]
            for name, told in codes(problem).items()
        }
        assert asks == {"A": [], "B": [{"pieces": 20, "total_pieces": 50}], "C": [], "D": []}
