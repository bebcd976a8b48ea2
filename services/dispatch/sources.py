"""How a plan names what it takes from: a lot that stands at a site, or the paper of what is due."""

from dataclasses import dataclass
from uuid import UUID


def source_name(site: str, what: UUID | str) -> str:
    """What the optimizer calls a lot at a site, or what is due there by a paper (``order:…``)."""
    return f"{site}|{what}"


@dataclass(frozen=True, slots=True)
class SourceName:
    """A source's name, read: it has a lot, or, where no lot is there yet, a paper."""

    site: str
    lot_id: UUID | None
    paper: str | None

    @property
    def goods(self) -> UUID | str | None:
        """Whichever it has."""
        return self.lot_id or self.paper


def is_expected(name: str) -> bool:
    """Whether it is what is due: a paper's subject has a colon after its kind, a lot's id none."""
    return ":" in name.partition("|")[2]


def read_source(name: str) -> SourceName:
    site, _, what = name.partition("|")
    return SourceName(site, None, what) if is_expected(name) else SourceName(site, UUID(what), None)
