"""The demonstration: one process that serves, works and drives the scenario through its own API."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services import server
from services.database import Database
from services.jobs.watch import WATCHES, Watcher
from services.scenarios.client import DriveFailed
from services.scenarios.drive import drive
from services.scenarios.load import load, read_scenario
from services.scenarios.scenario import HUBEI_2020, Scenario
from services.scenarios.summary import Summary
from services.settings import Settings

# Server, jobs and the scenario's parties are threads of one process here, and mostly wait for the
# database: whoever has an answer shouldn't wait five milliseconds more for the interpreter.
_SWITCH_S = 0.0005


def run_demo(
    settings: Settings,
    database: Database,
    console: Console,
    check: Callable[[Database], int],
    *,
    serve_after: bool,
    summary: Path | None,
) -> None:
    """Load the scenario, drive it, check everything, print what came of it, and go on serving.

    Everything it writes has an id of its own, so that after a kill it goes on from what is there.
    """
    begun = time.monotonic()
    sys.setswitchinterval(_SWITCH_S)
    scenario = read_scenario(HUBEI_2020)
    with database.transaction() as session:
        load(session, scenario)
    with server.running_jobs(settings, database), server.serving(settings, database) as thread:
        base_url = f"http://{settings.host}:{settings.port}"
        result = _drive(base_url, scenario, console)
        # What asks for attention is there from the first page on, not a minute later.
        Watcher(database, settings.watch_every_s, WATCHES).look()
        result = replace(
            result, check_ok=check(database) == 0, seconds=round(time.monotonic() - begun, 1)
        )
        _print_summary(console, result)
        if summary is not None:
            summary.write_text(json.dumps(result.document(), indent=1) + "\n")
        story_ok = result.second_act_ok or result.story_was_there
        if not (result.check_ok and result.trace_ok and story_ok):
            raise DriveFailed(
                "The flow is through, and its check, a trace or an act doesn't hold: see above"
            )
        if serve_after:
            _print_accounts(console, scenario, base_url)
            _wait(thread)


def _drive(base_url: str, scenario: Scenario, console: Console) -> Summary:
    with (
        httpx2.Client(base_url=base_url, timeout=60, trust_env=False) as client,
        _bars(console) as bars,
    ):
        return drive(client, scenario, bars, today=datetime.now(UTC))


@contextmanager
def _bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """One bar for each stage that is reported as (stage, done, total)."""
    columns = TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


def _print_summary(console: Console, result: Summary) -> None:
    table = Table(title="Hubei, February 2020", show_header=False)
    for name, value in result.document().items():
        if isinstance(value, dict | list):
            continue
        table.add_row(name.replace("_", " "), f"{value:,}" if type(value) is int else str(value))
    for name, sentence in result.second_act.items():
        table.add_row(name, sentence)
    console.print(table)
    for difference in result.differences:
        console.print(difference)


def _print_accounts(console: Console, scenario: Scenario, base_url: str) -> None:
    table = Table(title=f"Open {base_url}/ and sign in as", show_header=True)
    for heading in ("role", "user name", "password"):
        table.add_column(heading)
    for user in scenario.users:
        if user.password:
            table.add_row(user.role, user.username, user.password)
    point = scenario.second_act.community
    table.add_row("community point", point.username, point.password)
    console.print(table)
    console.print(
        "README.md says what to try as each. Ctrl-C stops it; `make demo` goes on from here."
    )


def _wait(thread: threading.Thread) -> None:
    """Until Ctrl-C; in short steps, so that the signal is heard."""
    with suppress(KeyboardInterrupt):
        while thread.is_alive():
            thread.join(timeout=0.5)
