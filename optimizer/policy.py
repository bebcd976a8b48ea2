"""What a plan weighs, and in which units: every term is a sentence that can be read aloud."""

from dataclasses import dataclass

from optimizer.errors import ProblemError
from optimizer.parts import (
    LARGEST_COST_MICRO,
    LARGEST_QUANTITY,
    LARGEST_RATE_MICRO,
    check_flag,
    check_whole,
)

FAIRNESS = ("max_min", "weighted", "most_pieces")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a plan weighs once the tiers are settled.

    - `fairness`: `max_min` gives the needs of a tier fill rates that are leximin fair; `weighted`
      does so for the fill rate divided by the need's weight; `most_pieces` only serves each tier
      as many pieces as it can, to whom it is cheapest. All serve the same number of pieces.
    - `distance_micro_per_piece_m`: the cost of one piece going one metre.
    - `lateness_micro_per_piece_day`: the cost of one piece arriving one day after its need-by day.
      The default equals 500 km, so nearly every plan prefers a longer road to a late arrival.
    - `substitution_micro_per_piece`: the cost of one piece of the first accepted substitute; the
      second costs twice that, and so on. The default equals 2,000 km: a substitute goes where
      nothing else helps.
    - `stability_micro_per_piece`: the cost of one piece going from a lot to a need that the last
      plan did not join. 0 plans as if there had been none.
    - `whole_packs`: lots are given out in whole packs only, and needs count the whole packs they
      ask for; what is less than a pack is left open.
    - `least_drop_pieces`: a lot or a need of fewer pieces than this is left out: no lorry stops for
      it. 0 leaves out nothing.
    """

    fairness: str = "max_min"
    distance_micro_per_piece_m: int = 1
    lateness_micro_per_piece_day: int = 500_000
    substitution_micro_per_piece: int = 2_000_000
    stability_micro_per_piece: int = 0
    whole_packs: bool = False
    least_drop_pieces: int = 0

    def __post_init__(self) -> None:
        if self.fairness not in FAIRNESS:
            raise ProblemError(
                "bad_policy",
                "policy",
                f"fairness {self.fairness!r} must be one of {', '.join(FAIRNESS)}",
            )
        distance = self.distance_micro_per_piece_m
        check_whole(distance, 0, LARGEST_RATE_MICRO, "distance_micro_per_piece_m", "policy")
        for name in (
            "lateness_micro_per_piece_day",
            "substitution_micro_per_piece",
            "stability_micro_per_piece",
        ):
            check_whole(getattr(self, name), 0, LARGEST_COST_MICRO, name, "policy")
        check_flag(self.whole_packs, "whole_packs", "policy")
        check_whole(self.least_drop_pieces, 0, LARGEST_QUANTITY, "least_drop_pieces", "policy")
