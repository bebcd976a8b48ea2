"""Blind counts: a sheet names lots and not quantities; what is far off is counted by two people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import close_alert, raise_alert
from services.catalog import service as catalog
from services.errors import Conflict, DomainError, NotFound
from services.inventory import counting
from services.inventory.access import kept_site, visible_sites
from services.inventory.models import CountLine, CountSheet, LineState, SheetState, StockCount
from services.inventory.schemas import CountIn
from services.inventory.sheet_schemas import SheetCountIn, SheetIn, SheetLineIn
from services.journal.kinds import AccountKind
from services.journal.once import claim, digest_of, said_before
from services.journal.read import get_lots, holdings
from services.journal.stops import hold_together
from services.parties.changes import record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.settings import get_settings


class NothingToCount(Conflict):
    code, title = "nothing-to-count", "Nothing stands there to be counted"


class AlreadyCounted(Conflict):
    code, title = "already-counted", "This line was counted already"


class SamePerson(Conflict):
    code, title = "same-person", "Another person counts it again"


class SheetClosed(Conflict):
    code, title = "sheet-closed", "This count is closed"


def open_sheet(session: Session, actor: Actor, body: SheetIn) -> tuple[CountSheet, bool]:
    """A sheet of all lots on a site's shelf, or of those of one item, with no quantities.

    Raises:
        NothingToCount: no lot of it stands there.

    """
    site = kept_site(session, actor, body.site)
    if body.item is not None:
        catalog.get_item(session, body.item)
    made = CountSheet(
        id=body.id,
        site=site.code,
        item=body.item,
        reason=body.reason,
        opened_by=actor.user_id,
        opened_at=datetime.now(UTC),
        content_digest=digest_of(body),
    )
    if not claim(session, made):
        return session.get_one(CountSheet, body.id), False
    held = holdings(
        session, kinds=[AccountKind.SITE], holder=f"site:{site.code}", commodity=body.item
    )
    lots = {one.lot_id for one in held if one.state in {"available", "reserved"}}
    if not lots:
        raise NothingToCount(
            f"No lot stands on the shelf of {site.code}",
            field="site",
            value=site.code,
            mend="choose another site or item",
        )
    session.add_all(CountLine(sheet_id=body.id, lot_id=lot_id) for lot_id in sorted(lots))
    session.flush()
    record_change(session, actor, f"count:{body.id}", "opened", body.reason)
    return session.get_one(CountSheet, body.id), True


def count_at_once(
    session: Session, actor: Actor, body: CountIn
) -> tuple[counting.Counted | CountSheet, bool]:
    """One lot counted without a sheet: posted, or, if far off, the first count of a sheet.

    The sheet has the count's id, and waits for another person. Raises as ``counting.count`` does.
    """
    before = said_before(session, CountSheet, actor.user_id, body)
    if before is not None:
        return before, False
    made, difference = counting.look(session, actor, body)
    is_near = abs(difference) <= get_settings().count_again_above_pieces
    if is_near and session.get(CountSheet, body.id) is None:
        return counting.count(session, actor, body)
    sheet = CountSheet(
        id=body.id,
        site=made.site,
        item=made.item,
        reason=made.reason,
        opened_by=actor.user_id,
        opened_at=datetime.now(UTC),
        content_digest=made.content_digest,
    )
    if not claim(session, sheet):
        return session.get_one(CountSheet, body.id), False
    line = CountLine(
        sheet_id=body.id,
        lot_id=made.lot_id,
        state=LineState.TO_RECOUNT,
        first_base=made.counted_base,
        first_by=actor.user_id,
        first_at=made.occurred_at,
    )
    session.add(line)
    session.flush()
    record_change(session, actor, f"count:{body.id}", "opened", body.reason)
    _alert(session, sheet, line, made.item, Severity.WARNING)
    return session.get_one(CountSheet, body.id), True


def count_lines(session: Session, actor: Actor, sheet_id: UUID, body: SheetCountIn) -> CountSheet:
    """Enter what was counted of some lines; each is posted, or waits for a second person.

    Sent again, the same is the same. All lines of one body are entered, or none.

    Raises:
        SamePerson: who counted first can't count again.
        AlreadyCounted: the line is posted, or was counted otherwise.
        SheetClosed: the sheet was closed or cancelled.

    """
    sheet = _locked(session, actor, sheet_id)
    if sheet.state is SheetState.CANCELLED:
        raise _closed(sheet)
    lines = {line.lot_id: line for line in lines_of(session, sheet_id)}
    hold_together(session, lines.keys() & {told.lot_id for told in body.lines})
    # By lot, in whichever order they were told: as every entry takes its lots' balances.
    for number, told in sorted(enumerate(body.lines), key=lambda each: each[1].lot_id):
        line = lines.get(told.lot_id)
        if line is None:
            raise NotFound(
                f"Lot {told.lot_id} isn't on this sheet",
                field=f"lines[{number}].lot_id",
                value=told.lot_id,
                mend="count the lots of the sheet; another one is a count of its own",
            )
        try:
            _count(session, actor, (sheet, line), told, body.occurred_at)
        except DomainError as error:
            error.field = f"lines[{number}].{error.field}" if error.field else None
            raise
    session.flush()
    if all(line.state is LineState.POSTED for line in lines.values()):
        sheet.state = SheetState.CLOSED
        session.flush()
    return sheet


def cancel_sheet(session: Session, actor: Actor, sheet_id: UUID, reason: str) -> CountSheet:
    """End a sheet before all of it is counted; what was posted stays posted."""
    sheet = _locked(session, actor, sheet_id)
    if sheet.state is SheetState.CLOSED:
        raise _closed(sheet)
    if sheet.state is SheetState.OPEN:
        sheet.state = SheetState.CANCELLED
        session.flush()
        record_change(session, actor, f"count:{sheet_id}", "cancelled", reason)
        for line in lines_of(session, sheet_id):
            if line.state is not LineState.POSTED:
                close_alert(session, AlertKind.COUNT_DIFFERENCE, _subject(sheet_id, line.lot_id))
    return sheet


def get_sheet(session: Session, actor: Actor, sheet_id: UUID) -> CountSheet:
    """A sheet of a site that the actor sees."""
    sheet = session.get(CountSheet, sheet_id)
    if sheet is None:
        raise NotFound(
            f"There is no count {sheet_id}",
            field="sheet_id",
            value=sheet_id,
            mend="see GET /api/v1/count-sheets",
        )
    visible_sites(session, actor, sheet.site)
    return sheet


def lines_of(session: Session, sheet_id: UUID) -> list[CountLine]:
    statement = select(CountLine).where(CountLine.sheet_id == sheet_id)
    return list(session.exec(statement.order_by(col(CountLine.lot_id))))


def counts_of(session: Session, lines: Sequence[CountLine]) -> dict[UUID, counting.Counted]:
    """What was posted for each line, by lot."""
    ids = [line.count_id for line in lines if line.count_id]
    found = session.exec(select(StockCount).where(col(StockCount.id).in_(ids)))
    return {row.lot_id: counting.counted(session, row) for row in found}


def _locked(session: Session, actor: Actor, sheet_id: UUID) -> CountSheet:
    get_sheet(session, actor, sheet_id)
    sheet = session.get_one(CountSheet, sheet_id, with_for_update=True, populate_existing=True)
    kept_site(session, actor, sheet.site)
    return sheet


def _closed(sheet: CountSheet) -> SheetClosed:
    return SheetClosed(
        f"The count of {sheet.site} is {sheet.state}",
        field="sheet_id",
        value=sheet.id,
        mend="open another one",
    )


def _count(
    session: Session,
    actor: Actor,
    where: tuple[CountSheet, CountLine],
    told: SheetLineIn,
    at: datetime,
) -> None:
    sheet, line = where
    lot = get_lots(session, [line.lot_id])[line.lot_id]
    pieces = (
        catalog.to_pieces(session, lot.commodity, told.counted, told.unit, field="counted")
        if told.counted
        else 0
    )
    if _is_repeated(line, actor, pieces):
        return
    if line.state is LineState.POSTED:
        raise AlreadyCounted(
            "It was counted and posted",
            field="counted",
            value=told.counted,
            mend="open another count",
        )
    if line.state is LineState.TO_RECOUNT:
        if line.first_by == actor.user_id:
            raise SamePerson(
                "You counted it the first time",
                field="counted",
                value=told.counted,
                mend="let a colleague count it, without telling them your figure",
            )
        line.second_base, line.second_by, line.second_at = pieces, actor.user_id, at
    else:
        line.first_base, line.first_by, line.first_at = pieces, actor.user_id, at
        off = counting.difference_of(session, sheet.site, line.lot_id, at, pieces)
        if abs(off) > get_settings().count_again_above_pieces:
            line.state = LineState.TO_RECOUNT
            _alert(session, sheet, line, lot.commodity, Severity.WARNING)
            return
    _post(session, actor, sheet, line, (lot.commodity, pieces, at))


def _is_repeated(line: CountLine, actor: Actor, pieces: int) -> bool:
    return (line.first_by, line.first_base) == (actor.user_id, pieces) or (
        line.second_by,
        line.second_base,
    ) == (actor.user_id, pieces)


def _post(
    session: Session,
    actor: Actor,
    sheet: CountSheet,
    line: CountLine,
    what: tuple[str, int, datetime],
) -> None:
    item, pieces, at = what
    body = CountIn(
        id=uuid5(sheet.id, str(line.lot_id)),
        site=sheet.site,
        item=item,
        lot_id=line.lot_id,
        counted=pieces,
        occurred_at=at,
        reason=sheet.reason,
    )
    posted, _ = counting.count(session, actor, body)
    line.state, line.count_id = LineState.POSTED, posted.count.id
    session.flush()
    if abs(posted.difference) > get_settings().count_again_above_pieces:
        _alert(session, sheet, line, item, Severity.CRITICAL)
    else:
        close_alert(session, AlertKind.COUNT_DIFFERENCE, _subject(sheet.id, line.lot_id))


def _subject(sheet_id: UUID, lot_id: UUID) -> str:
    return f"count:{sheet_id}/{lot_id}"


def _alert(
    session: Session, sheet: CountSheet, line: CountLine, item: str, severity: Severity
) -> None:
    """Without the figures: the sheet is blind for who counts next."""
    raise_alert(
        session,
        AlertKind.COUNT_DIFFERENCE,
        _subject(sheet.id, line.lot_id),
        severity,
        path=f"/counts/{sheet.id}",
        roles=[Role.DISPATCHER, Role.AUDITOR],
        site=sheet.site,
        item=item,
        facts={"site": sheet.site, "item": item, "lot": str(line.lot_id)},
    )
