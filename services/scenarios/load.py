"""Writing a scenario's reference data: once or again, in the caller's one transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from services.catalog.models import Item, Pack, Substitute
from services.catalog.service import BASE_UNIT
from services.database import Row
from services.donations.models import Fund
from services.journal.kinds import CommodityClass
from services.journal.post import register_commodity
from services.parties import service as parties
from services.parties.models import Organisation, Region, Site, User
from services.scenarios.crosscheck import check_scenario
from services.scenarios.lanes import compute_lanes
from services.scenarios.rows import ScenarioRow, UserRow
from services.scenarios.scenario import Scenario, read_tables
from services.transport.models import Lane, Vehicle

_NOT_STORED = {"basis", "position_basis"}


def read_scenario(folder: Path) -> Scenario:
    """Read a scenario's folder and check its tables against each other; writes nothing.

    Raises:
        BadScenario: names the first slip's file, row, column and value.

    """
    scenario = read_tables(folder)
    check_scenario(scenario)
    return scenario


def load(session: Session, scenario: Scenario) -> None:
    """Write items, packs, substitutes, regions, parties, users, funds, lorries and lanes.

    Doing it again brings what changed up to date; users, whose passwords may have been changed
    since, stay as they were first written, and commodities, which the journal counts by, can't
    change: another base unit for one of them is a Conflict.
    """
    for commodity in _commodities(scenario):
        register_commodity(session, **commodity)
    _upsert(session, Item, _plain(scenario.items))
    _upsert(session, Pack, _plain(scenario.packs))
    _upsert(session, Substitute, _plain(scenario.substitutes))
    _upsert(session, Region, _plain(scenario.regions))
    _upsert(session, Organisation, _plain(scenario.organisations))
    _upsert(session, Site, _plain(scenario.sites))
    _keep(session, User, _users(session, scenario))
    _upsert(session, Fund, _plain(scenario.funds, without={"minor_unit"}))
    _upsert(session, Vehicle, _plain(scenario.vehicles))
    _upsert(session, Lane, [asdict(lane) for lane in compute_lanes(scenario)])


def _commodities(scenario: Scenario) -> list[dict[str, Any]]:
    goods = [
        {"code": item.code, "commodity_class": CommodityClass.GOODS, "base_unit": BASE_UNIT}
        for item in scenario.items
    ]
    currencies = {fund.currency: fund.minor_unit for fund in scenario.funds}
    money = [
        {"code": code, "commodity_class": CommodityClass.MONEY, "base_unit": unit}
        for code, unit in sorted(currencies.items())
    ]
    return goods + money


def _users(session: Session, scenario: Scenario) -> list[dict[str, Any]]:
    """The users who aren't there yet: hashing a password is slow on purpose."""
    present = set(session.exec(select(User.username)))
    return [_user(scenario, row) for row in scenario.users if row.username not in present]


def _user(scenario: Scenario, row: UserRow) -> dict[str, Any]:
    return {
        "id": scenario.id(f"user/{row.username}"),
        "username": row.username,
        "display_name": row.display_name,
        "role": row.role,
        "organisation": row.organisation,
        "password_hash": parties.hash_password(row.password) if row.password else None,
        "active": True,
    }


def _plain(
    rows: Sequence[ScenarioRow], without: frozenset[str] | set[str] = frozenset()
) -> list[dict[str, Any]]:
    return [row.model_dump(exclude=_NOT_STORED | without) for row in rows]


def _upsert(session: Session, table: type[Row], rows: Sequence[dict[str, Any]]) -> None:
    """Insert each row, or bring the columns that it gives up to date."""
    if not rows:
        return
    keys = _keys(table)
    statement = insert(table).values(list(rows))
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changes)
        if changes
        else statement.on_conflict_do_nothing()
    )


def _keep(session: Session, table: type[Row], rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that aren't there; leave those that are."""
    if rows:
        session.connection().execute(insert(table).values(list(rows)).on_conflict_do_nothing())


def _keys(table: type[Row]) -> list[str]:
    return [column.name for column in sa.inspect(table).primary_key]
