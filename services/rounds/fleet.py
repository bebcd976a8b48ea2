"""Lorries and opening hours: who may say what, and what holds where nobody has said anything."""

from datetime import time

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.errors import Forbidden, InvalidInput, NotFound
from services.parties import service as parties
from services.parties.models import OrganisationKind, Role
from services.parties.service import Actor
from services.rounds.schemas import SiteHoursIn, VehicleIn
from services.transport.models import SiteHours, Vehicle

_OWNERS = (Role.HOSPITAL, Role.MANUFACTURER, Role.DONOR, Role.CARRIER)


def vehicles(
    session: Session, *, carrier: str | None = None, depot: str | None = None
) -> list[Vehicle]:
    """Every lorry, by depot, carrier and code."""
    statement = select(Vehicle).order_by(
        col(Vehicle.depot), col(Vehicle.carrier), col(Vehicle.code)
    )
    if carrier is not None:
        statement = statement.where(Vehicle.carrier == carrier)
    if depot is not None:
        statement = statement.where(Vehicle.depot == depot)
    return list(session.exec(statement))


def put_vehicle(session: Session, actor: Actor, body: VehicleIn) -> Vehicle:
    """Register lorries, or change those there are; rounds already planned stay as they are.

    Raises:
        Forbidden: neither a dispatcher nor the carrier itself.
        NotFound, InvalidInput: an unknown organisation or depot, or no carrier.

    """
    _require_fleet(actor, body.carrier)
    carrier = parties.get_organisation(session, body.carrier, field="carrier")
    if carrier.kind is not OrganisationKind.CARRIER:
        raise InvalidInput(
            f"{carrier.code} is a {carrier.kind}, not a carrier",
            field="carrier",
            value=carrier.code,
            mend="name an organisation of kind carrier",
        )
    parties.get_site(session, body.depot, field="depot")
    values = body.model_dump()
    session.connection().execute(
        insert(Vehicle)
        .values(**values)
        .on_conflict_do_update(index_elements=["carrier", "code"], set_=values)
    )
    return session.get_one(Vehicle, (body.carrier, body.code), populate_existing=True)


def remove_vehicle(session: Session, actor: Actor, carrier: str, code: str) -> None:
    """Take lorries out of the fleet; the rounds that they were planned for still tell of them."""
    _require_fleet(actor, carrier)
    vehicle = session.get(Vehicle, (carrier, code))
    if vehicle is None:
        raise NotFound(
            f"{carrier} has no vehicle {code}",
            field="code",
            value=code,
            mend="see GET /api/v1/vehicles",
        )
    session.delete(vehicle)
    session.flush()


def _require_fleet(actor: Actor, carrier: str) -> None:
    parties.require_role(actor, Role.DISPATCHER, Role.CARRIER)
    if actor.role is Role.CARRIER and actor.organisation != carrier:
        raise Forbidden(
            f"These are lorries of {carrier}",
            field="carrier",
            value=carrier,
            mend="name your own organisation",
        )


def site_hours(session: Session) -> list[SiteHours]:
    """Every site that has said its hours, by site."""
    return list(session.exec(select(SiteHours).order_by(col(SiteHours.site))))


def put_site_hours(session: Session, actor: Actor, body: SiteHoursIn) -> SiteHours:
    """Say when lorries are served at a site.

    Raises:
        Forbidden: neither a dispatcher nor whose site it is.
        InvalidInput: it would close before it opens, or before a lorry is served.

    """
    if actor.role is Role.DISPATCHER:
        parties.get_site(session, body.site)
    else:
        parties.require_site(session, actor, body.site, Role.DISPATCHER, *_OWNERS)
    open_minutes = _minutes(body.closes_at) - _minutes(body.opens_at)
    if open_minutes <= 0 or open_minutes < body.service_minutes:
        raise InvalidInput(
            f"From {body.opens_at} to {body.closes_at} no lorry is served in "
            f"{body.service_minutes} minutes",
            field="closes_at",
            value=body.closes_at.isoformat(),
            mend="give a later time",
        )
    values = body.model_dump()
    session.connection().execute(
        insert(SiteHours)
        .values(**values)
        .on_conflict_do_update(index_elements=["site"], set_=values)
    )
    return session.get_one(SiteHours, body.site, populate_existing=True)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
