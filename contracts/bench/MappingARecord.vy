# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title  MappingARecord: a storage slot for each hash of a batch
@author Medrelay
@license Apache-2.0
@notice Made to be measured beside MedrelayLog: a contract can ask whether, and when, a record came
        in. It has no order within a block, and no root.
"""

# @notice The block that a hash was recorded in; zero when it never was.
recordedIn: public(HashMap[bytes32, uint256])


@external
def record(hashes: DynArray[bytes32, 1000]):
    """
    @notice Keeps each hash with the block's number.
    @param  hashes The records' hashes.
    """
    for hash: bytes32 in hashes:
        self.recordedIn[hash] = block.number
