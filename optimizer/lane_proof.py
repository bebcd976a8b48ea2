"""What a plan in shared lanes carries beyond its pools: the shares, and the prices of a bound.

`weights`, `source_prices` and `corridor_prices` are those of `bound.Prices`; the last is flat, by
corridor, day and then volume and weight. `objective` is what the plan weighs and `bound` what no
plan can weigh less than, both in micro-units and counted in units of the plain problem.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from optimizer.bound import Prices
from optimizer.documents import decode_int, encode_int, need_list, need_object
from optimizer.errors import ProblemError
from optimizer.lane_shares import Share, shares_document, shares_from_document

LISTS = ("source_prices", "corridor_prices")
NUMBERS = ("objective", "bound")


@dataclass(frozen=True, slots=True)
class LaneProof:
    shares: tuple[Share, ...]
    weights: tuple[tuple[int, int], ...]
    source_prices: tuple[int, ...]
    corridor_prices: tuple[int, ...]
    objective: int
    bound: int

    @classmethod
    def of(
        cls, shares: tuple[Share, ...], prices: Prices, objective: int, bound: int
    ) -> "LaneProof":
        return cls(
            shares,
            prices.weights,
            tuple(prices.source.tolist()),
            tuple(prices.corridor.ravel().tolist()),
            objective,
            bound,
        )

    def prices(self, corridors: int) -> Prices:
        """Return the prices as arrays; ValueError where their number doesn't fit the corridors."""
        corridor = np.array(self.corridor_prices, dtype=np.int64).reshape(corridors, -1, 2)
        return Prices(self.weights, np.array(self.source_prices, dtype=np.int64), corridor)

    @property
    def gap(self) -> Fraction:
        """How far the plan can be from the best, as a part of what it weighs."""
        return Fraction(self.objective - self.bound, max(1, self.objective))


def lane_proof_document(proof: LaneProof) -> dict[str, Any]:
    document: dict[str, Any] = {name: encode_int(getattr(proof, name)) for name in NUMBERS}
    document |= {name: [encode_int(each) for each in getattr(proof, name)] for name in LISTS}
    document["weights"] = [[tier, encode_int(weight)] for tier, weight in proof.weights]
    return document | {"shares": shares_document(proof.shares)}


def lane_proof_from_document(document: object) -> LaneProof:
    """Read what `lane_proof_document` wrote; ProblemError `bad_document` otherwise."""
    content = need_object(document, "lanes")
    if set(content) != {*NUMBERS, *LISTS, "weights", "shares"}:
        raise ProblemError("bad_document", "lanes", "must have exactly the keys of a lane proof")
    objective, bound = (decode_int(content[name], f"lanes.{name}") for name in NUMBERS)
    source, corridor = (
        tuple(decode_int(each, f"lanes.{name}") for each in need_list(content[name], name))
        for name in LISTS
    )
    weights = []
    for pair in need_list(content["weights"], "lanes.weights"):
        numbers = [decode_int(each, "lanes.weights") for each in need_list(pair, "weight")]
        if len(numbers) != 2:
            raise ProblemError("bad_document", "lanes.weights", "must pair a tier and its weight")
        weights.append((numbers[0], numbers[1]))
    shares = shares_from_document(content["shares"])
    return LaneProof(shares, tuple(weights), source, corridor, objective, bound)
