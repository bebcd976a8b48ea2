"""The ``medrelay`` command: one composition root of the system; ``services.app`` is the other."""

import json
import logging
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from structlog.typing import Processor

from ledger.chain import Chain, ChainError, ChainLocked, open_chain
from ledger.embedded import EmbeddedChain
from services import queue, server
from services.audit.models import LogContract
from services.audit.service import find_contract
from services.bench.commands import bench
from services.check_plan import check_plan
from services.database import Database, migrate, open_database, stop_embedded
from services.errors import DomainError
from services.forget_command import forget_command
from services.jobs.check import check_everything
from services.jobs.opening import open_log
from services.journal.seal import tree_size
from services.keys_command import keys
from services.scenarios.client import DriveFailed
from services.server import ServerDidNotStart
from services.settings import Settings, get_settings
from services.sign_command import keygen, sign
from services.verify_command import verify
from services.witness_command import witness

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Medical-supply dispatch and traceability, checkable by anybody.",
)
app.add_typer(bench, name="bench")
app.add_typer(keys, name="keys")
app.command("check-plan")(check_plan)
app.command("forget")(forget_command)
app.command()(keygen)
app.command()(sign)
app.command("verify")(verify)
app.command("witness")(witness)
console = Console(emoji=False)


def main() -> None:
    """Entry point of the ``medrelay`` command."""
    _log_from(logging.INFO)
    # Ending by a signal has to stop what was started, as ending by itself does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ValidationError as error:
        for slip in error.errors():
            name = "_".join(str(part) for part in slip["loc"]).upper()
            console.print(f"MEDRELAY_{name}: {slip['msg']}: {slip['input']}", markup=False)
        sys.exit(2)
    except (ChainError, ServerDidNotStart, DriveFailed, DomainError) as error:
        console.print(f"{error}", markup=False)
        sys.exit(2)
    except sa.exc.OperationalError as error:
        console.print(f"The database can't be reached: {error.orig}", markup=False)
        sys.exit(3)


def _log_from(level: int) -> None:
    """Log to standard error, from this level up."""
    structlog.configure(
        processors=log_processors(),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def log_processors() -> list[Processor]:
    """How a line of the log is made, with plain tracebacks.

    The library's own print every local variable: that takes minutes where these are large, and
    tells the log what only one person may know.
    """
    *told, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [*told, plain]


@contextmanager
def _database(settings: Settings, *, migrated: bool) -> Iterator[Database]:
    database = open_database(settings)
    try:
        if migrated:
            _migrate(database)
        yield database
    finally:
        database.close()


def _migrate(database: Database) -> None:
    migrate(database)
    queue.migrate(database.url)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest schema, and open the log on a node's chain."""
    settings = get_settings()
    with _database(settings, migrated=True) as database:
        console.print("The schema is up to date.")
        if settings.chain_url is not None:
            open_log(settings, database, lambda line: console.print(line, markup=False))
            console.print("The log is open.")


@app.command()
def serve() -> None:
    """Serve the API and the pages; with the embedded server, run the jobs too."""
    settings = get_settings()
    server.refuse_taken_port(settings)
    with _database(settings, migrated=settings.database_url is None) as database:
        console.print(f"Medrelay is at http://{settings.host}:{settings.port}/ (Ctrl-C stops it)")
        if not settings.jobs_in_server:
            server.serve(settings, database)
            return
        with server.running_jobs(settings, database):
            server.serve(settings, database)


@app.command()
def work() -> None:
    """Run the durable jobs only; start as many as there is work for."""
    settings = get_settings()
    if settings.chain_url is None:
        console.print(
            "The embedded chain has one writer, the server's process. Workers of their own need a "
            "node: set MEDRELAY_CHAIN_URL."
        )
        raise typer.Exit(2)
    with _database(settings, migrated=False) as database:
        server.work(settings, database)


@app.command("import")
def import_command(folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)]) -> None:
    """Load a folder of reference data: items, organisations, sites, users, lanes."""
    from services.scenarios.load import load, read_scenario  # noqa: PLC0415

    scenario = read_scenario(folder)
    with _database(get_settings(), migrated=True) as database, database.transaction() as session:
        load(session, scenario)
    console.print(f"Loaded {folder}.")


