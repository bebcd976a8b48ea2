"""What the next submitter is still to be given, so that it can pay for its blocks."""

from __future__ import annotations

import time

from eth_typing import ChecksumAddress
from web3.eth import Eth

from ledger.chain import ChainUnavailable

_POLL_S = 0.1


def share_to_send(
    eth: Eth, giver: ChecksumAddress, successor: ChecksumAddress, timeout_s: float
) -> int:
    """Half of the giver's ether, in wei; 0 where the successor has as much, so was paid before.

    What an earlier attempt sent and no block holds yet is waited for and not sent again: the next
    transaction would take the same nonce, and could put itself in its place.

    Raises:
        ChainUnavailable: it is on its way, and isn't mined in `timeout_s` seconds.

    """
    share = int(eth.get_balance(giver)) // 2
    if eth.get_balance(successor, "latest") >= share:
        return 0
    if eth.get_balance(successor, "pending") < share:
        return share
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if eth.get_balance(successor, "latest") >= share:
            return 0
        time.sleep(_POLL_S)
    raise ChainUnavailable(f"the ether on its way to {successor} isn't mined yet; try again")
