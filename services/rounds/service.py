"""Rounds of a day: start a plan, and read what it says."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from optimizer.errors import ProblemError
from optimizer.rounds_documents import problem_to_json
from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.journal.clock import refuse_far_day
from services.journal.once import claim, digest_of
from services.journal.post import EntryIdReused
from services.journal.read import get_lots
from services.parties import service as parties
from services.parties.models import DESKS, Role, SiteKind, User
from services.parties.service import Actor
from services.queue import enqueue
from services.rounds import fleet
from services.rounds.freeze import WAITING, freeze, waiting_shipments
from services.rounds.schemas import (
    LeftOutOut,
    LoadOut,
    RoundOut,
    RoundsIn,
    RoundsOut,
    RoundsSummary,
    StopOut,
)
from services.rounds.why import teller
from services.transport.models import (
    Round,
    RoundLeftOut,
    RoundLoad,
    RoundsPlan,
    RoundsState,
    RoundStop,
    Shipment,
    ShipmentLine,
)

PLAN_ROUNDS = "plan_rounds"
READERS = (*DESKS, Role.CARRIER)


class NothingWaits(Conflict):
    code, title = "nothing-waits", "No shipment waits to leave by that day"


class NoVehicles(Conflict):
    code, title = "no-vehicles", "No carrier has a lorry there yet"


def start(session: Session, actor: Actor, body: RoundsIn) -> tuple[RoundsPlan, bool]:
    """Freeze the day's shipments and lorries and queue the search; True where it is new.

    Raises:
        Forbidden: not a dispatcher.
        InvalidInput: a day that nobody plans for, or a hospital as the depot.
        NotFound: an unknown depot.
        NothingWaits, NoVehicles: there is nothing to plan, or nothing to plan with.
        EntryIdReused: the id belongs to another plan.

    """
    parties.require_role(actor, Role.DISPATCHER)
    digest = digest_of(body)
    existing = session.get(RoundsPlan, body.id)
    if existing is not None:
        if existing.content_digest != digest:
            raise EntryIdReused(
                f"Plan of rounds {body.id} exists, for {existing.day}",
                field="id",
                value=body.id,
                mend="make a new UUID for a new plan; send the very same body to repeat one",
            )
        return existing, False
    plan = _frozen(session, actor, body, digest)
    if not claim(session, plan):
        return session.get_one(RoundsPlan, body.id), False
    enqueue(session, PLAN_ROUNDS, str(plan.id))
    return session.get_one(RoundsPlan, body.id), True


def _require_depot(session: Session, code: str) -> None:
    """Rounds begin where lorries stand; what leaves a hospital is fetched as a transfer."""
    if parties.get_site(session, code, field="depot").kind is SiteKind.HOSPITAL:
        raise InvalidInput(
            f"{code} is a hospital, and no lorries stand there",
            field="depot",
            value=code,
            mend="name a warehouse or another place that isn't a hospital, or leave it out",
        )


def _frozen(session: Session, actor: Actor, body: RoundsIn, digest: str) -> RoundsPlan:
    refuse_far_day(body.day)
    if body.depot is not None:
        _require_depot(session, body.depot)
    shipments = waiting_shipments(session, body.day, body.depot)
    if not shipments:
        raise NothingWaits(
            f"No shipment waits to leave {body.depot or 'any depot'} by {body.day}",
            field="day",
            value=body.day.isoformat(),
            mend="choose a day by which shipments are to leave that haven't left yet",
        )
    vehicles = fleet.vehicles(session, depot=body.depot)
    if not vehicles:
        raise NoVehicles(
            f"No carrier has a lorry at {body.depot or 'any depot'}",
            field="depot",
            value=body.depot,
            mend="add lorries on the page Lorries and hours; PUT /api/v1/vehicles",
        )
    try:
        problem = freeze(session, shipments, vehicles, body.speed_kmh)
    except ProblemError as error:
        raise InvalidInput(str(error), field=error.where, mend=error.message) from error
    return RoundsPlan(
        id=body.id,
        content_digest=digest,
        day=body.day,
        depot=body.depot,
        state=RoundsState.QUEUED,
        started_by=actor.user_id,
        started_at=datetime.now(UTC),
        problem=problem_to_json(problem).encode(),
        shipments=len(shipments),
        most_seconds=body.most_seconds,
    )


def get_plan(session: Session, plan_id: UUID, *, for_update: bool = False) -> RoundsPlan:
    plan = session.get(
        RoundsPlan, plan_id, with_for_update=for_update, populate_existing=for_update
    )
    if plan is None:
        raise NotFound(
            f"There is no plan of rounds {plan_id}",
            field="plan_id",
            value=plan_id,
            mend="see GET /api/v1/rounds",
        )
    return plan


def plans(session: Session, limit: int = 50) -> list[RoundsPlan]:
    """Those started last come first."""
    order = col(RoundsPlan.started_at).desc(), col(RoundsPlan.id)
    return list(session.exec(select(RoundsPlan).order_by(*order).limit(limit)))


def summaries(session: Session, actor: Actor, found: Sequence[RoundsPlan]) -> list[RoundsSummary]:
    """The plans with their totals; to a carrier, of its own rounds."""
    parties.require_role(actor, *READERS)
    ids = [plan.id for plan in found]
    own = _own(actor)
    totals = {
        plan_id: (count, int(metres))
        for plan_id, count, metres in session.connection().execute(
            sa.select(col(Round.plan_id), sa.func.count(), sa.func.sum(col(Round.distance_m)))
            .where(among(Round.plan_id, ids), own)
            .group_by(col(Round.plan_id))
        )
    }
    distinct = sa.func.count(sa.distinct(col(RoundLeftOut.shipment_id)))
    left_out = {
        row[0]: row[1]
        for row in session.connection().execute(
            sa.select(col(RoundLeftOut.plan_id), distinct)
            .join(Shipment, col(Shipment.id) == col(RoundLeftOut.shipment_id))
            .where(among(RoundLeftOut.plan_id, ids), _own_shipments(actor))
            .group_by(col(RoundLeftOut.plan_id))
        )
    }
    names = _names(session, {plan.started_by for plan in found})
    return [
        RoundsSummary(
            **plan.model_dump(exclude={"problem", "content_digest", "most_seconds", "started_by"}),
            started_by=names[plan.started_by],
            rounds=totals.get(plan.id, (0, 0))[0],
            distance_m=totals.get(plan.id, (0, 0))[1],
            shipments_left_out=left_out.get(plan.id, 0),
        )
        for plan in found
    ]


def _own(actor: Actor) -> sa.ColumnElement[bool]:
    """Desks see all rounds; a carrier those of its lorries."""
    return sa.true() if actor.role in DESKS else col(Round.carrier) == actor.organisation


def _own_shipments(actor: Actor) -> sa.ColumnElement[bool]:
    return sa.true() if actor.role in DESKS else col(Shipment.carrier) == actor.organisation


def _names(session: Session, ids: set[UUID]) -> dict[UUID, str]:
    rows = session.exec(select(User.id, User.username).where(among(User.id, ids)))
    return dict(rows.all())


def rounds_out(session: Session, actor: Actor, plan: RoundsPlan, language: str) -> RoundsOut:
    """A plan with its rounds, stop by stop, and what is left out, told in a language."""
    head = summaries(session, actor, [plan])[0]
    rounds = list(
        session.exec(
            select(Round).where(Round.plan_id == plan.id, _own(actor)).order_by(col(Round.number))
        )
    )
    stops = _stops(session, plan.id)
    return RoundsOut(
        **head.model_dump(),
        plan=[
            RoundOut(**each.model_dump(exclude={"plan_id"}), stops=stops[each.number])
            for each in rounds
        ],
        left_out=_left_out(session, actor, plan.id, language),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    item: str
    cold: bool


def _stops(session: Session, plan_id: UUID) -> dict[int, list[StopOut]]:
    rows = list(session.exec(select(RoundLoad).where(RoundLoad.plan_id == plan_id)))
    lines = _lines(session, {(row.shipment_id, row.line) for row in rows})
    loads: dict[tuple[int, int], list[LoadOut]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (str(row.shipment_id), row.line)):
        line = lines[row.shipment_id, row.line]
        loads[row.number, row.stop].append(
            LoadOut(
                shipment_id=row.shipment_id,
                line=row.line,
                item=line.item,
                quantity_base=row.quantity_base,
                cold=line.cold,
            )
        )
    found: dict[int, list[StopOut]] = defaultdict(list)
    order = select(RoundStop).where(RoundStop.plan_id == plan_id)
    for stop in session.exec(order.order_by(col(RoundStop.number), col(RoundStop.stop))):
        found[stop.number].append(
            StopOut(
                **stop.model_dump(exclude={"plan_id", "number"}),
                loads=loads[stop.number, stop.stop],
            )
        )
    return found


def _lines(session: Session, keys: set[tuple[UUID, int]]) -> dict[tuple[UUID, int], _Line]:
    rows = list(
        session.exec(
            select(ShipmentLine).where(among(ShipmentLine.shipment_id, {key for key, _ in keys}))
        )
    )
    lots = get_lots(session, {row.lot_id for row in rows})
    cold = {item.code: item.cold for item in catalog.items(session)}
    return {
        (row.shipment_id, row.line): _Line(
            lots[row.lot_id].commodity, cold[lots[row.lot_id].commodity]
        )
        for row in rows
    }


def _left_out(session: Session, actor: Actor, plan_id: UUID, language: str) -> list[LeftOutOut]:
    tell = teller(session, language)
    rows = session.exec(
        select(RoundLeftOut, Shipment)
        .join(Shipment, col(Shipment.id) == col(RoundLeftOut.shipment_id))
        .where(RoundLeftOut.plan_id == plan_id, _own_shipments(actor))
        .order_by(col(Shipment.destination), col(RoundLeftOut.shipment_id), col(RoundLeftOut.line))
    ).all()
    lines = _lines(session, {(row.shipment_id, row.line) for row, _ in rows})
    return [
        LeftOutOut(
            **row.model_dump(exclude={"plan_id"}),
            depot=shipment.origin,
            carrier=shipment.carrier,
            destination=shipment.destination,
            item=lines[row.shipment_id, row.line].item,
            sentence=tell(row.reason, shipment.carrier, shipment.origin),
        )
        for row, shipment in rows
    ]


def get_round(session: Session, actor: Actor, plan_id: UUID, number: int) -> RoundOut:
    """One round of a plan.

    Raises:
        NotFound: no such plan, or no such round in it.
        Forbidden: another carrier's round.

    """
    parties.require_role(actor, *READERS)
    get_plan(session, plan_id)
    found = session.get(Round, (plan_id, number))
    if found is None:
        raise NotFound(f"This plan has no round {number}", field="number", value=number)
    if actor.role not in DESKS and found.carrier != actor.organisation:
        raise Forbidden(
            f"Round {number} is another carrier's",
            field="number",
            value=number,
            mend="see GET /api/v1/rounds for yours",
        )
    stops = _stops(session, plan_id)[number]
    return RoundOut(**found.model_dump(exclude={"plan_id"}), stops=stops)


def waiting_days(session: Session) -> list[tuple[date, int]]:
    """Days on which shipments leave that haven't left, and how many; the first one first."""
    rows = session.connection().execute(
        sa.select(col(Shipment.depart_on), sa.func.count())
        .where(col(Shipment.state).in_(WAITING))
        .group_by(col(Shipment.depart_on))
        .order_by(col(Shipment.depart_on))
    )
    return [(day, count) for day, count in rows]
