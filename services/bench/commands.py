"""`medrelay bench`: one command a benchmark, whose work is imported only when it is asked for."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

bench = typer.Typer(
    no_args_is_help=True,
    help="Set the allocator and the log beside others: seconds, gas, public data.",
)
console = Console()


@bench.callback()
def _bench() -> None:
    """Keep `bench` a group of commands, whatever their number."""


@bench.command()
def getusppe(
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here, one for each strategy.")
    ] = None,
    frontier_svg: Annotated[
        Path | None,
        typer.Option("--frontier", help="Also draw here what the weights trade (some minutes)."),
    ] = None,
    offers_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Leave out what came before.")
    ] = None,
    offers_until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Leave out what came later.")
    ] = None,
) -> None:
    """GetUsPPE's offers and requests of 2020: the published strategies and Medrelay's, by week.

    Needs the extra `bench`, for the data: `make install-bench`.
    """
    _demand_folders(as_json, frontier_svg)
    from services.bench.getusppe.data import NoData, read_installed  # noqa: PLC0415
    from services.bench.getusppe.frontier import frontier  # noqa: PLC0415
    from services.bench.getusppe.report import rows, table  # noqa: PLC0415

    try:
        with console.status("Reading the records"):
            records = read_installed().with_offers_between(_utc(offers_from), _utc(offers_until))
    except NoData as error:
        console.print(f"{error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if offers_from is not None and not records.offers:
        console.print("No offer lies between those days: give earlier or wider ones", markup=False)
        raise typer.Exit(2)
    with console.status("") as status:
        played = rows(
            records,
            started=lambda name: status.update(f"Playing {name}"),
            whole=offers_from is None and offers_until is None,
        )
    console.print(table(played))
    if as_json is not None:
        text = json.dumps([each.document() for each in played], indent=1)
        as_json.write_text(text + "\n", encoding="utf-8")
    if frontier_svg is not None:
        with console.status("") as status:
            drawn = frontier(records, started=lambda name: status.update(f"Playing {name}"))
        frontier_svg.write_text(drawn, encoding="utf-8")


def _demand_folders(*paths: Path | None) -> None:
    """See that what is measured can be written down, before the work rather than after it."""
    for path in paths:
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            console.print(
                f"{path} can't be written: give a file in a folder that exists",
                markup=False,
                soft_wrap=True,
            )
            raise typer.Exit(2)


def _utc(day: datetime | None) -> datetime | None:
    return day.replace(tzinfo=UTC) if day else None


@bench.command()
def optimizer(
    size: Annotated[
        list[str], typer.Option(help="Needs x sources of each item; several by commas.")
    ],
    items: Annotated[list[str], typer.Option(help="How many items; several by commas.")] = ["1"],  # noqa: B006
    peers: Annotated[
        str, typer.Option(help="Of glop, highs, pot and maxmin (fair rates by glop), by commas.")
    ] = "glop,highs,pot",
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here, one a size and solver.")
    ] = None,
    lanes: Annotated[bool, typer.Option(help="With lanes between zones that items share.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other problems.")] = 1,
    processes: Annotated[
        int | None, typer.Option(min=1, help="For items side by side; all cores if not said.")
    ] = None,
    peer_timeout: Annotated[
        float, typer.Option(min=1, help="Seconds until a peer is ended.")
    ] = 600.0,
    peer_memory: Annotated[float, typer.Option(min=1, help="MB until a peer is ended.")] = 8000.0,
) -> None:
    """Made-up problems of a nation's size: seconds and memory, beside other solvers' optimum.

    The peers highs and pot need the extra `bench`: `make install-bench`. Without it their rows say
    so.
    """
    _demand_folders(as_json)
    from services.bench.instances import BadShape  # noqa: PLC0415
    from services.bench.sizes import BadBench, Bench, parse_peers, parse_shapes  # noqa: PLC0415

    try:
        planned = Bench(
            parse_shapes(size, items, lanes=lanes, seed=seed),
            parse_peers(peers),
            processes or len(os.sched_getaffinity(0)),
            peer_timeout,
            peer_memory,
        )
    except (BadShape, BadBench) as error:
        console.print(f"{error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    columns = TextColumn("{task.description:<42}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=planned.steps(), completed=-1)
        rows = planned.run(
            lambda title: progress.update(task, description=title, advance=1),
            lambda rows: _write(as_json, rows),
        )
        progress.update(task, description="done", completed=planned.steps())
    _print(rows)


@bench.command()
def practice(
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here, one a problem and practice.")
    ] = None,
    size: Annotated[str, typer.Option(help="Needs x sources of the made-up problem.")] = (
        "10000x200"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another made-up problem.")] = 1,
    processes: Annotated[int, typer.Option(min=1, help="For items side by side.")] = 1,
) -> None:
    """The plan beside what people do today: the Hubei scenario's week, and a made-up nation."""
    _demand_folders(as_json)
    from services.bench.instances import BadShape  # noqa: PLC0415
    from services.bench.practice import run_practice  # noqa: PLC0415
    from services.bench.sizes import BadBench, parse_shapes  # noqa: PLC0415

    try:
        shape = parse_shapes([size], ["1"], lanes=False, seed=seed)[0]
    except (BadShape, BadBench) as error:
        console.print(f"{error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    with console.status("") as status:
        rows = run_practice(shape, processes, status.update)
    _print(rows)
    _write(as_json, rows)


@bench.command()
def ledger(
    as_json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the rows here, one a method and batch size."),
    ] = None,
) -> None:
    """What a record costs on a chain: the log contract beside three others and a bare event."""
    _demand_folders(as_json)
    from services.bench.ledger_gas import BATCHES, run_gas  # noqa: PLC0415

    with console.status("") as status:
        rows = run_gas(BATCHES, status.update)
    _print(rows)
    _write(as_json, rows)


