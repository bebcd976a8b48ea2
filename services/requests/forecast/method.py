"""What an item's coming need is, by what was used and by who is there. No database here.

Two methods stand side by side. The burn rate (CDC, PPE Burn Rate Calculator): what was used
between counts, by the days between them. Essential supplies (WHO, COVID-19 Essential Supplies
Forecasting Tool): patients by severity, shifts and tests, each times a rate. All quantities are
pieces, rates thousandths of a piece a day. ``docs/forecast.md`` has the formulas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import ceil

from services.requests.forecast.growth import Projection
from services.requests.forecast.models import Driver, Method

INTERVALS = 7
PATIENTS = (
    Driver.PATIENT_SUSPECTED,
    Driver.PATIENT_MILD,
    Driver.PATIENT_SEVERE,
    Driver.PATIENT_CRITICAL,
)


class Gap(StrEnum):
    """Why there is no forecast of an item, or none at all."""

    NO_REPORT = "no_report"
    NOT_COUNTED = "not_counted"
    NO_RATE = "no_rate"
    NO_USE = "no_use"


class Cover(StrEnum):
    """Why nothing is left to ask for: what is there, what comes besides, what was asked for."""

    STOCK = "stock"
    COMING = "coming"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Count:
    """One item's stock on a day, and what came in since the count before it."""

    day: int
    stock: int
    came: int


@dataclass(frozen=True, slots=True)
class Burn:
    """What was used a day over the counts, in thousandths of a piece.

    ``unexplained`` counts the intervals left out because more stood there than could have come;
    ``ran_out`` says that at some count nothing was left, so that more may have been needed.
    """

    per_day_milli: int
    days: int
    unexplained: int
    ran_out: bool


@dataclass(frozen=True, slots=True)
class Need:
    """An item's forecast over a horizon, in pieces; what either method gave stands beside it."""

    method: Method
    use_per_day_milli: int
    days_left_tenths: int | None
    burn: int | None
    essential: int | None
    forecast: int


def burn_rate(counts: Sequence[Count]) -> Burn | None:
    """Use = stock before + what came − stock now, over the last intervals; None without one.

    An interval in which more stood there at its end than could have come tells of a miscount, or
    of goods that nobody wrote down: it is left out, and counted.
    """
    used = days = unexplained = 0
    ran_out = False
    for before, after in list(pairwise(counts))[-INTERVALS:]:
        pieces = before.stock + after.came - after.stock
        if pieces < 0:
            unexplained += 1
            continue
        used += pieces
        days += after.day - before.day
        ran_out = ran_out or after.stock == 0
    if not days:
        return None
    return Burn(ceil(1000 * used / days), days, unexplained, ran_out)


def days_left_tenths(stock: int, per_day_milli: int) -> int | None:
    """Days of supply left, in tenths: stock by use a day; None where nothing is used."""
    if per_day_milli <= 0:
        return None
    return min(stock * 10_000 // per_day_milli, 2**31 - 1)


def burn_need(burn: Burn, patients: Sequence[int], projection: Projection) -> int:
    """The burn rate over the horizon, growing as patients do; flat where there are none.

    ``patients`` are the totals of the days that the burn rate is of: use goes with their mean.
    """
    per_day = burn.per_day_milli / 1000
    mean = sum(patients) / len(patients) if patients else 0
    if mean == 0:
        return ceil(per_day * len(projection.points))
    return ceil(sum(per_day * point / mean for point in projection.points))


def essential_per_day_milli(rates: Mapping[Driver, int], present: Mapping[Driver, int]) -> int:
    """Rates times who is there: patients by severity, shifts and tests of one day."""
    return sum(rate * present.get(driver, 0) for driver, rate in rates.items())


def essential_need(
    rates: Mapping[Driver, int], present: Mapping[Driver, int], projection: Projection
) -> int:
    """The same over the horizon: patients grow as projected, each severity keeping its share.

    Shifts and tests stay as they were reported: who is there is all who can come.
    """
    ill = sum(present.get(driver, 0) for driver in PATIENTS)
    by_patients = {driver: rate for driver, rate in rates.items() if driver in PATIENTS}
    others = {driver: rate for driver, rate in rates.items() if driver not in PATIENTS}
    flat = essential_per_day_milli(others, present) * len(projection.points)
    grown = sum(projection.points) / ill if ill else 0.0
    return ceil((flat + essential_per_day_milli(by_patients, present) * grown) / 1000)


def forecast_item(
    counts: Sequence[Count],
    patients: Sequence[int],
    present: Mapping[Driver, int],
    rates: Mapping[Driver, int],
    projection: Projection,
    on_hand: int,
) -> Need | Gap:
    """An item's need over the projection's days, or why there is no saying.

    What was measured is believed, unless the item ran out while it was measured: then people used
    what there was, and the larger of the two counts. With one count the rates alone speak; with
    none nothing is known of the stock, and nothing is said.
    """
    if not counts:
        return Gap.NOT_COUNTED
    burn = burn_rate(counts)
    burned = burn_need(burn, patients, projection) if burn else None
    daily = essential_per_day_milli(rates, present)
    essential = essential_need(rates, present, projection) if rates else None
    if burn is None and essential is None:
        return Gap.NO_RATE
    by_rates = essential is not None and (
        burn is None or (burn.ran_out and essential > (burned or 0))
    )
    per_day = daily if by_rates or burn is None else burn.per_day_milli
    need = essential if by_rates else burned
    if not need:
        return Gap.NO_USE
    return Need(
        method=Method.ESSENTIAL_SUPPLIES if by_rates else Method.BURN_RATE,
        use_per_day_milli=per_day,
        days_left_tenths=days_left_tenths(on_hand, per_day),
        burn=burned,
        essential=essential,
        forecast=need,
    )


def suggest(need: int, on_hand: int, coming: int, asked: int) -> int:
    """What to ask for: the need, less what is there, on its way or set aside, or asked for."""
    return max(0, need - on_hand - coming - asked)


def covered_by(need: int, on_hand: int, coming: int, asked: int) -> Cover | None:
    """With what the need is met, the nearest first; None where something is left to ask for."""
    met = 0
    for cover, pieces in zip(Cover, (on_hand, coming, asked), strict=True):
        met += pieces
        if met >= need:
            return cover
    return None
