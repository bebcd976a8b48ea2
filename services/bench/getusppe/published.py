"""The two strategies that were published with the data, written anew from their description.

`proximity` sends to the nearest recipient, and the data places everybody at the middle of a postal
area: in three choices of four, several recipients are nearest. The package sorts them by a sort
that leaves equals in no defined order, so its figures depend on the version of NumPy and on the
processor. `ties_as_published` is the order behind the published figures: what the package itself
chose under NumPy 1.26 on a processor with AVX-512, where that was not the first by name.
"""

import csv
from collections.abc import Iterator, Mapping
from importlib.resources import files

import numpy as np

from services.bench.getusppe.rounds import Match, Round, Strategy

__all__ = ["first_come", "proximity", "ties_as_published"]

Ties = Mapping[tuple[int, str, str], str]


def first_come(round_: Round) -> Iterator[Match]:
    """The n-th donor of an item serves its n-th recipient, as far as the smaller of both goes."""
    for item, offers, requests in round_.by_item():
        for offer, request in zip(offers, requests, strict=False):
            yield Match(offer.party, request.party, item, min(offer.quantity, request.quantity))


def proximity(ties: Ties) -> Strategy:
    """Each donor of an item in turn serves the nearest recipient who still lacks some of it.

    `ties` names, by week, item and donor, whom to choose among equally near recipients; where it
    names nobody, or somebody who is not among them, the first by name is chosen.
    """

    def strategy(round_: Round) -> Iterator[Match]:
        for item, offers, requests in round_.by_item():
            names = [each.party for each in requests]
            lacking = np.array([each.quantity for each in requests])
            for offer in offers:
                miles = np.where(lacking > 0, round_.miles.between(offer.party, names), np.nan)
                if np.isnan(miles).all():
                    continue
                nearest = np.flatnonzero(miles == np.nanmin(miles)).tolist()
                named = ties.get((round_.week, item, offer.party))
                chosen = next((each for each in nearest if names[each] == named), nearest[0])
                pieces = min(offer.quantity, int(lacking[chosen]))
                lacking[chosen] -= pieces
                yield Match(offer.party, names[chosen], item, pieces)

    return strategy


def ties_as_published() -> Ties:
    """Read whom the published figures' own run chose among equals."""
    text = files(__package__).joinpath("published_ties.csv").read_text(encoding="utf-8")
    return {
        (int(row["week"]), row["item"], row["donor"]): row["recipient"]
        for row in csv.DictReader(text.splitlines())
    }
