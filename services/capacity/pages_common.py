"""What every page of capacity needs: the words for codes, whose factories, and chosen filters."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import Session, select

from services.capacity.factories import visible_sites
from services.catalog import service as catalog
from services.database import among
from services.parties.changes import Change
from services.parties.models import DESKS, Organisation, Role, Site, SiteKind, User
from services.parties.pages import sites_by_code
from services.parties.service import Actor
from services.web.forms import Form

Choice = TypeVar("Choice", bound=str)


def chosen(text: str, choices: Iterable[Choice]) -> Choice | None:
    """What a filter's select says; None for all, and for what isn't one of the choices."""
    return next((each for each in choices if each == text), None)


def wanted_sites(session: Session, actor: Actor, site: str) -> list[str] | None:
    """Sites whose papers are to be listed; None for all. Raises as `visible_sites` does."""
    return visible_sites(session, actor, site or None)


def own_factories(session: Session, actor: Actor) -> list[Site]:
    """Whose output the actor reports: their own organisation's, or any as an admin."""
    return [
        site
        for site in sites_by_code(session, SiteKind.FACTORY).values()
        if actor.role is Role.ADMIN or site.organisation == actor.organisation
    ]


def filters(session: Session, actor: Actor, **values: str) -> dict[str, Any]:
    """The values that pages of capacity share; ``values`` are what the filters are set to."""
    sites = sites_by_code(session)
    factories = [site for site in sites.values() if site.kind is SiteKind.FACTORY]
    return {
        "at_desk": actor.role in DESKS,
        "filters": Form(values),
        "factories": factories
        if actor.role in DESKS
        else [site for site in factories if site.organisation == actor.organisation],
        "items": {item.code: item for item in catalog.items(session)},
        "sites": sites,
    }


def names_of(session: Session, actor: Actor, changes: Sequence[Change]) -> dict[UUID, str]:
    """Who made changes: by person for desks and one's own people, else by organisation."""
    wanted = {change.changed_by for change in changes if change.changed_by}
    statement = select(User, Organisation).join(Organisation).where(among(User.id, wanted))
    return {
        user.id: user.display_name
        if actor.role in DESKS or user.organisation == actor.organisation
        else organisation.name_en
        for user, organisation in session.exec(statement)
    }
