"""Alerts in words: one sentence from the facts of its kind, with names for codes."""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from services.alerts.models import Alert
from services.catalog.models import Item
from services.database import among
from services.parties.models import Organisation, Region, Site, User
from services.web.pages import environment

TEMPLATE = "labels_alerts.html"
UNKNOWN = "–"
# What sentences speak of, by the facts' names; each names a code of its table, or a value.
_TABLES: Mapping[str, tuple[type[Any], ...]] = {
    "site": (Site,),
    "origin": (Site,),
    "item": (Item,),
    "commodity": (Item,),
    "region": (Region,),
    "carrier": (Organisation,),
    "maker": (Organisation,),
    "target": (Site, Region, Item),
}
_VALUES = (
    "batch",
    "by",
    "coming",
    "days_left",
    "difference",
    "due_on",
    "entries",
    "error",
    "expires_on",
    "first",
    "first_at",
    "gathered",
    "hours",
    "last",
    "last_day",
    "level",
    "minutes",
    "needs",
    "on_hand",
    "pieces",
    "quantity",
    "reports",
    "reserved",
    "since",
    "under_way",
    "unit",
    "watch",
    "host",
)
_CODES = {"batch", "by", "error", "level", "unit", "watch", "host"}


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells alerts in one language; knows the names of everything that they speak of."""

    language: str
    names: Mapping[tuple[type[Any], str], str]
    people: Mapping[Any, str]

    def says(self, alert: Alert) -> str:
        """The alert's sentence, as plain text in one line."""
        module: Any = environment(self.language).get_template(TEMPLATE).module
        return plain(getattr(module, alert.kind.value)(self.facts(alert)))

    def facts(self, alert: Alert) -> dict[str, Any]:
        """The facts as they are read: names for codes, days and numbers as they are written."""
        given = {name: getattr(alert, name) for name in ("site", "region", "item")}
        given |= {name: value for name, value in alert.facts.items() if value not in {"", None}}
        known = {name: True for name, value in given.items() if value is not None}
        told = dict.fromkeys((*_TABLES, *_VALUES), UNKNOWN)
        told |= {name: self._told(name, value) for name, value in given.items() if name in told}
        return told | {"known": {name: name in known for name in told}}

    def _told(self, name: str, value: Any) -> str:
        if value is None:
            return UNKNOWN
        # The target of makers' papers is a number of hours, that of a gift a code.
        tables = () if isinstance(value, int) else _TABLES.get(name, ())
        for table in tables:
            if (table, str(value)) in self.names:
                return self.names[table, str(value)]
        return str(value) if tables or name in _CODES else self._written(value)

    def _written(self, value: Any) -> str:
        filters = environment(self.language).filters
        if isinstance(value, int):
            return str(filters["number"](value))
        try:
            return str(filters["day"](date.fromisoformat(str(value))))
        except ValueError:
            pass
        try:
            return str(filters["moment"](datetime.fromisoformat(str(value))))
        except ValueError:
            return str(value)


def teller(session: Session, alerts: Iterable[Alert], language: str) -> Teller:
    """What it takes to tell these alerts."""
    rows = list(alerts)
    codes: set[str] = set()
    for alert in rows:
        codes |= {str(alert.facts[name]) for name in _TABLES if name in alert.facts}
        codes |= {code for code in (alert.site, alert.region, alert.item) if code}
    names: dict[tuple[type[Any], str], str] = {}
    tables: tuple[Any, ...] = (Site, Item, Region, Organisation)
    for table in tables:
        for row in session.exec(select(table).where(among(table.code, codes))):
            if getattr(row, "public", True):
                names[table, row.code] = getattr(row, f"name_{language}")
    wanted = {each for alert in rows for each in (alert.acknowledged_by, alert.assigned_to)}
    people = select(User.id, User.username).where(col(User.id).in_(wanted - {None}))
    return Teller(language, names, {each[0]: each[1] for each in session.exec(people)})


def plain(markup: Any) -> str:
    """A template's text as it is, in one line."""
    return " ".join(html.unescape(str(markup)).split())
