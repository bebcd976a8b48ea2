"""Why pieces are on no round, and where lorries are missing, in the reader's language."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from services.parties.pages import names_of_organisations, sites_by_code
from services.rounds.freeze import WAITING
from services.transport.models import Shipment, Vehicle
from services.web.i18n import to_gettext, translations

# By the planner's reason.
WHY = {
    "no_vehicle": to_gettext("%(carrier)s has no lorry at %(depot)s."),
    "no_cold_vehicle": to_gettext(
        "It must stay cold, and %(carrier)s has no cold lorry at %(depot)s."
    ),
    "too_large": to_gettext("A piece of it fits no lorry."),
    "out_of_reach": to_gettext(
        "No lorry can be there while it is open and be back within the driver's day."
    ),
    "no_room": to_gettext("The lorries are full, or their drivers' days are."),
}


def teller(session: Session, language: str) -> Callable[[str, str, str], str]:
    """Tells why, by reason, carrier and depot, with the names that people know them by."""
    gettext, carriers = translations(language).gettext, names_of_organisations(session, language)
    depots = {
        code: getattr(row, f"name_{language}") for code, row in sites_by_code(session).items()
    }

    def tell(reason: str, carrier: str, depot: str) -> str:
        names = {"carrier": carriers.get(carrier) or carrier, "depot": depots[depot]}
        return gettext(WHY[reason]) % names

    return tell


@dataclass(frozen=True, slots=True)
class Stranded:
    """Shipments that wait at a depot where their carrier has no lorry, and that in words."""

    carrier: str
    depot: str
    shipments: int
    sentence: str


def stranded(session: Session, language: str) -> list[Stranded]:
    """Where lorries are missing before anything can be planned, by depot and carrier."""
    there = sa.exists().where(
        col(Vehicle.depot) == col(Shipment.origin), col(Vehicle.carrier) == col(Shipment.carrier)
    )
    columns = col(Shipment.origin), col(Shipment.carrier)
    rows = session.connection().execute(
        sa.select(*columns, sa.func.count())
        .where(col(Shipment.state).in_(WAITING), ~there)
        .group_by(*columns)
        .order_by(*columns)
    )
    tell = teller(session, language)
    return [
        Stranded(carrier, depot, count, tell("no_vehicle", carrier, depot))
        for depot, carrier, count in rows
    ]
