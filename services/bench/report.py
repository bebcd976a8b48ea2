"""Rows of the benchmarks as tables: for the terminal, and as Markdown for the documents."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from services.bench.sizes import CHECK, MEDRELAY

__all__ = ["markdown", "put_into", "terminal"]

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str]]
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
GIBIBYTE_MB = 2**30 / 10**6


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown, a table for each kind; raises ValueError for an unknown kind."""
    return "\n".join(
        f"### {title}\n{_markdown_table(columns, part)}" for title, columns, part in _parts(rows)
    )


def put_into(document: str, tables: str) -> str:
    """Return a document with these tables between its marks; ValueError if it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} … {END} to write the tables into")
    return f"{before}{begin}\n{tables}{end}{after}"


def terminal(rows: Sequence[Row]) -> list[Table]:
    """Return the rows as tables for a terminal of 80 columns."""
    tables = []
    for title, columns, part in _parts(rows):
        if "practice" in part[0]:
            tables.append(_across(title, columns, part))
            continue
        left_out = WIDE if any(row.get("gap") for row in part) else {*WIDE, GAP}
        shown = [column for column in columns if column not in left_out]
        table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for place, (heading, _) in enumerate(shown):
            fixed = "size" in part[0] and place == 0
            table.add_column(heading, justify="left" if place == 0 else "right", no_wrap=fixed)
        for row in part:
            table.add_row(*(show(row) for _, show in shown))
        tables.append(table)
    return tables


def _across(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Return a table with a column for each row: there are more figures than practices."""
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, heading in enumerate(["", *(columns[0][1](row) for row in rows)]):
        table.add_column(heading, justify="left" if place == 0 else "right")
    for heading, show in columns[1:]:
        table.add_row(heading, *(show(row) for row in rows))
    return table


def _parts(rows: Sequence[Row]) -> Iterable[tuple[str, Sequence[Column], Sequence[Row]]]:
    """Yield title, columns and rows of each table."""
    sizes = [row for row in rows if row.get("kind") in {"plan", "check", "peer"}]
    growth = [row for row in rows if row.get("kind") == "growth"]
    practice = [row for row in rows if "practice" in row]
    gas = [row for row in rows if row.get("kind") == "gas"]
    log = [row for row in rows if row.get("kind") in {"log-growth", "log-exponent"}]
    forecast = [row for row in rows if row.get("kind") == "forecast"]
    known = len(sizes) + len(growth) + len(practice) + len(gas) + len(log) + len(forecast)
    if known != len(rows):
        raise ValueError(f"{len(rows) - known} rows are of no benchmark with a table here")
    for machine in dict.fromkeys(row["machine"] for row in sizes):
        here = [row for row in sizes if row["machine"] == machine]
        yield f"Measured on: {machine}", SIZES, here
        yield "Aims", AIM_COLUMNS, _aims(here)
    if growth:
        yield "Growth: seconds go with (needs × sources) to the power of", GROWTH, growth
    for instance in dict.fromkeys(row["instance"] for row in practice):
        part = [row for row in practice if row["instance"] == instance]
        yield f"{instance}, {part[0]['needs']:,} needs", _practice_columns(part), part
    if gas:
        yield f"Gas a record, on {gas[0]['evm']}", GAS, gas
    for machine in dict.fromkeys(row["machine"] for row in log):
        part = [row for row in log if row["machine"] == machine]
        yield f"The log as it grows, in milliseconds, on {machine}", LOG, part
    if forecast:
        yield "Patients forecast, beside as many as today", FORECAST, forecast


