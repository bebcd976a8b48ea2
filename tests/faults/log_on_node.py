"""A journal whose log is on a node, and what has to hold of the two whatever happened between."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa
from eth_account import Account
from sqlmodel import col, select

from ledger.chain import Chain, ChainUnavailable, LeafBatch
from ledger.checkpoint import VerifierKey, parse, verify
from ledger.jsonrpc import JsonRpcChain
from ledger.keys import load_or_create_secret
from ledger.merkle import CompactRange
from services.audit.models import Anchor, LogContract, SignedCheckpoint
from services.database import Database
from services.jobs.log import LogWriter
from services.jobs.log_chain import submitter_path
from services.journal.models import Entry, Leaf
from services.journal.seal import leaf_hashes_between, tree_size
from services.settings import Settings
from tests.ledger.anvil import ETHER_WEI, rpc
from tests.world import stock


class NodeLog:
    """A writer of the log in ``folder`` to the node at ``url``; entries as they are asked for."""

    def __init__(self, database: Database, folder: Path, url: str, confirmations: int = 2) -> None:
        self.database = database
        self.settings = Settings(
            data_dir=folder,
            chain_url=url,
            chain_confirmations=confirmations,
            chain_timeout_s=1,
        )
        self.node = url
        self._written = 0
        secret = load_or_create_secret(submitter_path(self.settings))
        rpc(url, "anvil_setBalance", Account.from_key(secret).address, hex(100 * ETHER_WEI))
        with database.engine.begin() as connection:
            # The small world's log is on an embedded chain; this one is to be begun anew.
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            connection.execute(sa.text("DELETE FROM log_contract"))
        self.writer = LogWriter(self.settings, database)
        self.writer.claim()

    def restarted(self, **changes: object) -> None:
        self.writer.close()
        self.settings = self.settings.model_copy(update=changes)
        self.writer = LogWriter(self.settings, self.database)

    def write(self, entries: int) -> None:
        with self.database.transaction() as session:
            for _ in range(entries):
                self._written += 1
                stock(session, key=f"lot {self._written}", quantity=1)

    def grow(self, entries: int) -> None:
        self.write(entries)
        assert self.writer.run_once() == self._written

    def catch_up(self, attempts: int = 200) -> None:
        """Passes as the anchoring thread makes them, until one ends."""
        for _ in range(attempts):
            try:
                self.writer.run_once()
            except ChainUnavailable:
                continue
            return
        raise AssertionError(f"no pass of {attempts} ended")

    def anchors(self) -> list[Anchor]:
        with self.database.transaction() as session:
            return list(session.exec(select(Anchor).order_by(col(Anchor.size))))

    def demand_whole(self) -> None:
        """Nothing twice, nothing missing: journal, contract, anchors and checkpoints are one."""
        with self.database.transaction() as session:
            known = session.exec(select(LogContract)).one()
        with closing(JsonRpcChain(self.node, address=known.address)) as chain:
            demand_whole(self.database, chain, self._written)


def demand_whole(database: Database, chain: Chain, entries: int) -> None:
    with database.transaction() as session:
        known = session.exec(select(LogContract)).one()
        size = tree_size(session)
        leaves = leaf_hashes_between(session, 0, size)
        written = session.exec(select(sa.func.count(col(Entry.id)))).one()
        sealed = session.exec(select(sa.func.count(col(Leaf.entry_id).distinct()))).one()
        anchors = session.exec(select(Anchor).order_by(col(Anchor.size))).all()
        notes = {each.size: each.note for each in session.exec(select(SignedCheckpoint))}
    assert entries == written == sealed == size == len(set(leaves))
    batches = list(chain.events(0, size))
    assert [leaf for batch in batches for leaf in batch.leaf_hashes] == leaves
    tree = CompactRange().extend(leaves)
    assert (chain.head().size, chain.head().root) == (size, tree.root())
    assert [_evidence(batch) for batch in batches] == [
        (each.first_index, each.size, each.tx_hash, each.block_number, each.block_hash)
        for each in anchors
    ]
    assert set(notes) == {each.size for each in anchors}
    for anchor in anchors:
        assert chain.root_at(anchor.size) == anchor.root
        block = chain.block_hash(anchor.block_number)
        assert block is not None
        assert block.hex() == anchor.block_hash
        checkpoint = verify(notes[anchor.size], VerifierKey.decode(known.verifier_key))
        assert checkpoint == parse(notes[anchor.size])
        assert (checkpoint.size, checkpoint.root) == (anchor.size, anchor.root)


def _evidence(batch: LeafBatch) -> tuple[int, int, str, int, str]:
    end = batch.first_index + len(batch.leaf_hashes)
    return (
        batch.first_index,
        end,
        batch.tx_hash.hex(),
        batch.block_number,
        batch.block_hash.hex(),
    )


@contextmanager
def faulty_proxy(url: str, share: float, seed: int, hold_s: float | None = None) -> Iterator[str]:
    """A way to the node on which this share of the calls is lost: made or not, and not answered.

    With `hold_s` none is lost; instead a call reaches the node so much later, or its answer comes
    so much later: when whoever asked has given up.
    """
    random, ended = Random(seed), threading.Event()
    session = requests.Session()
    session.trust_env = False

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = self.rfile.read(int(self.headers["Content-Length"]))
            lost = random.random() < share
            if lost and random.random() < 0.5 and not self._held():
                return
            answer = session.post(
                url, data=call, headers={"Content-Type": "application/json"}, timeout=10
            ).content
            if lost and not self._held():
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _held(self) -> bool:
            """Hold the call for as long as it takes to be late; or close the line at once."""
            self.close_connection = True
            return hold_s is not None and not ended.wait(hold_s)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            """A client that gave up waiting is what this is for."""

    assert urlsplit(url).hostname == "127.0.0.1"
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()
            session.close()
