"""Endpoints of the desk that keeps the catalogue, and of the scanner."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlmodel import Session

from services.catalog import gs1, maintain
from services.catalog import service as catalog
from services.catalog.gs1 import NotGs1
from services.catalog.schemas import GtinIn, ItemIn, PackedOut, PackIn, ScanOut, SubstituteIn
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of, record_change
from services.parties.models import Role
from services.parties.service import Actor
from services.web.http import MAX_QUANTITY, Code, DatabaseSession, FromRow

router = APIRouter(tags=["catalogue"])
ItemCode = Annotated[Code, Path(examples=["face_shield"])]


class NewItem(ItemIn):
    """An item with its code, as a form sends it."""

    code: Code


class ChangeOut(FromRow):
    """One change: what, when, by whom (null: by rule), for which organisation."""

    what: str
    changed_at: datetime
    changed_by: UUID | None
    organisation: str | None


class KeptOut(BaseModel):
    """``changed`` says what is different now; null where all was so already."""

    item: str
    changed: str | None


def keep(session: Session, actor: Actor, item: str, changed: str | None) -> KeptOut:
    """Write a change of the catalogue into the item's history."""
    if changed is not None:
        record_change(session, actor, f"item:{item}", changed)
    return KeptOut(item=item, changed=changed)


def require_keeper(actor: Actor) -> None:
    parties.require_role(actor, Role.DISPATCHER)


@router.put("/items/{item}")
def put_item(
    item: ItemCode, body: ItemIn, session: DatabaseSession, actor: CurrentActor
) -> KeptOut:
    """Add an item, or change what is said of it."""
    require_keeper(actor)
    return keep(session, actor, item, maintain.put_item(session, item, body))


@router.put("/items/{item}/packs")
def put_pack(
    item: ItemCode, body: PackIn, session: DatabaseSession, actor: CurrentActor
) -> KeptOut:
    """Add a unit that the item is packed in; one that is known keeps its number of pieces."""
    require_keeper(actor)
    return keep(session, actor, item, maintain.put_pack(session, item, body))


@router.put("/items/{item}/gtins")
def put_gtin(
    item: ItemCode, body: GtinIn, session: DatabaseSession, actor: CurrentActor
) -> KeptOut:
    """Say which package a GTIN is on, so that a scan fills in item and unit."""
    require_keeper(actor)
    return keep(session, actor, item, maintain.put_gtin(session, item, body))


@router.put("/items/{item}/substitutes")
def put_substitute(
    item: ItemCode, body: SubstituteIn, session: DatabaseSession, actor: CurrentActor
) -> KeptOut:
    """Say what the item may serve needs for; a preference of 0 takes that back."""
    require_keeper(actor)
    return keep(session, actor, item, maintain.put_substitute(session, item, body))


@router.get("/items/{item}/history")
def item_history(
    item: ItemCode,
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001 — for everybody who is signed in
) -> list[ChangeOut]:
    """Who changed what of an item, oldest first."""
    catalog.get_item(session, item)
    subject = f"item:{item}"
    return [ChangeOut.model_validate(row) for row in changes_of(session, [subject])[subject]]


@router.get("/items/{item}/packed")
def packed(
    item: ItemCode,
    session: DatabaseSession,
    pieces: Annotated[int, Query(ge=0, le=MAX_QUANTITY)],
) -> list[PackedOut]:
    """Pieces as packages, largest first, with the rest in pieces: it always adds up."""
    return [
        PackedOut(unit=unit, quantity=quantity)
        for unit, quantity in catalog.in_packs(session, item, pieces)
    ]


@router.get("/scan")
def read_scan(
    text: Annotated[str, Query(max_length=2000, description="What the scanner typed")],
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001 — for everybody who is signed in
) -> ScanOut:
    """What a GS1 barcode, a Digital Link or a bare GTIN says: item, batch, expiry, quantity."""
    return scan_out(session, text)


def scan_out(session: Session, text: str) -> ScanOut:
    found = catalog.scanned(session, text)
    scan, package = found.scan, found.package
    link = None
    with suppress(NotGs1):
        link = gs1.digital_link(scan.elements)
    return ScanOut(
        gtin=scan.gtin,
        sscc=scan.sscc,
        item=package.item if package else None,
        unit=package.unit if package else None,
        quantity=found.quantity,
        quantity_base=(
            catalog.to_pieces(session, package.item, found.quantity, package.unit)
            if package
            else None
        ),
        batch=scan.batch,
        serial=scan.serial,
        produced_on=scan.produced_on,
        expires_on=scan.expires_on,
        weight_kg=scan.weight_kg,
        text="".join(f"({name}){value}" for name, value in scan.elements),
        digital_link=link,
    )
