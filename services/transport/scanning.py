"""A scanner at the door: of which lines of a shipment a package is, or that it is of none."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from services.catalog import service as catalog
from services.catalog.service import Scanned
from services.errors import InvalidInput
from services.transport.labelling import units_of
from services.transport.manifest import Manifest, ManifestLine
from services.transport.models import Shipment
from services.web.forms import Form


class NotOfThisShipment(InvalidInput):
    code, title = "not-of-this-shipment", "This isn't of this shipment"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan is of: lines by number, or the shipment's pallet or parcel of a number."""

    lines: tuple[int, ...] = ()
    unit: int | None = None


def find_scanned(session: Session, manifest: Manifest, text: str) -> Seen:
    """The lines of a package by its item, batch and expiry; or which pallet it is by its SSCC.

    Raises:
        NotGs1: it isn't a GS1 code.
        NotOfThisShipment: another shipment's pallet, or no line is of this item, batch and date.

    """
    found = catalog.scanned(session, text)
    if found.scan.sscc is not None and found.scan.gtin is None:
        return Seen(unit=_unit(session, manifest.shipment, found.scan.sscc))
    lines = tuple(each.line for each in manifest.lines if _is_of(found, each))
    if not lines:
        raise NotOfThisShipment(
            f"No line is of {_named(found)}",
            field="scan",
            value=text,
            mend="leave it aside and ask who sent it, or look whether another shipment came too",
        )
    return Seen(lines)


def mark_scanned(session: Session, manifest: Manifest, form: Form) -> Seen:
    """Read a form's ``scan``; the lines found so far stay in its ``seen``, for the next scan."""
    seen = Seen()
    with form.attempt(session):
        seen = find_scanned(session, manifest, form["scan"])
        form.values["scan"] = ""
    marked = {*form["seen"].split(","), *map(str, seen.lines)} - {""}
    known = [str(line.line) for line in manifest.lines]
    form.values["seen"] = ",".join(number for number in known if number in marked)
    return seen


def _unit(session: Session, shipment: Shipment, sscc: str) -> int:
    units = units_of(session, [shipment.id]).get(shipment.id, [])
    number = next((unit.number for unit in units if unit.sscc == sscc), None)
    if number is None:
        raise NotOfThisShipment(
            f"(00) {sscc} is none of its pallets and parcels",
            field="scan",
            value=sscc,
            mend="compare it with the waybill; it may be another shipment's",
        )
    return number


def _is_of(found: Scanned, line: ManifestLine) -> bool:
    """Whether a package may be of a line. Of an unknown GTIN, the batch has to tell."""
    scan, lot = found.scan, line.lot
    told = found.item is not None or (scan.batch is not None and lot.batch is not None)
    return (
        told
        and found.is_of(lot.commodity, lot.batch)
        and _same_day(scan.expires_on, lot.expires_on)
    )


def _same_day(one: date | None, other: date | None) -> bool:
    return one is None or other is None or one == other


def _named(found: Scanned) -> str:
    """What was scanned, as people say it."""
    scan = found.scan
    told = found.item or f"GTIN {scan.gtin}, which isn't in the catalogue"
    batch = f", batch {scan.batch}" if scan.batch else ""
    return f"{told}{batch}" + (f", expiring on {scan.expires_on}" if scan.expires_on else "")
