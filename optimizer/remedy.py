"""What would change a need's result: a code and its figures, as a reason has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Remedy"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that would change what a need gets.

    The codes, and the parameters of each, are listed in `optimizer.explain`.
    """

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)
