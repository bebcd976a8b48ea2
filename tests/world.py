"""A small world for tests: three items, two hospitals, a warehouse, a factory, one of each role."""

import hashlib
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlmodel import Session

from services.catalog.models import Item, Pack, Substitute
from services.donations.models import Fund
from services.journal.kinds import AccountRef, EntryKind, site_account
from services.journal.models import Commodity, CommodityClass
from services.journal.post import post
from services.journal.record import Draft, NewLot, NewMove
from services.parties.models import (
    ApiToken,
    Organisation,
    OrganisationKind,
    Region,
    Role,
    Site,
    SiteKind,
    User,
)
from services.transport.models import Lane

NOW = datetime(2020, 2, 3, 8, tzinfo=UTC)
ITEMS = ("surgical_mask", "n95_respirator", "gloves")
USERS = {
    "hospital": (Role.HOSPITAL, "HOSP1"),
    "hospital2": (Role.HOSPITAL, "HOSP2"),
    "maker": (Role.MANUFACTURER, "MAKER"),
    "donor": (Role.DONOR, "DONOR1"),
    "donor2": (Role.DONOR, "DONOR2"),
    "carrier": (Role.CARRIER, "CARR1"),
    "carrier2": (Role.CARRIER, "CARR2"),
    "dispatcher": (Role.DISPATCHER, "RELIEF"),
    "approver": (Role.APPROVER, "RELIEF"),
    "auditor": (Role.AUDITOR, "RELIEF"),
    "admin": (Role.ADMIN, "RELIEF"),
}
# site: (organisation, kind, region, latitude, longitude)
SITES = {
    "H1": ("HOSP1", SiteKind.HOSPITAL, "420100", 30.58, 114.27),
    "H2": ("HOSP2", SiteKind.HOSPITAL, "420500", 30.69, 111.29),
    "W1": ("RELIEF", SiteKind.WAREHOUSE, "420100", 30.60, 114.30),
    "W2": ("RELIEF", SiteKind.WAREHOUSE, "420500", 30.70, 111.28),
    "F1": ("MAKER", SiteKind.FACTORY, "370000", 35.42, 119.53),
}


class World:
    """Names and tokens of the small world; everything is in the template database already."""

    now = NOW

    def bearer(self, username: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_of(username)}"}

    def user_id(self, username: str) -> UUID:
        return user_id(username)


def token_of(username: str) -> str:
    return f"token-of-{username}"


def user_id(username: str) -> UUID:
    return uuid5(NAMESPACE_URL, username)


def build_world(session: Session) -> None:
    """Write the world; what everything else refers to comes first."""
    _goods(session)
    _parties(session)
    _lanes(session)


def _goods(session: Session) -> None:
    for code in ITEMS:
        session.add(Commodity(code=code, commodity_class=CommodityClass.GOODS, base_unit="piece"))
    session.add(Commodity(code="CNY", commodity_class=CommodityClass.MONEY, base_unit="fen"))
    session.flush()
    for code in ITEMS:
        session.add(Item(code=code, name_en=code, name_zh=code, category="ppe"))
    session.flush()
    for code in ITEMS:
        session.add(Pack(item=code, unit="box", pieces=50))
        session.add(Pack(item=code, unit="carton", pieces=2000))
    session.add(Substitute(item="n95_respirator", serves="surgical_mask"))


def _parties(session: Session) -> None:
    session.add(Region(code="CN", name_en="China", name_zh="中国"))
    session.flush()
    for code, parent in {"420000": "CN", "370000": "CN"}.items():
        session.add(Region(code=code, name_en=code, name_zh=code, parent=parent))
    session.flush()
    for code in ("420100", "420500"):
        session.add(Region(code=code, name_en=code, name_zh=code, parent="420000"))
    kinds = {
        "HOSP1": OrganisationKind.HOSPITAL,
        "HOSP2": OrganisationKind.HOSPITAL,
        "MAKER": OrganisationKind.MANUFACTURER,
        "DONOR1": OrganisationKind.DONOR,
        "DONOR2": OrganisationKind.DONOR,
        "CARR1": OrganisationKind.CARRIER,
        "CARR2": OrganisationKind.CARRIER,
        "RELIEF": OrganisationKind.AUTHORITY,
        "SUPP1": OrganisationKind.SUPPLIER,
    }
    for code, kind in kinds.items():
        session.add(Organisation(code=code, kind=kind, name_en=f"{code} en", name_zh=f"{code} 中"))
    session.flush()
    for code, (organisation, site_kind, region, latitude, longitude) in SITES.items():
        session.add(
            Site(
                code=code,
                organisation=organisation,
                kind=site_kind,
                name_en=f"{code} en",
                name_zh=f"{code} 中",
                region=region,
                latitude=latitude,
                longitude=longitude,
            )
        )
    for username, (role, organisation) in USERS.items():
        session.add(
            User(
                id=user_id(username),
                username=username,
                display_name=username,
                role=role,
                organisation=organisation,
            )
        )
    session.flush()
    for username in USERS:
        session.add(
            ApiToken(
                id=uuid5(user_id(username), "token"),
                token_hash=hashlib.sha256(token_of(username).encode()).hexdigest(),
                user_id=user_id(username),
                label="tests",
                created_at=NOW,
            )
        )
    session.add(
        Fund(
            code="RELIEF-CNY",
            name_en="Relief",
            name_zh="救助",
            currency="CNY",
            organisation="RELIEF",
        )
    )


def _lanes(session: Session) -> None:
    for origin in ("W1", "W2", "F1"):
        for destination in ("H1", "H2", "W1", "W2"):
            if origin != destination:
                session.add(
                    Lane(
                        origin=origin,
                        destination=destination,
                        carrier="CARR1" if origin != "W2" else "CARR2",
                        distance_m=10_000 if origin[1] == destination[1] else 300_000,
                        duration_days=1 if origin != "F1" else 2,
                    )
                )


def stock(
    session: Session, site: str = "W1", item: str = "gloves", quantity: int = 1000, key: str = "lot"
) -> UUID:
    """Put a donated lot on a site's shelf; returns the lot's id."""
    lot_id = uuid5(NAMESPACE_URL, f"{key}/{site}/{item}")
    post(
        session,
        Draft(
            id=uuid5(lot_id, "entry"),
            kind=EntryKind.RECEIVE_DONATION,
            occurred_at=NOW,
            actor="organisation:RELIEF",
            document=f"donation:{uuid5(lot_id, 'donation')}",
            lots=[NewLot(lot_id, item, f"donation:{uuid5(lot_id, 'donation')}/line:1")],
            moves=[
                NewMove(
                    lot_id,
                    AccountRef("donor:DONOR1", "given"),
                    site_account(site, "available"),
                    quantity,
                )
            ],
        ),
    )
    return lot_id
