# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title  MedrelayLog: an append-only Merkle log of leaf hashes
@author Medrelay
@license Apache-2.0
@notice Keeps the tree head of RFC 9162, section 2.1, for a sequence of leaf hashes that can only grow.
        Order and append-only hold here, inside the contract: whoever submits can add to the end and
        can do nothing else. Every leaf hash is emitted, and the root of every size that a batch
        ended at is kept for good, so that it can be read, or proved from storage, at any later time.
@dev    A leaf hash arrives ready made: SHA-256(0x00 || record). An inner node is
        SHA-256(0x01 || left || right), which nobody can pass off as a leaf.
        There is no proxy, no owner beside the submitter, and no way to take a leaf out.
"""

# @notice A batch came in: its leaf hashes in order, the first of them at `firstIndex`. Whoever reads
#         all of these has every leaf, and can compute every root again.
event LeavesAppended:
    firstIndex: indexed(uint256)
    leafHashes: DynArray[bytes32, MAX_LEAVES]

# @notice The tree's size and root (RFC 9162, section 2.1) with the batch of the same transaction.
event TreeHead:
    treeSize: indexed(uint256)
    rootHash: bytes32

# @notice Who may append from here on, and who could before; empty where there is nobody.
event SubmitterChanged:
    previous: indexed(address)
    submitter: indexed(address)

# @notice The log is closed for ever at this size and root, and goes on in `successor`, if anywhere.
event Sealed:
    treeSize: indexed(uint256)
    rootHash: bytes32
    successor: indexed(address)


# @dev The most leaves that one call takes: at some 1,700 gas each, well inside one block.
MAX_LEAVES: constant(uint256) = 1000

# @dev The levels of a tree of 2**64 leaves, which nobody will ever fill.
MAX_LEVELS: constant(uint256) = 64

# @dev Domain separation of inner nodes, RFC 9162, section 2.1.1.
NODE_PREFIX: constant(bytes1) = 0x01

# @dev The root of the tree without leaves: SHA-256 of nothing.
EMPTY_ROOT: constant(bytes32) = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855


# @notice The log that goes on where this one was sealed; empty while this one is open.
successor: public(address)

# @dev Tree size and submitter side by side, `size << 160 | submitter`: an append needs both, and
#      a second storage slot would cost it 2,100 gas more.
_sizeAndSubmitter: uint256

# @dev Root by tree size, for each size that a batch ended at. The mapping is slot 2, so the root at
#      `size` lies at keccak256(2 || size), each of 32 bytes, where `eth_getProof` can prove it.
_rootAt: HashMap[uint256, bytes32]

# @dev The perfect subtree's root at each level. Only the levels whose bit is set in the size
#      mean anything; what stands at the others is left over, and cheaper to overwrite than to clear.
_peakAt: bytes32[MAX_LEVELS]


@deploy
def __init__():
    """
    @notice Opens an empty log whose submitter is whoever deploys it.
    """
    self._sizeAndSubmitter = self._packed(0, msg.sender)
    self._rootAt[0] = EMPTY_ROOT
    log SubmitterChanged(previous=empty(address), submitter=msg.sender)


@external
def append(expectedSize: uint256, leafHashes: DynArray[bytes32, MAX_LEAVES]) -> bytes32:
    """
    @notice Appends leaf hashes to the end of the log, in their order, or does nothing at all.
    @dev    Compare-and-swap: a call that was sent twice, or that crossed another, is refused, so a
            retry can never append twice.
    @param  expectedSize The size that the caller takes the log to have.
    @param  leafHashes From one to MAX_BATCH leaf hashes; a longer list fails to decode.
    @return The root of the tree with these leaves in it.
    """
    # The compiler fills what is missing at the end of the call data with zeros; no leaf is made so.
    assert len(msg.data) == 100 + 32 * len(leafHashes), "malformed call"
    first: uint256 = self._requireSubmitter()
    assert expectedSize == first, "stale size"
    assert len(leafHashes) > 0, "empty batch"

    last: uint256 = first + len(leafHashes)
    peaks: bytes32[MAX_LEVELS] = self._loadPeaks(first)
    index: uint256 = first
    for leafHash: bytes32 in leafHashes:
        # Adding a leaf is adding one to a binary number: each trailing 1 of the index is a subtree
        # that is now complete and carries into the next level.
        if index & 1 == 0:
            # Every second leaf has nothing to carry; it is spared the loop's set-up.
            peaks[0] = leafHash
        else:
            node: bytes32 = leafHash
            for level: uint256 in range(MAX_LEVELS):
                if (index >> level) & 1 == 0:
                    peaks[level] = node
                    break
                node = sha256(concat(NODE_PREFIX, peaks[level], node))
        index = unsafe_add(index, 1)  # at most MAX_BATCH above a size that storage holds

    root: bytes32 = self._fold(peaks, last)
    self._storePeaks(peaks, first, last)
    self._sizeAndSubmitter = self._packed(last, msg.sender)
    self._rootAt[last] = root
    log LeavesAppended(firstIndex=first, leafHashes=leafHashes)
    log TreeHead(treeSize=last, rootHash=root)
    return root


@external
def setSubmitter(submitter: address):
    """
    @notice Hands the right to append to another address.
    @param  submitter The new submitter; never the empty address, which would seal without a word.
    """
    size: uint256 = self._requireSubmitter()
    assert submitter != empty(address), "empty submitter"
    self._sizeAndSubmitter = self._packed(size, submitter)
    log SubmitterChanged(previous=msg.sender, submitter=submitter)


@external
def seal(successor: address):
    """
    @notice Closes the log for ever; everything in it stays readable.
    @param  successor The log that goes on from here, or the empty address when none does.
    """
    size: uint256 = self._requireSubmitter()
    self._sizeAndSubmitter = self._packed(size, empty(address))
    self.successor = successor
    log SubmitterChanged(previous=msg.sender, submitter=empty(address))
    log Sealed(treeSize=size, rootHash=self._rootAt[size], successor=successor)


@external
@view
def submitter() -> address:
    """
    @notice Who may append.
    @return The address; empty once the log is sealed: a sealed log has no submitter.
    """
    return self._submitter()


@external
@view
def treeSize() -> uint256:
    """
    @notice How many leaves the log holds.
    @return The number of leaves.
    """
    return self._size()


@external
@view
def rootHash() -> bytes32:
    """
    @notice The root of the whole tree.
    @return The RFC 9162 root; SHA-256 of nothing while the log is empty.
    """
    return self._rootAt[self._size()]


@external
@view
def rootAt(size: uint256) -> bytes32:
    """
    @notice The root that the tree had at a size.
    @param  size A tree size, in leaves.
    @return The root, or zero when no batch ended at that size.
    """
    return self._rootAt[size]


@external
@view
def peaks() -> DynArray[bytes32, MAX_LEVELS]:
    """
    @notice The roots of the perfect subtrees that make up the tree.
    @return One hash for each bit set in the tree's size, the largest subtree first.
    """
    size: uint256 = self._size()
    found: DynArray[bytes32, MAX_LEVELS] = []
    for step: uint256 in range(MAX_LEVELS):
        level: uint256 = MAX_LEVELS - 1 - step
        if (size >> level) & 1 == 1:
            found.append(self._peakAt[level])
    return found


@external
@view
def isSealed() -> bool:
    """
    @notice Whether the log is closed for ever.
    @return True once `seal` has been called.
    """
    return self._submitter() == empty(address)


@external
@pure
def MAX_BATCH() -> uint256:
    """
    @notice The most leaves that one call of `append` takes.
    @return The number of leaves.
    """
    return MAX_LEAVES


@internal
@view
def _size() -> uint256:
    """
    @dev    The size's half of its slot.
    @return The number of leaves.
    """
    return self._sizeAndSubmitter >> 160


@internal
@view
def _submitter() -> address:
    """
    @dev    The submitter's half of its slot.
    @return The address; empty once the log is sealed.
    """
    return convert(self._sizeAndSubmitter & convert(max_value(uint160), uint256), address)


@internal
@pure
def _packed(size: uint256, submitter: address) -> uint256:
    """
    @dev    Size and submitter as one slot holds them. No size comes near 2**96, where it would
            spill: each leaf is paid for.
    @param  size The number of leaves.
    @param  submitter The address.
    @return Both.
    """
    return (size << 160) | convert(submitter, uint256)


@internal
@view
def _requireSubmitter() -> uint256:
    """
    @dev    Refuses everyone but the submitter, and everyone at all once the log is sealed.
    @return The tree's size, which stands in the same slot.
    """
    submitter: address = self._submitter()
    assert submitter != empty(address), "sealed"
    assert msg.sender == submitter, "not the submitter"
    return self._size()


@internal
@view
def _loadPeaks(size: uint256) -> bytes32[MAX_LEVELS]:
    """
    @dev   The stored peaks of a tree of `size` leaves; levels without a peak stay zero, unread.
    @param size The tree's size.
    @return One entry a level.
    """
    peaks: bytes32[MAX_LEVELS] = empty(bytes32[MAX_LEVELS])
    rest: uint256 = size
    for level: uint256 in range(MAX_LEVELS):
        if rest == 0:
            break
        if rest & 1 == 1:
            peaks[level] = self._peakAt[level]
        rest >>= 1
    return peaks


@internal
@pure
def _fold(peaks: bytes32[MAX_LEVELS], size: uint256) -> bytes32:
    """
    @dev   The root over the peaks, smallest first, as RFC 9162, section 2.1.1, splits a tree.
    @param peaks One entry a level.
    @param size The tree's size, at least one.
    @return The root.
    """
    root: bytes32 = empty(bytes32)
    started: bool = False
    rest: uint256 = size
    for level: uint256 in range(MAX_LEVELS):
        if rest == 0:
            break
        if rest & 1 == 1:
            if started:
                root = sha256(concat(NODE_PREFIX, peaks[level], root))
            else:
                root = peaks[level]
                started = True
        rest >>= 1
    return root


@internal
def _storePeaks(peaks: bytes32[MAX_LEVELS], before: uint256, after: uint256):
    """
    @dev   Writes the peaks that growing from `before` to `after` leaves has changed, and no others:
           above the highest bit that differs, both sizes are made of the same subtrees.
    @param peaks One entry a level.
    @param before The size that storage holds the peaks of.
    @param after The size that `peaks` are of.
    """
    for level: uint256 in range(MAX_LEVELS):
        if before >> level == after >> level:
            break
        if (after >> level) & 1 == 1:
            self._peakAt[level] = peaks[level]
