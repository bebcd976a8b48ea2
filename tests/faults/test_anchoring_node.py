"""On a node that reorganises, dies, rolls back and loses calls, the log stays the journal."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.anchor import LogDiverged
from ledger.chain import ChainUnavailable
from services.audit.anchoring_models import AnchorState
from services.database import Database
from tests.faults.log_on_node import NodeLog, faulty_proxy
from tests.ledger.anvil import rpc, running_anvil

pytestmark = pytest.mark.anvil


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[NodeLog]:
    with running_anvil() as url:
        log = NodeLog(database, tmp_path / "node", url, confirmations=20)
        yield log
        log.writer.close()


def states(log: NodeLog) -> list[AnchorState]:
    return [each.state for each in log.anchors()]


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_what_a_reorganisation_takes_out_goes_in_again_once(log: NodeLog, depth: int) -> None:
    for entries in (1, 3, 2, 5, 1, 4, 2, 1, 3, 2, 6, 1):
        log.grow(entries)
    before = log.anchors()
    rpc(log.node, "anvil_reorg", depth, [])
    log.writer.run_once()
    log.demand_whole()
    after = log.anchors()
    assert [(each.size, each.root) for each in after] == [(each.size, each.root) for each in before]
    moved = [
        each.size
        for each, old in zip(after, before, strict=True)
        if each.block_hash != old.block_hash
    ]
    assert moved == [each.size for each in before[-depth:]]
    log.grow(2)
    log.demand_whole()


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_reorganisation_while_a_backlog_goes_in(log: NodeLog, depth: int) -> None:
    for _ in range(11):
        log.grow(2)
    log.write(30)
    real, left = log.writer._anchoring.chain.append, [True]  # type: ignore[union-attr]

    def interrupted(expected: int, leaves: list[bytes]) -> object:
        appended = real(expected, leaves)
        if left.pop():
            left.append(False)
            rpc(log.node, "anvil_reorg", depth, [])
        else:
            left.append(False)
        return appended

    log.writer._anchoring.chain.append = interrupted  # type: ignore[union-attr,method-assign]
    log.catch_up()
    log.catch_up()
    log.demand_whole()


def test_a_batch_is_mined_first_and_final_later(log: NodeLog) -> None:
    log.grow(3)
    assert states(log) == [AnchorState.MINED]
    rpc(log.node, "anvil_mine", hex(20))
    log.writer.run_once()
    assert states(log) == [AnchorState.FINAL]


def test_a_reorganisation_past_what_is_final_stops_the_log_and_is_told(log: NodeLog) -> None:
    log.restarted(chain_confirmations=1)
    for _ in range(5):
        log.grow(2)
    before = log.anchors()
    assert states(log)[:3] == [AnchorState.FINAL] * 3
    rpc(log.node, "anvil_reorg", 4, [])
    log.write(1)
    with pytest.raises(LogDiverged, match="past what was final"):
        log.writer.run_once()
    log.restarted()
    with pytest.raises(LogDiverged, match="rewritten or rolled back"):
        log.writer.claim()
    assert log.anchors() == before


def test_what_is_final_can_not_be_moved_in_the_database(log: NodeLog) -> None:
    log.grow(1)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), log.database.transaction() as s:
        s.connection().execute(sa.text("UPDATE anchor SET root = sha256(root)"))
    rpc(log.node, "anvil_mine", hex(20))
    log.writer.run_once()
    for change in ("block_hash = 'ab'", "state = 'mined'"):
        with (
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
            log.database.transaction() as s,
        ):
            s.connection().execute(sa.text(f"UPDATE anchor SET {change}"))


def test_a_node_that_forgot_its_newest_blocks_is_brought_up_again(log: NodeLog) -> None:
    log.grow(4)
    kept = rpc(log.node, "evm_snapshot")
    log.grow(3)
    log.grow(2)
    rpc(log.node, "evm_revert", kept)
    log.grow(2)
    log.demand_whole()


@pytest.mark.parametrize("seed", range(3))
def test_with_a_third_of_the_calls_lost_everything_goes_in_once(log: NodeLog, seed: int) -> None:
    log.grow(1)
    with faulty_proxy(log.node, 0.3, seed) as url:
        log.restarted(chain_url=url)
        for entries in (1, 40, 3, 17, 1, 8):
            log.write(entries)
            log.catch_up()
        log.writer.close()
    log.restarted(chain_url=log.node)
    log.catch_up()
    log.demand_whole()


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_with_a_third_of_the_calls_timing_out_everything_goes_in_once(
    log: NodeLog, seed: int
) -> None:
    """What is given up waiting for is done all the same: by the node, and later."""
    log.grow(1)
    limit_s = 0.15
    with faulty_proxy(log.node, 1.0, seed, hold_s=2 * limit_s) as url:
        log.restarted(chain_url=url, chain_timeout_s=limit_s)
        with pytest.raises(ChainUnavailable):
            log.writer.run_once()
        log.writer.close()
    with faulty_proxy(log.node, 0.3, seed, hold_s=2 * limit_s) as url:
        log.restarted(chain_url=url, chain_timeout_s=limit_s)
        for entries in (1, 40, 3, 8):
            log.write(entries)
            log.catch_up()
        log.writer.close()
    log.restarted(chain_url=log.node, chain_timeout_s=1)
    log.catch_up()
    log.demand_whole()


def test_a_node_that_was_killed_and_started_again_goes_on(
    database: Database, tmp_path: Path
) -> None:
    with ExitStack() as nodes:
        first = nodes.enter_context(running_anvil())
        log = NodeLog(database, tmp_path / "node", first)
        log.grow(4)
        log.grow(3)
        kept = rpc(first, "anvil_dumpState")
        # Lost with the node: mined after what it had kept.
        log.grow(2)
        nodes.close()
        log.write(5)
        with pytest.raises(Exception, match="doesn't answer"):
            log.writer.run_once()
        second = nodes.enter_context(running_anvil())
        assert rpc(second, "anvil_loadState", kept) is True
        log.node = second
        log.restarted(chain_url=second)
        log.catch_up()
        log.demand_whole()
        log.writer.close()
