"""Play every strategy on the same records: one row each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from services.bench.getusppe.data import Records
from services.bench.getusppe.figures import PUBLISHED_FIGURES, Figures, better_on, count
from services.bench.getusppe.policy import EQUAL_SHARES, WHOLE_REQUESTS, medrelay
from services.bench.getusppe.published import first_come, proximity, ties_as_published
from services.bench.getusppe.rounds import Strategy, play

__all__ = ["Row", "rows", "table"]

# As the data's authors' own framework gives them, to the digits at hand.
PUBLISHED = {
    "first_come": (0.0602, 0.779, 1344.9, 1.91, 13.8),
    "proximity": (0.0618, 0.676, 90.7, 2.29, 15.9),
}
STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "first_come": lambda: first_come,
    "proximity": lambda: proximity(ties_as_published()),
    "proximity_by_name": lambda: proximity({}),
    "medrelay": lambda: medrelay(WHOLE_REQUESTS),
    "medrelay_equal": lambda: medrelay(EQUAL_SHARES),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy's figures, how long it took, and what was published for it, if anything.

    `better_on` names the figures by which it is better than both published strategies as played
    here, or than the other one where it is one of them.
    """

    strategy: str
    figures: Figures
    seconds: float
    published: dict[str, float] | None
    better_on: list[str]

    def document(self) -> dict[str, Any]:
        """Return the row as JSON-safe objects, all figures side by side."""
        return {
            "strategy": self.strategy,
            **asdict(self.figures),
            "seconds": round(self.seconds, 2),
            "published": self.published,
            "better_on": self.better_on,
        }


def rows(
    records: Records, started: Callable[[str], None] = lambda _: None, *, whole: bool = True
) -> list[Row]:
    """Play each strategy, telling its name to `started` first, and return the rows in order.

    The published figures are those of the whole records; with a part of them they are left out.
    """
    played: dict[str, tuple[Figures, float]] = {}
    for name, build in STRATEGIES.items():
        started(name)
        begun = perf_counter()
        figures = count(records.requests, play(records, build()))
        played[name] = figures, perf_counter() - begun
    return [
        Row(
            name,
            figures,
            seconds,
            _published(name) if whole else None,
            better_on(figures, [played[each][0] for each in PUBLISHED if each != name]),
        )
        for name, (figures, seconds) in played.items()
    ]


def _published(name: str) -> dict[str, float] | None:
    known = PUBLISHED.get(name)
    return dict(zip(PUBLISHED_FIGURES, known, strict=True)) if known else None


def table(played: list[Row]) -> Table:
    """Lay the rows out for people, the published figures under those played here."""
    drawn = Table(
        box=SIMPLE,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        caption="better: on how many of the five than both published strategies",
    )
    drawn.add_column("strategy", no_wrap=True)
    for heading in (
        "fill\nrate",
        "no\nzeros",
        "unit-\nmiles",
        "sent a\ndonor",
        "days\nheld",
        "pieces",
        "better",
    ):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for row in played:
        five = {name: getattr(row.figures, name) for name in PUBLISHED_FIGURES}
        better = "" if row.strategy in PUBLISHED else f"{len(row.better_on)} of {len(five)}"
        drawn.add_row(row.strategy, *_told(five), f"{row.figures.pieces:,}", better)
        if row.published:
            drawn.add_row("  as published", *_told(row.published), style="dim")
    return drawn


def _told(five: dict[str, float]) -> list[str]:
    places = (".4f", ".3f", ",.1f", ".2f", ".1f")
    return [f"{value:{each}}" for value, each in zip(five.values(), places, strict=True)]
