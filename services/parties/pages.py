"""Pages of parties: signing in and out, who may, and (keys_pages) one's own page."""

from datetime import timedelta
from typing import Literal
from urllib.parse import unquote

from fastapi import APIRouter, Request
from sqlmodel import Session, col, func, select
from starlette.responses import Response

from services.parties import keys_pages, service
from services.parties.access import CurrentActor, MaybeActor, cookie_name, refuse_foreign_form
from services.parties.api import UserChange, UserIn, UserListed, change_user, register_user
from services.parties.email import UserEmailIn, set_email_of
from services.parties.models import Organisation, OrganisationKind, Role, Site, SiteKind, User
from services.parties.people import PeopleWanted, list_people
from services.parties.service import WrongPassword
from services.settings import get_settings
from services.web.forms import Form, SentForm
from services.web.http import DatabaseSession
from services.web.i18n import LANGUAGES, language_of
from services.web.lists import ListAsked, Listing, csv_file
from services.web.pages import redirect, render

router = APIRouter()
router.include_router(keys_pages.router)


@router.get("/sign-in")
def show_sign_in(request: Request, actor: MaybeActor, next: str = "") -> Response:  # noqa: A002
    if actor is not None:
        return redirect(request, "/me")
    return render(request, "sign_in.html", form=Form({"next": next}))


@router.post("/sign-in")
def sign_in(request: Request, session: DatabaseSession, form: SentForm) -> Response:
    refuse_foreign_form(request)
    request.state.actor = None
    secret = ""
    with form.attempt(session):
        try:
            secret, _ = service.sign_in(session, form["username"].strip(), form["password"])
        except WrongPassword as error:
            # Shown beside the form; a 401 would ask to sign in at the place where one is.
            error.status, error.field = 422, "password"
            raise
    if form.slips:
        return render(request, "sign_in.html", form.status, form=form)
    page = _back_to(form["next"])
    answer = redirect(request, "/me") if page is None else redirect(request, "")
    if page is not None:
        answer.headers["location"] = page
    answer.set_cookie(
        cookie_name(request),
        secret,
        max_age=int(timedelta(hours=get_settings().session_hours).total_seconds()),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, session: DatabaseSession, actor: MaybeActor) -> Response:
    name = cookie_name(request)
    if actor is not None:
        service.sign_out(session, request.cookies.get(name, ""))
    answer = redirect(request, "/", done="signed-out")
    answer.delete_cookie(name, secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return answer


@router.get("/people")
def show_people(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    asked: ListAsked,
    wanted: PeopleWanted,
) -> Response:
    """Who may sign in, and for whom (administrators)."""
    service.require_role(actor, Role.ADMIN)
    people = list_people(session, asked, wanted)
    if asked.is_csv:
        return csv_file([UserListed.model_validate(row) for row in people.rows], "users")
    return _people_page(request, session, Form(), people)


@router.post("/people")
def add_user(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    form: SentForm,
    asked: ListAsked,
    wanted: PeopleWanted,
) -> Response:
    service.require_role(actor, Role.ADMIN)
    with form.attempt(session):
        register_user(form.read(UserIn), session, actor)
        session.flush()
    if form.slips:
        return _people_page(request, session, form, list_people(session, asked, wanted))
    return redirect(request, "/people", name=form["username"].strip())


@router.post("/people/{username}/email-confirmed")
def confirm_email(
    request: Request, username: str, session: DatabaseSession, actor: CurrentActor, form: SentForm
) -> Response:
    """Vouch for the address that the page showed; another that was given since is not confirmed."""
    service.require_role(actor, Role.ADMIN)
    user = service.get_user(session, username)
    if user.email == form["email"]:
        language = user.language or language_of(request.url.path)
        body = UserEmailIn(email=user.email, language=language, confirmed=True)
        set_email_of(session, actor, username, body)
    return redirect(request, "/people", name=username)


@router.post("/people/{username}/{way}")
def let_in_or_out(
    request: Request,
    username: str,
    way: Literal["in", "out"],
    session: DatabaseSession,
    actor: CurrentActor,
) -> Response:
    """Let a user in or out; who is let out is signed out everywhere."""
    change_user(username, UserChange(active=way == "in"), session, actor)
    return redirect(request, "/people", name=username)


def _people_page(request: Request, session: Session, form: Form, people: Listing[User]) -> Response:
    organisations = list(session.exec(select(Organisation).order_by(col(Organisation.code))))
    counted = select(col(User.organisation), func.count()).group_by(col(User.organisation))
    changed = request.query_params.get("name", "")
    return render(
        request,
        "people.html",
        form.status,
        form=form,
        filters=Form(dict(request.query_params)),
        people=people,
        organisations=organisations,
        counts=dict(session.exec(counted).all()),
        names={each.code: each for each in organisations},
        changed=session.exec(select(User).where(User.username == changed)).first(),
    )


def _back_to(address: str) -> str | None:
    """Where somebody wanted to go, if that is a page of ours: one path, never another site."""
    plain = unquote(address)
    inside = plain.startswith(tuple(f"/{language}/" for language in LANGUAGES))
    safe = inside and "\\" not in plain and "//" not in plain and plain.isprintable()
    return address if safe else None


def sites_by_code(session: Session, *kinds: SiteKind) -> dict[str, Site]:
    """Every site (of these kinds), for pages that show them by name."""
    statement = select(Site).order_by(col(Site.code))
    if kinds:
        statement = statement.where(col(Site.kind).in_(kinds))
    return {site.code: site for site in session.exec(statement)}


def names_of_organisations(session: Session, language: str) -> dict[str, str | None]:
    """Each organisation's public name; None where it wants none shown."""
    rows = session.exec(select(Organisation))
    return {row.code: service.public_name(row, language) for row in rows}


def organisations_of_kind(session: Session, kind: OrganisationKind) -> list[Organisation]:
    """Every organisation of a kind, for choices in forms."""
    statement = select(Organisation).where(Organisation.kind == kind)
    return list(session.exec(statement.order_by(col(Organisation.code))))
