# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title  RootOnly: one root a batch, taken on trust
@author Medrelay
@license Apache-2.0
@notice Made to be measured beside MedrelayLog: an anchor of a tree that is computed elsewhere. The
        chain sees neither the records' hashes nor whether a root continues the last one.
"""

event Anchored:
    treeSize: indexed(uint256)
    rootHash: bytes32

# @notice The root by tree size; zero where none was anchored.
rootAt: public(HashMap[uint256, bytes32])


@external
def anchor(treeSize: uint256, rootHash: bytes32):
    """
    @notice Keeps a root.
    @param  treeSize The size of the tree that it is of.
    @param  rootHash The root.
    """
    self.rootAt[treeSize] = rootHash
    log Anchored(treeSize=treeSize, rootHash=rootHash)
