"""Rendering of pages: one Jinja environment, one base layout, two languages."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import Response

from services.errors import DomainError
from services.web.i18n import language_of, translations

_HERE = Path(__file__).parent
_environments: dict[str, Environment] = {}

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def wants_html(request: Request) -> bool:
    """Pages live under a language; everything else is for programs."""
    path = request.url.path
    return path == "/" or path.startswith(("/en", "/zh"))


def render(request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """Render a page in the language of its path. Templates get ``lang``, ``actor`` and ``_``."""
    language = language_of(request.url.path)
    environment = _environment(language)
    html = environment.get_template(template).render(
        request=request,
        lang=language,
        actor=getattr(request.state, "actor", None),
        path_without_language=request.url.path.removeprefix(f"/{language}") or "/",
        **values,
    )
    return HTMLResponse(html, status_code=status)


def error_page(request: Request, error: DomainError) -> Response:
    """The HTML twin of a problem document; who isn't signed in is shown where to."""
    if error.status == 401:
        language = language_of(request.url.path)
        target = f"/{language}/sign-in?next={request.url.path}"
        return Response(status_code=303, headers={"Location": target})
    return render(request, "error.html", error.status, problem=error.problem())


def _environment(language: str) -> Environment:
    if language not in _environments:
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
        locale = {"en": "en_GB", "zh": "zh_CN"}[language]
        environment.filters |= {
            "number": lambda value: format_decimal(value, locale=locale),
            "money": lambda minor: format_decimal(Decimal(minor) / 100, "#,##0.00", locale=locale),
            "percent": lambda value: format_percent(value, locale=locale),
            "day": lambda value: format_date(value, "medium", locale=locale),
            "moment": lambda value: format_datetime(value, "medium", locale=locale),
            "name": lambda thing: getattr(thing, f"name_{language}"),
        }
        _environments[language] = environment
    return _environments[language]
