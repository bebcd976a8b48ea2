"""`medrelay bench optimizer`: how long it takes at which size, beside others on the same problem.

For each size: the allocator's plan, the check of it, then each peer, one process after another. The
peers are given how much each need gets and bring it there at least cost (`transport.py`): less work
than the allocator's, which also finds those targets, gives reasons and writes its proof.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.bench.child import missing
from services.bench.instances import Shape
from services.bench.machine import describe_machine
from services.bench.measure import Measured, run_apart

__all__ = [
    "CHECK",
    "MAXMIN",
    "MEDRELAY",
    "PEERS",
    "BadBench",
    "Bench",
    "parse_peers",
    "parse_shapes",
]

MEDRELAY, CHECK, MAXMIN = "medrelay", "check", "maxmin"
PEERS = ("glop", "highs", "pot", MAXMIN)
COLUMNS = ("seconds", "ratio", "peak_mb", "objective", "proven", "gap", "equal", "why")
"""What every row says, if only that it is not known, besides what it is about."""

Row = dict[str, Any]


class BadBench(ValueError):
    """A size or a peer that there is not; the message says how to write it."""


def parse_shapes(
    sizes: Iterable[str], items: Iterable[str], *, lanes: bool, seed: int
) -> list[Shape]:
    """Return the shapes of sizes such as `1000x50,5000x200`, each with each number of items."""
    shapes = []
    for size in _split(sizes):
        needs, _, sources = size.partition("x")
        for count in _split(items):
            if not (needs.isdecimal() and sources.isdecimal() and count.isdecimal()):
                raise BadBench(f"{size} with {count} items: write needs x sources, as 10000x200")
            shapes.append(Shape(int(needs), int(sources), int(count), lanes, seed))
    return shapes


def parse_peers(peers: str) -> list[str]:
    """Return the peers that are named; BadBench for one that nobody knows."""
    names = _split([peers])
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise BadBench(f"{unknown[0]} is no peer: choose of {', '.join(PEERS)}")
    return names


def _split(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class Bench:
    """What to run, and how far each peer may go before it is ended."""

    shapes: Sequence[Shape]
    peers: Sequence[str]
    processes: int
    peer_timeout_s: float
    peer_memory_mb: float

    def steps(self) -> int:
        return len(self.shapes) * (2 + len(self.peers))

    def run(self, progress: Callable[[str], None], keep: Callable[[list[Row]], None]) -> list[Row]:
        """Return a row for each size and solver, and the growth of each solver over the sizes.

        `progress` is told what begins; `keep` gets all rows so far after each, so that what is cut
        short has something to show.
        """
        rows: list[Row] = []
        machine = describe_machine()
        for shape in self.shapes:
            with tempfile.TemporaryDirectory() as folder:
                for row in self._rows(shape, folder, progress):
                    rows.append(row | {"machine": machine})
                    keep(rows)
        rows += [row | {"machine": machine} for row in growth(rows)]
        keep(rows)
        return rows

    def _rows(self, shape: Shape, folder: str, progress: Callable[[str], None]) -> Iterable[Row]:
        arguments = {"shape": asdict(shape), "folder": folder}
        progress(_title(shape, MEDRELAY))
        planned = run_apart("plan", arguments | {"processes": self.processes})
        ours = _row(shape, MEDRELAY, "plan", planned) | {"processes": self.processes}
        if planned.why is not None:
            yield ours
            return
        ours["ratio"] = 1.0
        progress(_title(shape, CHECK))
        checked = _row(shape, CHECK, "check", run_apart("check", arguments), ours)
        ours["proven"] = checked["proven"] is True
        yield ours
        yield checked
        for peer in self.peers:
            progress(_title(shape, peer))
            yield self._against(peer, shape, arguments, ours)

    def _against(self, peer: str, shape: Shape, arguments: dict[str, Any], ours: Row) -> Row:
        why = missing(peer)
        if shape.lanes and peer != "glop":
            why = "only glop is asked where lanes are shared"
        if why is not None:
            return _row(shape, peer, "peer", Measured(why=why))
        task = MAXMIN if peer == MAXMIN else "coupled" if shape.lanes else "peer"
        measured = run_apart(
            task,
            arguments | {"peer": peer},
            timeout_s=self.peer_timeout_s,
            memory_mb=self.peer_memory_mb,
        )
        row = _row(shape, peer, "peer", measured, ours)
        if task == "peer" and row["objective"] is not None:
            row["equal"] = row["objective"] == ours["objective"]
            row["gap"] = row["objective"] / ours["objective"] - 1 if ours["objective"] else 0.0
            row["proven"] = True
        return row


def _title(shape: Shape, solver: str) -> str:
    lanes = ", shared lanes" if shape.lanes else ""
    return f"{shape.size}, {shape.items} items{lanes}: {solver}"


def _row(shape: Shape, solver: str, kind: str, measured: Measured, ours: Row | None = None) -> Row:
    about = {
        "size": shape.size,
        "items": shape.items,
        "lanes": shape.lanes,
        "seed": shape.seed,
        "solver": solver,
        "kind": kind,
    }
    row: Row = about | dict.fromkeys(COLUMNS) | measured.result | {"why": measured.why}
    row["peak_mb"] = measured.peak_mb or None
    if ours is not None and ours["seconds"] and row["seconds"] is not None:
        row["ratio"] = row["seconds"] / ours["seconds"]
    return row


def growth(rows: Sequence[Row]) -> list[Row]:
    """Return, for each solver that ran at several sizes, how its seconds grow with the pairs.

    The exponent is the slope of log seconds over log (needs x sources), by least squares.
    """
    found = []
    for solver, items, lanes in dict.fromkeys(
        (row["solver"], row["items"], row["lanes"]) for row in rows
    ):
        points = {
            _pairs(row["size"]): row["seconds"]
            for row in rows
            if (row["solver"], row["items"], row["lanes"]) == (solver, items, lanes)
            and row["seconds"]
        }
        if len(points) > 1:
            pairs, seconds = np.log(list(points.keys())), np.log(list(points.values()))
            row = {"size": "all", "items": items, "lanes": lanes, "solver": solver}
            row |= {"kind": "growth"} | dict.fromkeys(COLUMNS)
            found.append(row | {"exponent": round(float(np.polyfit(pairs, seconds, 1)[0]), 3)})
    return found


def _pairs(size: str) -> int:
    needs, _, sources = size.partition("x")
    return int(needs) * int(sources)
