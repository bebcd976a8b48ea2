"""The transparency log that this journal's records are bound to: its name, its chain, its contract.

No record is written before the log is known, so that no leaf can be replayed into another log.
"""

from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlmodel import Field, Session, select

from services.database import BIGINT, UTC_TIME, Row
from services.errors import Unavailable


class LogNotOpened(Unavailable):
    code, title = "log-not-opened", "The transparency log isn't opened yet"


class LogContract(Row, table=True):
    """The one contract that this log is anchored in, and the key that signs its checkpoints.

    A chain that answers for another contract is refused.
    """

    __tablename__ = "log_contract"

    address: str = Field(primary_key=True)
    chain_id: int = Field(sa_type=BIGINT)
    deployed_block: int = Field(sa_type=BIGINT)
    verifier_key: str
    first_seen_at: datetime = Field(sa_type=UTC_TIME)


@dataclass(frozen=True, slots=True)
class Log:
    """``origin`` names the log, ``contract`` is the EIP-55 address on the chain ``chain_id``."""

    origin: str
    chain_id: int
    contract: str

    def document(self) -> dict[str, str]:
        """How it stands in every record, and in what people sign."""
        return {
            "origin": self.origin,
            "chain_id": str(self.chain_id),
            "contract": self.contract,
        }


# A log's contract is written once and never changed, so a process reads it once.
_known: WeakKeyDictionary[sa.Engine, Log] = WeakKeyDictionary()


def get_log(session: Session) -> Log:
    """The log that the database's records are bound to.

    Raises:
        LogNotOpened: no process has opened the chain yet; nothing can be written down.

    """
    bind = session.get_bind()
    engine = bind if isinstance(bind, sa.Engine) else bind.engine
    if engine not in _known:
        found = find_log(session)
        if found is None:
            raise LogNotOpened(
                "No entry can be written before the log's contract on the chain is known",
                mend="start `medrelay serve` or `work`, or run `medrelay migrate` where "
                "MEDRELAY_CHAIN_URL is set; then send the same request again",
            )
        _known[engine] = found
    return _known[engine]


def find_log(session: Session) -> Log | None:
    """As the database tells it now; None before the chain was opened for the first time."""
    row = session.exec(select(LogContract)).first()
    if row is None:
        return None
    # The key that signs the log's checkpoints bears the log's name.
    return Log(row.verifier_key.partition("+")[0], row.chain_id, row.address)
