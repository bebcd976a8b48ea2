"""Play the weeks: what is open at each round's end is matched, and what is matched is sent.

As in the framework that came with the data: a round every seven days from the first posting on; an
offer of more than 1,000 pieces is taken for a slip and left out; what is not sent stays open; a
donor's oldest pieces of an item leave first. What is posted at the very minute at which a round
ends belongs to no round: nine requests are lost like that, and still count as asked for.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.bench.getusppe.data import Miles, Posting, Records

__all__ = ["Match", "Open", "Overdrawn", "Round", "Sent", "Strategy", "play"]

MINUTE = timedelta(minutes=1)
LARGEST_OFFER = 1_000
WEEK = timedelta(days=7)


class Overdrawn(Exception):
    """A strategy sends more than a donor has, or than a recipient asked for."""


@dataclass(frozen=True, slots=True)
class Open:
    """What one party still offers, or asks for, of one item, and since when."""

    party: str
    item: str
    since: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Round:
    """What a strategy may see: the week, and all that is open, sorted by party and item.

    Weeks count from 1.
    """

    week: int
    ends_at: datetime
    offers: tuple[Open, ...]
    requests: tuple[Open, ...]
    miles: Miles

    def by_item(self) -> Iterator[tuple[str, list[Open], list[Open]]]:
        """Yield each item that is both offered and asked for, with its offers and its requests."""
        offers, requests = _grouped(self.offers), _grouped(self.requests)
        for item in sorted(offers.keys() & requests.keys()):
            yield item, offers[item], requests[item]


@dataclass(frozen=True, slots=True)
class Match:
    """A strategy's choice: so many pieces of an item from a donor to a recipient."""

    donor: str
    recipient: str
    item: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Pieces of one posting that left at a round's end, how far, and how long they had waited.

    `held_days` counts whole days, rounded half to even, as the published figures do.
    """

    donor: str
    recipient: str
    item: str
    quantity: int
    sent_at: datetime
    held_days: int
    miles: float


Strategy = Callable[[Round], Iterable[Match]]


def play(records: Records, strategy: Strategy) -> list[Sent]:
    """Play all rounds and return what was sent, in order; Overdrawn where a choice can't be."""
    offers = [each for each in records.offers if each.quantity <= LARGEST_OFFER]
    offered, asked = _Book(offers), _Book(records.requests)
    sent: list[Sent] = []
    for week, ends_at in enumerate(_ends([*offers, *records.requests]), start=1):
        offered.open_before(ends_at)
        asked.open_before(ends_at)
        round_ = Round(week, ends_at, offered.standing(), asked.standing(), records.miles)
        for match in strategy(round_):
            sent += _send(match, round_, offered, asked)
    return sent


def _ends(postings: list[Posting]) -> Iterator[datetime]:
    moments = [each.posted_at for each in postings]
    if not moments:
        return
    ends_at, last = min(moments) - MINUTE + WEEK, max(moments) + MINUTE
    while ends_at <= last:
        yield ends_at
        ends_at += WEEK
    yield last + 2 * MINUTE


@dataclass
class _Book:
    """Postings on one side: those to come, and those open by item and party, oldest first."""

    postings: Iterable[Posting]
    to_come: deque[Posting] = field(init=False)
    lines: dict[tuple[str, str], deque[Posting]] = field(init=False)

    def __post_init__(self) -> None:
        self.to_come = deque(sorted(self.postings, key=lambda each: each.posted_at))
        self.lines = defaultdict(deque)

    def open_before(self, moment: datetime) -> None:
        while self.to_come and self.to_come[0].posted_at <= moment:
            posting = self.to_come.popleft()
            if posting.posted_at < moment:
                self.lines[posting.party, posting.item].append(posting)

    def standing(self) -> tuple[Open, ...]:
        return tuple(
            Open(party, item, line[0].posted_at, sum(each.quantity for each in line))
            for (party, item), line in sorted(self.lines.items())
            if line
        )

    def take(self, party: str, item: str, quantity: int) -> list[tuple[datetime, int]]:
        """Close so many pieces, the oldest first: (posted_at, pieces) of each posting touched."""
        line, taken = self.lines[party, item], []
        while quantity:
            if not line:
                raise Overdrawn(f"{party} has {quantity} pieces of {item} too few")
            oldest = line.popleft()
            pieces = min(quantity, oldest.quantity)
            taken.append((oldest.posted_at, pieces))
            quantity -= pieces
            if left := oldest.quantity - pieces:
                line.appendleft(Posting(party, item, oldest.posted_at, left))
        return taken


def _grouped(opens: Iterable[Open]) -> dict[str, list[Open]]:
    groups: dict[str, list[Open]] = defaultdict(list)
    for each in opens:
        groups[each.item].append(each)
    return groups


def _send(match: Match, round_: Round, offered: _Book, asked: _Book) -> Iterator[Sent]:
    if match.quantity < 1:
        raise Overdrawn(f"{match} sends nothing")
    asked.take(match.recipient, match.item, match.quantity)
    miles = float(round_.miles.between(match.donor, [match.recipient])[0])
    for posted_at, pieces in offered.take(match.donor, match.item, match.quantity):
        days = round((round_.ends_at - posted_at).total_seconds() / 24 / 3600)
        yield Sent(match.donor, match.recipient, match.item, pieces, round_.ends_at, days, miles)
