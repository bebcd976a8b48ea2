"""A real Ethereum node for tests: Anvil, from npm, when the machine has it."""

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ETHER_WEI = 10**18


def find_anvil() -> Path | None:
    """The binary that MEDRELAY_ANVIL names, or the one that npm put under .node/."""
    named = os.environ.get("MEDRELAY_ANVIL")
    if named:
        return Path(named)
    # The package "anvil" is a launcher in JavaScript; its platform's package holds the binary.
    found = sorted(ROOT.glob(".node/**/@foundry-rs/anvil-*/bin/anvil"))
    return found[0] if found else None


@contextmanager
def running_anvil(*options: str) -> Iterator[str]:
    """The URL of a fresh node on a free port of this machine; stopped on leaving."""
    binary = find_anvil()
    if binary is None:
        pytest.skip("no Anvil: set MEDRELAY_ANVIL, or install @foundry-rs/anvil under .node/")
    command = [str(binary), "--host", "127.0.0.1", "--port", "0", *options]
    # Into a file: it tells of every call, and would stop for good once a pipe is full.
    with (
        tempfile.NamedTemporaryFile("r") as told,
        Path(told.name).open("w") as output,
        subprocess.Popen(command, stdout=output) as process,
    ):
        try:
            yield f"http://{_listening_address(process, Path(told.name))}"
        finally:
            process.kill()


def rpc(url: str, method: str, *params: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    request = urllib.request.Request(
        url, body.encode(), headers={"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return json.loads(response.read())["result"]


def _listening_address(process: subprocess.Popen[bytes], told: Path) -> str:
    while process.poll() is None:
        found = re.search(r"Listening on (\S+)\n", told.read_text())
        if found:
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"Anvil ended before it listened: {told.read_text()}")
