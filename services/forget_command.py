"""`medrelay forget`: what tells of a person, deleted for good."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from sqlmodel import Session

from services.community.forgetting import forget_booking
from services.database import Database, open_database
from services.donations.service import forget_words
from services.errors import DomainError, InvalidInput, NotFound
from services.files.service import forget_files
from services.journal.forget import Why, forget
from services.journal.read import find_entry
from services.parties.changes import record_change
from services.requests.help.service import forget_call
from services.settings import get_settings
from services.transport.api_tracks import PROOF
from services.transport.models import Shipment
from services.transport.service import forget_names

ACTOR = "system:forget"
console = Console(soft_wrap=True, emoji=False)


def forget_command(
    what: Annotated[
        str,
        typer.Argument(
            help="An entry, as its page and receipt name it; or shipment:ID, booking:ID, "
            "help_call:ID for what the desks keep beside the log."
        ),
    ],
    why: Annotated[Why, typer.Option(help="A code; an entry's is published.")] = Why.ASKED,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete what tells of a person, and its key, for good. Every proof still holds.

    Of an entry: its personal fields, and the desks' own words beside it. Of a shipment: who took
    it at the door, and what photographs and signatures show; of a booking: the household's hash;
    of a call for help: its words. Hashes of files stay. What was copied elsewhere, such as backups
    and donors' receipts, stays there.
    """
    if not yes:
        typer.confirm(f"Delete what {what} tells of a person for good?", abort=True)
    database = open_database(get_settings())
    try:
        deleted = _forget(database, what, why)
    except DomainError as error:
        console.print("; ".join(filter(None, (str(error), error.mend))), markup=False)
        raise typer.Exit(2) from error
    finally:
        database.close()
    told = f"{deleted} field(s) deleted" if deleted else "They were deleted before"
    console.print(f"{told}. Receipts, checkpoints and the dump verify as they did.")


_PAPERS = ("shipment", "booking", "help_call")


def _forget(database: Database, what: str, why: Why) -> int:
    kind, _, number = what.rpartition(":")
    with database.transaction() as session:
        if not kind:
            return _forget_entry(session, _id(number), why)
        deleted = _forget_beside(session, kind, _id(number))
        if deleted:
            record_change(session, None, what, "personal data forgotten", why.value)
        return deleted


def _forget_entry(session: Session, entry_id: UUID, why: Why) -> int:
    deleted = forget(session, entry_id, why, actor=ACTOR)
    entry = find_entry(session, entry_id)
    assert entry is not None
    assert entry.document is not None
    subject, _, number = entry.document.partition(":")
    if subject == "donation":
        forget_words(session, UUID(number))
    if subject in _PAPERS:
        deleted += _forget_beside(session, subject, UUID(number))
    return deleted


def _forget_beside(session: Session, kind: str, number: UUID) -> int:
    """Delete what a desk keeps beside the log; how many fields and files that were."""
    if kind == "shipment":
        if session.get(Shipment, number) is None:
            raise NotFound(f"There is no shipment {number}")
        names = forget_names(session, number)
        return names + forget_files(session, f"shipment:{number}", PROOF)
    if kind == "booking":
        return forget_booking(session, number)
    if kind == "help_call":
        return forget_call(session, number)
    raise InvalidInput(
        f"Nothing is kept under {kind}", mend=f"name an entry, or one of {', '.join(_PAPERS)}"
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} isn't an id", mend="copy it from its page, such as 5f0c2c9e-3f55-…"
        ) from error
