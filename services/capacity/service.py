"""What makers plan to make, and what they made: a report of output opens a lot."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.capacity.models import CapacityPlan, ExpirySource, Production
from services.capacity.schemas import CapacityPlanIn, PlanDayIn, ProductionIn
from services.catalog import service as catalog
from services.database import among
from services.errors import InvalidInput
from services.journal.clock import end_of_day, local_date
from services.journal.kinds import AccountKind, AccountRef, EntryKind, site_account
from services.journal.once import claim, digest_of
from services.journal.post import post
from services.journal.read import TracedMove, get_lots, moves_of_lots
from services.journal.record import Draft, NewLot, NewMove
from services.parties import service as parties
from services.parties.models import Role, Site, SiteKind
from services.parties.service import Actor

_FIRST_DAY = date(2000, 1, 1)
_FURTHEST_PLAN = timedelta(days=2 * 366)
_LONGEST_LIFE = timedelta(days=30 * 366)


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """A factory's day for one item, in pieces: its word, and what the journal says it made."""

    site: str
    item: str
    day: date
    planned: int | None
    actual: int


@dataclass(frozen=True, slots=True)
class Produced:
    """A report of output with the lot that it opened. ``quantity`` is in pieces."""

    production: Production
    lot_id: UUID
    batch: str | None
    produced_on: date | None
    expires_on: date | None
    quantity: int
    occurred_at: datetime


def put_plan(session: Session, actor: Actor, body: CapacityPlanIn) -> list[CapacityPlan]:
    """Say what an own factory plans to make; saying it twice is saying it once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a day, unit or quantity that can't be, or an item and day named twice.

    """
    site = _own_factory(session, actor, body.site)
    _refuse_repeated_days(body.days)
    now = datetime.now(UTC)
    rows = [
        CapacityPlan(
            site=site.code,
            item=line.item,
            day=_plan_day(line.day, f"days[{index}].day"),
            planned_base=_planned_pieces(session, line, f"days[{index}]"),
            reported_by=actor.user_id,
            reported_at=now,
        )
        for index, line in enumerate(body.days)
    ]
    # In sorted order, so that two reports for the same days never wait for each other.
    rows.sort(key=lambda row: (row.item, row.day))
    statement = insert(CapacityPlan).values([row.model_dump() for row in rows])
    newest = ("planned_base", "reported_by", "reported_at")
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["site", "item", "day"],
            set_={name: statement.excluded[name] for name in newest},
        )
    )
    return rows


def _own_factory(session: Session, actor: Actor, code: str) -> Site:
    site = parties.require_site(session, actor, code, Role.MANUFACTURER)
    if site.kind is not SiteKind.FACTORY:
        raise InvalidInput(
            f"Site {code} is a {site.kind}",
            field="site",
            value=code,
            mend="name a factory; see GET /api/v1/sites?kind=factory",
        )
    return site


def _refuse_repeated_days(lines: Sequence[PlanDayIn]) -> None:
    seen: dict[tuple[str, date], int] = {}
    for index, line in enumerate(lines):
        first = seen.setdefault((line.item, line.day), index)
        if first != index:
            raise InvalidInput(
                f"{line.item} on {line.day} stands in days[{first}] already",
                field=f"days[{index}].day",
                value=line.day.isoformat(),
                mend="name each item and day once",
            )


def _planned_pieces(session: Session, line: PlanDayIn, where: str) -> int:
    catalog.get_item(session, line.item, field=f"{where}.item")
    # A plan of nothing is a plan too, in whichever unit that the item has.
    counted = line.planned or 1
    pieces = catalog.to_pieces(session, line.item, counted, line.unit, field=f"{where}.planned")
    return pieces if line.planned else 0


def _plan_day(day: date, field: str) -> date:
    last = local_date(datetime.now(UTC)) + _FURTHEST_PLAN
    if not _FIRST_DAY <= day <= last:
        raise InvalidInput(
            f"Nobody plans for {day}",
            field=field,
            value=day.isoformat(),
            mend=f"give a day from {_FIRST_DAY} to {last}",
        )
    return day


