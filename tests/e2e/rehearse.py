"""The several-container set-up on one machine, without containers: one whole flow, then stopped.

``make rehearse`` runs it. PostgreSQL over TCP, a node, the API and two workers are started with the
commands and the environment of docker-compose.yml; the scenario is driven through the HTTP API;
`medrelay check` and `medrelay verify` have the last word. Its exit code tells.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2

from services.scenarios.client import API, DriveFailed
from services.scenarios.drive import drive
from services.scenarios.load import read_scenario
from services.scenarios.scenario import HUBEI_2020, Scenario
from services.scenarios.summary import Summary
from tests.e2e.compose import ROOT, Compose
from tests.e2e.processes import (
    DidNotStart,
    answers_http,
    anvil,
    free_port,
    postgres,
    running,
    tail,
)

MEDRELAY = str(Path(sys.executable).parent / "medrelay")
WORKERS = 2


class RehearsalFailed(Exception):
    """Something that the rehearsal checks doesn't hold."""


class Rehearsal:
    """One set of processes in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(18)
        self.ports = {name: free_port() for name in ("database", "chain", "api")}
        self.url = f"http://127.0.0.1:{self.ports['api']}"
        (folder / "keys").mkdir(mode=0o700)
        self.compose = Compose(
            {
                "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}": self.password,
                "@database:5432": f"@127.0.0.1:{self.ports['database']}",
                "${MEDRELAY_CHAIN_URL:-http://chain:8545}": f"http://127.0.0.1:{self.ports['chain']}",
                "--port=8545": f"--port={self.ports['chain']}",
                "0.0.0.0": "127.0.0.1",
                "8000": str(self.ports["api"]),
                "/var/lib/medrelay": str(folder / "keys"),
                "/data/": f"{folder}/",
            }
        )

    def environment(self, service: str) -> dict[str, str]:
        """A container's environment: what the file gives it, and of ours only the bare needs."""
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return bare | {"PYTHONUNBUFFERED": "1"} | self.compose.environment(service)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Everything runs inside, started in the order that the file's depends_on asks for."""
        with ExitStack() as stack:
            stack.enter_context(postgres(self.folder, self.ports["database"], self.password))
            self.say("PostgreSQL is up")
            options = self.compose.command("chain")
            stack.enter_context(anvil(self.folder, self.ports["chain"], options))
            self.say("the chain's node is up")
            self.run("migrate", *self.compose.command("migrate"))
            stack.enter_context(
                running(
                    "api",
                    [MEDRELAY, *self.compose.command("api")],
                    self.folder,
                    # It has no volume: what the workers' keys folder holds, it can't lean on.
                    env=self.environment("api") | {"MEDRELAY_DATA_DIR": str(self.folder / "api")},
                    ready=lambda: answers_http(f"{self.url}{API}/audit/log"),
                )
            )
            for number in range(1, WORKERS + 1):
                command = [MEDRELAY, *self.compose.command("worker")]
                env = self.environment("worker")
                stack.enter_context(running(f"worker-{number}", command, self.folder, env=env))
            self.say(f"the API is up at {self.url}, with {WORKERS} workers")
            yield

    def run(self, service: str, *arguments: str) -> str:
        """One command of ours in a service's environment; its output. It has to succeed."""
        done = subprocess.run(
            [MEDRELAY, *arguments],
            env=self.environment(service),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RehearsalFailed(
                f"medrelay {' '.join(arguments)} ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done.stdout

    def flow(self, scenario: Scenario) -> Summary:
        self.run("worker", "import", str(HUBEI_2020))
        with httpx2.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            summary = drive(client, scenario, self.progress, today=datetime.now(UTC))
            receipt = _receipt_of_a_donation(client, scenario)
            log = client.get("/api/v1/audit/log").json()
        if summary.differences:
            raise RehearsalFailed("\n".join(summary.differences))
        self.say("the scenario is through")
        self.run("worker", "check")
        summary.check_ok = True
        self.say("medrelay check: everything agrees")
        file = self.folder / "donation.receipt.json"
        file.write_text(json.dumps(receipt))
        roots = ("--vkey", log["verifier_key"], "--contract", log["contract"])
        self.run("worker", "verify", str(file), *roots)
        self.say("medrelay verify: the receipt of a donation is valid")
        return summary

    def progress(self, stage: str, done: int, total: int) -> None:
        """A line for each stage, when it is through."""
        if done == total:
            self.say(f"{stage}: {done} of {total}")

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - _BEGUN:6.1f} s  {what}", flush=True)  # noqa: T201

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{tail(log)}" for log in sorted(self.folder.glob("*.log"))
        )


_BEGUN = time.monotonic()


def _receipt_of_a_donation(client: httpx2.Client, scenario: Scenario) -> Any:
    """The public's receipt for the entry by which the first donation came in."""
    donation = scenario.id(f"donation/{scenario.donations[0].key_}")
    trace = client.get(f"{API}/audit/donations/{donation}/trace").raise_for_status().json()
    entry = trace["lots"][0]["moves"][0]["entry_id"]
    return client.get(f"{API}/audit/entries/{entry}/receipt").raise_for_status().json()


def _check_summary(scenario: Scenario, summary: Summary) -> None:
    """What has to hold of a flow that went through, whoever solved it and on whatever machine."""
    held = {
        "every need arrived": summary.needs == len(scenario.needs),
        "every need asks for what its row says": summary.pieces_needed
        == sum(need.quantity for need in scenario.needs),
        "supply was short": 0 < summary.pieces_allocated < summary.pieces_needed,
        "what was sent was received, short or rejected": summary.pieces_allocated
        == summary.pieces_delivered + summary.pieces_short + summary.pieces_rejected,
        "something fell short and something was rejected": summary.pieces_short > 0
        and summary.pieces_rejected > 0,
        "every donation is traced": summary.trace_ok,
        "every entry is on the chain": summary.journal_entries
        == summary.leaves
        == summary.chain_tree_size,
    }
    broken = [what for what, holds in held.items() if not holds]
    if broken:
        raise RehearsalFailed(f"It doesn't hold that {'; that '.join(broken)}: {summary}")


def _print(summary: Summary) -> None:
    for name in (
        "needs",
        "pieces_needed",
        "pieces_allocated",
        "pieces_delivered",
        "min_fill_rate",
        "donations",
        "disbursements",
        "journal_entries",
        "chain_tree_size",
        "root",
        "trace_ok",
        "check_ok",
    ):
        print(f"  {name:<18} {getattr(summary, name)}")  # noqa: T201


def _end(number: int, _frame: FrameType | None) -> None:
    """A request to end unwinds like Ctrl-C, so that everything is stopped on the way."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    scenario = read_scenario(HUBEI_2020)
    folder = Path(tempfile.mkdtemp(prefix="medrelay-rehearsal-"))
    # The database's own user has to pass through; what is inside is closed by itself.
    folder.chmod(0o711)
    rehearsal = Rehearsal(folder)
    try:
        with rehearsal.up():
            summary = rehearsal.flow(scenario)
            _check_summary(scenario, summary)
    except KeyboardInterrupt:
        rehearsal.say("interrupted; everything is stopped")
        return 130
    except (DidNotStart, DriveFailed, RehearsalFailed, subprocess.SubprocessError) as error:
        rehearsal.say(f"FAILED: {error}")
        print(rehearsal.logs())  # noqa: T201
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rehearsal.say("rehearsed: everything held, and everything is stopped")
    _print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
