"""How long supplies last: reports, the journal and open needs put through the methods."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from services.journal.arrivals import Arrival, arrivals
from services.requests import service as requests
from services.requests.forecast.growth import Projection, project
from services.requests.forecast.method import (
    PATIENTS,
    Count,
    Cover,
    Gap,
    Need,
    covered_by,
    forecast_item,
)
from services.requests.forecast.models import DailyReport, DailyStock, Driver
from services.requests.forecast.rates import rates_by_item
from services.requests.forecast.reports import current_reports, stock_of
from services.requests.models import LIVE

# Days of reports that a forecast looks back on; intervals within them are counted by the method.
LOOK_BACK_DAYS = 14
HORIZON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Coming:
    """Pieces of an item for a site: set aside or on the way, and asked for and not set aside."""

    coming: int = 0
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Supply:
    """One item at a site. ``told`` is its forecast, or why there is none."""

    item: str
    stock: int
    received_since: int
    coming: int
    asked: int
    told: Need | Gap

    @property
    def on_hand(self) -> int:
        """What was counted last and what was accepted since; never below none."""
        return max(0, self.stock + self.received_since)

    @property
    def covered_by(self) -> Cover | None:
        """Why nothing is suggested of it; None where something is, or nothing can be said."""
        if isinstance(self.told, Gap):
            return None
        return covered_by(self.told.forecast, self.on_hand, self.coming, self.asked)


@dataclass(frozen=True, slots=True)
class Outlook:
    """A site's supplies as its newest report and the journal tell them."""

    site: str
    report: DailyReport
    projection: Projection
    supplies: tuple[Supply, ...]


def total_patients(report: DailyReport) -> int:
    return sum(present(report)[driver] for driver in PATIENTS)


def present(report: DailyReport) -> dict[Driver, int]:
    """What uses supplies on a report's day: each driver with its number."""
    return {
        Driver.PATIENT_SUSPECTED: report.patients_suspected,
        Driver.PATIENT_MILD: report.patients_mild,
        Driver.PATIENT_SEVERE: report.patients_severe,
        Driver.PATIENT_CRITICAL: report.patients_critical,
        Driver.SHIFT_DOCTOR: report.shifts_doctor,
        Driver.SHIFT_NURSE: report.shifts_nurse,
        Driver.SHIFT_CLEANER: report.shifts_cleaner,
        Driver.SHIFT_OTHER: report.shifts_other,
        Driver.TEST: report.tests_done,
    }


def outlooks(
    session: Session, sites: Collection[str] | None = None, horizon_days: int = HORIZON_DAYS
) -> list[Outlook]:
    """The outlook of every site (of these) that has reported; the others have none."""
    by_site: dict[str, list[DailyReport]] = defaultdict(list)
    for report in current_reports(session, sites=sites, last_days=LOOK_BACK_DAYS):
        by_site[report.site].append(report)
    if not by_site:
        return []
    every = [report for reports in by_site.values() for report in reports]
    stock = stock_of(session, every)
    came: dict[str, list[Arrival]] = defaultdict(list)
    first = min(report.counted_at for report in every)
    for arrival in arrivals(session, [f"site:{site}" for site in by_site], first):
        came[arrival.holder.removeprefix("site:")].append(arrival)
    coming = _coming(session, list(by_site))
    rates = rates_by_item(session)
    return [
        _outlook(reports, stock, came[site], coming[site], rates, horizon_days)
        for site, reports in by_site.items()
    ]


def _coming(session: Session, sites: Sequence[str]) -> dict[str, dict[str, Coming]]:
    """By site and item, what the journal says of every need that may still get something."""
    found: dict[str, dict[str, Coming]] = {site: {} for site in sites}
    for state in requests.served(session, requests.find_needs(session, sites=sites)):
        need, before = state.need, found[state.need.site].get(state.need.item, Coming())
        live = need.status in LIVE
        wanted = (need.approved_base or need.quantity_base) if live else 0
        taken = state.reserved + state.in_transit + state.received
        found[need.site][need.item] = Coming(
            # What is set aside for a need that was ended may be freed by a dispatcher any time.
            before.coming + state.in_transit + (state.reserved if live else 0),
            before.asked + max(0, wanted - taken),
        )
    return found


def _outlook(
    reports: Sequence[DailyReport],
    stock: Mapping[UUID, Sequence[DailyStock]],
    came: Sequence[Arrival],
    coming: Mapping[str, Coming],
    rates: Mapping[str, Mapping[Driver, int]],
    horizon_days: int,
) -> Outlook:
    newest = reports[-1]
    series = [(report.day.toordinal(), total_patients(report)) for report in reports]
    projection = project(series, horizon_days)
    counted = {row.item for report in reports for row in stock[report.id]}
    supplies = tuple(
        _supply(
            item, reports, stock, came, coming.get(item, Coming()), rates.get(item, {}), projection
        )
        for item in sorted(counted | rates.keys())
    )
    return Outlook(newest.site, newest, projection, supplies)


def _supply(
    item: str,
    reports: Sequence[DailyReport],
    stock: Mapping[UUID, Sequence[DailyStock]],
    came: Sequence[Arrival],
    coming: Coming,
    rates: Mapping[Driver, int],
    projection: Projection,
) -> Supply:
    own = [each for each in came if each.commodity == item]
    counts: list[Count] = []
    patients: list[int] = []
    last: datetime | None = None
    for report in reports:
        row = next((each for each in stock[report.id] if each.item == item), None)
        if row is None:
            continue
        arrived = _between(own, last, report.counted_at) if last else 0
        counts.append(Count(report.day.toordinal(), row.quantity_base, arrived + row.received_base))
        patients.append(total_patients(report))
        last = report.counted_at
    since = _between(own, last, None) if last else 0
    counted = counts[-1].stock if counts else 0
    told = forecast_item(
        counts, patients, present(reports[-1]), rates, projection, max(0, counted + since)
    )
    return Supply(item, counted, since, coming.coming, coming.asked, told)


def _between(came: Sequence[Arrival], after: datetime, until: datetime | None) -> int:
    return sum(
        each.quantity
        for each in came
        if each.occurred_at > after and (until is None or each.occurred_at <= until)
    )
