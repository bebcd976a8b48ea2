"""What comes out: who gets what from where and when, why, at what cost, and the proof."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from optimizer.certificate import Certificate, certificate_document, certificate_from_document
from optimizer.documents import decode_int, encode_int, from_text, need_list, need_object, to_text
from optimizer.errors import ProblemError

__all__ = [
    "Allocation",
    "NeedOutcome",
    "Plan",
    "Reason",
    "SolverInfo",
    "plan_document",
    "plan_from_document",
]

FORMAT = "medrelay-plan/2"
READABLE = (FORMAT, "medrelay-plan/1")


@dataclass(frozen=True, slots=True)
class Allocation:
    """`quantity` pieces of one lot for one need, leaving and arriving on these days from day 0."""

    source_id: str
    need_id: str
    quantity: int
    depart_day: int
    arrive_day: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a need gets what it gets: a code and the figures that fill its sentence.

    The codes, and the parameters of each, are listed in `optimizer.explain`.
    """

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeedOutcome:
    """One need's result in pieces. `substituted` and `late` are parts of `allocated`."""

    need_id: str
    requested: int
    allocated: int
    reason: Reason
    substituted: int = 0
    late: int = 0

    @property
    def fill(self) -> Fraction:
        return Fraction(self.allocated, self.requested)


@dataclass(frozen=True, slots=True)
class SolverInfo:
    """What made the plan, and what it claims.

    `status` is `optimal` (proven by the certificate), `bounded` (proven within its shares of the
    lanes, and at most so far from the best), `stopped` (feasible; solving was cut short) or
    `heuristic` (feasible; no claim, as of the baselines).
    """

    name: str
    version: str
    status: str


STATUSES = ("optimal", "bounded", "stopped", "heuristic")


@dataclass(frozen=True, slots=True)
class Plan:
    """Allocations sorted by need and source, one outcome for each need, sorted.

    `objective` holds the aim's terms, integers by name, in the order of their weight: for each tier
    `tier_N_pieces` and `tier_N_unmet`; then `cost_micro` and its parts `piece_metres`,
    `late_piece_days` and `substitute_pieces`; then `fefo_piece_days`, the expiry days of the pieces
    used, added up; then `drops`, the number of allocations. `problem_digest` is whatever digest of
    the problem the caller supplies. A stopped plan has `bounds`: for each tier
    `tier_N_pieces`, which no plan exceeds that gives earlier tiers what they can have.
    """

    allocations: tuple[Allocation, ...]
    outcomes: tuple[NeedOutcome, ...]
    objective: Mapping[str, int]
    certificate: Certificate | None
    solver: SolverInfo
    problem_digest: str = ""
    bounds: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the document as text, always the same for the same plan."""
        return to_text(plan_document(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Plan":
        return plan_from_document(from_text(text, "plan"))


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON-safe objects; integers beyond 2^53 - 1 become strings of digits."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "problem_digest": plan.problem_digest,
        "solver": {
            "name": plan.solver.name,
            "version": plan.solver.version,
            "status": plan.solver.status,
        },
        "objective": {name: encode_int(value) for name, value in plan.objective.items()},
        "allocations": [_document(each) for each in plan.allocations],
        "outcomes": [_outcome_document(each) for each in plan.outcomes],
    }
    if plan.bounds:
        document["bounds"] = {name: encode_int(value) for name, value in plan.bounds.items()}
    if plan.certificate is not None:
        document["certificate"] = certificate_document(plan.certificate)
    return document


def _document(allocation: Allocation) -> dict[str, Any]:
    return {
        "source_id": allocation.source_id,
        "need_id": allocation.need_id,
        "quantity": encode_int(allocation.quantity),
        "depart_day": allocation.depart_day,
        "arrive_day": allocation.arrive_day,
    }


def _outcome_document(outcome: NeedOutcome) -> dict[str, Any]:
    params = outcome.reason.params
    return {
        "need_id": outcome.need_id,
        "requested": encode_int(outcome.requested),
        "allocated": encode_int(outcome.allocated),
        "substituted": encode_int(outcome.substituted),
        "late": encode_int(outcome.late),
        "reason": {
            "code": outcome.reason.code,
            "params": {
                name: {"text": value} if isinstance(value, str) else encode_int(value)
                for name, value in params.items()
            },
        },
    }


def plan_from_document(document: object) -> Plan:
    """Read what `plan_document` wrote; ProblemError `bad_document` names what cannot be read."""
    content = need_object(document, "plan")
    if content.get("format") not in READABLE:
        raise ProblemError("bad_document", "plan", f"format must be {FORMAT!r}")
    solver = need_object(content.get("solver"), "solver")
    objective = need_object(content.get("objective"), "objective")
    certificate = content.get("certificate")
    info = SolverInfo(*(_text(solver, key, "solver") for key in ("name", "version", "status")))
    if info.status not in STATUSES:
        raise ProblemError("bad_document", "solver", f"status must be one of {', '.join(STATUSES)}")
    return Plan(
        allocations=tuple(
            _allocation(each, f"allocations[{index}]")
            for index, each in enumerate(need_list(content.get("allocations"), "allocations"))
        ),
        outcomes=tuple(
            _outcome(each, f"outcomes[{index}]")
            for index, each in enumerate(need_list(content.get("outcomes"), "outcomes"))
        ),
        objective={
            name: decode_int(value, f"objective.{name}") for name, value in objective.items()
        },
        certificate=None if certificate is None else certificate_from_document(certificate),
        solver=info,
        problem_digest=_text(content, "problem_digest", "plan"),
        bounds={
            name: decode_int(value, f"bounds.{name}")
            for name, value in need_object(content.get("bounds", {}), "bounds").items()
        },
    )


def _allocation(document: object, where: str) -> Allocation:
    content = need_object(document, where)
    numbers = (_integer(content, key, where) for key in ("quantity", "depart_day", "arrive_day"))
    return Allocation(
        _text(content, "source_id", where), _text(content, "need_id", where), *numbers
    )


def _outcome(document: object, where: str) -> NeedOutcome:
    content = need_object(document, where)
    reason = need_object(content.get("reason"), f"{where}.reason")
    params = need_object(reason.get("params"), f"{where}.reason.params")
    return NeedOutcome(
        need_id=_text(content, "need_id", where),
        requested=_integer(content, "requested", where),
        allocated=_integer(content, "allocated", where),
        reason=Reason(
            _text(reason, "code", where),
            {name: _param(value, f"{where}.reason.{name}") for name, value in params.items()},
        ),
        substituted=_integer(content, "substituted", where),
        late=_integer(content, "late", where),
    )


def _param(value: object, where: str) -> int | str:
    # Text is wrapped, because a bare string of digits is how a large integer is written.
    return _text(value, "text", where) if isinstance(value, Mapping) else decode_int(value, where)


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise ProblemError("bad_document", where, f"{key!r} must be a string")
    return value


def _integer(content: Mapping[str, Any], key: str, where: str) -> int:
    return decode_int(content.get(key), f"{where}.{key}")
