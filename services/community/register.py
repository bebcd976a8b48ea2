"""The register of a point: which households it looks after, as the hashes that bookings carry."""

import csv
import io
import re
from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.community.identity import household_hash
from services.community.models import Booking, RegisteredHousehold
from services.community.offers import STAFF, require_point
from services.community.schemas import checked_identity
from services.database import among
from services.errors import Conflict, InvalidInput
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import Site
from services.parties.service import Actor
from services.web.forms import Upload
from services.web.limits import Throttle, TooMany

MOST_HOUSEHOLDS = 100_000
# What a spreadsheet makes of a long number: its last digits are lost.
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+\d+", re.IGNORECASE)


class BadRegister(InvalidInput):
    code, title = "bad-register", "The register can't be read"


class NotOnRegister(Conflict):
    code, title = "not-on-register", "This point can't take a booking with this number"


class TooManyNumbers(TooMany):
    code, title = "too-many-numbers", "Too many numbers that this point can't take"
    what = "Too many numbers were tried from this address"
    instead = "come to the point with your paper"


# Whoever tries many numbers would learn who lives where.
_strangers = Throttle(tries=10, window_s=600, refusal=TooManyNumbers)


def put_register(session: Session, actor: Actor, site_code: str, upload: Upload) -> int:
    """Let this list of numbers take the place of the point's register; how many households it has.

    Bookings that stand are not touched.

    Raises:
        NotFound, Forbidden: no such site, or another organisation's.
        InvalidInput: not a community point.
        BadRegister: a row that can't be a number, named without telling it; none, or too many.

    """
    site = _own_point(session, actor, site_code)
    households = {household_hash(number) for number in parse_register(upload.content)}
    _empty(session, site.code)
    session.connection().execute(
        sa.insert(RegisteredHousehold),
        [{"site": site.code, "household": each} for each in sorted(households)],
    )
    record_change(session, actor, f"point:{site.code}", f"register of {len(households)} households")
    return len(households)


def drop_register(session: Session, actor: Actor, site_code: str) -> None:
    """Do without a register: bookings are taken as they come, and marked as not checked."""
    site = _own_point(session, actor, site_code)
    if _empty(session, site.code):
        record_change(session, actor, f"point:{site.code}", "register dropped")


def _own_point(session: Session, actor: Actor, site_code: str) -> Site:
    site = parties.require_site(session, actor, site_code, STAFF)
    require_point(site)
    # Two registers sent at once: one whole after the other.
    session.connection().execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"register/{site.code}"},
    )
    return site


def _empty(session: Session, site: str) -> bool:
    gone = sa.delete(RegisteredHousehold).where(col(RegisteredHousehold.site) == site)
    return bool(session.connection().execute(gone).rowcount)


def parse_register(content: bytes) -> list[str]:
    """The first column of a CSV file; a first row without a digit is its heading.

    Raises:
        BadRegister: see `put_register`.

    """
    text = content.decode("utf-8-sig", errors="replace").replace("\x00", "")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=None)))
    except csv.Error as error:
        raise BadRegister(
            "The file isn't CSV", field="file", mend="save it as CSV with a number in each row"
        ) from error
    numbers = []
    for row, cells in enumerate(rows, start=1):
        cell = cells[0].strip() if cells else ""
        if not cell or (row == 1 and not re.search(r"\d", cell)):
            continue
        numbers.append(_number(row, cell))
    if not 0 < len(numbers) <= MOST_HOUSEHOLDS:
        raise BadRegister(
            f"The file has {len(numbers)} numbers",
            field="file",
            mend=f"send 1 to {MOST_HOUSEHOLDS}, one in each row",
        )
    return numbers


def _number(row: int, cell: str) -> str:
    if _ROUNDED.fullmatch(cell):
        raise _bad(row, "a spreadsheet rounded it: make the column text, then save it again")
    try:
        return checked_identity(cell)
    except ValueError as error:
        raise _bad(row, str(error)) from error


def _bad(row: int, mend: str) -> BadRegister:
    """A row that can't be a number; what stands in it isn't told."""
    return BadRegister(f"Row {row} isn't a number", field="file", mend=mend)


def households_on(session: Session, sites: Iterable[str]) -> dict[str, int]:
    """How many households each point's register has; points without one are left out."""
    rows = session.exec(
        select(RegisteredHousehold.site, sa.func.count())
        .where(among(RegisteredHousehold.site, sites))
        .group_by(col(RegisteredHousehold.site))
    )
    return dict(rows.all())


def check_register(session: Session, booking: Booking, caller: str) -> bool:
    """Whether the household stands on the point's register; False where the point has none.

    Raises:
        NotOnRegister: there is one, and it doesn't.
        TooManyNumbers: too many such numbers came from this caller.

    """
    _strangers.check(caller)
    if session.get(RegisteredHousehold, (booking.site, booking.household)) is not None:
        return True
    if not households_on(session, [booking.site]):
        return False
    _strangers.count(caller)
    raise NotOnRegister(
        "This point can't take a booking with this number",
        field="household",
        mend="read it off once more, or come to the point with your paper",
    )
