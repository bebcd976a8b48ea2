"""`medrelay bench`: one command a benchmark, whose work is imported only when it is asked for."""

import typer

bench = typer.Typer(
    no_args_is_help=True, help="Set the allocator beside others: sizes, seconds, public data."
)


@bench.callback()
def _bench() -> None:
    """Keep `bench` a group of commands, whatever their number."""
