"""Transfer orders against what was logged of them: what was set aside, or diverted, for each."""

import json
from collections import defaultdict
from collections.abc import Iterator

from sqlmodel import Session, col, select

from services.journal.differences import NOTHING
from services.journal.kinds import EntryKind
from services.journal.verify import Difference, bodies_of_kinds
from services.transport.order_models import Transfer, TransferLine

_FOR = "/transfer:"


def check_transfers(session: Session) -> Iterator[Difference]:
    """Every order's lines are the pieces of the lots that entries moved to its purpose.

    What is sent back as unusable is never set aside: its first entry is its departure.
    """
    logged: dict[tuple[str, str], int] = defaultdict(int)
    for _, body in bodies_of_kinds(session, [EntryKind.RESERVE, EntryKind.DIVERT]):
        try:
            moves = json.loads(body)["moves"]
        except (ValueError, KeyError, TypeError):
            continue  # what isn't a record is told of elsewhere
        for move in moves:
            _, is_transfer, order = str(move["target"]).partition(_FOR)
            if is_transfer:
                logged[order, str(move["lot"])] += int(move["quantity"])
    kept = {
        (str(line.transfer_id), str(line.lot_id)): line.quantity_base
        for line in session.exec(
            select(TransferLine)
            .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
            .where(col(Transfer.sent_back_as).is_(None))
        )
    }
    for key in sorted(logged.keys() | kept.keys()):
        expected, found = logged.get(key), kept.get(key)
        if expected != found:
            where = f"transfer {key[0]}, lot {key[1]}"
            told = (str(each) if each is not None else NOTHING for each in (expected, found))
            yield Difference("shipment_line", where, *told)
