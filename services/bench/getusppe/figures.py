"""The five published figures, and three more that keep them honest."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import gt, lt
from statistics import fmean

from services.bench.getusppe.data import Posting
from services.bench.getusppe.rounds import Sent

__all__ = ["PUBLISHED_FIGURES", "Figures", "better_on", "count"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a strategy reached over all rounds.

    The first five are the published ones. A fill rate is that of one recipient and one item over
    the whole time: received by asked for; rates are averaged over the recipients of an item, then
    over the items.

    - `fill_rate`: over everybody who asked;
    - `fill_rate_nonzero`: over those who got something;
    - `unit_miles`: miles that a sent piece went, on average;
    - `shipments_per_donor`: (donor, recipient, round) by donors who sent anything;
    - `days_held`: days from offer to sending of a sent piece, on average.

    A strategy that sends next to nothing can look good by these. So: `pieces` sent in all, to how
    many `recipients`, from how many `donors`.
    """

    fill_rate: float
    fill_rate_nonzero: float
    unit_miles: float
    shipments_per_donor: float
    days_held: float
    pieces: int
    recipients: int
    donors: int


# The five published figures, and what is better in each.
PUBLISHED_FIGURES = {
    "fill_rate": gt,
    "fill_rate_nonzero": gt,
    "unit_miles": lt,
    "shipments_per_donor": lt,
    "days_held": lt,
}


def better_on(one: Figures, others: Iterable[Figures]) -> list[str]:
    """Name the published figures by which the one is better than each of the others."""
    others = list(others)
    return [
        name
        for name, is_better in PUBLISHED_FIGURES.items()
        if all(is_better(getattr(one, name), getattr(each, name)) for each in others)
    ]


def count(requests: Iterable[Posting], sent: list[Sent]) -> Figures:
    """Count the figures of what was sent against everything that was asked for."""
    rates = _rates_by_item(requests, sent)
    reached = [[rate for rate in each if rate > 0] for each in rates.values()]
    pieces = sum(each.quantity for each in sent)
    shipments = {(each.donor, each.recipient, each.sent_at) for each in sent}
    donors = {each.donor for each in sent}
    return Figures(
        fill_rate=_mean(fmean(each) for each in rates.values()),
        fill_rate_nonzero=_mean(fmean(each) for each in reached if each),
        unit_miles=_ratio(sum(each.miles * each.quantity for each in sent), pieces),
        shipments_per_donor=_ratio(len(shipments), len(donors)),
        days_held=_ratio(sum(each.held_days * each.quantity for each in sent), pieces),
        pieces=pieces,
        recipients=len({each.recipient for each in sent}),
        donors=len(donors),
    )


def _rates_by_item(requests: Iterable[Posting], sent: list[Sent]) -> dict[str, list[float]]:
    asked: dict[tuple[str, str], int] = defaultdict(int)
    received: dict[tuple[str, str], int] = defaultdict(int)
    for posting in requests:
        asked[posting.item, posting.party] += posting.quantity
    for each in sent:
        received[each.item, each.recipient] += each.quantity
    rates: dict[str, list[float]] = defaultdict(list)
    for (item, party), quantity in asked.items():
        if quantity:
            rates[item].append(received[item, party] / quantity)
    return rates


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return fmean(values) if values else 0.0


def _ratio(total: float, by: int) -> float:
    return total / by if by else 0.0
