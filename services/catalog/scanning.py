"""A scanner types into a form: what the barcode says goes into the fields beside it.

A template shows the field by ``f.scan(form)``; a scanner ends with Enter, so the form comes in.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from sqlmodel import Session

from services.catalog.service import Scanned, scanned
from services.errors import InvalidInput
from services.web.forms import Form


class NotOnTheForm(InvalidInput):
    code, title = "not-on-the-form", "None of the lines is of this item"


class UnknownPackage(InvalidInput):
    code, title = "unknown-package", "This package isn't in the catalogue"


def take_scan(session: Session, form: Form, lines: Mapping[str, str] | None = None) -> bool:
    """Fill in a form by its input ``scan``; true where it is to be shown again and not acted on.

    Filled in are those of ``item``, ``unit``, ``quantity``, ``batch``, ``produced_on`` and
    ``expires_on`` that the form has and the barcode says. ``lines`` gives, for a form of several,
    what stands before their inputs' names, and their items: ``{"lines[0].": "gloves"}``; of those
    of the scanned item the first without a batch is filled in. A barcode that can't be read, is on
    no line or on no item becomes a slip at ``scan``. Where nothing was scanned the form is left
    without its ``scan``, and can be read as the API's body.
    """
    text = form.values.pop("scan", "").strip()
    if not text:
        return False
    form.values["scan"] = text
    with form.attempt(session):
        try:
            _fill_in(form, scanned(session, text), lines)
        except InvalidInput as error:
            error.field = "scan"
            raise
        form.values["scan"] = ""
    return True


Row = TypeVar("Row", bound="OfALot")


class OfALot(Protocol):
    """A row of a list that tells which goods it is of."""

    @property
    def item(self) -> str: ...

    @property
    def batch(self) -> str | None: ...


def fitting(session: Session, text: str, rows: list[Row]) -> list[Row]:
    """Those rows that a scanned package can be of; all where nothing was scanned.

    Raises:
        NotGs1: it isn't a GS1 code.

    """
    if not text.strip():
        return rows
    try:
        found = scanned(session, text)
    except InvalidInput as error:
        error.field = "scan"
        raise
    return [row for row in rows if found.is_of(row.item, row.batch or "")]


def _fill_in(form: Form, found: Scanned, lines: Mapping[str, str] | None) -> None:
    at = "" if lines is None else _line_of(form, found, lines)
    said = _says(found, form[f"{at}quantity"])
    form.values |= {at + name: value for name, value in said if at + name in form.values}
    if found.item is None:
        raise UnknownPackage(
            f"No item here has the GTIN {found.scan.gtin}",
            mend="choose the item yourself, or have it added to the catalogue",
        )


def _line_of(form: Form, found: Scanned, lines: Mapping[str, str]) -> str:
    alike = [at for at, item in lines.items() if found.is_of(item)]
    if not alike or (found.item is None and len(alike) > 1):
        raise NotOnTheForm(
            f"{found.item or found.scan.gtin} is on none of the lines",
            mend="scan another package, or fill the line in yourself",
        )
    free = [at for at in alike if form[f"{at}batch"] in {"", found.scan.batch}]
    return (free or alike)[0]


def _says(found: Scanned, quantity: str) -> list[tuple[str, str]]:
    """The fields that the barcode fills in; a quantity only where none was typed."""
    scan, package = found.scan, found.package
    said: dict[str, object] = {
        "batch": scan.batch,
        "produced_on": scan.produced_on,
        "expires_on": scan.expires_on,
    }
    if package:
        said |= {"item": package.item}
    if package and not quantity:
        said |= {"unit": package.unit, "quantity": found.quantity}
    return [(name, str(value)) for name, value in said.items() if value is not None]
