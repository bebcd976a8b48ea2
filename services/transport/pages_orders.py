"""Pages of transfer orders: the list, a new one from what a shelf holds, and one by itself."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from services.journal.clock import local_date
from services.journal.read import Holding, holdings
from services.journal.stops import stopped_lots
from services.parties import service as parties
from services.parties.access import CurrentActor
from services.parties.changes import changes_of
from services.parties.models import OrganisationKind, Role, Site
from services.parties.pages import organisations_of_kind, sites_by_code
from services.parties.service import Actor
from services.transport import transfers
from services.transport.api_orders import transfers_out
from services.transport.handling import HOLDERS
from services.transport.models import ShipmentState
from services.transport.pages import names, names_of_users
from services.transport.schemas import CancelIn
from services.transport.schemas_orders import SentBackAs, TransferIn
from services.web.forms import Form, SentForm, now_input
from services.web.http import Code, DatabaseSession
from services.web.lists import LEFT_EMPTY, ListAsked, csv_file
from services.web.pages import redirect, render

router = APIRouter()
# A form has so many lines at most; whoever sends more orders by the API.
_MOST_LOTS = 100
_BEFORE_LEAVING = frozenset({ShipmentState.PLANNED, ShipmentState.PICKED, ShipmentState.LOADED})


@router.get("/transfers")
def list_transfers(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    origin: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
    destination: Annotated[Code | None, LEFT_EMPTY, Query()] = None,
) -> Response:
    listing = transfers.find(session, actor, asked, origin=origin, destination=destination)
    rows = listing.map(lambda page: transfers_out(session, page))
    if asked.is_csv:
        return csv_file(rows.rows, "transfers")
    return render(
        request,
        "transfers.html",
        listing=rows,
        filters=Form({"origin": origin or "", "destination": destination or ""}),
        shelves=_shelves(session, actor),
        **names(request, session),
    )


@router.get("/transfers/new")
def show_form(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    origin: str = "",
    sent_back_as: Annotated[SentBackAs | None, Query()] = None,
) -> Response:
    """What the shelf holds, or what nobody can use, with a quantity to fill in beside each lot.

    Where no place is named, or none that there is, one is asked for.
    """
    parties.require_role(actor, Role.DISPATCHER, *HOLDERS)
    if origin not in sites_by_code(session):
        return render(
            request,
            "transfer_from.html",
            form=Form({"origin": "", "sent_back_as": sent_back_as or ""}),
            shelves=_shelves(session, actor),
        )
    form = Form.blank(
        origin=origin,
        occurred_at=now_input(),
        depart_on=now_input()[:10],
        sent_back_as=sent_back_as,
    )
    return _form_page(request, session, actor, origin, form)


@router.post("/transfers/new")
def order(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    made: list[UUID] = []
    form.drop_blank_rows("lines", ["quantity_base"])
    with form.attempt(session):
        made.append(transfers.order(session, actor, form.read(TransferIn))[0].id)
    if form.slips:
        return _form_page(request, session, actor, form["origin"], form)
    return redirect(request, f"/transfers/{made[0]}", done="transfer-ordered")


@router.get("/transfers/{transfer_id}")
def show_transfer(
    request: Request, transfer_id: UUID, session: DatabaseSession, actor: CurrentActor
) -> Response:
    return _page(request, session, actor, transfer_id, Form({"occurred_at": now_input()}))


@router.post("/transfers/{transfer_id}/cancel")
def cancel(
    request: Request,
    transfer_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
) -> Response:
    with form.attempt(session):
        transfers.cancel(session, actor, transfer_id, form.read(CancelIn))
    if form.slips:
        return _page(request, session, actor, transfer_id, form)
    return redirect(request, f"/transfers/{transfer_id}", done="shipment-cancelled")


def _shelves(session: Session, actor: Actor) -> list[Site]:
    """Where this actor may order goods from."""
    if actor.role in {Role.DISPATCHER, Role.ADMIN}:
        return list(sites_by_code(session).values())
    return parties.sites_of(session, actor.organisation) if actor.role in HOLDERS else []


def _form_page(
    request: Request, session: Session, actor: Actor, origin: str, form: Form
) -> Response:
    if actor.role is not Role.DISPATCHER:
        parties.require_site(session, actor, origin, *HOLDERS)
    site = parties.get_site(session, origin, field="origin")
    typed = [form[f"lines[{row}].lot_id"] for row in form.rows("lines")]
    lots = _lots(session, site.code, form["sent_back_as"], _day(form))
    # Those that were filled in come first, as the slips number them.
    lots.sort(key=lambda held: typed.index(each) if (each := str(held.lot_id)) in typed else 10**6)
    for row, holding in enumerate(lots):
        form.values[f"lines[{row}].lot_id"] = str(holding.lot_id)
        form.values.setdefault(f"lines[{row}].quantity_base", "")
    return render(
        request,
        "transfer_new.html",
        form.status,
        form=form,
        origin=site,
        lots=lots,
        carrier_choices=organisations_of_kind(session, OrganisationKind.CARRIER),
        **names(request, session),
    )


def _day(form: Form) -> date:
    """The day on which it is to arrive, or to leave; today where neither can be read."""
    for name in ("due_on", "depart_on"):
        with suppress(ValueError):
            return date.fromisoformat(form[name])
    return local_date(datetime.now(UTC))


def _lots(session: Session, site: str, sent_back_as: str, day: date) -> list[Holding]:
    """What can be taken off the shelf and is good on a day: what expires first comes first.

    With ``sent_back_as``, what stands there in that state.
    """
    if sent_back_as:
        return holdings(session, holder=f"site:{site}", state=sent_back_as)[:_MOST_LOTS]
    found = holdings(session, holder=f"site:{site}", state="available")
    stopped = stopped_lots(session, {each.lot_id for each in found})
    good = [
        each
        for each in found
        if each.lot_id not in stopped and (each.expires_on is None or each.expires_on > day)
    ]
    return sorted(good, key=lambda each: (each.expires_on or date.max, each.lot_id))[:_MOST_LOTS]


def _page(
    request: Request, session: Session, actor: Actor, transfer_id: UUID, form: Form
) -> Response:
    transfer = transfers.get_transfer(session, actor, transfer_id)
    subject = f"transfer:{transfer_id}"
    changes = changes_of(session, [subject])[subject]
    told = transfers_out(session, [transfer])[0]
    own = transfer.origin in {site.code for site in _shelves(session, actor)}
    return render(
        request,
        "transfer.html",
        form.status,
        transfer=told,
        form=form,
        may_cancel=own and told.state in _BEFORE_LEAVING,
        changes=changes,
        people=names_of_users(session, changes),
        **names(request, session),
    )
