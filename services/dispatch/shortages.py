"""How short each item is in each region: five levels, by thresholds that a region sets.

Two figures count, and the worse decides. *Days of cover*: what the region's hospitals have and what
is on its way to them, by what they use a day (their daily reports; where there is none, their own
word in an open need). *Share uncovered*: of what they ask for and nobody has set aside, the part
that neither the free stock of the region (with what is due there) nor a fair share of what other
regions have to spare would cover.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlmodel import Session, select

from services.dispatch.desk_models import ShortageLevel
from services.dispatch.promise import promises
from services.dispatch.shortage_rules import Lines, lines_of
from services.journal.clock import end_of_day
from services.parties import service as parties
from services.parties.models import Site
from services.requests import service as requests
from services.requests.forecast.service import lasting
from services.requests.models import NeedStatus
from services.requests.service import Served

LEVELS = tuple(ShortageLevel)
# What comes later than that is no help yet: a plan's usual week.
AHEAD_DAYS = 7
# A report that nobody has followed up for so long says nothing of today.
_OLDEST = timedelta(days=7)
_MILLION = 1_000_000


@dataclass(slots=True)
class _Sum:
    """Figures of one item in one region, in pieces."""

    outstanding: int = 0
    committed: int = 0
    free: int = 0
    uncovered: int = 0
    cover: int = 0
    use_milli: int = 0
    hospitals: int = 0

    def add(self, other: "_Sum") -> None:
        for name in _Sum.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Shortage:
    """One item in one region. ``free`` is stock and what is due that nobody has been promised.

    ``days_tenths`` are tenths of a day that its hospitals' goods last, None where none has told;
    ``decided_by`` is the figure that gave the level. ``here`` says that sites lie in this very
    region, and not only in regions within it.
    """

    region: str
    item: str
    level: ShortageLevel
    decided_by: str
    outstanding: int
    committed: int
    free: int
    uncovered: int
    uncovered_ppm: int
    days_tenths: int | None
    hospitals: int
    lines: Lines = field(repr=False)
    here: bool = True

    @property
    def is_told(self) -> bool:
        """Whether the region wants to be told of such a level."""
        return LEVELS.index(self.level) >= LEVELS.index(self.lines.alert_from) > 0


def shortages(
    session: Session, now: datetime | None = None, *, day: date | None = None
) -> list[Shortage]:
    """Every region and item that anything is known of, by region and item.

    As it is now; or, judged by world time, as it looks from a ``day``: by what isn't expired then
    and due from then on, for needs posted by its end, and by the reports of the week before.
    """
    sums = _by_region(session, now or datetime.now(UTC), day)
    _cover(sums)
    above = parties.regions_above(session)
    whole: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    for (region, item), each in sums.items():
        for code in above[region]:
            whole[code, item].add(each)
    find = lines_of(session)
    return [
        _shortage(
            region, item, whole[region, item], find(region, item), here=(region, item) in sums
        )
        for region, item in sorted(whole)
    ]


def _by_region(session: Session, now: datetime, day: date | None) -> dict[tuple[str, str], _Sum]:
    regions = {site.code: site.region for site in session.exec(select(Site))}
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    posted_until = end_of_day(day) if day else None
    needs = requests.find_needs(session, statuses=[NeedStatus.APPROVED], posted_until=posted_until)
    states = requests.served(session, needs)
    for state in states:
        here = sums[regions[state.need.site], state.need.item]
        here.outstanding += state.outstanding
        here.committed += state.reserved + state.in_transit
    for (site, item), (cover, use_milli) in _use(session, states, now, day).items():
        here = sums[regions[site], item]
        here.cover, here.use_milli = here.cover + cover, here.use_milli + use_milli
        here.hospitals += 1
    first_days = promises(session, first=day, days=AHEAD_DAYS)
    for each in first_days[AHEAD_DAYS - 1 :: AHEAD_DAYS]:
        sums[regions[each.site], each.item].free += each.available_to_promise
    return dict(sums)


def _use(
    session: Session, states: Iterable[Served], now: datetime, day: date | None
) -> Mapping[tuple[str, str], tuple[int, int]]:
    """By hospital and item: pieces there and on their way, and thousandths used a day."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for state in states:
        need = state.need
        if need.stock_on_hand_base is not None and need.use_per_day_base:
            coming = state.reserved + state.in_transit
            # The newest word counts; needs come in the order in which they were recorded.
            found[need.site, need.item] = (
                need.stock_on_hand_base + coming,
                1000 * need.use_per_day_base,
            )
    for each in lasting(session, None):
        # Of now, a report is as old as the word; of a day, as the day that it tells of.
        age = day - each.day if day else now - each.recorded_at
        if each.use_per_day_milli and (timedelta(0) <= age or not day) and age <= _OLDEST:
            cover = each.on_hand_base + each.coming_base
            found[each.site, each.item] = (cover, each.use_per_day_milli)
    return found


def _cover(sums: Mapping[tuple[str, str], _Sum]) -> None:
    """Cover what is outstanding: from the region's own goods first, then from what others spare.

    What is spare is shared at one rate, as a plan would; nothing is counted for two regions.
    """
    spare: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    for (_, item), each in sums.items():
        spare[item] += max(0, each.free - each.outstanding)
        missing[item] += max(0, each.outstanding - each.free)
    for (_, item), each in sums.items():
        left = max(0, each.outstanding - each.free)
        total = missing[item]
        helped = left * min(spare[item], total) // total if total else 0
        each.uncovered = left - helped


def _shortage(region: str, item: str, each: _Sum, lines: Lines, *, here: bool) -> Shortage:
    demand = each.outstanding + each.committed
    ppm = _MILLION * each.uncovered // demand if demand else 0
    days = 10_000 * each.cover // each.use_milli if each.use_milli else None
    by_share, by_days = lines.by_share(ppm), lines.by_days(days)
    worse = max(by_share, by_days)
    return Shortage(
        region=region,
        item=item,
        level=LEVELS[worse],
        decided_by="days" if by_days == worse and days is not None else "share",
        outstanding=each.outstanding,
        committed=each.committed,
        free=each.free,
        uncovered=each.uncovered,
        uncovered_ppm=ppm,
        days_tenths=days,
        hospitals=each.hospitals,
        lines=lines,
        here=here,
    )
