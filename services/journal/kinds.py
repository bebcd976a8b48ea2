"""Which kinds of account and of entry exist, and between which accounts each entry may move.

An account's code says whose it is, in what state, and for what purpose:
``site:W1/available``, ``site:W1/reserved/need:45``, ``shipment:9/in_transit/need:45``.
A new tracked thing is a row in these tables.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class CommodityClass(StrEnum):
    GOODS = "goods"
    MONEY = "money"


class AccountKind(StrEnum):
    DONOR = "donor"
    SUPPLIER = "supplier"
    PRODUCER = "producer"
    FUND = "fund"
    SITE = "site"
    TRANSIT = "transit"
    RECIPIENT = "recipient"
    CONSUMPTION = "consumption"
    CONVERSION = "conversion"
    ADJUSTMENT = "adjustment"
    LOSS = "loss"


# Where quantities enter the books from the world outside: these alone may go below zero.
OVERDRAWN = frozenset(
    {
        AccountKind.DONOR,
        AccountKind.SUPPLIER,
        AccountKind.PRODUCER,
        AccountKind.CONVERSION,
        AccountKind.ADJUSTMENT,
    }
)

ACCOUNT_STATES: dict[tuple[str, str], AccountKind] = {
    ("donor", "given"): AccountKind.DONOR,
    ("supplier", "traded"): AccountKind.SUPPLIER,
    ("producer", "made"): AccountKind.PRODUCER,
    ("treasury", "appropriated"): AccountKind.DONOR,
    ("fund", "available"): AccountKind.FUND,
    ("fund", "committed"): AccountKind.FUND,
    ("site", "available"): AccountKind.SITE,
    ("site", "reserved"): AccountKind.SITE,
    ("site", "quarantine"): AccountKind.SITE,
    ("site", "on_hold"): AccountKind.SITE,
    ("site", "recalled"): AccountKind.SITE,
    ("site", "expired"): AccountKind.SITE,
    ("site", "damaged"): AccountKind.SITE,
    ("site", "rejected"): AccountKind.SITE,
    ("site", "received"): AccountKind.RECIPIENT,
    ("site", "consumed"): AccountKind.CONSUMPTION,
    ("site", "converted"): AccountKind.CONVERSION,
    ("site", "adjusted"): AccountKind.ADJUSTMENT,
    ("site", "lost"): AccountKind.LOSS,
    ("shipment", "in_transit"): AccountKind.TRANSIT,
    ("shipment", "lost"): AccountKind.LOSS,
    ("organisation", "paid"): AccountKind.RECIPIENT,
}

_CODE = re.compile(
    r"(?P<type>[a-z]+):(?P<id>[^/:\s]+)/(?P<state>[a-z_]+)(?:/(?P<purpose>[^/\s]+))?"
)


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account by its parts; ``str()`` gives its code."""

    holder: str
    state: str
    purpose: str | None = None

    def __str__(self) -> str:
        tail = f"/{self.purpose}" if self.purpose else ""
        return f"{self.holder}/{self.state}{tail}"

    @property
    def kind(self) -> AccountKind:
        """What kind of account this is; ValueError where no such account can exist."""
        key = (self.holder.partition(":")[0], self.state)
        if key not in ACCOUNT_STATES:
            raise ValueError(f"{self} is not an account: {key[0]} has no state {key[1]}")
        return ACCOUNT_STATES[key]

    @classmethod
    def parse(cls, code: str) -> "AccountRef":
        """Read a code; ValueError where it isn't one."""
        match = _CODE.fullmatch(code)
        if match is None:
            raise ValueError(f"{code!r} is not an account code such as site:W1/available")
        ref = cls(f"{match['type']}:{match['id']}", match["state"], match["purpose"])
        assert ref.kind
        return ref


class EntryKind(StrEnum):
    RECEIVE_DONATION = "receive_donation"
    RECEIVE_GIFT = "receive_gift"
    APPROPRIATE = "appropriate"
    REPORT_OUTPUT = "report_output"
    PURCHASE = "purchase"
    RESERVE = "reserve"
    RELEASE = "release"
    DISPATCH = "dispatch"
    DISBURSE_GOODS = "disburse_goods"
    DISBURSE_MONEY = "disburse_money"
    REJECT = "reject"
    LOSE = "lose"
    CONSUME = "consume"
    HAND_OUT = "hand_out"
    ADJUST = "adjust"
    RECLASSIFY = "reclassify"
    RECALL = "recall"
    REPACK = "repack"
    GIVE_BACK = "give_back"
    RECEIVE_TRANSFER = "receive_transfer"
    DIVERT = "divert"
    SEND_BACK = "send_back"
    COMMIT_MONEY = "commit_money"
    RELEASE_MONEY = "release_money"
    MOVE_MONEY = "move_money"
    REFUND = "refund"
    REVERSE = "reverse"
    SNAPSHOT = "snapshot"
    PLAN = "plan"
    APPROVAL = "approval"
    EMERGENCY_APPROVAL = "emergency_approval"
    EARMARK_RELEASED = "earmark_released"
    GIFT_REFUSED = "gift_refused"
    RECALL_OPENED = "recall_opened"
    RECALL_LIFTED = "recall_lifted"
    COLD_BREACH = "cold_breach"
    SIGNED_PLEDGE = "signed_pledge"
    SIGNED_RECEIPT = "signed_receipt"
    KEY_REGISTERED = "key_registered"
    KEY_REVOKED = "key_revoked"
    FORGOTTEN = "forgotten"
    KEY_ROTATED = "key_rotated"


