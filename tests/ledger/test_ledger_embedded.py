"""The embedded chain: kept through restarts and kills, one writer, readers beside it."""

import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.chain import ChainLocked, ChainRefused, ChainUnavailable, open_chain
from ledger.embedded import EmbeddedChain
from ledger.kept_database import KeptDatabase
from ledger.keys import KeyFileRefused
from tests.ledger import reference

ROOT = Path(__file__).parents[2]


def test_a_restart_keeps_every_block_hash_and_root(tmp_path: Path) -> None:
    hashes = reference.leaves(30)
    with closing(EmbeddedChain(tmp_path)) as chain:
        for start in range(0, 30, 6):
            chain.append(start, hashes[start : start + 6])
        before = facts(chain)
    with closing(EmbeddedChain(tmp_path)) as chain:
        assert facts(chain) == before
        assert chain.append(30, reference.leaves(1)).first_index == 30


def test_the_chain_goes_on_after_a_restart_as_if_there_were_none(tmp_path: Path) -> None:
    hashes = reference.leaves(20)
    for size in range(20):
        with closing(EmbeddedChain(tmp_path)) as chain:
            chain.append(size, [hashes[size]])
    with closing(EmbeddedChain(tmp_path, read_only=True)) as chain:
        assert chain.head().root == reference.root(hashes)
        assert [leaf for batch in chain.events(0, 20) for leaf in batch.leaf_hashes] == hashes


def test_two_chains_share_neither_id_nor_contract(tmp_path: Path) -> None:
    with closing(EmbeddedChain(tmp_path / "a")) as a, closing(EmbeddedChain(tmp_path / "b")) as b:
        assert a.chain_id != b.chain_id
        assert a.address != b.address
        assert a.chain_id < 2**53


def test_the_submitters_key_is_private_and_its_own(tmp_path: Path) -> None:
    with closing(EmbeddedChain(tmp_path)):
        key = tmp_path / "submitter.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        # eth-tester's keys are the numbers from 1 to 10.
        assert int(key.read_text(), 16) > 2**128


def test_a_key_that_others_can_read_stops_the_writer_only(tmp_path: Path) -> None:
    EmbeddedChain(tmp_path).close()
    (tmp_path / "submitter.key").chmod(0o644)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        EmbeddedChain(tmp_path)
    EmbeddedChain(tmp_path, read_only=True).close()


def test_a_second_writer_is_refused_by_folder_until_the_first_closes(tmp_path: Path) -> None:
    with closing(EmbeddedChain(tmp_path)), pytest.raises(ChainLocked, match=str(tmp_path)):
        EmbeddedChain(tmp_path)
    EmbeddedChain(tmp_path).close()


def test_a_second_writing_process_is_refused(tmp_path: Path) -> None:
    with appending(tmp_path), pytest.raises(ChainLocked, match=str(tmp_path)):
        EmbeddedChain(tmp_path)


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path) -> None:
    with appending(tmp_path) as writer, closing(EmbeddedChain(tmp_path, read_only=True)) as reader:
        assert writer.stdout is not None
        for _ in range(5):
            size, number, block_hash = writer.stdout.readline().split()
            head = reader.head()
            assert head.size >= int(size)
            assert head.root == reference.root(reference.leaves(head.size))
            assert reader.root_at(int(size)) == reference.root(reference.leaves(int(size)))
            assert reader.block_hash(int(number)) == bytes.fromhex(block_hash)


def test_a_reader_can_not_append(tmp_path: Path) -> None:
    EmbeddedChain(tmp_path).close()
    with (
        closing(EmbeddedChain(tmp_path, read_only=True)) as reader,
        pytest.raises(ChainRefused, match="read only"),
    ):
        reader.append(0, reference.leaves(1))


def test_a_reader_without_a_chain_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ChainUnavailable, match="no chain"):
        EmbeddedChain(tmp_path, read_only=True)
    with pytest.raises(ChainUnavailable, match="no chain"):
        open_chain(None, tmp_path, read_only=True)


def test_threads_may_share_one_chain(tmp_path: Path) -> None:
    hashes = reference.leaves(40)
    wrong: list[int] = []
    with closing(open_chain(None, tmp_path)) as chain:

        def read() -> None:
            for _ in range(30):
                head = chain.head()
                if head.root != reference.root(hashes[: head.size]):
                    wrong.append(head.size)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for size in range(40):
            chain.append(size, [hashes[size]])
        for reader in readers:
            reader.join()
    assert wrong == []


def test_blocks_are_stamped_with_the_clock_and_never_backwards(tmp_path: Path) -> None:
    times = iter([1_000.0, 2_000.0, 5_000.0, 3_000.0])
    with closing(EmbeddedChain(tmp_path, clock=lambda: next(times))) as chain:
        chain.append(0, reference.leaves(1))
        chain.append(1, reference.leaves(1))
        stamps = [
            chain._chain.chaindb.get_canonical_block_header_by_number(number).timestamp
            for number in range(4)
        ]
    assert stamps == [1_000, 2_000, 5_000, 5_001]


