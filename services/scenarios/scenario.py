"""A scenario as a whole: its tables, read and checked against each other."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.scenarios.reader import BadScenario, read_table
from services.scenarios.rows import (
    CapacityRow,
    CarrierRow,
    Code,
    Count,
    DailyReportRow,
    DailyStockRow,
    DonationLineRow,
    DonationRow,
    FundRow,
    ItemRow,
    MoneyGiftRow,
    Name,
    NeedChangeRow,
    NeedRow,
    OrganisationRow,
    PackRow,
    PaymentRow,
    ProductionRow,
    PurchaseRow,
    ReceiptRow,
    RegionRow,
    RunRow,
    ScenarioRow,
    SiteRow,
    SubstituteRow,
    UserRow,
    VehicleRow,
)
from services.scenarios.second_act.script import Script
from services.scenarios.today.script import TodayScript

Told = TypeVar("Told", bound=BaseModel)
HUBEI_2020 = Path(__file__).parent / "hubei_2020"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LaneRules(_Section):
    detour_percent: int = Field(ge=100, le=1000)
    shortest_days: int = Field(ge=0, le=30)


class Hours(_Section):
    """At which local hour of its day each step of a shipment happens."""

    pick: int = Field(ge=0, le=23)
    dispatch: int = Field(ge=0, le=23)
    deliver: int = Field(ge=0, le=23)
    receive: int = Field(ge=0, le=23)
    verify: int = Field(ge=0, le=23)
    zone: str = Field(pattern=r"^[+-]\d\d:\d\d$")

    def at(self, day: date, hour: int) -> datetime:
        """The moment ``hour`` o'clock on ``day`` in the scenario's zone."""
        return datetime.fromisoformat(f"{day.isoformat()}T{time(hour).isoformat()}{self.zone}")


class Header(_Section):
    code: Code
    name_en: Name
    name_zh: Name
    namespace: UUID
    first_day: date
    days: Count
    lanes: LaneRules
    hours: Hours


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a scenario says. Each table is named as its file is."""

    header: Header
    regions: tuple[RegionRow, ...]
    items: tuple[ItemRow, ...]
    packs: tuple[PackRow, ...]
    substitutes: tuple[SubstituteRow, ...]
    organisations: tuple[OrganisationRow, ...]
    sites: tuple[SiteRow, ...]
    carriers: tuple[CarrierRow, ...]
    vehicles: tuple[VehicleRow, ...]
    users: tuple[UserRow, ...]
    funds: tuple[FundRow, ...]
    needs: tuple[NeedRow, ...]
    need_changes: tuple[NeedChangeRow, ...]
    capacity: tuple[CapacityRow, ...]
    production: tuple[ProductionRow, ...]
    donations: tuple[DonationRow, ...]
    donation_lines: tuple[DonationLineRow, ...]
    money_gifts: tuple[MoneyGiftRow, ...]
    purchases: tuple[PurchaseRow, ...]
    payments: tuple[PaymentRow, ...]
    runs: tuple[RunRow, ...]
    receipts: tuple[ReceiptRow, ...]
    daily_reports: tuple[DailyReportRow, ...]
    daily_stock: tuple[DailyStockRow, ...]
    second_act: Script
    today: TodayScript

    def id(self, name: str) -> UUID:
        """The id of what has this name, such as ``donation/G01``: always the same."""
        return uuid5(self.header.namespace, name)

    def days(self) -> list[date]:
        first = self.header.first_day
        return [first + timedelta(days=offset) for offset in range(self.header.days)]

    def tables(self) -> Iterator[tuple[str, tuple[ScenarioRow, ...]]]:
        for field in fields(self):
            if field.name not in {"header", "second_act", "today"}:
                yield field.name, getattr(self, field.name)


def read_tables(folder: Path) -> Scenario:
    """Read a scenario's folder, each table checked by itself.

    Raises:
        BadScenario: names the first slip's file, row, column and value.

    """
    return Scenario(
        header=_read_toml(folder / "scenario.toml", Header),
        regions=read_table(folder / "regions.csv", RegionRow),
        items=read_table(folder / "items.csv", ItemRow),
        packs=read_table(folder / "packs.csv", PackRow),
        substitutes=read_table(folder / "substitutes.csv", SubstituteRow),
        organisations=read_table(folder / "organisations.csv", OrganisationRow),
        sites=read_table(folder / "sites.csv", SiteRow),
        carriers=read_table(folder / "carriers.csv", CarrierRow),
        vehicles=read_table(folder / "vehicles.csv", VehicleRow),
        users=read_table(folder / "users.csv", UserRow),
        funds=read_table(folder / "funds.csv", FundRow),
        needs=read_table(folder / "needs.csv", NeedRow),
        need_changes=read_table(folder / "need_changes.csv", NeedChangeRow),
        capacity=read_table(folder / "capacity.csv", CapacityRow),
        production=read_table(folder / "production.csv", ProductionRow),
        donations=read_table(folder / "donations.csv", DonationRow),
        donation_lines=read_table(folder / "donation_lines.csv", DonationLineRow),
        money_gifts=read_table(folder / "money_gifts.csv", MoneyGiftRow),
        purchases=read_table(folder / "purchases.csv", PurchaseRow),
        payments=read_table(folder / "payments.csv", PaymentRow),
        runs=read_table(folder / "runs.csv", RunRow),
        receipts=read_table(folder / "receipts.csv", ReceiptRow),
        daily_reports=read_table(folder / "daily_reports.csv", DailyReportRow),
        daily_stock=read_table(folder / "daily_stock.csv", DailyStockRow),
        second_act=_read_toml(folder / "second_act.toml", Script),
        today=_read_toml(folder / "today.toml", TodayScript),
    )


def _read_toml(path: Path, model: type[Told]) -> Told:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise BadScenario(f"There is no {path}", field=path.name, mend="write it") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadScenario(
            f"{path.name} is not TOML: {error}", field=path.name, mend="mend what it says"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadScenario(
            f"{path.name}, {where}: {first['msg']}",
            field=f"{path.name}:{where}",
            value=first["input"],
            mend=str(first["msg"]),
        ) from error
