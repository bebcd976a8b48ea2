"""Derived problems made by hand: packs, kits, pins and reasons, one at a time."""

from dataclasses import replace

import pytest

from optimizer.derive import Line, derive
from optimizer.plan import Reason
from optimizer.problem import (
    Item,
    Lane,
    Need,
    Pin,
    Place,
    Policy,
    Problem,
    ProblemError,
    Source,
)
from tests.optimizer.worlds import DAY0


def lot(name: str, item: str, quantity: int, pack: int = 1) -> Source:
    return Source(name, "W", item, quantity, pack_size=pack)


def need(name: str, item: str, quantity: int, *accepts: str, tier: int = 0) -> Need:
    return Need(name, "H", item, quantity, tier, 5, 0, accepts=accepts)


def world(*parts: Source | Need, policy: Policy | None = None, **rest: object) -> Problem:
    return Problem(
        DAY0,
        tuple(part for part in parts if isinstance(part, Source)),
        tuple(part for part in parts if isinstance(part, Need)),
        (Lane("W", "H", 1000, 1),),
        policy or Policy(),
        **rest,  # type: ignore[arg-type]
    )


KITS = (Item("kit", uses_per_piece=50, volume_ml=900, weight_g=200), Item("test", weight_g=7))
PACKS = Policy(whole_packs=True)


def test_kits_and_single_tests_are_counted_in_tests_by_the_kit() -> None:
    problem = world(
        lot("K", "kit", 10),
        lot("T", "test", 777),
        need("A", "kit", 5, "test"),
        need("B", "test", 130, "kit"),
        need("C", "test", 30),
        items=KITS,
    )
    derived = derive(problem)
    assert {each.id: each.quantity for each in derived.problem.sources} == {"K": 10, "T": 15}
    assert {each.id: each.quantity for each in derived.problem.needs} == {"A": 5, "B": 2}
    assert derived.unit_pieces == {"test": 50}
    assert derived.open_pieces == {"B": 30}
    assert derived.left_out == {
        "C": Reason("less_than_a_pack", {"pieces": 30, "pack_pieces": 50}),
    }
    by_unit = {item.code: item for item in derived.problem.items}
    assert by_unit["kit"] == Item("kit", volume_ml=900, weight_g=200)
    assert by_unit["test"] == Item("test", weight_g=350, pieces_per_unit=50)
    lines = derived.lift([Line("T", "A", 3, 0), Line("K", "B", 1, 0)])
    assert lines == [Line("T", "A", 150, 0), Line("K", "B", 1, 0)]


def test_one_odd_pack_leaves_itself_out_and_not_everybody_else() -> None:
    problem = world(
        lot("S", "mask", 5000, 50),
        lot("T", "mask", 700, 7),
        need("A", "mask", 1000),
        need("B", "mask", 330),
        policy=PACKS,
    )
    derived = derive(problem)
    assert {each.id: each.quantity for each in derived.problem.sources} == {"S": 100}
    assert derived.idle == {
        "T": Reason("packs_do_not_fit", {"pieces": 700, "pack_pieces": 7}),
    }
    assert derived.open_pieces == {"B": 30}


def test_a_lot_that_holds_no_pack_of_its_own_does_not_set_the_unit() -> None:
    problem = world(
        lot("S", "mask", 500, 10),
        lot("T", "mask", 999, 1000),
        need("A", "mask", 40),
        policy=PACKS,
    )
    derived = derive(problem)
    assert derived.unit_pieces == {"mask": 10}
    assert derived.idle["T"].code == "less_than_a_pack"


def test_an_item_is_counted_in_one_unit_in_all_zones() -> None:
    problem = world(
        replace(lot("S", "mask", 60, 2), only_zone="north"),
        replace(lot("T", "mask", 60, 3), only_zone="south"),
        need("A", "mask", 30),
        replace(need("B", "mask", 30), site="G"),
        policy=PACKS,
        places=(Place("H", 0, 0, "north"), Place("G", 0, 0, "south")),
    )
    derived = derive(problem)
    assert derived.unit_pieces == {"mask": 6}
    assert {each.quantity for each in derived.problem.sources} == {10}
    assert {each.quantity for each in derived.problem.needs} == {5}


def test_packs_do_not_matter_unless_the_policy_says_so() -> None:
    problem = world(lot("S", "mask", 999, 1000), need("A", "mask", 40))
    assert derive(problem).problem is problem


def test_a_pin_opens_a_pack_and_the_rest_goes_by_whole_ones() -> None:
    problem = world(
        lot("S", "mask", 100, 50),
        need("A", "mask", 80),
        need("B", "mask", 60),
        policy=PACKS,
        pins=(Pin("S", "A", 30),),
    )
    derived = derive(problem)
    assert [each.quantity for each in derived.problem.sources] == [1]
    assert derived.lift([Line("S", "A", 1, 0)]) == [Line("S", "A", 80, 0)]