@pytest.mark.parametrize("deployed", [False, True])
def test_a_creation_that_broke_off_is_redone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deployed: bool
) -> None:
    mine = EmbeddedChain._mine

    def breaking(self: EmbeddedChain, to: bytes, data: bytes, gas: int) -> object:
        if deployed:
            mine(self, to, data, gas)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedChain, "_mine", breaking)
        with pytest.raises(InterruptedError):
            EmbeddedChain(tmp_path)
    with pytest.raises(ChainUnavailable, match="isn't complete"):
        EmbeddedChain(tmp_path, read_only=True)
    with closing(EmbeddedChain(tmp_path)) as chain:
        assert chain.append(0, reference.leaves(1)).size == 1


def test_an_append_that_can_not_be_written_leaves_the_chain_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = reference.leaves(4)
    with closing(EmbeddedChain(tmp_path)) as chain:
        chain.append(0, hashes[:2])
        before = facts(chain)

        def full(self: KeptDatabase) -> None:
            raise ChainUnavailable("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(KeptDatabase, "commit", full)
            with pytest.raises(ChainUnavailable, match="disk full"):
                chain.append(2, hashes[2:])
        assert facts(chain) == before
        assert chain.append(2, hashes[2:]).root == reference.root(hashes)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite3").write_bytes(b"not a database" * 100)
    for read_only in (True, False):
        with pytest.raises(ChainUnavailable, match=r"chain\.sqlite3"):
            EmbeddedChain(tmp_path, read_only=read_only)


def test_a_lost_index_of_batches_is_seen_as_missing_leaves(tmp_path: Path) -> None:
    hashes = reference.leaves(4)
    with closing(EmbeddedChain(tmp_path)) as chain:
        chain.append(0, hashes[:2])
        chain.append(2, hashes[2:])
    with closing(sqlite3.connect(tmp_path / "chain.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM kept WHERE key = ?", (b"medrelay:batch:" + bytes(8),))
    with closing(EmbeddedChain(tmp_path, read_only=True)) as chain:
        assert [leaf for batch in chain.events(0, 4) for leaf in batch.leaf_hashes] != hashes


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_any_moment_leaves_whole_blocks(tmp_path: Path, seed: int) -> None:
    seen = kill_while_appending(tmp_path, random.Random(seed).uniform(0.02, 0.3))
    check_after_kill(tmp_path, seen)


@pytest.mark.slow
def test_thirty_kills_in_a_row_leave_whole_blocks(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(30):
        seen = kill_while_appending(tmp_path, chance.uniform(0.0, 0.4))
        check_after_kill(tmp_path, seen)


@pytest.mark.slow
def test_a_kill_while_creating_is_made_good(tmp_path: Path) -> None:
    chance = random.Random(11)
    for number in range(15):
        folder = tmp_path / str(number)
        process = subprocess.Popen(command(folder), cwd=ROOT, stdout=subprocess.DEVNULL)
        wait_for(folder / "lock")
        time.sleep(chance.uniform(0.0, 0.06))
        process.kill()
        process.wait()
        with closing(EmbeddedChain(folder)) as chain:
            size = chain.head().size
            appended = chain.append(size, reference.leaves(1, start=size))
            assert appended.root == reference.root(reference.leaves(size + 1))
        shutil.rmtree(folder)


def kill_while_appending(folder: Path, after_s: float) -> list[list[str]]:
    """What the process had told before it was killed: size, block number, block hash."""
    with appending(folder) as writer:
        time.sleep(after_s)
        os.kill(writer.pid, signal.SIGKILL)
        assert writer.stdout is not None
        return [line.split() for line in writer.stdout if line.endswith("\n")]


def check_after_kill(folder: Path, seen: list[list[str]]) -> None:
    with closing(EmbeddedChain(folder)) as chain:
        head = chain.head()
        hashes = reference.leaves(head.size)
        assert head.root == reference.root(hashes)
        assert [
            leaf for batch in chain.events(0, head.size) for leaf in batch.leaf_hashes
        ] == hashes
        for size, number, block_hash in seen:
            assert chain.root_at(int(size)) == reference.root(hashes[: int(size)])
            assert chain.block_hash(int(number)) == bytes.fromhex(block_hash)
        appended = chain.append(head.size, reference.leaves(1, start=head.size))
        assert appended.root == reference.root(reference.leaves(head.size + 1))
    if seen:
        assert head.size >= int(seen[-1][0])


def test_deep_json_stays_an_error_beside_the_chains_machine() -> None:
    program = (
        "import json, ledger.embedded\n"
        "try: json.loads('[' * 1_000_000)\n"
        "except RecursionError: print('refused')"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout == b"refused\n"


def facts(chain: EmbeddedChain) -> object:
    head = chain.head()
    blocks: list[bytes] = []
    while (block_hash := chain.block_hash(len(blocks))) is not None:
        blocks.append(block_hash)
    return chain.chain_id, chain.address, head, blocks, list(chain.events(0, head.size))


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.ledger.appender", str(folder)]


@contextmanager
def appending(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is appending to the chain in the folder; killed on leaving."""
    with subprocess.Popen(command(folder), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.001)
