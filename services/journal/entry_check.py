"""One entry, from its exact bytes outward: digests, columns, lots, moves, rules, reversal."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ledger.canonical import NotCanonical, canonicalize, digest, parse
from ledger.disclosure import conceal
from ledger.merkle import leaf_hash
from services.journal.differences import NOTHING, Difference, shown
from services.journal.kinds import OPENS_LOTS, STATEMENTS, AccountRef, EntryKind, may_move
from services.journal.log import Log
from services.journal.stop_check import expired_moves

Document = Mapping[str, Any]
Flow = tuple[str, UUID, str]

_SERVER_PART = frozenset({"log", "recorded_at", "_sd"})
# `recorded_at` is compared with the digests: it is the server's own part of the bytes.
_HEADER = ("id", "kind", "occurred_at", "actor", "document", "reverses")
_LOT = ("id", "commodity", "origin", "batch", "produced_on", "expires_on")
_MOVE = ("line", "lot", "commodity", "source", "target", "quantity")


class EntryChecker:
    """Checks entry after entry, and remembers what balances must know of it.

    ``corrections`` says, by account, lot and counter, how much the moves' rows lack of what the
    bytes say: a changed row is named once, and not a second time by each balance it adds up to.
    ``log`` is the one that every record has to be bound to.
    """

    def __init__(self, log: Log | None = None) -> None:
        self._log = log
        self._checked = 0
        self._elsewhere: dict[str, list[UUID]] = {}
        self.corrections: Counter[Flow] = Counter()
        self._lots_named: set[str] = set()

    def check(
        self, row: sa.Row[Any], lots: Sequence[sa.Row[Any]], moves: Sequence[sa.Row[Any]]
    ) -> Iterator[Difference]:
        """Every difference between an entry's bytes and its rows.

        Where the bytes themselves were changed they prove nothing, and only that is told.
        """
        where = f"entry {row.id}"
        record, damage = _read(row)
        yield from damage
        if record is None:
            return
        if not _well_formed(record):
            yield Difference("entry_form", where, "a journal record", "another JSON object")
            return
        yield from _header(where, row, record)
        yield from self._lots(record, lots)
        yield from self._moves(where, record, moves)
        yield from _rules(where, record)
        yield from expired_moves(where, EntryKind(record["kind"]), row.occurred_at, moves)
        yield from _reversal(where, row, record)
        yield from _concealed(where, row, record)
        if not damage:
            self._bound(row.id, record)

    def _bound(self, entry_id: UUID, record: Document) -> None:
        self._checked += 1
        if self._log is None or record.get("log") != self._log.document():
            self._elsewhere.setdefault(json.dumps(record.get("log")), []).append(entry_id)

    def bindings(self) -> Iterator[Difference]:
        """Each entry that is bound to another log than the database names, once all were checked.

        Where all of them agree on another log, it is what the database names that was changed,
        and only that is told.
        """
        ours = json.dumps(self._log.document()) if self._log else NOTHING
        for told, entries in self._elsewhere.items():
            if len(entries) == self._checked:
                yield Difference("log_contract", "log_contract", told, ours)
                return
            for entry_id in entries:
                yield Difference("record_log", f"entry {entry_id}", ours, told)

    def _lots(self, record: Document, rows: Sequence[sa.Row[Any]]) -> Iterator[Difference]:
        said = {lot["id"]: lot for lot in record["lots"]}
        held = {str(row.id): row for row in rows}
        for lot_id in sorted(said.keys() - held.keys()):
            yield Difference("lot", f"lot {lot_id}", f"opened by entry {record['id']}", NOTHING)
        for lot_id in sorted(held.keys() - said.keys()):
            yield Difference(
                "lot", f"lot {lot_id}", NOTHING, f"a lot said to be opened by entry {record['id']}"
            )
        for lot_id in sorted(said.keys() & held.keys()):
            for name in _LOT:
                expected, found = shown(said[lot_id][name]), shown(getattr(held[lot_id], name))
                if expected != found:
                    yield from self._lot_once(lot_id, name, expected, found)

    def _lot_once(self, lot_id: str, name: str, expected: str, found: str) -> Iterator[Difference]:
        """Name a lot's commodity once, however many entries move the lot."""
        if name == "commodity" and lot_id in self._lots_named:
            return
        if name == "commodity":
            self._lots_named.add(lot_id)
        yield Difference("lot", f"lot {lot_id}, {name}", expected, found)

    def _moves(
        self, where: str, record: Document, rows: Sequence[sa.Row[Any]]
    ) -> Iterator[Difference]:
        said = {move["line"]: move for move in record["moves"]}
        held = {row.line: _move_document(row) for row in rows}
        for line in sorted(said.keys() | held.keys()):
            expected, found = said.get(line), held.get(line)
            if _move_text(expected) != _move_text(found):
                self._correct(expected, +1)
                self._correct(found, -1)
                yield Difference(
                    "move", f"{where}, line {line}", _move_text(expected), _move_text(found)
                )
            elif expected and found and expected["commodity"] != found["commodity"]:
                yield from self._lot_once(
                    expected["lot"], "commodity", expected["commodity"], shown(found["commodity"])
                )

    def _correct(self, move: Document | None, sign: int) -> None:
        if move is not None:
            lot, quantity = UUID(move["lot"]), sign * int(move["quantity"])
            self.corrections[move["target"], lot, "inflow"] += quantity
            self.corrections[move["source"], lot, "outflow"] += quantity


