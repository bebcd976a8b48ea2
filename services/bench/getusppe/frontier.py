"""What the policy's weights trade: miles, how many get how much, how many shipments."""

from collections.abc import Callable
from dataclasses import replace

from services.bench.getusppe.chart import Axis, Line, Panel, Point, draw
from services.bench.getusppe.data import Records
from services.bench.getusppe.figures import PUBLISHED_FIGURES, Figures, better_on, count
from services.bench.getusppe.policy import WHOLE_REQUESTS, Weights, medrelay
from services.bench.getusppe.published import first_come, proximity, ties_as_published
from services.bench.getusppe.rounds import play

__all__ = ["frontier"]

REACHES = {100: "#1b7f5c", 400: "#2660a4", 1_500: "#7d3fa0"}
SHIPMENTS = (2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000)
PUBLISHED_COLOUR, CHOSEN_COLOUR = "#b3472a", "#d08a00"

Played = dict[Weights, Figures]


def frontier(records: Records, started: Callable[[str], None] = lambda _: None) -> str:
    """Play the policy at every weight, telling each to `started`, and return the drawing."""
    started("published strategies")
    published = {
        "first come": count(records.requests, play(records, first_come)),
        "proximity": count(records.requests, play(records, proximity(ties_as_published()))),
    }
    played: Played = {}
    swept = [each for reach in REACHES for each in _sweep(reach)]
    for weights in dict.fromkeys([WHOLE_REQUESTS, *swept]):
        started(f"a shipment at {weights.shipment_piece_miles}, reach {weights.reach_miles}")
        played[weights] = count(records.requests, play(records, medrelay(weights)))
    return _drawing(published, played)


def _sweep(reach_miles: int) -> list[Weights]:
    base = replace(WHOLE_REQUESTS, reach_miles=reach_miles)
    return [replace(base, shipment_piece_miles=each) for each in SHIPMENTS]


def _drawing(published: dict[str, Figures], played: Played) -> str:
    miles = Axis(
        "miles that a sent piece went (logarithmic)",
        10,
        2_000,
        (10, 20, 50, 100, 200, 500, 1_000, 2_000),
        logarithmic=True,
    )
    shipments = Axis(
        "shipments that a donor had to send, on average", 1.25, 3.5, (1.5, 2, 2.5, 3, 3.5)
    )
    fill = Axis("fill rate (mean over who asked)", 0, 0.14, (0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12))
    return draw(
        [
            Panel(
                "Fill rate and distance",
                miles,
                fill,
                _lines(published, played, "unit_miles"),
            ),
            Panel(
                "Fill rate and shipments",
                shipments,
                fill,
                _lines(published, played, "shipments_per_donor"),
            ),
        ],
        [
            f"Along a line, a shipment costs {SHIPMENTS[0]:,} to {SHIPMENTS[-1]:,} piece-miles.",
            "Filled: better than both published strategies on all five figures. Hollow: on fewer.",
        ],
        "Fill rate against miles and against shipments, for Medrelay's policy at many weights "
        "and for the two published strategies",
    )


def _lines(published: dict[str, Figures], played: Played, across: str) -> tuple[Line, ...]:
    def point(figures: Figures, told: str, word: str = "", *, filled: bool) -> Point:
        return Point(getattr(figures, across), figures.fill_rate, told, filled, word)

    def swept(weights: Weights) -> Point:
        figures = played[weights]
        told = f"a shipment at {weights.shipment_piece_miles:,} piece-miles: {_told(figures)}"
        better = better_on(figures, published.values())
        return point(figures, told, filled=len(better) == len(PUBLISHED_FIGURES))

    return (
        *(
            Line(
                f"Medrelay, no piece farther than {reach:,} miles",
                colour,
                tuple(swept(each) for each in _sweep(reach)),
            )
            for reach, colour in REACHES.items()
        ),
        Line("Medrelay as benchmarked", CHOSEN_COLOUR, (swept(WHOLE_REQUESTS),), joined=False),
        Line(
            "published strategies",
            PUBLISHED_COLOUR,
            tuple(
                point(each, f"{name}: {_told(each)}", name, filled=True)
                for name, each in published.items()
            ),
            joined=False,
        ),
    )


def _told(figures: Figures) -> str:
    return (
        f"fill rate {figures.fill_rate:.4f}, {figures.fill_rate_nonzero:.3f} without zeros, "
        f"{figures.unit_miles:.1f} miles, {figures.shipments_per_donor:.2f} shipments a donor, "
        f"{figures.days_held:.1f} days held"
    )
