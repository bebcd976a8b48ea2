"""The cold chain of a shipment: readings kept beside it, and what follows where it broke."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlmodel import Session, col, select

from services.alerts.models import AlertKind, Severity
from services.alerts.service import raise_alert
from services.database import among
from services.errors import Conflict, InvalidInput
from services.files.service import attach
from services.journal.clock import refuse_future
from services.journal.kinds import EntryKind
from services.journal.once import claim
from services.journal.post import post
from services.journal.record import Draft
from services.parties import service as parties
from services.parties.models import Role
from services.parties.service import Actor
from services.transport.handling import HOLDERS, carries, locked
from services.transport.labelling import weigh
from services.transport.manifest import manifests
from services.transport.models import Shipment, ShipmentState
from services.transport.readings import LEAST_CENTI, MOST_CENTI, Judged, judge, parse_readings
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


class NotSentYet(Conflict):
    code, title = "not-sent-yet", "It hasn't left yet"


def add_readings(
    session: Session, actor: Actor, shipment_id: UUID, log_id: UUID, upload: Upload
) -> TemperatureLog:
    """Keep a logger's file, and hold it against the limits where the shipment has cold goods.

    Where it broke, the journal says so, the desk and the consignee are told, and cold goods that
    are accepted from now on go to quarantine. The same file under the same id is kept once.

    Raises:
        BadReadings: a row of the file can't be used.
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
    judged = judge(readings)
    refuse_future(judged.last_at, "file")
    kept = attach(session, actor, f"shipment:{shipment_id}", READINGS, upload)
    cold = weigh(session, manifests(session, [shipment])[0]).cold
    log = TemperatureLog(
        id=log_id,
        shipment_id=shipment_id,
        sha256=kept.sha256,
        readings=len(readings),
        first_at=judged.first_at,
        last_at=judged.last_at,
        lowest_centi=judged.lowest_centi,
        highest_centi=judged.highest_centi,
        least_centi=LEAST_CENTI,
        most_centi=MOST_CENTI,
        minutes_out=judged.minutes_out,
        breach=cold and judged.outside > 0,
        recorded_at=datetime.now(UTC),
        actor=actor.user_id,
        via_link=link_of(actor),
        content_digest=f"{shipment_id}/{kept.sha256}",
    )
    if claim(session, log) and log.breach:
        _tell(session, actor, shipment, log, judged)
    return session.get_one(TemperatureLog, log_id)


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
    facts = {
        "lowest_centi": str(judged.lowest_centi),
        "highest_centi": str(judged.highest_centi),
        "minutes_out": str(judged.minutes_out),
        "least_centi": str(log.least_centi),
        "most_centi": str(log.most_centi),
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
