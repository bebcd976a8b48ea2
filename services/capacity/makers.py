"""The makers' register: an organisation hands its paper in, a desk approves it or asks it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.capacity.models import Maker, MakerProduct, MakerState, Production
from services.capacity.rules import get_rules
from services.capacity.schemas_makers import MakerIn, Standing
from services.catalog import service as catalog
from services.database import among
from services.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.parties import service as parties
from services.parties.changes import record_change
from services.parties.models import DESKS, Organisation, OrganisationKind, Role, Site
from services.parties.service import Actor
from services.web.lists import Asked, Listing, select_page


class MakerNotApproved(Conflict):
    code, title = "maker-not-approved", "This maker's paper isn't approved for this"


class MakerChanged(Conflict):
    code, title = "maker-changed", "The maker changed its paper meanwhile"


class MakerSuspended(Conflict):
    code, title = "maker-suspended", "This maker is suspended"


@dataclass(frozen=True, slots=True)
class Registered:
    """A maker with its paper, if it handed one in; ``waiting_hours`` of one that waits."""

    organisation: Organisation
    maker: Maker | None
    products: list[MakerProduct]
    waiting_hours: int | None
    overdue: bool
    required: bool

    @property
    def state(self) -> Standing:
        return self.maker.state.value if self.maker else "unregistered"

    @property
    def may_report(self) -> bool:
        """Whether output of some item is taken from it."""
        if self.maker is None:
            return not self.required
        approved = any(product.approved for product in self.products)
        return self.state != "suspended" and (self.maker.allowed or approved)


def subject_of(organisation: str) -> str:
    """What history and files of a maker's paper are filed under."""
    return f"maker:{organisation}"


def hand_in(session: Session, actor: Actor, organisation: str, body: MakerIn) -> Maker:
    """Write a maker's paper as it is to stand; the same paper again changes nothing.

    What a desk approved and the new paper leaves as it was stays approved meanwhile. Who reported
    output before it ever handed in a paper goes on until a desk says otherwise.

    Raises:
        NotFound, Forbidden: an unknown organisation or item, or another's paper.
        InvalidInput: an item named twice, or an organisation that makes nothing.
        MakerSuspended: only a desk can lift that.

    """
    _own_maker(session, actor, organisation)
    wanted = _products_of(session, body)
    maker, is_new = _locked(session, organisation, body.licence_number)
    before = {product.item: product for product in products_of(session, organisation)}
    known = {item: product.registration_number for item, product in before.items()}
    same = maker.licence_number == body.licence_number and known == wanted
    if same and maker.state is not MakerState.ASKED_BACK:
        return maker
    if maker.state is MakerState.SUSPENDED:
        raise MakerSuspended(f"{organisation} is suspended", mend="talk to a desk")
    new_licence = maker.licence_number != body.licence_number
    for item, product in before.items():
        if item not in wanted:
            session.delete(product)
    for item, number in wanted.items():
        row = before.get(item) or MakerProduct(
            organisation=organisation, item=item, registration_number=number
        )
        row.approved = row.approved and not new_licence and row.registration_number == number
        row.registration_number = number
        session.add(row)
    maker.version += not is_new
    maker.licence_number, maker.state = body.licence_number, MakerState.SUBMITTED
    maker.submitted_at = datetime.now(UTC)
    what = f"handed in version {maker.version}: licence {body.licence_number}, " + ", ".join(
        f"{item} {number}" for item, number in sorted(wanted.items())
    )
    record_change(session, actor, subject_of(organisation), what)
    session.flush()
    return maker


def _own_maker(session: Session, actor: Actor, organisation: str) -> None:
    parties.require_role(actor, Role.MANUFACTURER)
    require_visible(actor, organisation)
    found = parties.get_organisation(session, organisation)
    if found.kind is not OrganisationKind.MANUFACTURER:
        raise InvalidInput(
            f"{organisation} is a {found.kind}",
            field="organisation",
            value=organisation,
            mend="name an organisation that is a manufacturer",
        )


def require_visible(actor: Actor, organisation: str) -> None:
    """Raise Forbidden unless the paper is the actor's own organisation's or they are at a desk."""
    if actor.role not in DESKS and organisation != actor.organisation:
        raise Forbidden(
            "This paper belongs to another organisation",
            field="organisation",
            value=organisation,
            mend="name your own organisation",
        )


def _products_of(session: Session, body: MakerIn) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for index, line in enumerate(body.products):
        where = f"products[{index}].item"
        catalog.get_item(session, line.item, field=where)
        if line.item in wanted:
            raise InvalidInput(
                f"{line.item} stands there twice",
                field=where,
                value=line.item,
                mend="name each item once",
            )
        wanted[line.item] = line.registration_number
    return wanted


def _locked(session: Session, organisation: str, licence: str) -> tuple[Maker, bool]:
    """The maker's row, made where there is none, held until the transaction ends."""
    row = Maker(
        organisation=organisation,
        state=MakerState.SUBMITTED,
        licence_number=licence,
        allowed=_reported_before(session, organisation),
        submitted_at=datetime.now(UTC),
    )
    made = session.connection().execute(
        insert(Maker)
        .values(**row.model_dump())
        .on_conflict_do_nothing()
        .returning(sa.literal(value=True))
    )
    is_new = made.first() is not None
    if is_new and row.allowed:
        record_change(
            session, None, subject_of(organisation), "goes on reporting, as it did before"
        )
    return _get_locked(session, organisation), is_new