def _read(row: sa.Row[Any]) -> tuple[Document | None, list[Difference]]:
    """The record in an entry's bytes, and what its digests say against the bytes or each other.

    Each digest was made from the bytes. Where one of them disagrees, it was changed; where two
    or more do, the bytes were.
    """
    where = f"entry {row.id}"
    try:
        record: Document | None = parse(row.body)
        form = ""
    except NotCanonical as error:
        record, form = None, str(error)
    disagree = [difference for difference in _witnesses(row, record) if difference]
    if record is None:
        disagree.append(Difference("entry_form", where, "canonical JSON", form))
    if len(disagree) > 1:
        return None, [Difference("entry_bytes", where, shown(row.digest), shown(digest(row.body)))]
    return record, disagree


def _witnesses(row: sa.Row[Any], record: Document | None) -> Iterator[Difference | None]:
    where = f"entry {row.id}"
    yield _unequal("entry_digest", where, digest(row.body), row.digest)
    if row.leaf_index is not None:
        leaf = f"leaf {row.leaf_index}, of entry {row.id}"
        yield _unequal("leaf_hash", leaf, leaf_hash(row.body), row.leaf_hash)
    if record is not None:
        sent = {name: value for name, value in record.items() if name not in _SERVER_PART}
        yield _unequal("content_digest", where, digest(canonicalize(sent)), row.content_digest)
        yield _unequal(
            "entry_column", f"{where}, recorded_at", record.get("recorded_at"), row.recorded_at
        )


def _unequal(what: str, where: str, expected: object, found: object) -> Difference | None:
    same = shown(expected) == shown(found)
    return None if same else Difference(what, where, shown(expected), shown(found))


def _well_formed(record: Document) -> bool:
    """Whether the record has the shape that `services.journal.record.content` gives."""
    if not all(
        name in record for name in (*_HEADER, "lots", "moves", "facts", "signatures", "_sd")
    ):
        return False
    parts = (("lots", _LOT), ("moves", _MOVE))
    for part, names in parts:
        documents = record[part]
        if not isinstance(documents, list):
            return False
        if not all(isinstance(one, dict) and set(one) == set(names) for one in documents):
            return False
    try:
        EntryKind(record["kind"])
        for lot in record["lots"]:
            UUID(lot["id"])
        for move in record["moves"]:
            UUID(move["lot"])
            int(move["quantity"])
            AccountRef.parse(move["source"])
            AccountRef.parse(move["target"])
    except (ValueError, TypeError, AttributeError):
        return False
    lines = [move["line"] for move in record["moves"]]
    return lines == list(range(1, len(lines) + 1)) and isinstance(record["_sd"], list)


def _header(where: str, row: sa.Row[Any], record: Document) -> Iterator[Difference]:
    for name in _HEADER:
        difference = _unequal("entry_column", f"{where}, {name}", record[name], getattr(row, name))
        if difference:
            yield difference


def _move_document(row: sa.Row[Any]) -> Document:
    return {
        "line": row.line,
        "lot": str(row.lot_id),
        "commodity": row.commodity,
        "source": row.source,
        "target": row.target,
        "quantity": str(row.quantity),
    }


def _move_text(move: Document | None) -> str:
    if move is None:
        return NOTHING
    return f"{move['quantity']} of lot {move['lot']} from {move['source']} to {move['target']}"


def _rules(where: str, record: Document) -> Iterator[Difference]:
    kind = EntryKind(record["kind"])
    if bool(record["moves"]) == (kind in STATEMENTS):
        yield Difference(
            "entry_rule",
            where,
            f"{NOTHING if kind in STATEMENTS else 'moves'} in an entry of kind {kind}",
            f"{len(record['moves'])} moves",
        )
    if record["lots"] and kind not in OPENS_LOTS:
        yield Difference("entry_rule", where, f"no lots opened by {kind}", "new lots")
    if kind is EntryKind.REVERSE:
        return
    for move in record["moves"]:
        source, target = AccountRef.parse(move["source"]), AccountRef.parse(move["target"])
        if source == target or not may_move(kind, source, target) or int(move["quantity"]) <= 0:
            yield Difference(
                "entry_rule",
                f"{where}, line {move['line']}",
                f"a move that {kind} may make",
                _move_text(move),
            )


def _reversal(where: str, row: sa.Row[Any], record: Document) -> Iterator[Difference]:
    """A reversal is the exact opposite of its original, line by line."""
    if (record["kind"] == EntryKind.REVERSE) != (record["reverses"] is not None):
        yield Difference(
            "reversal", where, "an original in a reversal only", shown(record["reverses"])
        )
    if record["reverses"] is None:
        return
    if row.original_body is None:
        yield Difference("reversal", where, f"entry {record['reverses']}", NOTHING)
        return
    try:
        original: Document = parse(row.original_body)
    except NotCanonical:
        return  # its own check names it
    if digest(row.original_body) != row.original_digest or not _well_formed(original):
        return
    if original["kind"] in {*STATEMENTS, EntryKind.REVERSE}:
        yield Difference("reversal", where, "an original that moves", shown(original["kind"]))
    opposite = [
        _move_text({**move, "source": move["target"], "target": move["source"]})
        for move in original["moves"]
    ]
    moves = [_move_text(move) for move in record["moves"]]
    if moves != opposite:
        yield Difference("reversal", where, "; ".join(opposite), "; ".join(moves))


def _concealed(where: str, row: sa.Row[Any], record: Document) -> Iterator[Difference]:
    """Hidden fields open the digests in the bytes; where they were erased, all is well."""
    if row.record_key is None:
        return
    try:
        same = list(conceal(row.record_key, row.fields).digests) == record["_sd"]
    except ValueError:
        same = False
    if not same:
        yield Difference("concealed", where, "what its bytes hold digests of", "something else")