def _markdown_table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    lines = [
        [heading for heading, _ in columns],
        ["---" if place == 0 else "---:" for place in range(len(columns))],
        *([show(row) for _, show in columns] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _number(name: str, digits: int = 0) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        value = row.get(name)
        return "" if value is None else f"{value:,.{digits}f}"

    return show


def _share(name: str, digits: int = 1) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        value = row.get(name)
        return "" if value is None else f"{value:.{digits}%}".replace("%", " %")

    return show


def _text(name: str) -> Callable[[Row], str]:
    words = {True: "yes", False: "no", None: ""}

    def show(row: Row) -> str:
        value = row.get(name)
        return words[value] if value is None or isinstance(value, bool) else str(value)

    return show


def _problem(row: Row) -> str:
    return f"{row['size']}, {row['items']}" + (", lanes" if row["lanes"] else "")


SIZES: Sequence[Column] = (
    ("size, items", _problem),
    ("solver", _text("solver")),
    ("seconds", _number("seconds", 2)),
    ("ratio", _number("ratio", 2)),
    ("peak MB", _number("peak_mb")),
    ("objective, micro-units", _number("objective")),
    ("proven", _text("proven")),
    ("gap", _share("gap", 3)),
    ("equal", _text("equal")),
    ("not measured, because", _text("why")),
)
WIDE = {column for column in SIZES if column[0].startswith(("objective", "not measured"))}
GAP = next(column for column in SIZES if column[0] == "gap")
GROWTH: Sequence[Column] = (
    ("solver", _text("solver")),
    ("items", _text("items")),
    ("lanes", _text("lanes")),
    ("exponent", _number("exponent", 2)),
)
GAS: Sequence[Column] = (
    ("method", _text("method")),
    ("batch", _number("batch")),
    ("gas a record", _number("gas_per_record")),
    ("least", _number("least")),
    ("most", _number("most")),
    ("first batch", _number("gas_first")),
)
LOG: Sequence[Column] = (
    ("way", _text("way")),
    ("leaves", lambda row: f"{row['size']:,}" if row.get("size") else "exponent"),
    ("append a leaf", _number("append_ms", 3)),
    ("a leaf alone", _number("lone_ms", 2)),
    ("receipt p50", _number("receipt_p50_ms", 2)),
    ("receipt p95", _number("receipt_p95_ms", 2)),
    ("restart", _number("restart_ms", 2)),
)
FORECAST: Sequence[Column] = (
    ("period", _text("period")),
    ("days", _number("ahead")),
    ("by", _text("projector")),
    ("ratio", _number("ratio", 2)),
    ("error", _share("mape")),
    ("bias", _share("bias")),
    ("covered", _share("coverage")),
    ("enough", _share("enough")),
    ("of", _number("forecasts")),
)
AIM_COLUMNS: Sequence[Column] = (
    ("aim", _text("aim")),
    ("measured", _text("measured")),
    ("reached", _text("reached")),
)


def _practice_columns(rows: Sequence[Row]) -> Sequence[Column]:
    tiers = sorted({tier for row in rows for tier in row["unmet_by_tier"]}, key=int)

    def unmet(tier: str) -> Callable[[Row], str]:
        return lambda row: f"{row['unmet_by_tier'][tier]:,}"

    return (
        ("", lambda row: row["practice"].replace("_", " ")),
        *((f"unmet, tier {tier}", unmet(tier)) for tier in tiers),
        ("least fill", _share("min_fill")),
        ("5th percentile", _share("p5_fill")),
        ("get nothing", _share("zero_share")),
        ("Gini", _number("gini", 3)),
        ("km a piece", _number("km_per_piece")),
        ("shipments", _number("shipments")),
        ("late pieces", _number("late_pieces")),
    )


def _aims(rows: Sequence[Row]) -> list[Row]:
    """Return each aim that these rows say something about, and whether they reach it."""
    found = [
        _timed(rows, "35000x1000", 1, 8, lanes=False),
        _timed(rows, "24500x250", 20, 30, lanes=False),
        _timed(rows, "24500x250", 20, 20, lanes=True),
    ]
    plans = [row for row in rows if row["solver"] == MEDRELAY and row["peak_mb"]]
    checks = [row for row in rows if row["solver"] == CHECK and row["seconds"]]
    if plans:
        peak = max(row["peak_mb"] for row in plans)
        failed = any(row["seconds"] is None for row in rows if row["solver"] == MEDRELAY)
        reached = not failed and peak < 6 * GIBIBYTE_MB
        found.append(_aim("every plan under 6 GiB", f"{peak:,.0f} MB", reached))
    if checks:
        slowest = max(row["seconds"] for row in checks)
        found.append(_aim("every check in ≤ 15 s", f"{slowest:.1f} s", slowest <= 15))
    return [aim for aim in found if aim is not None]


def _timed(rows: Sequence[Row], size: str, items: int, limit_s: int, *, lanes: bool) -> Row | None:
    for row in rows:
        if (row["solver"], row["size"], row["items"], row["lanes"]) != (
            MEDRELAY,
            size,
            items,
            lanes,
        ):
            continue
        what = f"{size.replace('x', ' × ')}, {items} items"
        if row["seconds"] is None:
            return _aim(f"{what} in ≤ {limit_s} s", str(row["why"]), reached=False)
        took, certified = f"{row['seconds']:.1f} s", row["proven"] is True
        if not lanes:
            proven = "proven" if certified else "not proven"
            reached = certified and row["seconds"] <= limit_s
            return _aim(f"{what}, fair and proven, in ≤ {limit_s} s", f"{took}, {proven}", reached)
        gap = row["gap"]
        measured = f"{took}, gap {'not certified' if gap is None else f'{gap:.3%}'}"
        reached = gap is not None and gap <= 0.0005 and row["seconds"] <= limit_s
        aim = f"{what}, shared lanes, in ≤ {limit_s} s with a certified gap ≤ 0.05 %"
        return _aim(aim, measured.replace("%", " %"), reached)
    return None


def _aim(aim: str, measured: str, reached: bool) -> Row:
    return {"aim": aim, "measured": measured, "reached": reached}
