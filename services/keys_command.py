"""``medrelay keys``: which keys the log has, and giving it new ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from eth_utils.address import to_checksum_address
from rich.console import Console

from ledger.keys import kept_paths, load_secret, next_path, submitter_address
from services.audit import anchoring as stored
from services.audit.service import find_contract
from services.database import Database, open_database
from services.jobs.keys import Changed, rotate_log_key, rotate_submitter
from services.jobs.log_chain import given_submitter, log_key_path, submitter_path
from services.settings import Settings, get_settings

keys = typer.Typer(no_args_is_help=True, help="The log's keys: show them, and change them.")
console = Console(soft_wrap=True, highlight=False, emoji=False)


class Key(StrEnum):
    SUBMITTER = "submitter"
    LOG = "log"


_ROTATE: dict[Key, Callable[[Settings, Database], Changed]] = {
    Key.SUBMITTER: rotate_submitter,
    Key.LOG: rotate_log_key,
}
_WHY_KEPT = {
    Key.SUBMITTER: "its address still holds ether",
    Key.LOG: "it shows what it signed",
}


@keys.command()
def show() -> None:
    """Show the public side of each key; the secret sides stay where they are."""
    settings = get_settings()
    console.print(f"submitter  {_submitter(settings)}", markup=False)
    with _database(settings) as database, database.transaction() as session:
        known = find_contract(session)
        if known is not None:
            console.print(f"log        {known.verifier_key}", markup=False)
        for change in stored.log_keys(session):
            above = f"above {change.since_size} leaves"
            console.print(f"log        {change.verifier_key} ({above})", markup=False)
    for path in (submitter_path(settings), log_key_path(settings)):
        for old in kept_paths(path):
            console.print(f"{old}: a key that was replaced", markup=False)
        if next_path(path).exists():
            console.print(f"{next_path(path)}: a rotation broke off; run it again", markup=False)


@keys.command()
def rotate(key: Annotated[Key, typer.Argument(help="Which key to change.")]) -> None:
    """Change a key. Stop the service first, start it again afterwards.

    The change is an entry of the log. One that broke off is ended by the same command.
    """
    settings = get_settings()
    with _database(settings) as database:
        changed = _ROTATE[key](settings, database)
    console.print(f"old  {changed.old}", markup=False)
    console.print(f"new  {changed.new}", markup=False)
    told = f"Entry {changed.entry_id} says so, in the log of {changed.since_size} leaves."
    console.print(told, markup=False)
    console.print(f"The old key is kept in {changed.kept}: {_WHY_KEPT[key]}.", markup=False)


def _submitter(settings: Settings) -> str:
    given, path = given_submitter(settings), submitter_path(settings)
    if given is None and not path.exists():
        return "none yet: it is made when the log is begun"
    return str(to_checksum_address(submitter_address(given or load_secret(path))))


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()
