"""What stands in each file of a scenario: one class a file, checked as it is read.

``key`` names the columns that tell rows apart; ``refs`` says in which table a column's value must
stand, so that a slip is told with its file, row and column before anything is written.
"""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.donations.models import EarmarkKind
from services.parties.models import OrganisationKind, Role, SiteKind
from services.requests.models import Priority

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Some = Annotated[int, Field(ge=0, le=10**6)]
Percent = Annotated[int, Field(ge=1, le=100)]


class Basis(StrEnum):
    FACT = "fact"
    ASSUMED = "assumed"


class PositionBasis(StrEnum):
    """How sure a position is: the site's own, or only its district's or city's centre."""

    FACT = "fact"
    DISTRICT_CENTRE = "district_centre"
    CITY_CENTRE = "city_centre"
    ASSUMED = "assumed"


class ReceiptOutcome(StrEnum):
    SHORT = "short"
    REJECTED = "rejected"


class ScenarioRow(BaseModel):
    """Base of every row. Each says whether it is a fact or assumed."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    key: ClassVar[tuple[str, ...]] = ("code",)
    refs: ClassVar[dict[str, str]] = {}

    basis: Basis


class RegionRow(ScenarioRow):
    refs = {"parent": "regions"}

    code: Code
    name_en: Name
    name_zh: Name
    parent: Code | None = None


class ItemRow(ScenarioRow):
    code: Code
    name_en: Name
    name_zh: Name
    category: Code
    shelf_life_days: Count | None = None
    volume_ml: Count
    weight_g: Count
    least_centi: int | None = None
    most_centi: int | None = None


class PackRow(ScenarioRow):
    key = ("item", "unit")
    refs = {"item": "items"}

    item: Code
    unit: Code
    pieces: Count


class SubstituteRow(ScenarioRow):
    """``item`` may serve a need for ``serves``, 1 preferred to 2."""

    key = ("item", "serves")
    refs = {"item": "items", "serves": "items"}

    item: Code
    serves: Code
    preference: Count


class OrganisationRow(ScenarioRow):
    code: Code
    kind: OrganisationKind
    name_en: Name
    name_zh: Name
    public: bool


class SiteRow(ScenarioRow):
    refs = {"organisation": "organisations", "region": "regions"}

    code: Code
    organisation: Code
    kind: SiteKind
    name_en: Name
    name_zh: Name
    region: Code
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    position_basis: PositionBasis


class CarrierRow(ScenarioRow):
    """Lanes whose ends lie in these regions are this carrier's; the first such row counts."""

    key = ("order",)
    refs = {
        "carrier": "organisations",
        "origin_region": "regions",
        "destination_region": "regions",
    }

    order: Count
    carrier: Code
    origin_region: Code
    destination_region: Code
    km_per_day: Count


class VehicleRow(ScenarioRow):
    """So many equal lorries of a carrier at a depot; the driver's day begins at a local time."""

    key = ("carrier", "code")
    refs = {"carrier": "organisations", "depot": "sites"}

    carrier: Code
    code: Code
    depot: Code
    count: Count
    volume_l: Count
    weight_kg: Count
    cold: bool
    starts_at: time
    shift_minutes: Annotated[int, Field(ge=30, le=1440)]
    most_rounds: Annotated[int, Field(ge=1, le=20)]


class UserRow(ScenarioRow):
    """Who has no password signs in by token only."""

    key = ("username",)
    refs = {"organisation": "organisations"}

    username: Code
    display_name: Name
    role: Role
    organisation: Code
    password: Annotated[str | None, Field(min_length=12)] = None


class FundRow(ScenarioRow):
    refs = {"organisation": "organisations"}

    code: Code
    name_en: Name
    name_zh: Name
    currency: Code
    minor_unit: Code
    organisation: Code


class NeedRow(ScenarioRow):
    key = ("site", "item")
    refs = {"site": "sites", "item": "items"}

    site: Code
    item: Code
    quantity: Count
    unit: Code
    quantity_basis: Basis
    priority: Priority
    posted_at: AwareDatetime
    need_by: date


