"""Whose factory it is, and who may see its papers."""

from sqlmodel import Session

from services.errors import InvalidInput
from services.parties import service as parties
from services.parties.models import DESKS, Role, Site, SiteKind
from services.parties.service import Actor


def own_factory(session: Session, actor: Actor, code: str) -> Site:
    """The factory, if it is the actor's own.

    Raises:
        NotFound, Forbidden: there is none, or it is another organisation's.
        InvalidInput: the site is no factory.

    """
    site = parties.require_site(session, actor, code, Role.MANUFACTURER)
    if site.kind is not SiteKind.FACTORY:
        raise InvalidInput(
            f"Site {code} is a {site.kind}",
            field="site",
            value=code,
            mend="name a factory; see GET /api/v1/sites?kind=factory",
        )
    return site


def visible_sites(session: Session, actor: Actor, site: str | None) -> list[str] | None:
    """Sites whose papers the actor may see; None for all.

    Raises:
        NotFound: the site asked for doesn't exist.
        Forbidden: it is another organisation's.

    """
    if actor.role in DESKS:
        return [parties.get_site(session, site).code] if site else None
    if site:
        return [parties.require_site(session, actor, site, Role.MANUFACTURER).code]
    parties.require_role(actor, Role.MANUFACTURER)
    return [row.code for row in parties.sites_of(session, actor.organisation)]


def require_visible(session: Session, actor: Actor, site: str) -> None:
    """Raise Forbidden unless the actor is at a desk or of the site's own organisation."""
    visible_sites(session, actor, site)