def test_what_pins_use_up_or_meet_is_not_solved_again() -> None:
    problem = world(
        lot("S", "mask", 100), need("A", "mask", 100), pins=(Pin("S", "A", 100, "promised"),)
    )
    derived = derive(problem)
    assert not derived.problem.sources
    assert not derived.problem.needs
    assert derived.left_out == {"A": Reason("pinned", {"pieces": 100})}
    assert derived.lift([]) == [Line("S", "A", 100, 0)]
    assert derived.lift_reasons({}, {"A": (100, 0, 0)}) == derived.left_out


@pytest.mark.parametrize(
    ("asked", "got", "given_", "expected"),
    [
        (
            Reason("met_in_full", {"pieces": 2, "late_pieces": 0}),
            (100, 0, 50),
            ("B", 130),
            Reason(
                "met_in_packs",
                {
                    "pieces": 100,
                    "late_pieces": 50,
                    "substitute_pieces": 0,
                    "open_pieces": 30,
                    "pack_pieces": 50,
                },
            ),
        ),
        (
            Reason("met_in_full", {"pieces": 2, "late_pieces": 0}),
            (100, 0, 50),
            ("B", 100),
            Reason("met_in_full", {"pieces": 100, "late_pieces": 50}),
        ),
        (
            Reason("shared_shortage", {"source_pieces": 3, "sources": 2}),
            (50, 0, 0),
            ("B", 130),
            Reason("shared_shortage", {"source_pieces": 150, "sources": 2}),
        ),
        (
            Reason("not_proven", {"pieces": 1, "requested": 2}),
            (50, 0, 0),
            ("B", 130),
            Reason("not_proven", {"pieces": 50, "requested": 130}),
        ),
    ],
)
def test_a_reason_is_lifted_into_the_pieces_of_its_need(
    asked: Reason, got: tuple[int, int, int], given_: tuple[str, int], expected: Reason
) -> None:
    problem = world(lot("T", "test", 777, 50), need(given_[0], "test", given_[1]), policy=PACKS)
    derived = derive(problem)
    assert derived.lift_reasons({"B": asked}, {"B": got}) == {"B": expected}


def test_a_pinned_substitute_is_mentioned() -> None:
    problem = world(
        lot("S", "n95", 5),
        lot("T", "mask", 5),
        need("A", "mask", 10, "n95"),
        pins=(Pin("S", "A", 5),),
    )
    met = Reason("met_in_full", {"pieces": 5, "late_pieces": 0})
    lifted = derive(problem).lift_reasons({"A": met}, {"A": (10, 5, 0)})
    figures = {"pieces": 10, "substitute_pieces": 5, "late_pieces": 0}
    assert lifted == {"A": Reason("substitute_used", figures)}


def test_lots_that_the_policy_leaves_out_are_not_called_missing() -> None:
    problem = world(
        lot("S", "mask", 5),
        lot("T", "mask", 7),
        need("A", "mask", 10),
        policy=Policy(least_drop_pieces=10),
    )
    none = Reason("no_supply", {"sources": 0, "source_pieces": 0})
    lifted = derive(problem).lift_reasons({"A": none}, {"A": (0, 0, 0)})
    assert lifted == {"A": Reason("lots_left_out", {"sources": 2, "source_pieces": 12})}


def test_items_without_a_common_unit_are_refused_by_name() -> None:
    items = (Item("kit", uses_per_piece=999_983), Item("test", uses_per_piece=999_979))
    problem = world(
        lot("K", "kit", 10), need("A", "kit", 5, "test"), need("B", "test", 9), items=items
    )
    with pytest.raises(ProblemError) as caught:
        derive(problem)
    assert (caught.value.code, caught.value.where) == ("no_common_unit", "kit and test")


def test_a_unit_too_large_for_any_lorry_is_refused_by_name() -> None:
    problem = world(
        lot("S", "bed", 10**6, 10**6),
        need("A", "bed", 10**6),
        items=(Item("bed", volume_ml=10**6),),
        policy=PACKS,
    )
    with pytest.raises(ProblemError) as caught:
        derive(problem)
    assert (caught.value.code, caught.value.where) == ("no_common_unit", "item 'bed'")


def test_enormous_quantities_are_counted_exactly() -> None:
    items = (Item("kit", uses_per_piece=10**6),)
    problem = world(
        *(lot(f"K{row}", "kit", 10**12) for row in range(20)),
        lot("T", "test", 10**12),
        *(need(f"A{row}", "kit", 10**12, "test") for row in range(20)),
        items=items,
    )
    derived = derive(problem)
    assert {each.quantity for each in derived.problem.needs} == {10**12}
    assert {each.quantity for each in derived.problem.sources} == {10**12, 10**6}
    assert derived.unit_pieces == {"test": 10**6}
