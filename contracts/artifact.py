"""The compiled log contract, as committed beside its source.

Loading it needs no compiler: Vyper is a tool of development, and a running system trusts the bytes
that were reviewed. A test compiles the source again and demands the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SOURCE_PATH = Path(__file__).with_name("MedrelayLog.vy")
ARTIFACT_PATH = Path(__file__).with_name("MedrelayLog.json")
# Contracts that are only measured beside it, each compiled into the file of the same name.
COMPARED_PATHS = tuple(
    Path(__file__).parent / "bench" / f"{name}.vy"
    for name in ("BareEvent", "EventARecord", "MappingARecord", "RootOnly")
)


@dataclass(frozen=True)
class Artifact:
    """A contract as compiled: its interface, the code that deploys it, and where both came from."""

    name: str
    compiler: str
    source_sha256: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes

    def to_json(self) -> str:
        """The artifact as it is kept in the repository: one field a line, ending in a newline."""
        fields = {
            "name": self.name,
            "compiler": self.compiler,
            "source_sha256": self.source_sha256,
            "abi": list(self.abi),
            "bytecode": "0x" + self.bytecode.hex(),
        }
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Artifact:
        """Read what `to_json` wrote; `KeyError` or `ValueError` where a field is missing or bad."""
        fields = json.loads(text)
        return Artifact(
            name=fields["name"],
            compiler=fields["compiler"],
            source_sha256=fields["source_sha256"],
            abi=tuple(fields["abi"]),
            bytecode=bytes.fromhex(fields["bytecode"].removeprefix("0x")),
        )


@cache
def load_artifact() -> Artifact:
    """The committed `MedrelayLog` contract."""
    return Artifact.from_json(ARTIFACT_PATH.read_text(encoding="utf-8"))


def load_compared(name: str) -> Artifact:
    """The committed contract of this name among `COMPARED_PATHS`; `KeyError` for any other."""
    paths = {path.stem: path for path in COMPARED_PATHS}
    return Artifact.from_json(paths[name].with_suffix(".json").read_text(encoding="utf-8"))
