"""Medrelay's allocator on the same weeks: one problem a week and item, solved exactly.

What GetUsPPE's donors need is not what a ministry's depots need. Donors post what they give
themselves, and every further shipment is a burden; far more is asked for than is offered, so equal
shares would give everybody next to nothing. So each week's problem is put as: send all that can be
sent, at least cost, where a shipment costs something whatever is in it, a request left partly
unfilled costs something, and a mile costs a mile. All three are costs of a lane, which the
allocator knows. They are linear, as a flow's costs must be: what a shipment costs is shared out
over the pieces that it could hold, not over those that it does hold in the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.problem import Lane, Need, Policy, Problem, Source
from optimizer.solve import solve
from services.bench.getusppe.data import Miles
from services.bench.getusppe.rounds import Match, Open, Round, Strategy

__all__ = ["EQUAL_SHARES", "WHOLE_REQUESTS", "Weights", "medrelay", "weekly_problem"]

METRES_PER_MILE = 1609.344


@dataclass(frozen=True, slots=True)
class Weights:
    """What a week's plan weighs, in miles that a piece could go instead.

    - `shipment_piece_miles`: one more shipment costs as much as one piece going so many miles.
    - `rarity_piece_miles`: of that it saves this much, divided by the thousands of recipients who
      ask for the item: where few ask, one who is served is a larger share of them.
    - `unfilled_miles`: sending to a request of which the offer leaves a share unfilled costs each
      piece this many miles times that share.
    - `reach_miles`: nothing goes farther.
    - `lanes_per_offer`: how many requests an offer may go to: those with the cheapest lanes.
    - `fairness`: as in the allocator's own policy.
    """

    shipment_piece_miles: int = 32_000
    rarity_piece_miles: int = 3_000
    unfilled_miles: int = 400
    reach_miles: int = 400
    lanes_per_offer: int = 20
    fairness: str = "most_pieces"


WHOLE_REQUESTS = Weights()
EQUAL_SHARES = Weights(
    fairness="max_min", shipment_piece_miles=0, rarity_piece_miles=0, unfilled_miles=0
)


def medrelay(weights: Weights = WHOLE_REQUESTS) -> Strategy:
    """Return the strategy that solves each week's problems by these weights."""

    def strategy(round_: Round) -> Iterator[Match]:
        for item, offers, requests in round_.by_item():
            problem = weekly_problem(round_, offers, requests, weights)
            for each in solve(problem).allocations:
                yield Match(each.source_id, each.need_id, item, each.quantity)

    return strategy


def weekly_problem(
    round_: Round, offers: list[Open], requests: list[Open], weights: Weights
) -> Problem:
    """Put one item's open offers and requests as a problem whose ids are the parties' names.

    A request that no lane leads to is left out: it could get nothing.
    """
    lanes = list(_lanes(offers, requests, round_.miles, weights))
    reached = {lane.destination for lane in lanes}
    return Problem(
        day0=round_.ends_at.date().isoformat(),
        sources=tuple(_source(each) for each in offers),
        needs=tuple(_need(each) for each in requests if each.party in reached),
        lanes=tuple(lanes),
        policy=Policy(fairness=weights.fairness),
    )


def _source(offer: Open) -> Source:
    return Source(offer.party, offer.party, offer.item, offer.quantity)


def _need(request: Open) -> Need:
    return Need(
        id=request.party,
        site=request.party,
        item=request.item,
        quantity=request.quantity,
        tier=0,
        need_by_day=0,
        posted_at=int(request.since.timestamp()),
    )


def _lanes(
    offers: list[Open], requests: list[Open], miles: Miles, weights: Weights
) -> Iterator[Lane]:
    names = [each.party for each in requests]
    asked = np.array([each.quantity for each in requests])
    for offer in offers:
        away = miles.between(offer.party, names)
        own = _cost_of_its_own(offer.quantity, asked, weights)
        within = np.flatnonzero(away <= weights.reach_miles)  # NaN, unknown, is never within
        # Sorted stably, so that equals stay in the order of their names on every machine.
        cheapest = np.argsort((away + own)[within], kind="stable")[: weights.lanes_per_offer]
        for place in within[cheapest].tolist():
            yield Lane(
                offer.party,
                names[place],
                distance_m=round(float(away[place]) * METRES_PER_MILE),
                transit_days=0,
                cost_per_piece_micro=round(float(own[place]) * METRES_PER_MILE),
            )


def _cost_of_its_own(
    offered: int, asked: npt.NDArray[np.int64], weights: Weights
) -> npt.NDArray[np.float64]:
    """Return what a piece costs besides its way, in miles, to each of an item's requests."""
    together = np.minimum(asked, offered)
    shipment = weights.shipment_piece_miles - 1_000 * weights.rarity_piece_miles / len(asked)
    unfilled = weights.unfilled_miles * (1 - together / asked)
    # A rare item's shipment may be worth more than it costs. A lane can't cost less than nothing,
    # and what all pieces pay alike changes no plan: as many are sent in any case.
    return shipment / together + unfilled - min(0, shipment)
