"""Endpoints of what is done with lots: sorted, lost, given back, used, repacked, put away."""

from fastapi import APIRouter, Response, status

from services.inventory import acts, giving_back
from services.inventory.act_schemas import (
    ActOut,
    ConsumeIn,
    ExpiredIn,
    GiveBackIn,
    LossIn,
    PlaceIn,
    PlaceOut,
    RepackIn,
    SortIn,
    ToGiverIn,
    ToGiverOut,
)
from services.inventory.acts import Done
from services.parties.access import CurrentActor
from services.web.http import DatabaseSession

router = APIRouter(tags=["inventory"])


def act_out(done: Done) -> ActOut:
    entry = done.posted.entry
    return ActOut(
        entry_id=entry.id,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        quantity_base=done.quantity,
        lots=list(done.lots),
    )


def _answer(done: Done, response: Response) -> ActOut:
    if not done.posted.created:
        response.status_code = status.HTTP_200_OK
    return act_out(done)


@router.post("/stock/sort", status_code=status.HTTP_201_CREATED)
def sort_lot(
    body: SortIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """Put a quantity of a lot at a site of yours into another state, with the reason."""
    return _answer(acts.sort_lot(session, actor, body), response)


@router.post("/stock/losses", status_code=status.HTTP_201_CREATED)
def write_off(
    body: LossIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """Stolen, broken, wet, destroyed: what is gone for good. The cause is published."""
    return _answer(acts.write_off(session, actor, body), response)


@router.post("/stock/returns", status_code=status.HTTP_201_CREATED)
def give_back(
    body: GiveBackIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """A hospital's surplus, into stock again, from where a dispatcher may send it on."""
    return _answer(acts.give_back(session, actor, body), response)


@router.post("/stock/to-giver", status_code=status.HTTP_201_CREATED)
def give_to_giver(
    body: ToGiverIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ToGiverOut:
    """Unusable goods, back to the donor, seller or maker that they came from."""
    done = _answer(giving_back.to_giver(session, actor, body), response)
    giver = giving_back.giver_of(session, acts.get_lot(session, body.lot_id))
    return ToGiverOut(**done.model_dump(), to=giver.account.holder, refund=giver.refund)


@router.post("/stock/consumption", status_code=status.HTTP_201_CREATED)
def consume(
    body: ConsumeIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """What a hospital used of what it received."""
    return _answer(acts.consume(session, actor, body), response)


@router.post("/stock/repacks", status_code=status.HTTP_201_CREATED)
def repack(
    body: RepackIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """One lot into new lots of the same item, batch and date; a donation's trace follows them."""
    return _answer(acts.repack(session, actor, body), response)


@router.post("/stock/expired", status_code=status.HTTP_201_CREATED)
def take_off_expired(
    body: ExpiredIn, session: DatabaseSession, actor: CurrentActor, response: Response
) -> ActOut:
    """Take expired lots off the shelf: all that is available of each."""
    return _answer(acts.take_off_expired(session, actor, body), response)


@router.put("/stock/places")
def put_away(body: PlaceIn, session: DatabaseSession, actor: CurrentActor) -> PlaceOut:
    """Where a lot was put away at a site of yours."""
    row = acts.put_away(session, actor, body)
    return PlaceOut(site=row.site, lot_id=row.lot_id, place=row.place)
