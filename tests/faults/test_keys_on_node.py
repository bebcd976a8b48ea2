"""The log's keys are changed by their command while its contract is on a real node."""

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledger.checkpoint import NoteRefused, VerifierKey, verify
from ledger.jsonrpc import JsonRpcChain
from ledger.keys import load_secret
from services import keys_command
from services.audit.service import find_contract, newest_checkpoint
from services.database import Database
from services.jobs.check import check_everything
from services.jobs.log_chain import submitter_path
from tests.faults.log_on_node import NodeLog
from tests.ledger.anvil import running_anvil

pytestmark = pytest.mark.anvil


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[NodeLog]:
    with running_anvil() as url:
        log = NodeLog(database, tmp_path / "node", url)
        log.grow(3)
        yield log
        log.writer.close()


@pytest.fixture
def rotate(log: NodeLog, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """What the command prints of a change: the old key and the new one."""

    def run(which: str) -> dict[str, str]:
        log.writer.close()
        monkeypatch.setattr(keys_command, "get_settings", lambda: log.settings)
        monkeypatch.setattr(keys_command, "_database", lambda _: nullcontext(log.database))
        told = CliRunner().invoke(keys_command.keys, ["rotate", which])
        assert told.exit_code == 0, told.output
        log.restarted()
        # The change is an entry of the log.
        log._written += 1
        lines = [line.split() for line in told.output.splitlines()]
        return {line[0]: line[1] for line in lines if line and line[0] in {"old", "new"}}

    return run


def chain_of(log: NodeLog, secret: bytes | None = None) -> JsonRpcChain:
    with log.database.transaction() as session:
        known = find_contract(session)
    assert known is not None
    return JsonRpcChain(log.node, address=known.address, secret=secret)


def demand_well(log: NodeLog) -> None:
    with closing(chain_of(log)) as chain, log.database.transaction() as session:
        assert list(check_everything(session, chain)) == []


def test_a_new_submitter_pays_and_appends_on_a_node_and_the_old_one_can_not(
    log: NodeLog, rotate: Callable[[str], dict[str, str]]
) -> None:
    old = load_secret(submitter_path(log.settings))
    first = rotate("submitter")
    with closing(chain_of(log)) as chain:
        assert chain.submitter() == first["new"] != first["old"]
    with (
        closing(chain_of(log, old)) as chain,
        pytest.raises(Exception, match="not the submitter"),
    ):
        chain.append(chain.head().size, [bytes(32)])
    log.grow(4)
    assert rotate("submitter")["old"] == first["new"]
    log.grow(2)
    log.demand_whole()
    demand_well(log)


def test_a_new_log_key_signs_what_a_node_holds_from_then_on(
    log: NodeLog, rotate: Callable[[str], dict[str, str]]
) -> None:
    changed = rotate("log")
    old, new = VerifierKey.decode(changed["old"]), VerifierKey.decode(changed["new"])
    log.grow(4)
    with log.database.transaction() as session:
        newest = newest_checkpoint(session)
    assert verify(newest.note, new).size == newest.size == 8
    with pytest.raises(NoteRefused):
        verify(newest.note, old)
    demand_well(log)
