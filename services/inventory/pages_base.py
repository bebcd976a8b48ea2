"""What inventory's pages share: names, packs, and people."""

from typing import Any

from sqlmodel import Session

from services.catalog import service as catalog
from services.parties.pages import sites_by_code


def names(session: Session) -> dict[str, Any]:
    """Items and sites by code, for their names."""
    return {
        "items": {each.code: each for each in catalog.items(session)},
        "sites": sites_by_code(session),
    }


def packed(session: Session) -> dict[str, list[tuple[str, int]]]:
    """The units of every item, largest first: ``inventory_packs.html`` tells pieces by them."""
    return catalog.packing(session)
