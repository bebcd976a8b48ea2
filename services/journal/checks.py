"""What a draft must be, whatever the database holds."""

from services.errors import InvalidInput
from services.journal.clock import refuse_future
from services.journal.kinds import OPENS_LOTS, STATEMENTS, AccountRef, EntryKind, may_move
from services.journal.record import Draft, NewMove

MAX_QUANTITY = 10**12


def check_draft(draft: Draft) -> None:
    """Raise InvalidInput, naming the line, where a draft can't be an entry."""
    if draft.occurred_at.tzinfo is None:
        raise InvalidInput(
            f"It can't have happened at {draft.occurred_at.isoformat()}",
            field="occurred_at",
            value=draft.occurred_at.isoformat(),
            mend="give a time with a zone",
        )
    refuse_future(draft.occurred_at)
    if draft.lots and draft.kind not in OPENS_LOTS:
        raise InvalidInput(f"An entry of kind {draft.kind} opens no lots", field="kind")
    if bool(draft.moves) == (draft.kind in STATEMENTS):
        raise InvalidInput(f"{draft.kind} with {len(draft.moves)} moves can't be", field="moves")
    for line, move in enumerate(draft.moves, start=1):
        _check_move(draft.kind, line, move)


def _check_move(kind: EntryKind, line: int, move: NewMove) -> None:
    # bool is an int to Python, and a float would be rounded by whoever reads it next.
    if type(move.quantity) is not int or not 0 < move.quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"Line {line}: a quantity of {move.quantity} can't be moved",
            field=f"moves[{line}].quantity",
            value=move.quantity,
            mend=f"give a whole number from 1 to {MAX_QUANTITY}",
        )
    for ref in (move.source, move.target):
        _check_account(line, ref)
    if move.source == move.target:
        raise InvalidInput(
            f"Line {line}: source and target are both {move.source}",
            field=f"moves[{line}]",
            value=str(move.source),
            mend="name two accounts",
        )
    # A reversal's moves were allowed the other way round when they were posted.
    if kind is not EntryKind.REVERSE and not may_move(kind, move.source, move.target):
        raise InvalidInput(
            f"Line {line}: {kind} doesn't move from {move.source} to {move.target}",
            field=f"moves[{line}]",
            value=f"{move.source} → {move.target}",
            mend="use the kind of entry that says what happened",
        )


def _check_account(line: int, ref: AccountRef) -> None:
    try:
        known = AccountRef.parse(str(ref)) == ref
    except ValueError:
        known = False
    if not known:
        raise InvalidInput(
            f"Line {line}: {ref} is not an account",
            field=f"moves[{line}]",
            value=str(ref),
            mend="name an account such as site:W1/available",
        )
