"""What the checker says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a plan: a stable code, the part it is about, and a sentence."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """`ok`: nothing is wrong. `proven`: it is optimal, too. `verified` names what was established.

    In order: `allocations` (all rules, no source overdrawn), `outcomes`, `objective`, and for a
    plan that claims to be optimal `fairness` (tiers and leximin rates), `rounding` (odd pieces),
    `cost` (with first expired first out) and `reasons`.
    """

    ok: bool
    proven: bool
    verified: tuple[str, ...]
    violations: tuple[Violation, ...]
