"""Who may sign in, as a list for administrators."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from sqlmodel import Session, col, select

from services.parties.models import Role, User
from services.web.http import Code
from services.web.lists import LEFT_EMPTY, Asked, Listing, select_page


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a list shows; what is None narrows nothing."""

    organisation: str | None
    role: Role | None
    active: bool | None


def _wanted(
    organisation: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    role: Annotated[Role | None, LEFT_EMPTY, Query()] = None,
    active: Annotated[
        bool | None, LEFT_EMPTY, Query(description="Whether they may sign in")
    ] = None,
) -> Wanted:
    return Wanted(organisation, role, active)


PeopleWanted = Annotated[Wanted, Depends(_wanted)]


def list_people(session: Session, asked: Asked, wanted: Wanted) -> Listing[User]:
    """Users by their names, or by the column asked for."""
    narrowed = {
        User.organisation: wanted.organisation,
        User.role: wanted.role,
        User.active: wanted.active,
    }
    statement = select(User).where(
        *(column == value for column, value in narrowed.items() if value is not None)
    )
    order = {
        "username": col(User.username),
        "role": col(User.role),
        "organisation": col(User.organisation),
        "active": col(User.active),
    }
    return select_page(session, statement, order, asked, tie=col(User.id))