def _reader(settings: Settings, address: str | None, start_block: int = 0) -> Chain:
    return open_chain(
        settings.chain_url,
        settings.data_dir / "chain",
        address=address,
        start_block=start_block,
        read_only=True,
        timeout_s=float(settings.chain_timeout_s),
    )


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Differences as JSON lines.")] = False,
) -> None:
    """Recompute everything and name every difference.

    Exit 1 where there is a difference, 3 where the chain that should be there can't be read.
    """
    with _database(get_settings(), migrated=False) as database:
        found, unchecked, sealed = _check_all(database, as_json=as_json)
    if found:
        console.print(f"[bold red]{found} difference(s)[/]")
    elif unchecked is None:
        console.print("[bold green]Everything agrees[/]: entries, balances, leaves and the chain.")
    else:
        console.print("The database agrees with itself: entries, balances, leaves.")
    if unchecked is not None:
        console.print("[bold yellow]The chain was NOT checked:[/]", end=" ")
        console.print(unchecked, markup=False, soft_wrap=True)
    if found or (unchecked is not None and sealed):
        raise typer.Exit(1 if found else 3)


def _check(database: Database) -> int:
    """Print every difference and return how many there are; an unread chain counts as one."""
    found, unchecked, _ = _check_all(database, as_json=False)
    return found + (unchecked is not None)


def _check_all(database: Database, *, as_json: bool) -> tuple[int, str | None, int]:
    """Print every difference; how many, why the chain wasn't read if so, how much is sealed."""
    found = 0
    with database.transaction() as session:
        known, sealed = find_contract(session), tree_size(session)
    chain, unchecked = _chain_to_check(get_settings(), known)
    with database.transaction() as session:
        try:
            for difference in check_everything(session, chain):
                found += 1
                line = json.dumps(difference.__dict__) if as_json else difference.sentence
                console.print(line, markup=False, soft_wrap=True)
        finally:
            if chain is not None:
                chain.close()
    return found, unchecked, sealed


def _chain_to_check(
    settings: Settings, known: LogContract | None
) -> tuple[Chain | None, str | None]:
    """The chain, or why it can't be read.

    That nothing in the database tells of a chain is no reason to leave one unread.
    """
    address = settings.chain_contract or (known.address if known else None)
    if settings.chain_url is not None and address is None:
        return None, (
            "the database tells of no contract. Where entries were anchored already, that is "
            "wrong: set MEDRELAY_CHAIN_CONTRACT"
        )
    start_block = known.deployed_block if known and known.address == address else 0
    try:
        chain = _reader(settings, address, start_block)
    except (ChainError, ValueError) as error:
        return None, str(error)
    return chain, None


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option(help="Delete the data folder and start over.")] = False,
    serve_after: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Go on serving when the flow is done.")
    ] = True,
    summary: Annotated[Path | None, typer.Option(help="Write the summary as JSON here.")] = None,
) -> None:
    """Hubei, February 2020: from needs to a public proof, then serve it."""
    from services.demo import run_demo  # noqa: PLC0415

    _log_from(logging.WARNING)  # below that, the progress bars say it
    settings = get_settings()
    server.refuse_taken_port(settings)
    if fresh:
        _forget(settings)
    with _database(settings, migrated=True) as database:
        run_demo(settings, database, console, _check, serve_after=serve_after, summary=summary)


def _forget(settings: Settings) -> None:
    """Delete our own data folder, and nothing that doesn't look like one."""
    folder = settings.data_dir.resolve()
    if folder.exists() and not (folder / "postgres").exists() and any(folder.iterdir()):
        console.print(f"{folder} isn't a data folder of Medrelay; it is left alone.")
        raise typer.Exit(2)
    if not folder.exists():
        return
    try:
        # Whoever writes to the embedded chain holds it; nobody's work is deleted under them.
        EmbeddedChain(folder / "chain").close()
    except ChainLocked as error:
        console.print(f"{error}: stop it first.")
        raise typer.Exit(2) from error
    stop_embedded(folder)
    shutil.rmtree(folder)
