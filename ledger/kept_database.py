"""py-evm's chain database in one sqlite file, written one block at a time.

What py-evm sets is staged in memory until `commit`, which writes all of it in one transaction. A
kill at any moment therefore leaves the file at the end of a whole block.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.abc import AtomicWriteBatchAPI
from eth.db.backends.base import BaseAtomicDB

from ledger.chain import ChainUnavailable

# py-evm, when imported, raises Python's recursion limit a hundredfold, for contracts that call one
# another a thousand deep. It would turn any deeply nested JSON from an error into a crash of the
# whole process. Our contract calls nothing, so Python's own limit is put back.
sys.setrecursionlimit(1_000)

# How long to wait for another process's short transaction before giving up, in seconds.
_BUSY_S = 10.0


class KeptDatabase(BaseAtomicDB, AtomicWriteBatchAPI):
    """Keys and values, both bytes. Not thread-safe: its owner holds a lock around it.

    Raises `ChainUnavailable` when sqlite can't read or write the file.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._staged: dict[bytes, bytes | None] = {}
        mode = "ro" if read_only else "rwc"
        with _translated(path):
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=_BUSY_S,
            )
        self._path = path
        if not read_only:
            self._prepare()

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._staged:
            value = self._staged[key]
        else:
            row = self._one("SELECT value FROM kept WHERE key = ?", key)
            value = None if row is None else row[0]
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._staged[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._staged[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        """Nothing of its own: all is staged, and an error that leaves here rolls all of it back."""
        yield self

    def floor(self, lowest: bytes, key: bytes) -> tuple[bytes, bytes] | None:
        """The committed entry with the largest key between these two, both included."""
        return self._one(
            "SELECT key, value FROM kept WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
            lowest,
            key,
        )

    def commit(self) -> None:
        """Write everything staged, in one transaction that a power cut doesn't undo either."""
        gone = [(key,) for key, value in self._staged.items() if value is None]
        kept = [(key, value) for key, value in self._staged.items() if value is not None]
        with _translated(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("DELETE FROM kept WHERE key = ?", gone)
                self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", kept)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        self._staged.clear()

    def rollback(self) -> None:
        """Forget everything staged."""
        self._staged.clear()

    def close(self) -> None:
        """Close the file; what is staged is lost."""
        self._connection.close()

    def _prepare(self) -> None:
        with _translated(self._path):
            self._connection.execute("PRAGMA journal_mode = WAL")
            # The journal's database takes these blocks for done, so they must outlive a power cut.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB NOT NULL)"
                " WITHOUT ROWID"
            )

    def _one(self, statement: str, *values: bytes) -> tuple[bytes, bytes] | None:
        with _translated(self._path):
            row: tuple[bytes, bytes] | None = self._connection.execute(statement, values).fetchone()
        return row


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ChainUnavailable(f"the embedded chain in {path} can't be read: {error}") from error
