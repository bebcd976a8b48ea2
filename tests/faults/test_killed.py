"""kill -9 in the middle of the demonstration: what was proven stays proven, and it completes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from ledger.embedded import EmbeddedChain
from ledger.proof import Receipt
from ledger.verify import Level, verify_receipt
from services.database import stop_embedded
from tests.e2e.processes import free_port

PATIENCE_S = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not in pytest's own folder: that is closed to the user as whom root runs the server.
    folder = Path(tempfile.mkdtemp(prefix="medrelay-killed-"))
    yield folder
    stop_embedded(folder / "data")
    shutil.rmtree(folder)


class Demo:
    """The demonstration in a process of its own, on a data folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.client = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=5, trust_env=False
        )

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "MEDRELAY_DATA_DIR": str(self.folder / "data"),
            "MEDRELAY_PORT": str(self.port),
            "MEDRELAY_ANCHOR_EVERY_S": "1",
        }
        command = [sys.executable, "-c", "from services.cli import main; main()"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, "demo", "--no-serve", *options],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def anchored(self) -> int:
        try:
            return int(self.client.get("/audit/log").json()["anchored"])
        except httpx2.HTTPError:
            return 0

    def kill_when_anchored(self, leaves: int) -> str:
        """Kill it as soon as the chain holds so many leaves; returns a receipt from before."""
        process = self.start()
        until = time.monotonic() + PATIENCE_S
        while self.anchored() < leaves:
            assert process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "nothing was anchored"
            time.sleep(0.05)
        receipt = self._newest_receipt()
        process.send_signal(signal.SIGKILL)
        process.wait()
        return receipt

    def _newest_receipt(self) -> str:
        latest = self.client.get("/audit/entries?limit=50").json()
        for entry in latest:
            answer = self.client.get(f"/audit/entries/{entry['id']}/receipt")
            if answer.status_code == 200:
                return answer.text
        raise AssertionError("no entry is anchored")

    def finish(self) -> dict[str, object]:
        summary = self.folder / "summary.json"
        assert self.start("--summary", str(summary)).wait() == 0, (self.folder / "log").read_text()
        found: dict[str, object] = json.loads(summary.read_text())
        return found


@pytest.fixture
def demo(folder: Path) -> Iterator[Demo]:
    demo = Demo(folder)
    with demo.client:
        yield demo


@pytest.mark.slow
def test_a_killed_demonstration_completes_and_keeps_its_word(folder: Path, demo: Demo) -> None:
    receipts = [demo.kill_when_anchored(leaves) for leaves in (20, 120, 300)]
    summary = demo.finish()
    assert (summary["check_ok"], summary["trace_ok"]) == (True, True)
    assert summary["leaves"] == summary["chain_tree_size"] == summary["journal_entries"]
    with closing(EmbeddedChain(folder / "data" / "chain", read_only=True)) as chain:
        for receipt in receipts:
            assert verify_receipt(receipt, chain=chain).level is Level.CHAIN
        sizes = {Receipt.from_json(receipt).tree_size for receipt in receipts}
        assert len(sizes) == len(receipts)
        assert chain.head().root.hex() == summary["root"]
    again = demo.finish()
    assert (summary["story_was_there"], again["story_was_there"]) == (False, True)
    kept = {"seconds": 0, "story_was_there": True}
    assert again | kept == summary | kept
