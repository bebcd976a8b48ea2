"""Who signed an entry with a key of their own, as its very bytes tell; and how many are signed."""

from dataclasses import dataclass

from sqlmodel import Session

from ledger.canonical import parse
from services.journal.kinds import SIGNED
from services.journal.models import Entry
from services.journal.read import entry_count


@dataclass(frozen=True, slots=True)
class Signer:
    """The organisation that a key is named after, and the key's short id in hex."""

    organisation: str
    key_id: str


def signed_count(session: Session) -> int:
    """How many entries their donor or consignee signed; none is written with a wrong signature."""
    return entry_count(session, SIGNED)


def signers_of(entry: Entry) -> list[Signer]:
    """Who signed the entry, in the order of its record; nobody for most."""
    if entry.kind not in SIGNED:
        return []
    signatures = parse(entry.body).get("signatures")
    assert isinstance(signatures, list), "a record has a list of signatures"
    found = []
    for each in signatures:
        organisation, _, rest = str(each["key"]).partition("+")
        found.append(Signer(organisation, rest.partition("+")[0]))
    return found
