"""docs/log-spec.md shows the very bytes that the code makes, and names what the code has."""

import re

import pytest
from eth_utils.crypto import keccak

from contracts.artifact import load_artifact
from ledger import verify
from services.journal.kinds import ACCOUNT_STATES, OVERDRAWN
from services.settings import PROJECT_ROOT
from tests.ledger.spec_example import examples, records

SPEC = (PROJECT_ROOT / "docs" / "log-spec.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"```text example=([a-z-]+)\n(.*?)```", SPEC, re.DOTALL))
MADE = examples()


def test_every_part_is_shown_once() -> None:
    assert sorted(SHOWN) == sorted(MADE)
    assert SPEC.count("```text example=") == len(MADE)


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_document_shows_what_the_code_makes(name: str) -> None:
    assert SHOWN.get(name) == MADE[name], f"python -m tests.ledger.spec_example shows {name}"


def signature(entry: dict[str, object]) -> str:
    inputs = entry["inputs"]
    assert isinstance(inputs, list)
    return f"{entry['name']}({','.join(each['type'] for each in inputs)})"


def test_the_contracts_events_have_the_topics_that_are_shown() -> None:
    shown = set(re.findall(r"`(0x[0-9a-f]{64})`", SPEC))
    events = [entry for entry in load_artifact().abi if entry["type"] == "event"]
    assert shown == {"0x" + keccak(text=signature(entry)).hex() for entry in events}


def test_every_function_of_the_contract_that_reads_is_named() -> None:
    functions = [entry for entry in load_artifact().abi if entry["type"] == "function"]
    views = {str(each["name"]) for each in functions if each["stateMutability"] != "nonpayable"}
    assert {name for name in views if f"{name}(" not in SPEC} == set()


def test_the_accounts_of_the_totals_are_the_journals() -> None:
    journal = {f"{holder}/{state}": kind for (holder, state), kind in ACCOUNT_STATES.items()}
    assert set(verify._COLUMN) == set(journal)
    for account, kind in journal.items():
        assert (verify._COLUMN[account] in verify._ORIGINS) == (kind in OVERDRAWN)
        assert f"`{account}`" + (" ↓" if kind in OVERDRAWN else "") in SPEC


def test_every_field_of_a_record_is_described() -> None:
    described = {
        name
        for line in SPEC.split("\n")
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert set(verify._record(records()[0], "record")) <= described


def test_the_last_word_that_is_shown_leads_from_the_one_checkpoint_to_the_next() -> None:
    trust = verify.Trust(vkey=SHOWN["vkey"], key_changes=[SHOWN["last-word"]])
    found = verify._Findings(trust)
    verify._read_keys(found)
    shown = [SHOWN["checkpoint"], SHOWN["next-checkpoint"]]
    assert [verify._opened(note, "it", found)[0] for note in shown] == [5, 6]
    assert SHOWN["next-vkey"] == f"{found.keys[-1].vkey}\n"
