"""Page of inventory: what is where, lot by lot."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.catalog import service as catalog
from services.inventory import service
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.models import DESKS
from services.parties.pages import sites_by_code
from services.web.forms import Form
from services.web.http import DatabaseSession
from services.web.pages import render

router = APIRouter()


@router.get("/stock")
def show_stock(
    request: Request, session: DatabaseSession, actor: CurrentActor, item: str = "", site: str = ""
) -> Response:
    """Stock by place, item and lot, what expires first on top: one's own, or all at a desk."""
    sites = sites_by_code(session)
    own = [each.code for each in parties.sites_of(session, actor.organisation)]
    visible = list(sites) if actor.role in DESKS else own
    wanted = [code for code in visible if site in {"", code}]
    return render(
        request,
        "stock.html",
        rows=service.stock(session, sites=wanted, item=item or None),
        items={each.code: each for each in catalog.items(session)},
        sites=sites,
        holders=[sites[code] for code in visible],
        filters=Form({"item": item, "site": site}),
    )
