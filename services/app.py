"""The ASGI application: puts the features together, and knows none of their insides."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.responses import RedirectResponse, Response

from services.alerts.api import router as alerts_api
from services.alerts.pages import router as alerts_pages
from services.alerts.seeing import count_waiting
from services.alerts.webhooks_api import router as webhooks_api
from services.audit.api import router as audit_api
from services.audit.chain_rpc import router as chain_rpc
from services.audit.log_api import router as log_api
from services.audit.pages import router as audit_pages
from services.audit.service import log_status
from services.audit.verifier_api import router as verifier_api
from services.capacity.api import router as capacity_api
from services.capacity.pages import router as capacity_pages
from services.catalog.api import router as catalog_api
from services.community.api import router as community_api
from services.community.pages import router as community_pages
from services.corrections.api import router as corrections_api
from services.corrections.pages import router as corrections_pages
from services.database import Database
from services.dispatch.doors import API as DISPATCH_API
from services.dispatch.doors import PAGES as DISPATCH_PAGES
from services.dispatch.expected import expectations
from services.dispatch.reasons import find_answer
from services.donations.api import router as donations_api
from services.donations.campaigns_api import router as campaigns_api
from services.donations.campaigns_pages import router as campaigns_pages
from services.donations.money_api import router as money_api
from services.donations.money_pages import router as money_pages
from services.donations.pages import router as donations_pages
from services.inventory.api import router as inventory_api
from services.inventory.pages import router as inventory_pages
from services.parties.api import router as parties_api
from services.parties.email import router as email_api
from services.parties.keys_api import router as keys_api
from services.parties.pages import router as parties_pages
from services.requests.api import router as requests_api
from services.requests.api_desk import router as requests_desk_api
from services.requests.forecast.api import router as forecast_api
from services.requests.forecast.pages import router as forecast_pages
from services.requests.help.api import router as help_api
from services.requests.help.pages import router as help_pages
from services.requests.pages import router as requests_pages
from services.requests.pages_desk import router as requests_desk_pages
from services.rounds.api import router as rounds_api
from services.rounds.pages import router as rounds_pages
from services.transport.doors import API as TRANSPORT_API
from services.transport.doors import PAGES as TRANSPORT_PAGES
from services.web.head import AnswerHead
from services.web.http import DatabaseSession, answer_unexpected, install_error_handlers
from services.web.i18n import LANGUAGES, preferred_language
from services.web.json_body import refuse_repeated_keys
from services.web.limits import LimitBody
from services.web.metrics import exposition, measure
from services.web.pages import CONTENT_SECURITY_POLICY
from services.web.problems import PROBLEMS

API = (
    alerts_api,
    webhooks_api,
    email_api,
    audit_api,
    capacity_api,
    catalog_api,
    community_api,
    corrections_api,
    DISPATCH_API,
    donations_api,
    forecast_api,
    help_api,
    campaigns_api,
    money_api,
    inventory_api,
    keys_api,
    parties_api,
    requests_api,
    requests_desk_api,
    rounds_api,
    TRANSPORT_API,
)
PAGES: tuple[APIRouter, ...] = (
    alerts_pages,
    audit_pages,
    capacity_pages,
    community_pages,
    corrections_pages,
    forecast_pages,
    help_pages,
    DISPATCH_PAGES,
    donations_pages,
    campaigns_pages,
    money_pages,
    inventory_pages,
    parties_pages,
    requests_desk_pages,
    requests_pages,
    rounds_pages,
    TRANSPORT_PAGES,
)

_STATIC = Path(__file__).parent / "web" / "static"


def create_app(database: Database) -> FastAPI:
    """Build the application around a migrated database."""
    app = FastAPI(
        title="Medrelay",
        description="Emergency medical-supply dispatch and traceability, checkable by anybody.",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.database = database
    app.state.find_answer = find_answer
    app.state.find_expected = expectations
    app.state.count_alerts = count_waiting
    install_error_handlers(app)
    app.add_middleware(LimitBody)
    app.middleware("http")(_protect)
    app.middleware("http")(measure)
    app.add_middleware(AnswerHead)
    strict = [Depends(refuse_repeated_keys)]
    for router in API:
        app.include_router(router, prefix="/api/v1", responses=PROBLEMS, dependencies=strict)
    app.include_router(log_api, responses=PROBLEMS)
    app.include_router(verifier_api, responses=PROBLEMS, dependencies=strict)
    for language in LANGUAGES:
        for router in PAGES:
            app.include_router(router, prefix=f"/{language}", include_in_schema=False)
    app.include_router(chain_rpc)
    app.add_api_route("/", _home, include_in_schema=False)
    app.add_api_route("/metrics", _metrics, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return app


def _home(request: Request) -> Response:
    """To the language that the browser asks for first."""
    wanted = preferred_language(request.headers.get("accept-language", ""))
    return RedirectResponse(f"/{wanted}/")


def _metrics(session: DatabaseSession) -> Response:
    log = log_status(session)
    return exposition(log.entries, log.sealed, log.anchored)


async def _protect(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """The same protecting headers on every answer, on one to an unexpected error too."""
    try:
        response = await call_next(request)
    except Exception as error:  # noqa: BLE001 — whatever it is, it is logged and told as a problem
        response = answer_unexpected(request, error)
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
