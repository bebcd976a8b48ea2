"""A process that seals and anchors once, and kills itself at a named step: see `STEPS`.

Run with the database's URL, the data folder, the node's URL or "-", the step, and which time.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.embedded import EmbeddedChain
from ledger.jsonrpc import JsonRpcChain
from ledger.kept_database import KeptDatabase
from services.audit import tiles
from services.database import Database
from services.jobs import anchoring, log
from services.jobs.anchoring import Anchoring
from services.jobs.log import LogWriter
from services.settings import Settings

# What is patched, and whether it is done before the end comes.
STEPS: dict[str, tuple[Any, str, bool]] = {
    "sealed and not committed": (log, "seal", True),
    "sealed": (LogWriter, "_anchor_all", False),
    "planned": (Anchoring, "plan", True),
    "in a block that isn't written": (KeptDatabase, "commit", False),
    "mined and not recorded": (EmbeddedChain, "append", True),
    "read back from the chain": (Anchoring, "_agreed", True),
    "tiles before the anchor is committed": (anchoring, "write_tiles", True),
    "anchor before its checkpoint": (Anchoring, "_sign", False),
    "checkpoint before it is committed": (Anchoring, "_sign", True),
}
NODE_STEPS: dict[str, tuple[Any, str, bool]] = {
    "signed and not sent": (JsonRpcChain, "_signed", True),
    "sent and not answered": (JsonRpcChain, "_wait", False),
    "mined on the node and not recorded": (JsonRpcChain, "append", True),
}
# Of a log that was anchored before it had tiles.
TILES_STEPS: dict[str, tuple[Any, str, bool]] = {
    "leaves read and no tile written": (tiles, "leaf_hashes_between", True),
    "between two steps": (tiles, "write_tiles", False),
    "tiles of a step before they are committed": (tiles, "write_tiles", True),
}
# Done once in a pass, whatever there is to do.
ONCE = {"sealed and not committed", "sealed"}
PAUSE = "pause"


def main() -> None:
    url, folder, node, step, time = sys.argv[1:]
    anchoring.MAX_BATCH = 3  # type: ignore[attr-defined]
    tiles.STEP = 3
    if step == PAUSE:
        _pause_at(LogWriter, "_anchor_all")
    else:
        _die_at(*{**STEPS, **NODE_STEPS, **TILES_STEPS}[step], time=int(time))
    settings = Settings(data_dir=Path(folder), chain_url=None if node == "-" else node)
    LogWriter(settings, Database(url)).run_once()


def _die_at(owner: Any, name: str, after: bool, time: int) -> None:
    real: Callable[..., Any] = getattr(owner, name)
    left = [time]

    def dies(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*arguments, **named)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(owner, name, dies)


def _pause_at(owner: Any, name: str) -> None:
    real: Callable[..., Any] = getattr(owner, name)

    def pauses(*arguments: Any) -> Any:
        sys.stdout.write("in\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return real(*arguments)

    setattr(owner, name, pauses)


if __name__ == "__main__":
    main()
