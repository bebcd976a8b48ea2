"""Whose desk decides on the needs of a site: its region's, or that of a region around it."""

from sqlmodel import Session, select

from services.errors import Forbidden, InvalidInput, NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import OrganisationKind, Region, Role
from services.parties.service import Actor
from services.requests.models import RegionDesk

# Who may decide at a desk; auditors only look on.
DECIDERS = (Role.DISPATCHER, Role.APPROVER)


class NotYourDesk(Forbidden):
    code, title = "not-your-desk", "Another organisation's desk decides on this region"


def desks(session: Session) -> dict[str, str]:
    """The organisation that is set as the desk of each region."""
    return {row.region: row.organisation for row in session.exec(select(RegionDesk))}


def desk_of_region(session: Session, region: str) -> str | None:
    """The desk of a region: its own, or that of the smallest around it; None where none is set."""
    known = desks(session)
    above = parties.regions_above(session).get(region, ())
    return next((known[code] for code in above if code in known), None)


def require_desk(session: Session, actor: Actor, region: str | None) -> None:
    """Raise Forbidden unless the actor may decide for a region; None means for all of them.

    Where no desk is set any dispatcher or approver may; for all regions, as soon as one of them
    has a desk of its own, nobody but an admin.
    """
    parties.require_role(actor, *DECIDERS)
    if actor.role is Role.ADMIN:
        return
    if region is None:
        if desks(session):
            raise NotYourDesk(
                "Regions have desks of their own, and this concerns all of them",
                field="region",
                value=None,
                mend="name your own region, or ask an admin",
            )
        return
    desk = desk_of_region(session, region)
    if desk is not None and desk != actor.organisation:
        raise NotYourDesk(
            f"{desk} is the desk of {region}",
            field="region",
            value=region,
            mend=f"ask {desk} to decide",
        )


def may_decide(session: Session, actor: Actor, region: str) -> bool:
    try:
        require_desk(session, actor, region)
    except Forbidden:
        return False
    return True


def set_desk(session: Session, actor: Actor, region: str, organisation: str | None) -> None:
    """Make an authority the desk of a region and those within it; None takes that back."""
    parties.require_role(actor, Role.ADMIN)
    if session.get(Region, region) is None:
        raise NotFound(f"There is no region {region}", field="region", value=region)
    if organisation is not None:
        found = parties.get_organisation(session, organisation)
        if found.kind is not OrganisationKind.AUTHORITY:
            raise InvalidInput(
                f"{organisation} is a {found.kind}, and a desk is an authority's",
                field="organisation",
                value=organisation,
                mend="name an organisation that is an authority",
            )
    row = session.get(RegionDesk, region, with_for_update=True)
    before = row.organisation if row else None
    if before == organisation:
        return
    if row is not None and organisation is None:
        session.delete(row)
    elif organisation is not None:
        session.merge(RegionDesk(region=region, organisation=organisation))
    record_change(session, actor, f"region:{region}", f"desk {before} → {organisation}")