_A = AccountKind
# Whoever goods came from, and so may get them back.
ORIGINS = frozenset({_A.DONOR, _A.SUPPLIER, _A.PRODUCER})
# From which kind of account to which. A kind without pairs is a statement: it moves nothing, and
# is in the journal so that the log holds it in order with everything else.
ALLOWED_MOVES: dict[EntryKind, frozenset[tuple[AccountKind, AccountKind]]] = {
    EntryKind.RECEIVE_DONATION: frozenset({(_A.DONOR, _A.SITE)}),
    EntryKind.RECEIVE_GIFT: frozenset({(_A.DONOR, _A.FUND)}),
    EntryKind.APPROPRIATE: frozenset({(_A.DONOR, _A.FUND)}),
    EntryKind.REPORT_OUTPUT: frozenset({(_A.PRODUCER, _A.SITE)}),
    EntryKind.PURCHASE: frozenset({(_A.FUND, _A.SUPPLIER), (_A.SUPPLIER, _A.SITE)}),
    EntryKind.RESERVE: frozenset({(_A.SITE, _A.SITE)}),
    EntryKind.RELEASE: frozenset({(_A.SITE, _A.SITE)}),
    EntryKind.DISPATCH: frozenset({(_A.SITE, _A.TRANSIT)}),
    EntryKind.DISBURSE_GOODS: frozenset({(_A.TRANSIT, _A.RECIPIENT)}),
    EntryKind.DISBURSE_MONEY: frozenset({(_A.FUND, _A.RECIPIENT)}),
    EntryKind.REJECT: frozenset({(_A.TRANSIT, _A.SITE)}),
    EntryKind.LOSE: frozenset({(_A.TRANSIT, _A.LOSS), (_A.SITE, _A.LOSS)}),
    EntryKind.CONSUME: frozenset({(_A.RECIPIENT, _A.CONSUMPTION)}),
    EntryKind.HAND_OUT: frozenset({(_A.RECIPIENT, _A.CONSUMPTION), (_A.SITE, _A.CONSUMPTION)}),
    EntryKind.ADJUST: frozenset({(_A.SITE, _A.ADJUSTMENT), (_A.ADJUSTMENT, _A.SITE)}),
    EntryKind.RECLASSIFY: frozenset({(_A.SITE, _A.SITE)}),
    EntryKind.RECALL: frozenset(
        {(_A.SITE, _A.SITE), (_A.RECIPIENT, _A.SITE), (_A.TRANSIT, _A.SITE)}
    ),
    EntryKind.REPACK: frozenset({(_A.SITE, _A.CONVERSION), (_A.CONVERSION, _A.SITE)}),
    EntryKind.GIVE_BACK: frozenset(
        {(_A.RECIPIENT, _A.SITE), *((_A.SITE, origin) for origin in ORIGINS)}
    ),
    EntryKind.RECEIVE_TRANSFER: frozenset({(_A.TRANSIT, _A.SITE)}),
    EntryKind.DIVERT: frozenset({(_A.TRANSIT, _A.TRANSIT)}),
    EntryKind.SEND_BACK: frozenset({(_A.SITE, _A.TRANSIT)}),
    EntryKind.COMMIT_MONEY: frozenset({(_A.FUND, _A.FUND)}),
    EntryKind.RELEASE_MONEY: frozenset({(_A.FUND, _A.FUND)}),
    EntryKind.MOVE_MONEY: frozenset({(_A.FUND, _A.FUND)}),
    EntryKind.REFUND: frozenset(
        {(_A.SUPPLIER, _A.FUND), (_A.RECIPIENT, _A.FUND), (_A.FUND, _A.DONOR)}
    ),
    EntryKind.REVERSE: frozenset(),
    EntryKind.SNAPSHOT: frozenset(),
    EntryKind.PLAN: frozenset(),
    EntryKind.APPROVAL: frozenset(),
    EntryKind.EMERGENCY_APPROVAL: frozenset(),
    EntryKind.EARMARK_RELEASED: frozenset(),
    EntryKind.GIFT_REFUSED: frozenset(),
    EntryKind.RECALL_OPENED: frozenset(),
    EntryKind.RECALL_LIFTED: frozenset(),
    EntryKind.COLD_BREACH: frozenset(),
    EntryKind.SIGNED_PLEDGE: frozenset(),
    EntryKind.SIGNED_RECEIPT: frozenset(),
    EntryKind.KEY_REGISTERED: frozenset(),
    EntryKind.KEY_REVOKED: frozenset(),
    EntryKind.FORGOTTEN: frozenset(),
    EntryKind.KEY_ROTATED: frozenset(),
}

