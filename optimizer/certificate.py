"""The proof that a plan carries: who shares what, and prices that show no cheaper plan exists.

A *pool* is a set of sources together with the needs that they, and only they and earlier pools, can
reach. Pools stand in order: no source may reach a need of an earlier pool. Each pool but the last
kind is *tight*: its needs use its sources up to the last piece, so no plan that leaves the earlier
pools as they are can give its needs more in total. That is the tight cut of a fairness level, and
it can be checked by adding up.

*Prices* are dual values (potentials) of a minimum cost flow: a piece is worth `price` at a node, no
arc may raise the price by more than it costs, and arcs that carry pieces raise it by exactly what
they cost.
"""

from dataclasses import dataclass, field
from typing import Any

from optimizer.documents import decode_int, encode_int, need_list, need_object
from optimizer.errors import ProblemError
from optimizer.lane_proof import LaneProof, lane_proof_document, lane_proof_from_document

NO_TIER = 100
"""The tier written on a pool whose needs are all met: after every real one."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One fairness level: needs of one tier with one fair fill rate, and the sources they use up.

    - `rate_numerator / rate_denominator`, in lowest terms: each of `needs` gets its quantity times
      this rate, rounded down or up. 1/1 marks the pools of needs met in full, whose sources may
      have pieces left. 0/0 marks a pool shared without fairness (policy `most_pieces`).
    - `carried`: needs of earlier tiers, met in full, that draw on the same sources.
    - `source_prices`, `need_prices`: dual values of the cost, aligned with `sources` and `needs +
      carried`, 0 for whatever carries nothing.
    - `source_cutoffs`, `need_cutoffs`: dual values of the rounding, aligned likewise; empty where
      no need of the pool has an odd piece to win.
    """

    tier: int
    rate_numerator: int
    rate_denominator: int
    needs: tuple[str, ...]
    carried: tuple[str, ...]
    sources: tuple[str, ...]
    source_prices: tuple[int, ...] = ()
    need_prices: tuple[int, ...] = ()
    source_cutoffs: tuple[int, ...] = ()
    need_cutoffs: tuple[int, ...] = ()

    @property
    def is_met(self) -> bool:
        return self.rate_numerator == self.rate_denominator == 1

    @property
    def is_unfair(self) -> bool:
        return self.rate_denominator == 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """Pools of the plain problem; with `lanes`, of the problem in which each share is a source."""

    pools: tuple[Pool, ...] = field(default_factory=tuple)
    lanes: LaneProof | None = None


NUMBERS = ("tier", "rate_numerator", "rate_denominator")
NAMES = ("needs", "carried", "sources")
DUALS = ("source_prices", "need_prices", "source_cutoffs", "need_cutoffs")


def certificate_document(certificate: Certificate) -> dict[str, Any]:
    document: dict[str, Any] = {"pools": [_pool_document(pool) for pool in certificate.pools]}
    if certificate.lanes is not None:
        document["lanes"] = lane_proof_document(certificate.lanes)
    return document


def _pool_document(pool: Pool) -> dict[str, Any]:
    document: dict[str, Any] = {name: encode_int(getattr(pool, name)) for name in NUMBERS}
    document |= {name: list(getattr(pool, name)) for name in NAMES}
    return document | {name: [encode_int(each) for each in getattr(pool, name)] for name in DUALS}


def certificate_from_document(document: object) -> Certificate:
    """Read what `certificate_document` wrote; ProblemError `bad_document` otherwise.

    A list is read as well: the pools of a certificate of the first format.
    """
    if isinstance(document, list):
        document = {"pools": document}
    content = need_object(document, "certificate")
    if not content.keys() <= {"pools", "lanes"}:
        raise ProblemError("bad_document", "certificate", "must have pools, and may have lanes")
    pools = need_list(content.get("pools"), "certificate.pools")
    lanes = content.get("lanes")
    return Certificate(
        tuple(_pool_from(pool, f"pools[{index}]") for index, pool in enumerate(pools)),
        None if lanes is None else lane_proof_from_document(lanes),
    )


def _pool_from(document: object, where: str) -> Pool:
    content = need_object(document, where)
    if set(content) != {*NUMBERS, *NAMES, *DUALS}:
        raise ProblemError("bad_document", where, "must have exactly the keys of a pool")
    tier, numerator, denominator = (decode_int(content[key], f"{where}.{key}") for key in NUMBERS)
    needs, carried, sources = (_names(content[key], f"{where}.{key}") for key in NAMES)
    duals = [_integers(content[key], f"{where}.{key}") for key in DUALS]
    return Pool(tier, numerator, denominator, needs, carried, sources, *duals)


def _names(value: object, where: str) -> tuple[str, ...]:
    names = need_list(value, where)
    if not all(isinstance(name, str) for name in names):
        raise ProblemError("bad_document", where, "must list identifiers")
    return tuple(names)


def _integers(value: object, where: str) -> tuple[int, ...]:
    return tuple(decode_int(each, where) for each in need_list(value, where))
