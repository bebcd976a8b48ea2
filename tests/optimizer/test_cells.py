"""Cells: every need in one of its own zone, halved where it pays and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import cells as module
from optimizer.cells import Cells, draw, refine
from optimizer.grid import Grid
from optimizer.lanes import Lanes
from optimizer.tables import Tables, components
from services.bench.instances import Shape, make_problem

PROBLEM = make_problem(Shape(400, 12, items=2, lanes=True))
LANES = Lanes.of(PROBLEM)
TABLES = Tables(PROBLEM)
GRIDS = [TABLES.grid(component) for component in components(PROBLEM)]


def whole(grid: Grid, cells: Cells) -> bool:
    """Each need's cell exists, lies in the need's zone, and no cell is empty."""
    used = np.unique(cells.of_need)
    in_zone = cells.zone[cells.of_need] == LANES.need_zone[grid.need]
    return bool(in_zone.all()) and used.tolist() == list(range(len(cells.zone)))


def nothing() -> list[np.ndarray]:
    return [np.zeros(len(grid.need)) for grid in GRIDS]


def test_cells_cover_all_needs_and_grow_wider_where_programs_would_grow_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    narrow = draw(GRIDS, LANES)
    assert all(whole(grid, each) for grid, each in zip(GRIDS, narrow, strict=True))
    monkeypatch.setattr(module, "FIRST_PROGRAM", 0)
    wide = draw(GRIDS, LANES)
    assert all(whole(grid, each) for grid, each in zip(GRIDS, wide, strict=True))
    assert all(len(one.zone) < len(other.zone) for one, other in zip(wide, narrow, strict=True))


def test_without_losses_nothing_is_halved() -> None:
    before = draw(GRIDS, LANES)
    after = refine(GRIDS, before, nothing())
    assert [len(each.zone) for each in after] == [len(each.zone) for each in before]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 399), st.integers(0, 1), st.integers(1, 60))
def test_the_cell_that_loses_is_halved_until_the_room_is_used_up(
    need: int, component: int, halvings: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FIRST_PROGRAM", 0)
        before = draw(GRIDS, LANES)
        pairs = sum(len(g.source) * len(c.zone) for g, c in zip(GRIDS, before, strict=True))
        room = halvings * len(GRIDS[component].source)
        patch.setattr(module, "LARGEST_PROGRAM", pairs + room)
        losses = nothing()
        losses[component][need] = 1.0
        after = refine(GRIDS, before, losses)
    assert all(whole(grid, each) for grid, each in zip(GRIDS, after, strict=True))
    other = 1 - component
    assert np.array_equal(np.sort(after[other].zone), np.sort(before[other].zone))
    added = len(after[component].zone) - len(before[component].zone)
    assert added <= halvings
    place = before[component].of_need[need]
    outside = before[component].of_need != place
    # Needs of other cells stay together as they were.
    pairs_of = np.stack([before[component].of_need, after[component].of_need])[:, outside]
    assert len(np.unique(pairs_of, axis=1).T) == len(before[component].zone) - 1
    alone = after[component].of_need == after[component].of_need[need]
    if added < halvings:  # it could not be halved any more
        at = module._needs_at(GRIDS[component])[alone]
        assert float(np.ptp(at, axis=0).max()) <= module.NARROWEST
