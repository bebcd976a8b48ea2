"""A process that appends to an embedded chain until it is killed: run with the folder."""

import sys
from pathlib import Path

from ledger.embedded import EmbeddedChain
from tests.ledger import reference


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    chain = EmbeddedChain(Path(sys.argv[1]))
    _tell("ready")
    size = chain.head().size
    while True:
        batch = 1 + size % 7
        appended = chain.append(size, reference.leaves(batch, start=size))
        size = appended.size
        _tell(f"{size} {appended.block_number} {appended.block_hash.hex()}")


if __name__ == "__main__":
    main()
