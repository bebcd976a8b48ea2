"""Read the offers, the requests and the miles between them from the package `ppe-match`.

Only its data files are read; its code is never imported. Everything is sorted out once, here: what
comes out has whole pieces, moments with a zone, and a dense table of miles.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Miles", "NoData", "Posting", "Records", "read_installed", "read_records"]

PACKAGE = "ppe-match"
OFFERS, REQUESTS, MILES = "anon_donors.csv", "anon_recipients.csv", "anon_distance_matrix.csv"


class NoData(Exception):
    """The public data isn't there; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What one party offers, or asks for, of one item: pieces, from this moment on."""

    party: str
    item: str
    posted_at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Miles:
    """Miles from donor to recipient, `table[rows[donor], columns[recipient]]`: NaN if unknown."""

    rows: dict[str, int]
    columns: dict[str, int]
    table: npt.NDArray[np.float64]

    def between(self, donor: str, recipients: Iterable[str]) -> npt.NDArray[np.float64]:
        """Return the miles from one donor to each of these recipients, in their order."""
        places = [self.columns.get(each, -1) for each in recipients]
        row = self.rows.get(donor)
        if row is None:
            return np.full(len(places), np.nan)
        # One more column stands for recipients that the table doesn't know.
        return np.append(self.table[row], np.nan)[places]


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that was posted, in the files' order, and the miles between the parties."""

    offers: tuple[Posting, ...]
    requests: tuple[Posting, ...]
    miles: Miles

    def with_offers_between(self, first: datetime | None, end: datetime | None) -> "Records":
        """Leave out the offers before the first moment, and those from the end on."""
        offers = (
            each
            for each in self.offers
            if (first is None or each.posted_at >= first) and (end is None or each.posted_at < end)
        )
        return replace(self, offers=tuple(offers))


def read_installed() -> Records:
    """Read the files of the installed package; NoData says what to install where there is none."""
    return read_records(*(_locate(name) for name in (OFFERS, REQUESTS, MILES)))


def _locate(name: str) -> Path:
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for each in listed:
        path = Path(str(each.locate()))
        if each.name == name and path.is_file():
            return path
    raise NoData(
        f"The data of {PACKAGE!r} is not installed: there is no {name}. "
        "Run `make install-bench`, or install the extra `medrelay[bench]`."
    )


def read_records(offers: Path, requests: Path, miles: Path) -> Records:
    """Read three CSV files with the columns (don_id|rec_id, date, ppe, qty) and (…, distance)."""
    return Records(
        offers=tuple(_postings(offers, "don_id")),
        requests=tuple(_postings(requests, "rec_id")),
        miles=_miles(miles),
    )


def _postings(path: Path, party: str) -> Iterator[Posting]:
    with path.open(encoding="utf-8", newline="") as lines:
        for line, row in enumerate(csv.DictReader(lines), start=2):
            quantity = float(row["qty"])
            if not quantity.is_integer():
                raise ValueError(f"{path.name}, line {line}: qty {row['qty']!r} is not whole")
            yield Posting(
                row[party], row["ppe"], datetime.fromisoformat(row["date"]), int(quantity)
            )


def _miles(path: Path) -> Miles:
    # Four million lines: pandas (it comes with OR-Tools) reads them in a second, csv in ten.
    kinds = {"don_id": "category", "rec_id": "category", "distance": "float64"}
    frame = pd.read_csv(path, dtype=kinds, usecols=list(kinds))
    donors, recipients = frame["don_id"].cat, frame["rec_id"].cat
    table = np.full((len(donors.categories), len(recipients.categories)), np.nan)
    table[donors.codes.to_numpy(), recipients.codes.to_numpy()] = frame["distance"].to_numpy()
    return Miles(
        {str(each): row for row, each in enumerate(donors.categories)},
        {str(each): column for column, each in enumerate(recipients.categories)},
        table,
    )
