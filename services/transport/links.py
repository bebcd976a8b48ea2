"""Links by which a carrier's driver does the day's jobs without an account.

A link's secret has 256 random bits and only its hash is kept. It opens the jobs of one carrier on
one day, until it expires or is revoked; what is done by it, the carrier has done.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from services.errors import Forbidden, NotFound
from services.journal.clock import refuse_far_day
from services.journal.once import claim, digest_of
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Role, User
from services.parties.service import Actor
from services.transport.models import Shipment, ShipmentState
from services.transport.schemas_tracks import LinkIn
from services.transport.service import require_carrier_organisation
from services.transport.steps import Driver
from services.transport.track_models import CarrierLink
from services.web.lists import Asked, Listing, select_page

_BEFORE_DOOR = (
    ShipmentState.PLANNED,
    ShipmentState.PICKED,
    ShipmentState.LOADED,
    ShipmentState.DISPATCHED,
    ShipmentState.ARRIVED,
)
_ON_THE_ROAD = (ShipmentState.DISPATCHED, ShipmentState.ARRIVED)


class LinkExpired(NotFound):
    code, title = "link-expired", "This link opens nothing any more"


def make_link(session: Session, actor: Actor, body: LinkIn) -> tuple[CarrierLink, str | None]:
    """A new link and its secret; the same body again gives the link, but never its secret.

    Raises:
        Forbidden: neither a dispatcher nor the carrier itself.

    """
    _require_fleet(actor, body.carrier)
    require_carrier_organisation(session, body.carrier)
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    link = CarrierLink(
        **body.model_dump(include={"id", "carrier", "day", "label"}),
        token_hash=_hash(secret),
        created_by=actor.user_id,
        created_at=now,
        expires_at=now + timedelta(hours=body.hours),
        content_digest=digest_of(body),
    )
    if not claim(session, link):
        return session.get_one(CarrierLink, body.id), None
    refuse_far_day(body.day)
    record_change(session, actor, f"carrier_link:{link.id}", f"made for {body.carrier} {body.day}")
    return session.get_one(CarrierLink, body.id), secret


def revoke(session: Session, actor: Actor, link_id: UUID) -> CarrierLink:
    """End a link at once; revoking it twice is once."""
    link = session.get(CarrierLink, link_id, with_for_update=True)
    if link is None:
        raise NotFound(f"There is no link {link_id}", field="link_id", value=link_id)
    _require_fleet(actor, link.carrier)
    if link.revoked_at is None:
        link.revoked_at = datetime.now(UTC)
        record_change(session, actor, f"carrier_link:{link.id}", "revoked")
        session.flush()
    return link


def find_links(session: Session, actor: Actor, asked: Asked) -> Listing[CarrierLink]:
    """Links of the actor's own carrier, at a desk everybody's, the newest first."""
    parties.require_role(actor, *DESKS, Role.CARRIER)
    statement = select(CarrierLink)
    if actor.role is Role.CARRIER:
        statement = statement.where(CarrierLink.carrier == actor.organisation)
    columns = {
        "created_at": col(CarrierLink.created_at).desc(),
        "day": col(CarrierLink.day),
        "carrier": col(CarrierLink.carrier),
        "expires_at": col(CarrierLink.expires_at),
    }
    return select_page(session, statement, columns, asked, tie=col(CarrierLink.id))


def open_link(session: Session, secret: str) -> tuple[CarrierLink, Driver]:
    """The link of a secret, and who acts by it.

    Raises:
        LinkExpired: there is none, or it has expired, was revoked, or whoever made it may not
            sign in any more.

    """
    found = session.exec(
        select(CarrierLink, User)
        .join(User, col(User.id) == col(CarrierLink.created_by))
        .where(
            CarrierLink.token_hash == _hash(secret),
            CarrierLink.expires_at > datetime.now(UTC),
            col(CarrierLink.revoked_at).is_(None),
            col(User.active),
        )
    ).first()
    if found is None:
        raise LinkExpired(
            "This link has expired or was revoked", mend="ask your office for a new one"
        )
    link, user = found
    return link, Driver(user.id, user.username, Role.CARRIER, link.carrier, link.id)


def jobs(session: Session, link: CarrierLink) -> list[Shipment]:
    """The carrier's shipments that leave on the link's day, and those still on the road."""
    of_day = sa.and_(col(Shipment.depart_on) == link.day, col(Shipment.state).in_(_BEFORE_DOOR))
    left_before = sa.and_(col(Shipment.depart_on) < link.day, col(Shipment.state).in_(_ON_THE_ROAD))
    delivered = sa.and_(
        col(Shipment.depart_on) == link.day, col(Shipment.state) == ShipmentState.DELIVERED
    )
    statement = select(Shipment).where(
        Shipment.carrier == link.carrier, sa.or_(of_day, left_before, delivered)
    )
    order = (col(Shipment.origin), col(Shipment.destination), col(Shipment.id))
    return list(session.exec(statement.order_by(*order)))


def get_job(session: Session, link: CarrierLink, shipment_id: UUID) -> Shipment:
    """One of the link's jobs; NotFound for any other shipment, as if there were none."""
    shipment = session.get(Shipment, shipment_id)
    known = shipment is not None and shipment.carrier == link.carrier
    if shipment is None or not known or shipment.depart_on > link.day:
        raise NotFound(
            f"Shipment {shipment_id} isn't one of these jobs",
            field="shipment_id",
            value=shipment_id,
            mend="go back to the list of jobs",
        )
    return shipment


def made_by(session: Session, links: Sequence[CarrierLink]) -> dict[UUID, str]:
    """The names of the people who made the links."""
    ids = {link.created_by for link in links}
    rows = session.exec(select(User.id, User.display_name).where(col(User.id).in_(ids)))
    return dict(rows.all())


def now() -> datetime:
    """Links end by the system's clock."""
    return datetime.now(UTC)


def _require_fleet(actor: Actor, carrier: str) -> None:
    parties.require_role(actor, Role.DISPATCHER, Role.CARRIER)
    if actor.role is Role.CARRIER and actor.organisation != carrier:
        raise Forbidden(
            f"These are jobs of {carrier}",
            field="carrier",
            value=carrier,
            mend="name your own organisation",
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
