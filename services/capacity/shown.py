"""Papers of capacity as the API gives them; the pages' files have the same columns."""

from collections.abc import Sequence

from sqlmodel import Session

from services.capacity import made, makers, orders, surplus
from services.capacity.days import PlannedDay
from services.capacity.made import Produced
from services.capacity.makers import Registered
from services.capacity.models import SurplusOffer
from services.capacity.orders import Ordered
from services.capacity.promised import Promised
from services.capacity.schemas import PlanDayOut, ProductionOut
from services.capacity.schemas_makers import ChangeOut, FileOut, MakerOut, ProductOut
from services.capacity.schemas_orders import OfferOut, OrderOut, PromisedOut
from services.files.service import attachments_of
from services.parties.changes import Change, changes_of


def days_out(days: Sequence[PlannedDay]) -> list[PlanDayOut]:
    return [
        PlanDayOut(
            site=it.promised.site,
            item=it.promised.item,
            day=it.promised.day,
            planned_base=it.promised.planned,
            actual_base=it.promised.made,
            state=it.state,
            ordered_base=it.promised.ordered,
            open_base=it.promised.open,
            due_base=it.promised.due,
            shortfall_reason=it.shortfall.reason if it.shortfall else None,
            shortfall_note=it.shortfall.note if it.shortfall else None,
        )
        for it in days
    ]


def promised_out(days: Sequence[Promised]) -> list[PromisedOut]:
    return [
        PromisedOut(
            site=it.site,
            item=it.item,
            day=it.day,
            planned_base=it.planned or 0,
            ordered_base=it.ordered,
            made_base=it.made,
            open_base=it.open,
            due_base=it.due,
        )
        for it in days
    ]


def productions_out(session: Session, found: Sequence[Produced]) -> list[ProductionOut]:
    files = attachments_of(session, [made.subject_of(it.production.id) for it in found])
    return [
        ProductionOut(
            id=it.production.id,
            entry_id=it.production.id,
            lot_id=it.lot_id,
            site=it.production.site,
            item=it.production.item,
            day=it.production.day,
            quantity_base=it.quantity,
            batch=it.batch,
            produced_on=it.produced_on,
            expires_on=it.expires_on,
            expiry_source=it.production.expiry_source,
            occurred_at=it.occurred_at,
            order_id=it.production.order_id,
            certificates=sum(each.kind == made.CERTIFICATE for each in beside),
            files=[FileOut.model_validate(each) for each in beside],
        )
        for it in found
        for beside in [files[made.subject_of(it.production.id)]]
    ]


def makers_out(session: Session, found: Sequence[Registered]) -> list[MakerOut]:
    subjects = [makers.subject_of(it.organisation.code) for it in found]
    files, changes = attachments_of(session, subjects), changes_of(session, subjects)
    return [
        MakerOut(
            organisation=it.organisation.code,
            name_en=it.organisation.name_en,
            name_zh=it.organisation.name_zh,
            state=it.state,
            licence_number=it.maker.licence_number if it.maker else None,
            version=it.maker.version if it.maker else 0,
            allowed=it.maker.allowed if it.maker else False,
            may_report=it.may_report,
            submitted_at=it.maker.submitted_at if it.maker else None,
            decided_at=it.maker.decided_at if it.maker else None,
            waiting_hours=it.waiting_hours,
            overdue=it.overdue,
            documents=len(files[subject]),
            products=[ProductOut.model_validate(each) for each in it.products],
            files=[FileOut.model_validate(each) for each in files[subject]],
            history=_history(changes[subject]),
        )
        for it, subject in zip(found, subjects, strict=True)
    ]


def orders_out(session: Session, found: Sequence[Ordered]) -> list[OrderOut]:
    changes = changes_of(session, [orders.subject_of(it.order.id) for it in found])
    return [
        OrderOut(
            **it.order.model_dump(exclude={"ordered_by", "content_digest"}),
            made_base=it.made,
            progress=it.progress,
            history=_history(changes[orders.subject_of(it.order.id)]),
        )
        for it in found
    ]


def offers_out(session: Session, found: Sequence[SurplusOffer]) -> list[OfferOut]:
    changes = changes_of(session, [surplus.subject_of(it.id) for it in found])
    return [
        OfferOut(
            **it.model_dump(exclude={"offered_by", "content_digest"}),
            left_base=it.quantity_base - it.taken_base,
            history=_history(changes[surplus.subject_of(it.id)]),
        )
        for it in found
    ]


def _history(changes: Sequence[Change]) -> list[ChangeOut]:
    return [ChangeOut.model_validate(each) for each in changes]
