"""Pages of what-ifs: change a solved run's input in a form, ask, and make the answer a real run."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from optimizer.parts import Need, Source
from optimizer.problem import Problem
from services.catalog import service as catalog
from services.catalog.models import Item
from services.dispatch import service, store
from services.dispatch.api import READERS
from services.dispatch.models import Run
from services.dispatch.orders import Orders, PolicyIn
from services.dispatch.schemas import WhatIfIn
from services.parties.access import CurrentActor
from services.parties.models import Role, Site
from services.parties.pages import sites_by_code
from services.parties.service import require_role
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.pages import redirect, render

router = APIRouter()


@dataclass(frozen=True, slots=True)
class View:
    """What pages need to call lots, needs, sites and items by their names."""

    lots: dict[str, Source]
    needs: dict[str, Need]
    sites: dict[str, Site]
    items: dict[str, Item]


def view_of(session: Session, problem: Problem) -> View:
    return View(
        lots={source.id: source for source in problem.sources},
        needs={need.id: need for need in problem.needs},
        sites=sites_by_code(session),
        items={item.code: item for item in catalog.items(session)},
    )


class Start(BaseModel):
    """A line of a plan, and what is to be changed of it."""

    add: Literal["pin", "ban", "lot"] | None = None
    origin: str = ""
    lot_id: str = ""
    paper: str = ""
    need_id: str = ""
    quantity: str = ""


@router.get("/runs/{run_id}/what-if")
def show_form(
    request: Request,
    run_id: UUID,
    session: DatabaseSession,
    actor: CurrentActor,
    start: Annotated[Start, Query()],
) -> Response:
    require_role(actor, Role.DISPATCHER)
    run = store.get_run(session, run_id)
    return _form_page(request, session, run, _first_form(store.stored_orders(run), start))


@router.post("/runs/{run_id}/what-if")
def ask(
    request: Request, run_id: UUID, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    require_role(actor, *READERS)
    for name, decisive in _ROWS.items():
        form.drop_blank_rows(name, decisive)
    started: list[Run] = []
    with form.attempt(session):
        marks = [name for name in form.values if name.endswith(".keep")]
        body = form.read(WhatIfIn, leave_out=marks)
        # A form shows all there are: what it doesn't hold was taken out.
        whole = body.model_copy(update={"pins": body.pins or [], "bans": body.bans or []})
        started.append(service.start_what_if(session, actor, run_id, whole)[0])
    if form.slips:
        return _form_page(request, session, store.get_run(session, run_id), form)
    return redirect(request, f"/runs/{started[0].id}", done="what-if-asked")


_ROWS = {
    "pins": ("keep",),
    "bans": ("keep",),
    "supply": ("change_pieces",),
    "new_lots": ("site", "item", "quantity", "ready_in_days"),
}


def _first_form(orders: Orders, start: Start) -> Form:
    """What is set by hand now, and a line more where one was chosen."""
    form = Form.blank(**policy_values(orders.policy))
    pins: list[dict[str, Any]] = [pin.model_dump(exclude={"by"}) for pin in orders.pins]
    bans: list[dict[str, Any]] = [ban.model_dump(exclude={"by"}) for ban in orders.bans]
    line = {"origin": start.origin, "lot_id": start.lot_id, "why": ""}
    if start.add == "pin":
        pins.append(line | {"need_id": start.need_id, "quantity": start.quantity})
    if start.add == "ban":
        bans.append(line | {"paper": start.paper, "need_id": start.need_id})
    for name, rows in (("pins", pins), ("bans", bans)):
        for index, row in enumerate(rows):
            given = {key: "" if value is None else str(value) for key, value in row.items()}
            for key, value in (given | {"keep": "true"}).items():
                form.values[f"{name}[{index}].{key}"] = value
    if start.add == "lot":
        for key, value in {"origin": start.origin, "lot_id": start.lot_id}.items():
            form.values[f"supply[0].{key}"] = value
        form.values["supply[0].change_pieces"] = ""
    return form


def policy_values(policy: PolicyIn) -> dict[str, object]:
    """The policy by its inputs' names; a box that isn't ticked has no value."""
    return {
        f"policy.{name}": "true" if value is True else value
        for name, value in policy.model_dump().items()
        if value is not False
    }


def _form_page(request: Request, session: Session, run: Run, form: Form) -> Response:
    problem = store.stored_problem(run)
    store.stored_plan(run)
    view = view_of(session, problem)
    origins = {source.site for source in problem.sources}
    origins |= {lane.origin for lane in problem.lanes}
    return render(
        request,
        "what_if.html",
        form.status,
        form=form,
        base=run,
        view=view,
        origins=[view.sites[code] for code in sorted(origins) if code in view.sites],
    )
