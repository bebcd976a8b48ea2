"""Rendering of pages: one Jinja environment, one base layout, two languages."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse
from iso4217 import Currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import RedirectResponse, Response

from services.errors import DomainError, NotFound
from services.web.i18n import LANGUAGES, language_of, translations, wall_zone
from services.web.stacked import name_cells

_HERE = Path(__file__).parent
_environments: dict[str, Environment] = {}

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def wants_html(request: Request) -> bool:
    """Pages live under a language; everything else is for programs."""
    first = request.url.path.lstrip("/").partition("/")[0]
    return first in {"", *LANGUAGES}


def render(request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """Render a page in the language of its path. Templates get ``lang``, ``actor`` and ``_``."""
    language = language_of(request.url.path)
    html = (
        environment(language)
        .get_template(template)
        .render(
            request=request,
            lang=language,
            actor=getattr(request.state, "actor", None),
            done=request.query_params.get("done"),
            alerts_waiting=_alerts_waiting(request),
            other_languages=_other_languages(request, language),
            **values,
        )
    )
    return HTMLResponse(name_cells(html), status_code=status)


def _alerts_waiting(request: Request) -> int | None:
    """How many alerts wait for whoever is signed in; None where no transaction is open."""
    actor, session = (getattr(request.state, name, None) for name in ("actor", "session"))
    count = getattr(request.app.state, "count_alerts", None)
    return None if actor is None or session is None or count is None else count(session, actor)


def redirect(request: Request, path: str, **query: str) -> Response:
    """See another page of the same language next; ``done`` names the message that it shows."""
    target = f"/{language_of(request.url.path)}{path}"
    return RedirectResponse(f"{target}?{urlencode(query)}" if query else target, status_code=303)


def error_page(request: Request, error: DomainError) -> Response:
    """The HTML twin of a problem document; who isn't signed in is shown where to."""
    if error.status == 401:
        # After signing in, a page can be shown again; a form can't be sent again.
        seen = request.url.path if request.method == "GET" else ""
        query = f"?{request.url.query}" if seen and request.url.query else ""
        return redirect(request, "/sign-in", **({"next": seen + query} if seen else {}))
    if error.status == 422 and error.field in request.path_params:
        # Who follows a broken address lacks a page, and filled nothing in.
        error = NotFound(f"There is nothing at {request.url.path}")
    page = render(
        request,
        "error.html",
        error.status,
        problem=error.problem(),
        mends=_mends(error),
        section="/" + request.url.path.split("/")[2] if request.url.path.count("/") > 1 else "",
    )
    page.headers.update(error.headers)
    return page


def for_people(mend: str | None) -> str:
    """A mend without the parts that only a program can follow."""
    parts = [part.strip() for part in (mend or "").split(";")]
    return "; ".join(part for part in parts if "/api/" not in part and '": "' not in part)


def _mends(error: DomainError) -> list[str]:
    """What a person can do about it: each once, and nothing that the detail has said already."""
    told = [each["mend"] for each in error.problem().get("errors", [])] or [error.mend]
    words = dict.fromkeys(for_people(each) for each in told)
    return [each for each in words if each and each not in error.detail]


def _other_languages(request: Request, language: str) -> list[tuple[str, str]]:
    """The same page in every other language, as ``(language, path)``.

    What answers a sent form has no address of its own to be shown at, so there it's the home page.
    """
    rest = request.url.path.removeprefix(f"/{language}") if request.method == "GET" else "/"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    return [
        (other, f"/{other}{quote(rest, safe='/%')}{query}")
        for other in LANGUAGES
        if other != language
    ]


def environment(language: str) -> Environment:
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
        environment.globals["lang"] = language
        environment.filters |= _filters(language)
        _environments[language] = environment
    return _environments[language]


def _filters(language: str) -> dict[str, Any]:
    locale = {"en": "en_GB", "zh": "zh_CN"}[language]

    def moment(value: datetime) -> str:
        return format_datetime(value, _MOMENT[language], tzinfo=wall_zone(), locale=locale)

    return {
        "number": lambda value: format_decimal(value, locale=locale),
        "short_number": lambda value: format_compact_decimal(
            value, locale=locale, fraction_digits=2
        ),
        "money": partial(_money, locale),
        "money_whole": lambda minor, currency: format_decimal(
            round(in_currency(minor, currency)), locale=locale
        ),
        "percent": lambda value: format_percent(value, locale=locale),
        "percent1": lambda value: format_percent(value, "#,##0.0%", locale=locale),
        "day": lambda value: format_date(value, "medium", locale=locale),
        "moment": moment,
        "clock": clock,
        "local_day": lambda value: value.astimezone(wall_zone()).date(),
        "local_input": lambda value: value.astimezone(wall_zone()).strftime("%Y-%m-%dT%H:%M"),
        "name": lambda thing: getattr(thing, f"name_{language}"),
        "field_id": lambda name: re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-"),
        "share": _share,
        "bar": bar,
        "choices": partial(_choices, language),
    }


def currency_decimals(currency: str) -> int:
    """How many decimals a currency's minor unit makes: 2 for CNY, 0 for JPY, 3 for IQD (ISO 4217).

    Not CLDR's, which say what of it is still in use: 0 for IQD and SYP.
    """
    try:
        return Currency(currency).exponent or 0
    except ValueError:
        return 2


def in_currency(minor: int, currency: str) -> Decimal:
    """An amount in minor units as one in whole units of the currency."""
    return Decimal(minor).scaleb(-currency_decimals(currency))


def _money(locale: str, minor: int, currency: str) -> str:
    decimals = currency_decimals(currency)
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return format_decimal(in_currency(minor, currency), pattern, locale=locale)


def clock(value: datetime, day: date | None = None) -> str:
    """The time on the wall; with a day, one on a later day says so, as in ``00:20 (+1)``."""
    local = value.astimezone(wall_zone())
    later = (local.date() - day).days if day else 0
    return f"{local:%H:%M} ({later:+d})" if later else f"{local:%H:%M}"


_MOMENT = {"en": "d MMM yyyy, HH:mm", "zh": "y年M月d日 HH:mm"}


def _share(part: int, whole: int) -> float:
    """``part`` of ``whole`` from 0 to 1; 1 where nothing was asked for."""
    return min(1.0, part / whole) if whole else 1.0


def _choices(
    language: str, things: Iterable[Any] | Mapping[str, Any], words: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    """``(value, text)`` pairs of a select: codes with their words, or things with their names."""
    if words is not None:
        return [(str(code), words.get(str(code), str(code))) for code in things]
    rows: Iterable[Any] = things.values() if isinstance(things, Mapping) else things
    return [(row.code, getattr(row, f"name_{language}")) for row in rows]


def bar(parts: Iterable[tuple[str, int]], whole: int) -> list[tuple[str, float, float]]:
    """Pieces of a bar 100 wide, as ``(class, x, width)``; never drawn beyond its end."""
    drawn: list[tuple[str, float, float]] = []
    start = 0.0
    for name, quantity in parts:
        width = min(100 - start, 100 * quantity / whole) if whole else 0.0
        if width > 0:
            drawn.append((name, round(start, 2), round(width, 2)))
        start += width
    return drawn


def unkept(answer: Response) -> Response:
    """The address holds a secret: it is neither kept nor told on."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