@bench.command()
def growth(
    to: Annotated[
        int, typer.Option("--to", min=1000, help="How many leaves, at most: a power of ten.")
    ] = 1_000_000,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here, one a size and way.")
    ] = None,
) -> None:
    """A log grown to a million leaves: what a leaf, a receipt and a restart cost as it grows.

    On a PostgreSQL of its own, gone afterwards; at a million leaves it takes 2 GB of disk.
    """
    _demand_folders(as_json)
    from services.bench.growth import run_growth, scratch_database, sizes_up_to  # noqa: PLC0415

    with console.status("starting a database") as status, scratch_database() as database:
        rows = run_growth(database, sizes_up_to(to), status.update)
    _print(rows)
    _write(as_json, rows)


@bench.command()
def forecast(
    ahead: Annotated[
        str, typer.Option(help="How many days ahead, from 1 to 14; several by commas.")
    ] = "1,3,7",
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the rows here, one a period and horizon.")
    ] = None,
) -> None:
    """Hubei's patients of 2020, forecast day by day from the days before, beside "as today"."""
    _demand_folders(as_json)
    from services.bench.forecast import BadAhead, parse_ahead, run_forecast  # noqa: PLC0415

    try:
        days = parse_ahead(ahead)
    except BadAhead as error:
        console.print(f"{error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    rows = run_forecast(days)
    _print(rows)
    _write(as_json, rows)


@bench.command()
def report(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    into: Annotated[
        Path | None,
        typer.Option(help="Write the tables into this file, between its marks, not to the screen."),
    ] = None,
) -> None:
    """Turn what the other benchmarks but `getusppe` wrote with --json into Markdown tables."""
    from services.bench.report import markdown, put_into  # noqa: PLC0415

    rows: list[dict[str, Any]] = []
    for file in files:
        try:
            rows += json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            console.print(
                f"{file} holds no rows: give what a benchmark wrote with --json",
                markup=False,
                soft_wrap=True,
            )
            raise typer.Exit(2) from error
    if into is None:
        typer.echo(markdown(rows), nl=False)
        return
    written = put_into(into.read_text(encoding="utf-8"), markdown(rows))
    into.write_text(written, encoding="utf-8")


def _print(rows: list[dict[str, Any]]) -> None:
    from services.bench.report import terminal  # noqa: PLC0415

    for table in terminal(rows):
        console.print(table)
    for row in rows:
        if row.get("why"):
            about = f"{row['solver']}, {row['size']}, {row['items']} items: {row['why']}"
            console.print(about, markup=False, soft_wrap=True)


def _write(path: Path | None, rows: list[dict[str, Any]]) -> None:
    if path is not None:
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
