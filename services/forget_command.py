"""`medrelay forget`: personal fields of an entry, deleted for good."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from services.database import Database, open_database
from services.donations.service import forget_words
from services.errors import DomainError
from services.journal.forget import Why, forget
from services.journal.read import find_entry
from services.settings import get_settings
from services.transport.service import forget_names

ACTOR = "system:forget"
console = Console(soft_wrap=True, emoji=False)


def forget_command(
    entry_id: Annotated[UUID, typer.Argument(help="The entry, as its page and receipt name it.")],
    why: Annotated[Why, typer.Option(help="A code; it is published.")] = Why.ASKED,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete an entry's personal fields and their key, for good. Every proof still holds.

    The desks' own words beside it go too: a donation's message and campaign, who took a shipment
    at the door. What was copied elsewhere, such as backups and donors' receipts, stays there.
    """
    if not yes:
        typer.confirm(f"Delete the personal fields of entry {entry_id} for good?", abort=True)
    database = open_database(get_settings())
    try:
        deleted = _forget(database, entry_id, why)
    except DomainError as error:
        console.print("; ".join(filter(None, (str(error), error.mend))), markup=False)
        raise typer.Exit(2) from error
    finally:
        database.close()
    told = f"{deleted} field(s) deleted" if deleted else "They were deleted before"
    console.print(f"{told}. Receipts, checkpoints and the dump verify as they did.")


def _forget(database: Database, entry_id: UUID, why: Why) -> int:
    with database.transaction() as session:
        deleted = forget(session, entry_id, why, actor=ACTOR)
        entry = find_entry(session, entry_id)
        assert entry is not None
        assert entry.document is not None
        subject, _, number = entry.document.partition(":")
        if subject == "donation":
            forget_words(session, UUID(number))
        if subject == "shipment":
            forget_names(session, UUID(number))
        return deleted
