"""What a drive came to: figures read from the API after everything is done."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from services.parties.models import Role
from services.requests.models import Priority
from services.scenarios.acts import desk_of, request_ids
from services.scenarios.client import ApiCaller, DriveFailed
from services.scenarios.rows import RunRow
from services.scenarios.scenario import Scenario
from services.scenarios.second_act.stage import Outcome

_A_PAGE = 1000
_POLL_S = 0.2
_LONGEST_ANCHORING_S = 120.0
_MILLION = 1_000_000


@dataclass(slots=True)
class Summary:
    """Quantities in pieces, money in minor units, fill rates from 0 to 1 (six digits).

    A need's fill rate is what its hospital accepted by what it asked for; cancelled needs don't
    count, nor what is asked for in the second act. That has a sentence and figures for each of its
    acts, and ``differences`` from what its script comes to by itself. Where ``story_was_there``, it
    was acted out before, and people may have gone on with it since. ``check_ok`` is the caller's to
    fill, from ``medrelay check``.
    """

    scenario: str
    needs: int = 0
    needs_cancelled: int = 0
    pieces_needed: int = 0
    pieces_allocated: int = 0
    pieces_delivered: int = 0
    pieces_short: int = 0
    pieces_rejected: int = 0
    min_fill_rate: float = 0.0
    mean_fill_rate: float = 0.0
    fill_by_priority: dict[str, float] = field(default_factory=dict)
    fill_by_item: dict[str, float] = field(default_factory=dict)
    donations: int = 0
    donations_money_minor: int = 0
    disbursements: int = 0
    runs: int = 0
    shipments: int = 0
    comparison: list[str] = field(default_factory=list)
    comparison_figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    second_act: dict[str, str] = field(default_factory=dict)
    second_act_figures: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    journal_entries: int = 0
    leaves: int = 0
    chain_tree_size: int = 0
    root: str = ""
    trace_ok: bool = False
    second_act_ok: bool = False
    story_was_there: bool = False
    check_ok: bool | None = None
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        """The summary as JSON-safe values."""
        return asdict(self)


def wait_until_anchored(
    api: ApiCaller, progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Wait until the log has come to every entry there is; returns its status."""
    give_up = time.monotonic() + _LONGEST_ANCHORING_S
    while True:
        log: dict[str, Any] = api.get(None, "/audit/log")
        progress("anchoring", log["anchored"], log["entries"])
        if log["anchored"] == log["sealed"] == log["entries"]:
            return log
        if time.monotonic() > give_up:
            raise DriveFailed(
                f"After {_LONGEST_ANCHORING_S:.0f} s the chain holds {log['anchored']} leaves of "
                f"{log['entries']} entries"
            )
        time.sleep(_POLL_S)


def summarise(
    scenario: Scenario,
    api: ApiCaller,
    shipments: list[dict[str, Any]],
    outcomes: list[Outcome],
    progress: Callable[[str, int, int], None],
) -> Summary:
    """Read every figure; ``shipments`` are those of the scenario's runs, as they are now."""
    desk = desk_of(scenario, Role.AUDITOR)
    summary = Summary(scenario=scenario.header.code)
    own = request_ids(scenario)
    _add_needs(summary, [need for need in _all_needs(api, desk) if need["request_id"] in own])
    _add_shipments(summary, shipments)
    summary.donations = len(scenario.donations) + len(scenario.money_gifts)
    summary.donations_money_minor = sum(gift.amount_minor for gift in scenario.money_gifts)
    summary.disbursements += len(scenario.payments)
    summary.runs = len(scenario.runs)
    for row in scenario.runs:
        run = api.get(desk, f"/runs/{scenario.id(f'run/{row.key_}')}")
        summary.comparison_figures[row.key_] = run["comparison"]
        summary.comparison.append(_sentence(row, run["comparison"]))
    _add_second_act(summary, outcomes)
    summary.trace_ok = _traces_hold(scenario, api, progress)
    log = api.get(None, "/audit/log")
    summary.journal_entries = log["entries"]
    summary.leaves = log["sealed"]
    summary.chain_tree_size = log["anchored"]
    summary.root = log["root"]
    return summary


def _all_needs(api: ApiCaller, desk: str) -> list[dict[str, Any]]:
    """Every need, a page of the list after the other."""
    found: list[dict[str, Any]] = []
    while page := api.get(desk, "/needs", limit=_A_PAGE, offset=len(found)):
        found += page
    return found


def _add_needs(summary: Summary, needs: list[dict[str, Any]]) -> None:
    open_needs = [need for need in needs if need["status"] != "cancelled"]
    rates = [_rate(need["received_base"], need["quantity_base"]) for need in open_needs]
    summary.needs = len(open_needs)
    summary.needs_cancelled = len(needs) - len(open_needs)
    summary.pieces_needed = sum(need["quantity_base"] for need in open_needs)
    summary.min_fill_rate = min(rates, default=0.0)
    summary.mean_fill_rate = round(sum(rates) / len(rates), 6) if rates else 0.0
    by_priority = _fill_by(open_needs, "priority")
    summary.fill_by_priority = {
        priority.value: by_priority[priority.value]
        for priority in Priority
        if priority.value in by_priority
    }
    summary.fill_by_item = dict(sorted(_fill_by(open_needs, "item").items()))


def _fill_by(needs: list[dict[str, Any]], column: str) -> dict[str, float]:
    """Pieces received by pieces asked for, over all needs that share a value."""
    received: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for need in needs:
        received[need[column]] += need["received_base"]
        asked[need[column]] += need["quantity_base"]
    return {value: _rate(received[value], asked[value]) for value in asked}


def _rate(received: int, asked: int) -> float:
    return round(received / asked, 6)


def _add_shipments(summary: Summary, shipments: list[dict[str, Any]]) -> None:
    summary.shipments = len(shipments)
    for shipment in shipments:
        lines = shipment["lines"]
        accepted = sum(line["accepted_base"] for line in lines)
        summary.pieces_allocated += sum(line["quantity_base"] for line in lines)
        summary.pieces_delivered += accepted
        summary.pieces_short += sum(line["short_base"] for line in lines)
        summary.pieces_rejected += sum(line["rejected_base"] for line in lines)
        # What a consignee accepts of one shipment is one disbursement.
        summary.disbursements += accepted > 0


def _add_second_act(summary: Summary, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        summary.second_act[outcome.name] = outcome.sentence
        summary.second_act_figures[outcome.name] = outcome.figures
        summary.differences += outcome.differences
    summary.second_act_ok = not summary.differences


def _sentence(row: RunRow, comparison: dict[str, Any]) -> str:
    ours, shares = comparison["medrelay"], comparison["proportional"]
    queue = comparison["first_come_first_served"]
    return (
        f"On {row.day.isoformat()}, of the needs open then, first come first served would have "
        f"left {_percent(queue['zero_share_ppm'])} with nothing, proportional shares "
        f"{_percent(shares['zero_share_ppm'])}, this plan {_percent(ours['zero_share_ppm'])}"
    )


def _percent(ppm: int) -> str:
    return f"{100 * ppm / _MILLION:.1f} %"


def _traces_hold(
    scenario: Scenario, api: ApiCaller, progress: Callable[[str, int, int], None]
) -> bool:
    """Whether every donation's trace accounts for everything that was given."""
    keys = [row.key_ for row in scenario.donations] + [row.key_ for row in scenario.money_gifts]
    held = True
    for done, key in enumerate(keys, start=1):
        trace = api.get(None, f"/audit/donations/{scenario.id(f'donation/{key}')}/trace")
        held = held and bool(trace["ok"])
        progress("tracing donations", done, len(keys))
    return held