def planned_beside_actual(
    session: Session,
    *,
    sites: Collection[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[PlannedDay]:
    """Every day that was planned or worked, ordered by site, item and day."""
    plans = select(CapacityPlan)
    if sites is not None:
        plans = plans.where(among(CapacityPlan.site, sites))
    if first is not None:
        plans = plans.where(CapacityPlan.day >= first)
    if last is not None:
        plans = plans.where(CapacityPlan.day <= last)
    planned = {(row.site, row.item, row.day): row.planned_base for row in session.exec(plans)}
    actual: dict[tuple[str, str, date], int] = dict.fromkeys(planned, 0)
    for made in find_productions(session, sites=sites, first=first, last=last):
        key = (made.production.site, made.production.item, made.production.day)
        actual[key] = actual.get(key, 0) + made.quantity
    return [
        PlannedDay(*key, planned=planned.get(key), actual=quantity)
        for key, quantity in sorted(actual.items())
    ]


def report_production(session: Session, actor: Actor, body: ProductionIn) -> tuple[Produced, bool]:
    """Put an own factory's output on its shelf as one new lot; the same body twice is once.

    Raises:
        NotFound, Forbidden: an unknown site or item, or another organisation's site.
        InvalidInput: a quantity, unit or date that can't be.
        EntryIdReused: the id belongs to something else.

    """
    site = _own_factory(session, actor, body.site)
    item = catalog.get_item(session, body.item)
    pieces = catalog.to_pieces(session, item.code, body.quantity, body.unit)
    _check_days(body)
    expires_on, source = _expiry(body, item.shelf_life_days)
    now = datetime.now(UTC)
    production = Production(
        id=body.id,
        site=site.code,
        item=item.code,
        day=body.day,
        expiry_source=source,
        reported_by=actor.user_id,
        reported_at=now,
        content_digest=digest_of(body),
    )
    if not claim(session, production):
        return _produced(session, [session.get_one(Production, body.id)])[0], False
    lot_id = lot_of(body.id)
    post(
        session,
        Draft(
            id=body.id,
            kind=EntryKind.REPORT_OUTPUT,
            occurred_at=body.occurred_at or min(end_of_day(body.day), now),
            actor=actor.reference,
            document=f"production:{body.id}",
            lots=[
                NewLot(
                    lot_id,
                    item.code,
                    f"production:{body.id}",
                    batch=body.batch,
                    produced_on=body.produced_on,
                    expires_on=expires_on,
                )
            ],
            moves=[
                NewMove(
                    lot_id,
                    AccountRef(f"producer:{site.organisation}", "made"),
                    site_account(site.code, "available"),
                    pieces,
                )
            ],
            facts={"day": body.day.isoformat(), "expiry_source": source.value},
        ),
    )
    return _produced(session, [session.get_one(Production, body.id)])[0], True


def lot_of(production_id: UUID) -> UUID:
    """The lot that a report of output opens."""
    return uuid5(production_id, "lot")


def _check_days(body: ProductionIn) -> None:
    today = local_date(datetime.now(UTC))
    _refuse_unless(body.day <= today, "day", body.day, f"give a day up to {today}")
    made = body.produced_on
    mend = f"give a day from {_FIRST_DAY} to {body.day}"
    _refuse_unless(_FIRST_DAY <= made <= body.day, "produced_on", made, mend)
    if body.occurred_at is not None:
        local = local_date(body.occurred_at)
        _refuse_unless(
            local >= made, "occurred_at", body.occurred_at, f"give a time on or after {made}"
        )


def _expiry(body: ProductionIn, shelf_life_days: int | None) -> tuple[date | None, ExpirySource]:
    """The lot's expiry and where it comes from; what is out of date already isn't output."""
    if body.expires_on is not None:
        expires_on, source = body.expires_on, ExpirySource.GIVEN
    elif shelf_life_days is not None:
        expires_on = body.produced_on + timedelta(days=shelf_life_days)
        source = ExpirySource.SHELF_LIFE
    else:
        return None, ExpirySource.NONE
    latest = body.produced_on + _LONGEST_LIFE
    mend = f"give a day after {body.day}, up to {latest}"
    _refuse_unless(body.day < expires_on <= latest, "expires_on", expires_on, mend)
    return expires_on, source


def _refuse_unless(holds: bool, field: str, value: date, mend: str) -> None:
    if not holds:
        raise InvalidInput(
            f"{field} can't be {value.isoformat()}",
            field=field,
            value=value.isoformat(),
            mend=mend,
        )


def find_productions(
    session: Session,
    *,
    sites: Collection[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[Produced]:
    """Reports of output, by site, day and the order in which they came."""
    statement = select(Production).order_by(
        col(Production.site), col(Production.day), col(Production.reported_at), col(Production.id)
    )
    if sites is not None:
        statement = statement.where(among(Production.site, sites))
    if first is not None:
        statement = statement.where(Production.day >= first)
    if last is not None:
        statement = statement.where(Production.day <= last)
    return _produced(session, list(session.exec(statement)))


def _produced(session: Session, productions: Sequence[Production]) -> list[Produced]:
    lots = get_lots(session, [lot_of(production.id) for production in productions])
    made: dict[UUID, int] = dict.fromkeys(lots, 0)
    reported: dict[UUID, datetime] = {}
    for move in moves_of_lots(session, list(lots)):
        reported.setdefault(move.lot_id, move.occurred_at)
        made[move.lot_id] += _made_by(move)
    return [
        Produced(
            production=row,
            lot_id=lot.id,
            batch=lot.batch,
            produced_on=lot.produced_on,
            expires_on=lot.expires_on,
            quantity=made[lot.id],
            occurred_at=reported[lot.id],
        )
        for row in productions
        for lot in [lots[lot_of(row.id)]]
    ]


def _made_by(move: TracedMove) -> int:
    """What a move says was made; what a reversal takes back was not."""
    if AccountRef.parse(move.source).kind is AccountKind.PRODUCER:
        return move.quantity
    if AccountRef.parse(move.target).kind is AccountKind.PRODUCER:
        return -move.quantity
    return 0
