"""Who keeps which shelves, and whose stock somebody may see."""

from sqlmodel import Session

from services.parties import service as parties
from services.parties.models import DESKS, Role, Site, SiteKind
from services.parties.service import Actor

# Who keeps the shelves of each kind of site, and so may count and sort them.
_KEEPERS = {
    SiteKind.WAREHOUSE: Role.DISPATCHER,
    SiteKind.HOSPITAL: Role.HOSPITAL,
    SiteKind.RELIEF_POINT: Role.HOSPITAL,
    SiteKind.FACTORY: Role.MANUFACTURER,
}


def kept_site(session: Session, actor: Actor, code: str) -> Site:
    """The site, if the actor keeps its shelves.

    Raises:
        NotFound: there is no such site.
        Forbidden: another organisation's site, or another role's shelves.

    """
    keeper = _KEEPERS.get(parties.get_site(session, code).kind, Role.DISPATCHER)
    return parties.require_site(session, actor, code, keeper)


def kept_sites(session: Session, actor: Actor) -> list[Site]:
    """The sites whose shelves the actor keeps."""
    return [
        site
        for site in parties.sites_of(session, actor.organisation)
        if actor.role in {_KEEPERS.get(site.kind, Role.DISPATCHER), Role.ADMIN}
    ]


def visible_sites(session: Session, actor: Actor, site: str | None) -> list[str] | None:
    """Sites whose stock the actor may see; None for all. Raises as ``require_site`` does."""
    if actor.role in DESKS:
        return [parties.get_site(session, site).code] if site else None
    if site:
        return [parties.require_site(session, actor, site, actor.role).code]
    return [row.code for row in parties.sites_of(session, actor.organisation)]