class NeedChangeRow(ScenarioRow):
    """A slip: ``edit`` posts ``first_quantity`` and mends it; ``cancel`` asks twice."""

    key = ("site", "item")
    refs = {"site": "sites", "item": "items"}

    site: Code
    item: Code
    change: Literal["edit", "cancel"]
    at: AwareDatetime
    first_quantity: Count
    reason: Name


class CapacityRow(ScenarioRow):
    key = ("site", "item")
    refs = {"site": "sites", "item": "items"}

    site: Code
    item: Code
    daily_capacity: Count
    unit: Code
    capacity_basis: Basis
    allotted_percent: Percent


class ProductionRow(ScenarioRow):
    key = ("site", "item", "batch")
    refs = {"site": "sites", "item": "items"}

    site: Code
    item: Code
    quantity: Count
    unit: Code
    batch: Name
    produced_on: date
    expires_on: date | None = None
    reported_at: AwareDatetime


class DonationRow(ScenarioRow):
    """A gift in kind; its lines stand in ``donation_lines.csv``."""

    key = ("key_",)
    refs = {"donor": "organisations", "site": "sites"}

    key_: Annotated[Code, Field(alias="key")]
    donor: Code
    anonymous: bool
    site: Code
    given_at: AwareDatetime
    received_at: AwareDatetime
    earmark_kind: EarmarkKind | None = None
    earmark: Code | None = None
    message: str | None = None


class DonationLineRow(ScenarioRow):
    """``accepted`` of ``quantity`` were taken in, both in ``unit``; ``note`` says why fewer."""

    key = ("donation", "line")
    refs = {"donation": "donations", "item": "items"}

    donation: Code
    line: Count
    item: Code
    quantity: Count
    unit: Code
    accepted: Annotated[int, Field(ge=0, le=10**12)]
    note: str | None = None
    batch: Name
    produced_on: date
    expires_on: date


class MoneyGiftRow(ScenarioRow):
    key = ("key_",)
    refs = {"donor": "organisations", "fund": "funds"}

    key_: Annotated[Code, Field(alias="key")]
    donor: Code
    anonymous: bool
    fund: Code
    amount_minor: Count
    given_at: AwareDatetime
    received_at: AwareDatetime
    earmark_kind: EarmarkKind | None = None
    earmark: Code | None = None
    message: str | None = None


class PurchaseRow(ScenarioRow):
    key = ("key_",)
    refs = {"fund": "funds", "supplier": "organisations", "site": "sites", "item": "items"}

    key_: Annotated[Code, Field(alias="key")]
    fund: Code
    supplier: Code
    site: Code
    bought_at: AwareDatetime
    item: Code
    quantity: Count
    unit: Code
    price_minor: Count
    batch: Name
    produced_on: date
    expires_on: date
    earmark_kind: EarmarkKind | None = None
    earmark: Code | None = None


class PaymentRow(ScenarioRow):
    key = ("key_",)
    refs = {"fund": "funds", "payee": "organisations"}

    key_: Annotated[Code, Field(alias="key")]
    fund: Code
    payee: Code
    amount_minor: Count
    purpose: Name
    paid_at: AwareDatetime


class RunRow(ScenarioRow):
    key = ("key_",)

    key_: Annotated[Code, Field(alias="key")]
    day: date
    starts_at: AwareDatetime
    horizon_days: Count
    note: Name


class DailyReportRow(ScenarioRow):
    """A hospital's evening; what it counted stands in ``daily_stock.csv``."""

    key = ("site", "day")
    refs = {"site": "sites"}

    site: Code
    day: date
    counted_at: AwareDatetime
    patients_suspected: Some
    patients_mild: Some
    patients_severe: Some
    patients_critical: Some
    shifts_doctor: Some
    shifts_nurse: Some
    shifts_cleaner: Some
    shifts_other: Some
    tests_done: Some


class DailyStockRow(ScenarioRow):
    key = ("site", "day", "item")
    refs = {"site": "sites", "item": "items"}

    site: Code
    day: date
    item: Code
    quantity: Some
    unit: Code


class ReceiptRow(ScenarioRow):
    """In this run, so many per cent of the item's largest line fall short or are rejected."""

    key = ("run", "item")
    refs = {"run": "runs", "item": "items"}

    run: Code
    item: Code
    outcome: ReceiptOutcome
    percent: Percent
    reason: Name | None = None
