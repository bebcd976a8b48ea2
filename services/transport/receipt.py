"""Checking a receipt against what was sent, and saying what it makes of the shipment."""

from collections.abc import Sequence

from services.errors import InvalidInput
from services.transport.models import ShipmentLine, ShipmentState
from services.transport.schemas import ReceiptLineIn


class MoreThanSent(InvalidInput):
    code, title = "more-than-sent", "Receipt of more than was sent"


class ReceiptIncomplete(InvalidInput):
    code, title = "receipt-incomplete", "The receipt doesn't say what became of everything"


def check_receipt(
    sent: Sequence[ShipmentLine], lines: Sequence[ReceiptLineIn]
) -> list[tuple[ShipmentLine, ReceiptLineIn]]:
    """Each line sent with what the consignee says of it, in the order of the shipment.

    Raises:
        InvalidInput: a line that isn't on the shipment or stands twice, or no reason given.
        MoreThanSent: accepted, rejected and short are more than was sent.
        ReceiptIncomplete: they are fewer, or a line is left out.

    """
    by_line = {row.line: row for row in sent}
    said: dict[int, ReceiptLineIn] = {}
    for index, told in enumerate(lines):
        if told.line not in by_line or told.line in said:
            twice = told.line in said
            raise InvalidInput(
                f"Line {told.line} {'stands twice' if twice else 'is not on this shipment'}",
                field=f"lines[{index}].line",
                value=told.line,
                mend=f"give each of these lines once: {', '.join(map(str, sorted(by_line)))}",
            )
        _check_line(index, by_line[told.line].quantity_base, told)
        _refuse_rejecting(index, by_line[told.line], told)
        said[told.line] = told
    left_out = sorted(by_line.keys() - said.keys())
    if left_out:
        raise ReceiptIncomplete(
            f"Nothing is said of line {left_out[0]}",
            field="lines",
            value=", ".join(map(str, left_out)),
            mend="say of every line what was accepted, rejected and short",
        )
    return [(row, said[row.line]) for row in sent]


def _check_line(index: int, sent: int, told: ReceiptLineIn) -> None:
    where = f"lines[{index}]"
    total = told.accepted + told.rejected + told.short
    parts = f"{told.accepted} accepted, {told.rejected} rejected and {told.short} short"
    if total > sent:
        raise MoreThanSent(
            f"Receipt of more than was sent: line {told.line} had {sent} pieces, not {total}",
            field=f"{where}.accepted",
            value=told.accepted,
            mend=f"{parts} must together be {sent}",
            line=told.line,
            sent_base=sent,
            received_base=total,
        )
    if total < sent:
        raise ReceiptIncomplete(
            f"Line {told.line} had {sent} pieces, and {sent - total} of them are not accounted for",
            field=f"{where}.short",
            value=told.short,
            mend=f"{parts} must together be {sent}; what is missing is short",
            line=told.line,
            sent_base=sent,
            received_base=total,
        )
    if told.rejected and not told.reason:
        raise InvalidInput(
            f"Line {told.line}: {told.rejected} pieces are rejected without a reason",
            field=f"{where}.reason",
            value=None,
            mend="say why, for instance: torn, wet, wrong item, expired",
        )


def _refuse_rejecting(index: int, sent: ShipmentLine, told: ReceiptLineIn) -> None:
    if told.rejected and sent.sent_back_as is not None:
        raise InvalidInput(
            f"Line {told.line} comes back as {sent.sent_back_as}, and stays so",
            field=f"lines[{index}].rejected",
            value=told.rejected,
            mend="say what came as accepted, and what didn't as short",
        )


def outcome(lines: Sequence[ReceiptLineIn]) -> ShipmentState:
    """What the whole receipt makes of the shipment."""
    accepted = sum(line.accepted for line in lines)
    rejected = sum(line.rejected for line in lines)
    short = sum(line.short for line in lines)
    if accepted:
        whole = not rejected and not short
        return ShipmentState.RECEIVED if whole else ShipmentState.PARTLY_RECEIVED
    # Whatever did arrive was turned away; only where nothing arrived is the shipment lost.
    return ShipmentState.REFUSED if rejected else ShipmentState.LOST
