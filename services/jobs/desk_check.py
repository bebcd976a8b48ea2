"""The desks' own tables against what was logged: runs, decisions, shipments, earmarks, donors.

What an entry says is taken from its bytes alone; that these are the bytes once published is
checked beside this.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Generator, Iterator
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from services.dispatch.models import Run, RunKind, RunState
from services.donations.models import Donation, EarmarkKind, LotEarmark
from services.jobs.transfer_check import check_transfers
from services.journal.differences import NOTHING
from services.journal.kinds import EntryKind
from services.journal.verify import Difference, bodies_of_kinds
from services.transport.models import ShipmentLine

_STATEMENTS = {
    EntryKind.SNAPSHOT: "snapshot_entry",
    EntryKind.PLAN: "plan_entry",
    EntryKind.APPROVAL: "approval_entry",
    EntryKind.EMERGENCY_APPROVAL: "approval_entry",
}
_HAVE_A_PLAN = {
    RunState.PROPOSED,
    RunState.ANSWERED,
    RunState.APPROVED,
    RunState.REJECTED,
    RunState.SUPERSEDED,
}
_DECIDABLE = {RunState.PROPOSED, RunState.APPROVED, RunState.REJECTED, RunState.SUPERSEDED}
_RECEIPTS = (EntryKind.RECEIVE_DONATION, EntryKind.RECEIVE_GIFT)
_BRING_EARMARKS = (*_RECEIPTS, EntryKind.APPROPRIATE, EntryKind.PURCHASE)


def check_desks(session: Session) -> Iterator[Difference]:
    """Every difference between the desks' rows and the entries that tell of them."""
    runs = {run.id: run for run in session.exec(select(Run).order_by(col(Run.id)))}
    facts = yield from _check_statements(session, runs)
    for run in runs.values():
        yield from _check_run(run, facts)
    yield from _check_shipments(session, runs)
    yield from check_transfers(session)
    yield from _check_earmarks(session)
    yield from _check_releases(session)
    yield from _check_donors(session)


def _check_statements(
    session: Session, runs: dict[UUID, Run]
) -> Generator[Difference, None, dict[UUID, dict[str, Any]]]:
    """Each snapshot, plan and approval that was logged is its run's; returns their facts."""
    facts: dict[UUID, dict[str, Any]] = {}
    for entry_id, kind, record in _records(session, *_STATEMENTS):
        facts[entry_id] = _object(record.get("facts"))
        run_id = _subject(record, "run")
        run = runs.get(run_id) if run_id else None
        if run is None:
            told = str(record.get("document"))
            yield Difference("run_missing", f"entry {entry_id}", told, NOTHING)
            continue
        found = getattr(run, _STATEMENTS[kind])
        if found != entry_id:
            where = f"run {run.id}, {_STATEMENTS[kind]}"
            yield Difference("decision", where, str(entry_id), str(found or NOTHING))
    return facts


def _check_run(run: Run, facts: dict[UUID, dict[str, Any]]) -> Iterator[Difference]:
    """Its bytes have the digests that were logged, and its state is what they allow."""
    where = f"run {run.id}"
    yield from _check_digest("snapshot", run, run.snapshot, run.snapshot_entry, facts)
    yield from _check_copies(run)
    yield from _check_kind(run, facts.get(run.snapshot_entry, {}))
    if run.plan is not None and run.plan_entry is not None:
        yield from _check_digest("plan", run, run.plan, run.plan_entry, facts)
        logged = facts.get(run.plan_entry, {})
        pieces, expected = logged.get("pieces"), logged.get("expected", "0")
        if pieces is not None and pieces != str(run.pieces_allocated):
            told = str(run.pieces_allocated)
            yield Difference("decision", f"{where}, pieces_allocated", str(pieces), told)
        if expected != str(run.pieces_expected):
            told = str(run.pieces_expected)
            yield Difference("decision", f"{where}, pieces_expected", str(expected), told)
    has_plan = run.plan is not None and run.plan_entry is not None
    if has_plan != (run.state in _HAVE_A_PLAN):
        expected = "a plan" if run.state in _HAVE_A_PLAN else "no plan"
        yield Difference("decision", f"{where}, {run.state}", expected, _there(has_plan))
    approved = run.approval_entry is not None
    if approved != (run.state is RunState.APPROVED):
        expected = "no approval" if approved else "an approval"
        yield Difference("decision", f"{where}, {run.state}", expected, _there(approved))
    yield from _check_part(run, facts)


def _check_part(run: Run, facts: dict[UUID, dict[str, Any]]) -> Iterator[Difference]:
    """Which lines were approved, where not all were, is what the approval's statement says."""
    if run.approval_entry is None:
        return
    logged = facts.get(run.approval_entry, {})
    content = run.approved_part
    found = None if content is None else hashlib.sha256(content).hexdigest()
    for told in (logged.get("part"), run.approved_part_digest):
        if told != found:
            where = f"run {run.id}, approved_part"
            yield Difference("decision", where, str(told or NOTHING), str(found or NOTHING))
    kept, pieces = run.pieces_approved, logged.get("pieces")
    if kept is not None and pieces is not None and pieces != str(kept):
        yield Difference("decision", f"run {run.id}, pieces_approved", str(pieces), str(kept))


def _check_copies(run: Run) -> Iterator[Difference]:
    """What lists show of its bytes."""
    for name in ("snapshot", "plan"):
        content, told = getattr(run, name), getattr(run, f"{name}_digest")
        found = None if content is None else hashlib.sha256(content).hexdigest()
        if found != told:
            where = f"run {run.id}, {name}_digest"
            yield Difference("decision", where, str(found or NOTHING), str(told or NOTHING))


