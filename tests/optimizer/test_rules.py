"""The rules say the same of one pair as of a whole block, and as their plain words."""

from hypothesis import HealthCheck, given, settings

from optimizer import arcs as arcs_module
from optimizer.arcs import Tables, build_arcs, components
from optimizer.problem import Lane, Need, Problem, Source
from optimizer.rules import RULES, refusal
from tests.optimizer import oracle
from tests.optimizer.worlds import DAY0, problems

quick = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def all_arcs(problem: Problem) -> dict[tuple[str, str], int]:
    found = {}
    tables = Tables(problem)
    for component in components(problem):
        arcs = build_arcs(tables, component)
        for tail, head, cost in zip(arcs.tail, arcs.head, arcs.cost, strict=True):
            source = problem.sources[component.sources[tail]]
            need = problem.needs[component.needs[head]]
            found[source.id, need.id] = int(cost)
    return found


@quick
@given(problems(count=8))
def test_arcs_are_the_pairs_that_the_rules_words_allow(problem: Problem) -> None:
    assert all_arcs(problem) == oracle.pairs(problem)


@quick
@given(problems(count=8))
def test_one_pair_is_judged_like_the_block(problem: Problem) -> None:
    lanes = {(lane.origin, lane.destination): lane for lane in problem.lanes}
    allowed = {
        (source.id, need.id)
        for source in problem.sources
        for need in problem.needs
        if refusal(source, need, lanes.get((source.site, need.site)), problem) is None
    }
    assert allowed == set(all_arcs(problem))


@quick
@given(problems(count=8))
def test_refusals_are_counted_under_the_first_rule_that_refuses(problem: Problem) -> None:
    lanes = {(lane.origin, lane.destination): lane for lane in problem.lanes}
    tables = Tables(problem)
    for component in components(problem):
        arcs = build_arcs(tables, component)
        for row, index in enumerate(component.needs):
            need = problem.needs[index]
            for rule in RULES[1:]:
                stopped = [
                    source.quantity
                    for source in problem.sources
                    for lane in [lanes.get((source.site, need.site))]
                    for refused in [refusal(source, need, lane, problem)]
                    if refused is not None and refused.code == rule.code
                ]
                assert arcs.refused_sources[rule.code][row] == len(stopped)
                assert arcs.refused_pieces[rule.code][row] == sum(stopped)


def test_small_blocks_give_the_same_arcs(monkeypatch: object) -> None:
    problem = Problem(
        DAY0,
        tuple(Source(f"S{row}", f"W{row % 3}", "mask", 1) for row in range(9)),
        tuple(Need(f"N{row}", f"H{row % 2}", "mask", 1, 0, 1, row) for row in range(4)),
        tuple(Lane(f"W{row}", f"H{row % 2}", row, 1) for row in range(3)),
    )
    whole = all_arcs(problem)
    size = arcs_module.BLOCK_CELLS
    try:
        arcs_module.BLOCK_CELLS = 5
        assert all_arcs(problem) == whole
    finally:
        arcs_module.BLOCK_CELLS = size


def test_items_are_coupled_only_by_the_substitutes_that_needs_accept() -> None:
    problem = Problem(
        DAY0,
        tuple(Source(item, "W", item, 1) for item in ("gown", "glove", "n95", "mask", "kn95")),
        (
            Need("A", "H", "mask", 1, 0, 1, 0, accepts=("n95",)),
            Need("B", "H", "n95", 1, 0, 1, 0, accepts=("kn95",)),
            Need("C", "H", "gown", 1, 0, 1, 0),
        ),
        (),
    )
    found = [component.items for component in components(problem)]
    assert found == [("glove",), ("gown",), ("kn95", "mask", "n95")]
