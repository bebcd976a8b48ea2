"""The cold chain of a shipment: readings kept beside it, and what follows where it broke."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import raise_alert
from services.catalog.models import USUAL_LEAST_CENTI, USUAL_MOST_CENTI, Item
from services.database import among
from services.errors import Conflict, InvalidInput
from services.files.service import attach
from services.journal.clock import refuse_future
from services.journal.kinds import EntryKind
from services.journal.once import claim
from services.journal.post import post
from services.journal.read import get_lots
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import HOLDERS, carries, locked
from services.transport.manifest import lines_of
from services.transport.models import Shipment, ShipmentState
from services.transport.readings import Judged, judge, parse_readings
from services.transport.steps import link_of
from services.transport.track_models import TemperatureLog
from services.web.forms import Upload

READINGS = "temperatures"
_LEFT = frozenset(ShipmentState) - {
    ShipmentState.PLANNED,
    ShipmentState.PICKED,
    ShipmentState.LOADED,
    ShipmentState.CANCELLED,
    ShipmentState.JOINED,
}


@dataclass(frozen=True, slots=True)
class KeptAlike:
    """Items that are kept within the same limits, in hundredths of a degree Celsius."""

    items: tuple[str, ...]
    least_centi: int
    most_centi: int


class NotSentYet(Conflict):
    code, title = "not-sent-yet", "It hasn't left yet"


def add_readings(
    session: Session,
    actor: Actor,
    shipment_id: UUID,
    log_id: UUID,
    upload: Upload,
    item: str | None = None,
) -> TemperatureLog:
    """Keep a logger's file, and hold it against the limits of the cold goods that it lay by.

    ``item`` is one of these goods; it may be left out where all cold goods on the shipment are kept
    alike. Where it broke, the journal says so, the desk and the consignee are told, and goods kept
    so that are accepted from now on go to quarantine. The same file under the same id is kept once.

    Raises:
        BadReadings: a row of the file can't be used.
        InvalidInput: the shipment has no such cold goods, or several kinds, and none is named.
        NotSentYet: the shipment hasn't left.

    """
    shipment = locked(session, shipment_id)
    _require_witness(session, actor, shipment)
    known = session.get(TemperatureLog, log_id)
    if shipment.state not in _LEFT and known is None:
        raise NotSentYet(
            f"Shipment {shipment_id} is {shipment.state}", field="shipment_id", value=shipment_id
        )
    readings = parse_readings(_text(upload))
    refuse_future(readings[-1].at, "file")
    kept = attach(session, actor, f"shipment:{shipment_id}", READINGS, upload)
    content_digest = "/".join(filter(None, (str(shipment_id), kept.sha256, item)))
    if known is not None and known.content_digest == content_digest:
        return known
    goods = _lay_by(session, shipment, item)
    judged = judge(readings, goods.least_centi, goods.most_centi)
    log = TemperatureLog(
        id=log_id,
        shipment_id=shipment_id,
        sha256=kept.sha256,
        items=list(goods.items),
        readings=len(readings),
        first_at=judged.first_at,
        last_at=judged.last_at,
        lowest_centi=judged.lowest_centi,
        highest_centi=judged.highest_centi,
        least_centi=goods.least_centi,
        most_centi=goods.most_centi,
        minutes_out=judged.minutes_out,
        breach=bool(goods.items) and judged.outside > 0,
        recorded_at=datetime.now(UTC),
        actor=actor.user_id,
        via_link=link_of(actor),
        content_digest=content_digest,
    )
    if claim(session, log) and log.breach:
        _tell(session, actor, shipment, log, judged)
    return session.get_one(TemperatureLog, log_id)


def kept_alike(session: Session, shipment: Shipment) -> list[KeptAlike]:
    """The cold goods on a shipment, by their limits; the coldest first."""
    lots = get_lots(session, {line.lot_id for line in lines_of(session, shipment)})
    codes = {lot.commodity for lot in lots.values()}
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    for item in session.exec(select(Item).where(among(Item.code, codes)).order_by(Item.code)):
        if item.least_centi is not None and item.most_centi is not None:
            groups[item.least_centi, item.most_centi].append(item.code)
    return [KeptAlike(tuple(codes), *limits) for limits, codes in sorted(groups.items())]


def _lay_by(session: Session, shipment: Shipment, item: str | None) -> KeptAlike:
    """The goods that a logger's readings speak for; none, held against the usual limits."""
    groups = kept_alike(session, shipment)
    if item is None and len(groups) < 2:
        return groups[0] if groups else KeptAlike((), USUAL_LEAST_CENTI, USUAL_MOST_CENTI)
    found = next((each for each in groups if item in each.items), None)
    if found is None:
        every = ", ".join(code for each in groups for code in each.items)
        raise InvalidInput(
            f"There are no cold goods {item} on it"
            if item
            else "Its cold goods are kept at different temperatures",
            field="item",
            value=item,
            mend=f"say by which the logger lay: {every}" if every else "name no item",
        )
    return found


def warm_items(session: Session, shipment: Shipment) -> set[str]:
    """The cold goods whose chain broke on a shipment, or on one that these goods left on."""
    found: set[str] = set()
    before: Shipment | None = shipment
    while before is not None:
        broke = select(TemperatureLog).where(
            TemperatureLog.shipment_id == before.id, col(TemperatureLog.breach)
        )
        found |= {code for log in session.exec(broke) for code in log.items}
        before = session.get(Shipment, before.diverted_from) if before.diverted_from else None
    return found


def logs_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, list[TemperatureLog]]:
    """The readings kept beside each shipment, oldest first."""
    found: dict[UUID, list[TemperatureLog]] = {}
    statement = select(TemperatureLog).where(among(TemperatureLog.shipment_id, ids))
    for log in session.exec(statement.order_by(col(TemperatureLog.recorded_at))):
        found.setdefault(log.shipment_id, []).append(log)
    return found


def _require_witness(session: Session, actor: Actor, shipment: Shipment) -> None:
    """Its carrier, a dispatcher, or whose site it comes to."""
    if not carries(actor, shipment) and actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, shipment.destination, *HOLDERS)


def _text(upload: Upload) -> str:
    try:
        return upload.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "The file isn't text",
            field="file",
            value=upload.name,
            mend="send the readings as CSV in UTF-8",
        ) from error


def _tell(
    session: Session, actor: Actor, shipment: Shipment, log: TemperatureLog, judged: Judged
) -> None:
    facts: dict[str, object] = {
        "lowest_centi": str(judged.lowest_centi),
        "highest_centi": str(judged.highest_centi),
        "minutes_out": str(judged.minutes_out),
        "least_centi": str(log.least_centi),
        "most_centi": str(log.most_centi),
        "items": log.items,
        "readings": log.sha256,
    }
    post(
        session,
        Draft(
            id=uuid5(log.id, "breach"),
            kind=EntryKind.COLD_BREACH,
            occurred_at=judged.last_at,
            actor=actor.reference,
            document=f"shipment:{shipment.id}",
            facts=facts,
        ),
    )
    raise_alert(
        session,
        AlertKind.COLD_BREACH,
        f"shipment:{shipment.id}",
        Severity.CRITICAL,
        path=f"/shipments/{shipment.id}",
        roles=(Role.DISPATCHER,),
        organisation=parties.get_site(session, shipment.destination).organisation,
        site=shipment.destination,
        facts={"site": shipment.destination, "minutes": judged.minutes_out},
    )
