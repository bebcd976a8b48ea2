"""Pages of the catalogue and of the scanner."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from services.catalog import maintain
from services.catalog import service as catalog
from services.catalog.schemas import GtinIn, ItemIn, PackIn, SubstituteIn
from services.errors import NotFound
from services.inventory.catalogue_api import NewItem, keep, require_keeper, scan_out
from services.inventory.pages_base import history, names, packed
from services.parties.access import CurrentActor
from services.parties.models import Role
from services.parties.service import Actor
from services.web.forms import Form, SentForm, in_steps
from services.web.http import DatabaseSession
from services.web.pages import redirect, render

router = APIRouter()
# Typed in degrees Celsius.
_LIMITS = ("least_centi", "most_centi")
_Put = Callable[[Session, str, Any], str | None]
_PUTS: Mapping[str, tuple[type[Any], _Put]] = MappingProxyType(
    {
        "pack": (PackIn, maintain.put_pack),
        "gtin": (GtinIn, maintain.put_gtin),
        "substitute": (SubstituteIn, maintain.put_substitute),
    }
)


@router.get("/catalogue")
def show_catalogue(request: Request, session: DatabaseSession, actor: CurrentActor) -> Response:
    """Every item with its packs, and the form that adds one."""
    return _list_page(request, session, actor, Form())


@router.post("/catalogue")
def add_item(
    request: Request, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    require_keeper(actor)
    code = ""
    with form.attempt(session):
        limits = {name: in_steps(form, name, 2) for name in _LIMITS}
        new = form.read(NewItem, instead=limits)
        code = new.code
        body = ItemIn(**new.model_dump(exclude={"code"}))
        keep(session, actor, code, maintain.put_item(session, code, body))
    if form.slips:
        return _list_page(request, session, actor, form)
    return redirect(request, f"/catalogue/{code}", done="catalogue-saved")


def _list_page(request: Request, session: Session, actor: Actor, form: Form) -> Response:
    return render(
        request,
        "inventory_catalogue.html",
        form.status,
        form=form,
        may_keep=actor.role in {Role.DISPATCHER, Role.ADMIN},
        packing=packed(session),
        **names(session),
    )


@router.get("/catalogue/{item}")
def show_item(
    request: Request, session: DatabaseSession, actor: CurrentActor, item: str
) -> Response:
    """One item: its packs, GTINs, substitutes and history."""
    return _page(request, session, actor, item, {})


@router.post("/catalogue/{item}/{part}")
def put_part(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    item: str,
    part: str,
    form: SentForm,
) -> Response:
    require_keeper(actor)
    if part not in _PUTS:
        raise NotFound(f"There is nothing at {request.url.path}")
    schema, put = _PUTS[part]
    with form.keyed(part).attempt(session):
        keep(session, actor, item, put(session, item, form.read(schema)))
    if form.slips:
        return _page(request, session, actor, item, {part: form})
    return redirect(request, f"/catalogue/{item}", done="catalogue-saved")


def _page(
    request: Request, session: Session, actor: Actor, code: str, sent: Mapping[str, Form]
) -> Response:
    item = catalog.get_item(session, code)
    subject = f"item:{code}"
    return render(
        request,
        "inventory_item.html",
        next((form.status for form in sent.values()), 200),
        item=item,
        gtins=[each for each in catalog.trade_items(session) if each.item == code],
        serving=catalog.substitutes(session).get(code, ()),
        serves=[s for s, by in catalog.substitutes(session).items() if code in by],
        units=[catalog.BASE_UNIT, *(unit for unit, _ in packed(session).get(code, []))],
        forms={name: sent.get(name) or Form().keyed(name) for name in _PUTS},
        may_keep=actor.role in {Role.DISPATCHER, Role.ADMIN},
        packing=packed(session),
        **history(session, subject),
        **names(session),
    )


@router.get("/scan")
def show_scan(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,  # noqa: ARG001 — for everybody who is signed in
    text: str = "",
) -> Response:
    """What a barcode says: a field to scan into, and what it fills in."""
    form = Form({"text": text})
    found = None
    with form.attempt(session):
        found = scan_out(session, text) if text else None
    return render(
        request,
        "inventory_scan.html",
        form.status,
        form=form,
        found=found,
        packing=packed(session),
        **names(session),
    )
