# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title  BareEvent: one event with all hashes of a batch, and nothing kept
@author Medrelay
@license Apache-2.0
@notice Made to be measured beside MedrelayLog: the least that puts every hash on the chain. It has
        no order beyond the chain's own, no root, and no refusal of a hash that came before.
"""

event Recorded:
    hashes: DynArray[bytes32, 1000]


@external
def record(hashes: DynArray[bytes32, 1000]):
    """
    @notice Emits a batch of hashes.
    @param  hashes The records' hashes.
    """
    log Recorded(hashes=hashes)
