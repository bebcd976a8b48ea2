"""What one plan changes against another, need by need, also where the two know other needs."""

from dataclasses import replace

from optimizer.differ import differ
from optimizer.problem import Lane, Need, Problem, Source
from optimizer.solve import solve

LANES = tuple(
    Lane(origin, site, metres, 1)
    for origin, site, metres in (("A", "H", 1000), ("A", "K", 3000), ("B", "H", 2000))
)


def problem(*quantities: int, needs: tuple[str, ...] = ("h", "k")) -> Problem:
    sources = tuple(
        Source(name, name, "masks", quantity)
        for name, quantity in zip(("A", "B"), quantities, strict=False)
    )
    asked = tuple(
        Need(name, name.upper(), "masks", 100, 0, 5, number) for number, name in enumerate(needs)
    )
    return Problem("2020-02-03", sources, asked, LANES)


def test_more_supply_shows_who_gains_and_what_it_costs() -> None:
    less, more = problem(100), problem(100, 50)
    found = differ(less, solve(less), more, solve(more))
    assert [(shift.need_id, shift.before, shift.after) for shift in found.gains] == [
        ("h", 50, 75),
        ("k", 50, 75),
    ]
    assert (found.losses, found.same) == ((), 0)
    assert (found.gained_pieces, found.lost_pieces) == (50, 0)
    assert (found.before.min_fill_ppm, found.after.min_fill_ppm) == (500_000, 750_000)
    # K's 25 more come from A, from where H had them; H has 50 from B instead.
    assert found.moved_pieces == 75
    assert found.cost_micro_after > found.cost_micro_before
    assert (found.before.drops, found.after.drops) == (2, 3)


def test_the_other_way_round_gains_are_losses() -> None:
    less, more = problem(100), problem(100, 50)
    there = differ(less, solve(less), more, solve(more))
    back = differ(more, solve(more), less, solve(less))
    assert [shift.pieces for shift in back.losses] == [-shift.pieces for shift in there.gains]
    assert (back.gains, back.lost_pieces) == ((), there.gained_pieces)


def test_a_plan_changes_nothing_against_itself() -> None:
    same = problem(100, 50)
    found = differ(same, solve(same), same, solve(same))
    assert (found.gains, found.losses, found.same, found.moved_pieces) == ((), (), 2, 0)


def test_a_need_that_only_one_side_knows_had_or_gets_nothing_there() -> None:
    one, two = problem(100, needs=("h",)), problem(100, needs=("k",))
    found = differ(one, solve(one), two, solve(two))
    assert [(each.need_id, each.requested_before, each.after) for each in found.gains] == [
        ("k", 0, 100)
    ]
    assert [(each.need_id, each.requested_after, each.after) for each in found.losses] == [
        ("h", 0, 0)
    ]


def test_the_largest_changes_come_first() -> None:
    base = problem(100)
    needs = (replace(base.needs[0], quantity=300), base.needs[1])
    less = replace(base, needs=needs)
    more = replace(less, sources=(replace(base.sources[0], quantity=200),))
    found = differ(less, solve(less), more, solve(more))
    pieces = [shift.pieces for shift in found.gains]
    assert pieces == sorted(pieces, reverse=True)
    assert pieces[0] > pieces[1]
