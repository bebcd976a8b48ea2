"""A map of rounds, drawn here as plain numbers: no tiles, nothing from elsewhere.

Positions go through an equirectangular projection around their own middle: over the few hundred
kilometres of a day's rounds nobody sees the difference. Routes are told apart by colour and by a
label, and a stop by its number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, radians

from services.parties.models import Site
from services.rounds.schemas import RoundOut

WIDTH, HEIGHT = 640, 460
_MARGIN = 40
# Dark enough on the map's ground to be told from it; from the tenth round on they come again.
COLOURS = 9
# How large marks and names are: nothing else is to stand there.
MARK_HEIGHT, _CHARACTER, _STEP = 20.0, 7.0, 5.0
_NAME_WIDTH, _NAME_HEIGHT = 200.0, 17.0
_SAME = 3.0


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Stops at one place: ``3·2`` is round 3's second stop, ``3·2–4`` are three in a row."""

    at: Point
    text: str
    site: str
    colour: int

    @property
    def width(self) -> float:
        return 14 + _CHARACTER * len(self.text)


@dataclass(frozen=True, slots=True)
class Route:
    """A round's line, there and back, as an SVG path; its label stands at ``label``."""

    number: int
    colour: int
    path: str
    label: Point


@dataclass(frozen=True, slots=True)
class Depot:
    """Its name stands at ``name``, clear of other names."""

    at: Point
    name: Point
    site: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A bar of ``km`` kilometres that is ``width`` long."""

    km: int
    width: float


@dataclass(frozen=True, slots=True)
class Map:
    width: int
    height: int
    routes: tuple[Route, ...]
    marks: tuple[Mark, ...]
    depots: tuple[Depot, ...]
    scale: Scale


def draw(rounds: Sequence[RoundOut], sites: Mapping[str, Site]) -> Map | None:
    """The rounds on a map with north at the top; None where there are none."""
    codes = {each.depot for each in rounds} | {s.site for each in rounds for s in each.stops}
    if not codes:
        return None
    view = _View([sites[code] for code in sorted(codes)])
    routes: list[Route] = []
    marks: list[Mark] = []
    for each in rounds:
        points = [view.at(sites[code]) for code in (each.depot, *(s.site for s in each.stops))]
        colour = (each.number - 1) % COLOURS
        path = " ".join(f"{p.x:g},{p.y:g}" for p in [*points, points[0]])
        routes.append(Route(each.number, colour, path, _middle(points[0], points[1])))
        marks += _marks(each, points[1:], colour)
    depots = _depots(view, {code: sites[code] for code in sorted({r.depot for r in rounds})})
    placed = _apart(marks, depots)
    return Map(WIDTH, HEIGHT, tuple(routes), tuple(placed), tuple(depots), _scale(view.per_km))


def _marks(each: RoundOut, points: Sequence[Point], colour: int) -> Iterator[Mark]:
    """A mark a place: stops in a row that can't be told apart on the map share one."""
    first = 0
    for last, point in enumerate(points):
        after = points[last + 1] if last + 1 < len(points) else None
        if after and abs(after.x - point.x) < _SAME and abs(after.y - point.y) < _SAME:
            continue
        text = f"{each.number}·{first + 1}" + (f"–{last + 1}" if last > first else "")
        yield Mark(point, text, each.stops[last].site, colour)
        first = last + 1


def _depots(view: "_View", sites: Mapping[str, Site]) -> list[Depot]:
    """Each with its name above it, and above the names of those that lie close."""
    placed: list[Depot] = []
    for code, site in sites.items():
        at = view.at(site)
        inside = min(max(at.x, _NAME_WIDTH / 2 + 4), WIDTH - _NAME_WIDTH / 2 - 4)
        name = Point(inside, round(at.y - 14, 1))
        while any(
            abs(name.x - each.name.x) < _NAME_WIDTH and abs(name.y - each.name.y) < _NAME_HEIGHT
            for each in placed
        ):
            name = Point(name.x, round(name.y - _NAME_HEIGHT, 1))
        placed.append(Depot(at, name, code))
    return placed


class _View:
    """Fits the sites into the drawing, with one scale both ways."""

    def __init__(self, sites: Sequence[Site]) -> None:
        south, north = min(s.latitude for s in sites), max(s.latitude for s in sites)
        west, east = min(s.longitude for s in sites), max(s.longitude for s in sites)
        self._middle = ((south + north) / 2, (west + east) / 2)
        self._narrow = max(0.05, cos(radians(self._middle[0])))
        high_km = max((north - south) * _KM_PER_DEGREE, 0.5)
        wide_km = max((east - west) * self._narrow * _KM_PER_DEGREE, 0.5)
        self.per_km = min(
            (WIDTH - 2 * _MARGIN) / wide_km, (HEIGHT - 2 * _MARGIN) / high_km, _LARGEST_PER_KM
        )

    def at(self, site: Site) -> Point:
        east_km = (site.longitude - self._middle[1]) * self._narrow * _KM_PER_DEGREE
        north_km = (site.latitude - self._middle[0]) * _KM_PER_DEGREE
        return Point(
            round(WIDTH / 2 + east_km * self.per_km, 1),
            round(HEIGHT / 2 - north_km * self.per_km, 1),
        )


_KM_PER_DEGREE = 111.19
# A single street isn't blown up to the whole sheet.
_LARGEST_PER_KM = 40.0


def _middle(one: Point, other: Point) -> Point:
    return Point(round((one.x + other.x) / 2, 1), round((one.y + other.y) / 2, 1))


def _apart(marks: Sequence[Mark], depots: Sequence[Depot]) -> list[Mark]:
    """Marks that would cover each other, a depot or its name stand one below the other."""
    taken = [_Box(depot.at, 16, 16) for depot in depots]
    taken += [_Box(_above(depot.name), _NAME_WIDTH, _NAME_HEIGHT) for depot in depots]
    placed: list[Mark] = []
    for mark in marks:
        box = _Box(mark.at, mark.width + 2, MARK_HEIGHT)
        while any(box.covers(other) for other in taken):
            at = Point(box.at.x, round(box.at.y + _STEP, 1))
            if at.y > HEIGHT - MARK_HEIGHT:
                at = Point(round(at.x + MARK_HEIGHT, 1), mark.at.y)
            box = replace(box, at=at)
        taken.append(box)
        placed.append(replace(mark, at=box.at))
    return placed


@dataclass(frozen=True, slots=True)
class _Box:
    """Around its middle ``at``."""

    at: Point
    width: float
    height: float

    def covers(self, other: "_Box") -> bool:
        return (
            abs(self.at.x - other.at.x) < (self.width + other.width) / 2
            and abs(self.at.y - other.at.y) < (self.height + other.height) / 2
        )


def _above(line: Point) -> Point:
    """The middle of a text that stands on this line."""
    return Point(line.x, line.y - 4)


def _scale(per_km: float) -> Scale:
    """The roundest length that takes up to a quarter of the sheet."""
    fitting = [km for km in _SCALES if km * per_km <= WIDTH / 4]
    km = fitting[-1] if fitting else 1
    return Scale(km, round(km * per_km, 1))


_SCALES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
