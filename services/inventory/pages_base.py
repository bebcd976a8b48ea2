"""What inventory's pages share: names, packs, and people."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlmodel import Session, select

from services.catalog import service as catalog
from services.database import among
from services.parties.changes import Change, changes_of
from services.parties.models import User
from services.parties.pages import names_of_organisations, sites_by_code
from services.web.i18n import language_of


def names(session: Session) -> dict[str, Any]:
    """Items and sites by code, for their names."""
    return {
        "items": {each.code: each for each in catalog.items(session)},
        "sites": sites_by_code(session),
    }


def names_with_organisations(request: Request, session: Session) -> dict[str, Any]:
    """The same, and the public names of organisations by code."""
    language = language_of(request.url.path)
    return names(session) | {"organisations": names_of_organisations(session, language)}


def packed(session: Session) -> dict[str, list[tuple[str, int]]]:
    """The units of every item, largest first: ``inventory_packs.html`` tells pieces by them."""
    return catalog.packing(session)


def history(session: Session, subject: str) -> dict[str, Any]:
    """Who changed what of a subject, and the people's names by id."""
    changes: Sequence[Change] = changes_of(session, [subject])[subject]
    ids = {change.changed_by for change in changes if change.changed_by}
    people = session.exec(select(User).where(among(User.id, ids)))
    names: dict[UUID, str] = {user.id: user.display_name for user in people}
    return {"changes": changes, "people": names}