_ANY = (frozenset[str](), frozenset[str]())
_SHELVED = frozenset({"available", "quarantine", "on_hold", "damaged", "rejected", "expired"})
_KEPT = _SHELVED | {"recalled"}
# What nobody can use: it is given back, sent back as it is, or destroyed.
UNUSABLE = frozenset({"rejected", "recalled", "expired", "damaged"})
# Where goods come in: what is promised or recalled gets there by entries of their own.
_INTO = (frozenset[str](), _SHELVED)
# From which states to which, where the kinds of account alone say too little; an empty set: any.
ALLOWED_STATES: dict[EntryKind, tuple[frozenset[str], frozenset[str]]] = {
    EntryKind.RECEIVE_DONATION: _INTO,
    EntryKind.REPORT_OUTPUT: _INTO,
    EntryKind.PURCHASE: (frozenset(), _SHELVED | {"traded"}),
    EntryKind.RESERVE: (frozenset({"available"}), frozenset({"reserved"})),
    EntryKind.RELEASE: (frozenset({"reserved"}), frozenset({"available"})),
    EntryKind.DISPATCH: (frozenset({"reserved"}), frozenset()),
    EntryKind.REJECT: (frozenset(), frozenset({"rejected"})),
    EntryKind.LOSE: (_KEPT | {"in_transit"}, frozenset()),
    EntryKind.HAND_OUT: (frozenset({"available", "reserved", "received"}), frozenset()),
    EntryKind.ADJUST: (_KEPT | {"adjusted"}, _KEPT | {"adjusted"}),
    EntryKind.RECLASSIFY: (
        _KEPT - {"expired"},
        frozenset({"available", "quarantine", "on_hold", "expired", "damaged"}),
    ),
    EntryKind.RECALL: (
        _SHELVED | {"reserved", "received", "in_transit"},
        frozenset({"recalled"}),
    ),
    EntryKind.REPACK: (
        frozenset({"available", "converted"}),
        frozenset({"available", "converted"}),
    ),
    EntryKind.GIVE_BACK: (UNUSABLE | {"received"}, _KEPT | {"given", "traded", "made"}),
    EntryKind.SEND_BACK: (UNUSABLE, frozenset()),
    EntryKind.RECEIVE_TRANSFER: (frozenset({"in_transit"}), _KEPT),
}

STATEMENTS = frozenset(
    kind for kind, pairs in ALLOWED_MOVES.items() if not pairs and kind is not EntryKind.REVERSE
)
# What an organisation said and may have signed with its own key: `facts["said"]`.
SIGNED = frozenset({EntryKind.SIGNED_PLEDGE, EntryKind.SIGNED_RECEIPT})
OPENS_LOTS = frozenset(
    {
        EntryKind.RECEIVE_DONATION,
        EntryKind.RECEIVE_GIFT,
        EntryKind.REPORT_OUTPUT,
        EntryKind.PURCHASE,
        EntryKind.APPROPRIATE,
        EntryKind.REPACK,
    }
)
# Money changes hands between funds at once; goods change place by a shipment, or the shipment.
BETWEEN_HOLDERS = frozenset({EntryKind.MOVE_MONEY, EntryKind.DIVERT})


def may_move(kind: EntryKind, source: AccountRef, target: AccountRef) -> bool:
    """Whether an entry of this kind may move from one account to the other, state by state.

    Between two sites nothing moves at once: goods change place by a shipment. From one shipment to
    another they only move where a part is diverted on the way.
    """
    alike = source.holder.partition(":")[0] == target.holder.partition(":")[0]
    if alike and source.holder != target.holder and kind not in BETWEEN_HOLDERS:
        return False
    if (source.kind, target.kind) not in ALLOWED_MOVES[kind] or not _stays_apart(
        kind, source, target
    ):
        return False
    out_of, into = ALLOWED_STATES.get(kind, _ANY)
    # Out of what is recalled goods only come to be looked at again, or are gone for good.
    if kind is EntryKind.RECLASSIFY and source.state == "recalled":
        into = frozenset({"quarantine"})
    return (not out_of or source.state in out_of) and (not into or target.state in into)


def _stays_apart(kind: EntryKind, source: AccountRef, target: AccountRef) -> bool:
    """What is sent back is under way as what it is, and comes to stand as nothing better."""
    before = source.state if kind is EntryKind.SEND_BACK else _sent_back_as(source)
    if target.kind is AccountKind.TRANSIT:
        return _sent_back_as(target) == before
    return before is None or target.kind is AccountKind.LOSS or target.state in UNUSABLE


def _sent_back_as(account: AccountRef) -> str | None:
    """The state of goods that are sent back, while they are under way; None for all others."""
    state = (account.purpose or "").partition(":")[0]
    return state if account.kind is AccountKind.TRANSIT and state in UNUSABLE else None


def site_account(site: str, state: str, purpose: str | None = None) -> AccountRef:
    return AccountRef(f"site:{site}", state, purpose)


def sent_back_purpose(state: str, transfer_id: object) -> str:
    """The purpose part of accounts that hold goods under way back, as what they are."""
    return f"{state}:{transfer_id}"


def need_purpose(need_id: object) -> str:
    """The purpose part of accounts that hold goods for one need."""
    return f"need:{need_id}"