def _check_kind(run: Run, facts: dict[str, Any]) -> Iterator[Difference]:
    """A what-if was logged as one, from the run that it names; it is answered, never decided on."""
    asked = run.kind is RunKind.WHAT_IF
    logged = facts.get("what_if_of")
    found = str(run.base_run) if asked else None
    if logged != found:
        where = f"run {run.id}, {run.kind}"
        yield Difference("decision", where, str(logged or NOTHING), str(found or NOTHING))
    if run.state in (_DECIDABLE if asked else {RunState.ANSWERED}):
        expected = "no decision" if asked else "a decision"
        yield Difference("decision", f"run {run.id}, {run.kind}", expected, run.state)


def _there(is_there: bool) -> str:
    return "one" if is_there else NOTHING


def _check_digest(
    what: str, run: Run, content: bytes, entry_id: UUID, facts: dict[UUID, dict[str, Any]]
) -> Iterator[Difference]:
    found = hashlib.sha256(content).hexdigest()
    expected = facts.get(entry_id, {}).get("digest")
    if found != expected:
        told = str(expected) if expected else f"a digest in entry {entry_id}"
        yield Difference(f"{what}_bytes", f"run {run.id}", told, found)


def _check_shipments(session: Session, runs: dict[UUID, Run]) -> Iterator[Difference]:
    """What a run's shipments carry, by need and lot, is what was reserved when it was approved."""
    reserved: dict[tuple[UUID, str, str], int] = defaultdict(int)
    for _, _, record in _records(session, EntryKind.RESERVE):
        run_id = _subject(record, "run")
        if run_id is None or run_id not in runs:
            continue
        for move in record.get("moves", []):
            need = str(move["target"]).rpartition("/need:")[2]
            reserved[run_id, need, str(move["lot"])] += int(move["quantity"])
    carried: dict[tuple[UUID, str, str], int] = defaultdict(int)
    # A diverted line still says for which need it was planned, and a joined one by which run.
    for line in session.exec(select(ShipmentLine).where(col(ShipmentLine.run_id).is_not(None))):
        assert line.run_id is not None
        planned_for = line.planned_for or line.need_id
        carried[line.run_id, str(planned_for), str(line.lot_id)] += line.quantity_base
    for key in sorted(reserved.keys() | carried.keys(), key=str):
        if reserved.get(key, 0) != carried.get(key, 0):
            where = f"run {key[0]}, need {key[1]}, lot {key[2]}"
            expected, found = str(reserved.get(key, 0)), str(carried.get(key, 0))
            yield Difference("shipment_line", where, expected, found)


def _check_earmarks(session: Session) -> Iterator[Difference]:
    """Whom a lot may serve is what the entry that opened it says."""
    logged: dict[str, str] = {}
    for _, kind, record in _records(session, *_BRING_EARMARKS):
        earmark = _object(_object(record.get("facts")).get("earmark"))
        # What may be bought is a matter of the money; the goods that it bought are for anybody.
        if earmark and not (kind is EntryKind.PURCHASE and earmark["kind"] == EarmarkKind.ITEM):
            for lot in record.get("lots", []):
                logged[str(lot["id"])] = f"{earmark['kind']}:{earmark['target']}"
    kept = {
        str(each.lot_id): f"{each.kind.value}:{each.target}"
        for each in session.exec(select(LotEarmark))
    }
    for lot_id in sorted(logged.keys() | kept.keys()):
        expected, found = logged.get(lot_id, NOTHING), kept.get(lot_id, NOTHING)
        if expected != found:
            yield Difference("earmark", f"lot {lot_id}", expected, found)


def _check_releases(session: Session) -> Iterator[Difference]:
    """Whose earmark binds no more is what the entries of release say."""
    logged: dict[str, str] = {}
    for entry_id, _, record in _records(session, EntryKind.EARMARK_RELEASED):
        for lot_id in _object(record.get("facts")).get("lots", []):
            logged[str(lot_id)] = str(entry_id)
    released = select(LotEarmark).where(col(LotEarmark.released_entry).is_not(None))
    kept = {str(each.lot_id): str(each.released_entry) for each in session.exec(released)}
    for lot_id in sorted(logged.keys() | kept.keys()):
        expected, found = logged.get(lot_id, NOTHING), kept.get(lot_id, NOTHING)
        if expected != found:
            yield Difference("earmark", f"lot {lot_id}, released", expected, found)


def _check_donors(session: Session) -> Iterator[Difference]:
    """Who gave a gift, and whether it is said, is what its receipt's moves say."""
    donations = {each.id: each for each in session.exec(select(Donation))}
    for _, _, record in _records(session, *_RECEIPTS):
        donation_id = _subject(record, "donation")
        donation = donations.get(donation_id) if donation_id else None
        if donation is None:
            continue
        expected = {str(move["source"]).partition("/")[0] for move in record.get("moves", [])}
        found = "donor:anonymous" if donation.anonymous else f"donor:{donation.donor}"
        if expected != {found}:
            where = f"donation {donation.id}"
            yield Difference("donor", where, ", ".join(sorted(expected)), found)


def _records(
    session: Session, *kinds: EntryKind
) -> Iterator[tuple[UUID, EntryKind, dict[str, Any]]]:
    """Entries of these kinds, as their bytes tell; what isn't a record is told of elsewhere."""
    for entry_id, body in bodies_of_kinds(session, kinds):
        try:
            record = _object(json.loads(body))
        except ValueError:
            continue
        if record.get("kind") in kinds:
            yield entry_id, EntryKind(record["kind"]), record


def _subject(record: dict[str, Any], what: str) -> UUID | None:
    """The id in a document such as ``run:<id>``."""
    kind, _, subject = str(record.get("document")).partition(":")
    try:
        return UUID(subject) if kind == what else None
    except ValueError:
        return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
