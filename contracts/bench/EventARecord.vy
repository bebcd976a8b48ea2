# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title  EventARecord: an event for each hash of a batch
@author Medrelay
@license Apache-2.0
@notice Made to be measured beside MedrelayLog: what most applications do, each record an event that
        can be looked up by its hash. It has no order beyond the chain's own, and no root.
"""

event Recorded:
    hash: indexed(bytes32)


@external
def record(hashes: DynArray[bytes32, 1000]):
    """
    @notice Emits an event for each hash.
    @param  hashes The records' hashes.
    """
    for hash: bytes32 in hashes:
        log Recorded(hash=hash)