def _get_locked(session: Session, organisation: str) -> Maker:
    found = session.exec(
        select(Maker)
        .where(Maker.organisation == organisation)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        parties.get_organisation(session, organisation)
        raise NotFound(
            f"{organisation} has handed in no paper",
            field="organisation",
            value=organisation,
            mend="the maker hands one in first",
        )
    return found


def _reported_before(session: Session, organisation: str) -> bool:
    statement = (
        select(Production.id)
        .join(Site, col(Site.code) == col(Production.site))
        .where(Site.organisation == organisation)
        .limit(1)
    )
    return session.exec(statement).first() is not None


def products_of(session: Session, organisation: str) -> list[MakerProduct]:
    return list(
        session.exec(
            select(MakerProduct)
            .where(MakerProduct.organisation == organisation)
            .order_by(col(MakerProduct.item))
        )
    )


def decide(
    session: Session,
    actor: Actor,
    organisation: str,
    state: MakerState,
    *,
    version: int,
    reason: str | None,
) -> Maker:
    """A desk approves a paper, asks it back or suspends its maker; what is so already stays so.

    Raises:
        MakerChanged: the paper isn't at the version that was read.
        Conflict: only what was handed in and waits can be asked back.

    """
    parties.require_role(actor, Role.DISPATCHER, Role.APPROVER)
    maker = _get_locked(session, organisation)
    if maker.version != version:
        raise MakerChanged(
            f"The paper of {organisation} is at version {maker.version}",
            field="version",
            value=version,
            mend="read it again, then decide on what you see",
        )
    if maker.state is state:
        return maker
    if state is MakerState.ASKED_BACK and maker.state is not MakerState.SUBMITTED:
        raise Conflict(
            f"The paper of {organisation} is {maker.state}",
            mend="suspend the maker where it is to stop",
        )
    if state is MakerState.APPROVED:
        for product in products_of(session, organisation):
            product.approved = True
    if state is MakerState.SUSPENDED:
        maker.allowed = False
    record_change(
        session,
        actor,
        subject_of(organisation),
        f"{maker.state} → {state}, version {version}",
        reason,
    )
    maker.state, maker.decided_at = state, datetime.now(UTC)
    session.flush()
    return maker


def allow(
    session: Session, actor: Actor, organisation: str, *, allowed: bool, reason: str
) -> Maker:
    """A desk lets a maker report output before its paper is approved, or no longer."""
    parties.require_role(actor, Role.DISPATCHER, Role.APPROVER)
    maker = _get_locked(session, organisation)
    if maker.state is MakerState.SUSPENDED:
        raise MakerSuspended(f"{organisation} is suspended", mend="approve its paper first")
    if maker.allowed is not allowed:
        maker.allowed = allowed
        what = "may report before approval" if allowed else "may report after approval only"
        record_change(session, actor, subject_of(organisation), what, reason)
        session.flush()
    return maker


def check_may_make(session: Session, organisation: str, item: str) -> None:
    """Raise MakerNotApproved unless output of the item is taken from the maker."""
    maker = session.get(Maker, organisation)
    if maker is None:
        may = not get_rules(session).registration_required
        state = "unregistered"
    else:
        product = session.get(MakerProduct, (organisation, item))
        may = maker.allowed or (product is not None and product.approved)
        may, state = may and maker.state is not MakerState.SUSPENDED, maker.state.value
    if not may:
        raise MakerNotApproved(
            f"{organisation} ({state}) has no approved registration of {item}",
            field="item",
            value=item,
            mend="hand in the maker's paper with this item, and wait for a desk's approval",
        )


def registered(session: Session, organisations: Sequence[Organisation]) -> list[Registered]:
    """Makers with their papers, in the order given."""
    codes = [each.code for each in organisations]
    makers = {
        maker.organisation: maker
        for maker in session.exec(select(Maker).where(among(Maker.organisation, codes)))
    }
    products: dict[str, list[MakerProduct]] = {code: [] for code in codes}
    for product in session.exec(
        select(MakerProduct)
        .where(among(MakerProduct.organisation, codes))
        .order_by(col(MakerProduct.item))
    ):
        products[product.organisation].append(product)
    rules, now = get_rules(session), datetime.now(UTC)
    found = []
    for each in organisations:
        maker = makers.get(each.code)
        waits = maker is not None and maker.state is MakerState.SUBMITTED
        hours = int((now - maker.submitted_at).total_seconds() // 3600) if maker and waits else None
        found.append(
            Registered(
                organisation=each,
                maker=maker,
                products=products[each.code],
                waiting_hours=hours,
                overdue=hours is not None and hours >= rules.approval_hours,
                required=rules.registration_required,
            )
        )
    return found


def list_makers(
    session: Session, asked: Asked, *, state: Standing | None = None
) -> Listing[Registered]:
    """Every maker, the paper that waits longest first; those without one are there too."""
    statement = (
        select(Organisation)
        .join(Maker, col(Maker.organisation) == col(Organisation.code), isouter=True)
        .where(Organisation.kind == OrganisationKind.MANUFACTURER)
    )
    if state == "unregistered":
        statement = statement.where(col(Maker.state).is_(None))
    elif state is not None:
        statement = statement.where(Maker.state == MakerState(state))
    waits = sa.case((col(Maker.state) == MakerState.SUBMITTED, col(Maker.submitted_at)))
    order = {
        "waiting": waits.asc(),
        "organisation": col(Organisation.code),
        "state": col(Maker.state),
        "submitted_at": col(Maker.submitted_at),
    }
    listing = select_page(session, statement, order, asked, tie=col(Organisation.code))
    return listing.map(lambda rows: registered(session, rows))
