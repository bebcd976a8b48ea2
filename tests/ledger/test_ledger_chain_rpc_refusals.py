"""What the JSON-RPC of the embedded chain refuses, and how it says so."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from contracts.artifact import load_artifact
from ledger import chain_reader, chain_rpc, log_abi
from ledger.chain import ChainUnavailable
from ledger.chain_reader import ChainReader
from tests.ledger import reference
from tests.ledger.rpc_client import SIZES, ask, call, grow, refusal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    grow(folder)
    return folder


WRITING = [
    *("eth_sendRawTransaction", "eth_sendTransaction", "eth_accounts", "eth_sign", "evm_mine"),
    *("personal_unlockAccount", "debug_traceTransaction", "eth_newFilter", "methods", "", "é" * 99),
]


@pytest.mark.parametrize("method", WRITING)
def test_no_other_method_is_answered(folder: Path, method: str) -> None:
    code, message = refusal(folder, method)
    assert code == -32601
    assert "eth_getLogs" in message


BAD_CALLS: list[tuple[str, list[object]]] = [
    ("eth_chainId", [1]),
    ("eth_blockNumber", ["latest"]),
    ("eth_getBlockByNumber", []),
    ("eth_getBlockByNumber", [5, False]),
    ("eth_getBlockByNumber", ["5", False]),
    ("eth_getBlockByNumber", ["0x", False]),
    ("eth_getBlockByNumber", ["newest", False]),
    ("eth_getBlockByNumber", ["0x" + "1" * 65, False]),
    ("eth_getBlockByNumber", ["0x1", "yes"]),
    ("eth_getBlockByNumber", ["0x1", 1]),
    ("eth_getBlockByNumber", [{"blockNumber": "0x1", "blockHash": "0x" + "00" * 32}]),
    ("eth_getBlockByNumber", [{}]),
    ("eth_getBlockByNumber", [[]]),
    ("eth_getBlockByHash", ["latest", False]),
    ("eth_getBlockByHash", ["0x" + "00" * 31, False]),
    ("eth_getBlockByHash", [None, False]),
    ("eth_getTransactionByHash", ["0x" + "0" * 63]),
    ("eth_getTransactionReceipt", [{}]),
    ("eth_call", []),
    ("eth_call", ["0x"]),
    ("eth_call", [{}]),
    ("eth_call", [{"data": "0x00"}]),
    ("eth_call", [{"to": "0x00"}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "data": "0x0"}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "data": "zz"}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "data": "0x00", "input": "0x01"}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "gas": 5}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "from": ""}]),
    ("eth_call", [{"to": "0x" + "00" * 20, "stateOverride": {}}]),
    ("eth_call", [{"to": "0x" + "00" * 20}, "latest", {"0x00": {"code": "0x"}}]),
    ("eth_getCode", ["0x00", "latest"]),
    ("eth_getStorageAt", ["0x" + "00" * 20]),
    ("eth_getStorageAt", ["0x" + "00" * 20, "0x" + "1" * 65]),
    ("eth_getStorageAt", ["0x" + "00" * 20, -1]),
    ("eth_getProof", ["0x" + "00" * 20, "0x0", "latest"]),
    ("eth_getProof", ["0x" + "00" * 20, ["0x0"] * 17, "latest"]),
    ("eth_getProof", ["0x" + "00" * 20, [None], "latest"]),
    ("eth_getLogs", []),
    ("eth_getLogs", [[]]),
    ("eth_getLogs", [{"fromBlock": 0}]),
    ("eth_getLogs", [{"fromBlock": {"blockNumber": "0x0"}}]),
    ("eth_getLogs", [{"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"}]),
    ("eth_getLogs", [{"topics": "0x"}]),
    ("eth_getLogs", [{"topics": [None] * 5}]),
    ("eth_getLogs", [{"topics": ["0x00"]}]),
    ("eth_getLogs", [{"topics": [[["0x" + "00" * 32]]]}]),
    ("eth_getLogs", [{"address": 5}]),
    ("eth_getLogs", [{"limit": 5}]),
]


@pytest.mark.parametrize(("method", "params"), BAD_CALLS)
def test_bad_parameters_are_told(folder: Path, method: str, params: list[object]) -> None:
    code, message = refusal(folder, method, *params)
    assert code == -32602
    assert message


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_call", [{"to": "0x" + "00" * 20}, "0x6"]),
        ("eth_getCode", ["0x" + "00" * 20, "0x6"]),
        ("eth_getStorageAt", ["0x" + "00" * 20, "0x0", {"blockHash": "0x" + "00" * 32}]),
        ("eth_getProof", ["0x" + "00" * 20, [], "0x6"]),
        ("eth_getLogs", [{"blockHash": "0x" + "00" * 32}]),
    ],
)
def test_a_block_that_isnt_there_is_told(folder: Path, method: str, params: list[object]) -> None:
    assert refusal(folder, method, *params)[0] == -32001


def test_a_look_up_of_logs_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = {"fromBlock": "earliest", "toBlock": "latest"}
    monkeypatch.setattr(chain_reader, "MOST_BLOCKS", 5)
    code, message = refusal(folder, "eth_getLogs", everywhere)
    assert (code, message.split(":")[0]) == (-32005, "6 blocks are too many")
    assert call(folder, "eth_getLogs", everywhere | {"fromBlock": "0x1"})
    monkeypatch.setattr(chain_reader, "MOST_LOG_BYTES", 800)
    code, message = refusal(folder, "eth_getLogs", everywhere | {"fromBlock": "0x1"})
    assert code == -32005
    upto = message.rsplit(" ", 1)[1]
    assert call(folder, "eth_getLogs", {"fromBlock": "0x1", "toBlock": upto})


def test_the_calls_of_a_batch_share_their_bounds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_reader, "MOST_BLOCKS", 7)
    monkeypatch.setattr(chain_reader, "MOST_GAS", 4_000)
    contract = call(folder, "eth_getLogs", {"fromBlock": "0x1"})[0]["address"]
    size = {"to": contract, "data": "0x" + log_abi.tree_size_call().hex()}
    logs = GOOD | {"method": "eth_getLogs", "params": [{"fromBlock": "0x3", "toBlock": "0x5"}]}
    answered = ask(folder, [logs, logs, logs])
    assert ["result" in each for each in answered] == [True, True, False]
    assert answered[-1]["error"]["code"] == -32005
    read = GOOD | {"method": "eth_call", "params": [size]}
    answered = ask(folder, [read] * 4)
    assert "result" in answered[0]
    assert answered[-1]["error"]["message"] == "this request has computed enough: ask again alone"
    assert "result" in ask(folder, read)


def test_a_request_is_worked_on_for_so_long(folder: Path) -> None:
    """Each look at the clock finds half a second gone."""
    moments = iter(range(1_000))

    def ask_slowly(body: object) -> Any:
        sent, moment = json.dumps(body).encode(), lambda: next(moments) / 2
        return json.loads(chain_rpc.answer(sent, lambda: ChainReader(folder, moment)) or b"")

    answered = ask_slowly([GOOD] * 6)
    assert ["result" in each for each in answered] == [True] * 3 + [False] * 3
    assert {each["error"]["code"] for each in answered[3:]} == {-32005}
    assert "ask for the rest" in answered[-1]["error"]["message"]
    # A call that goes through many blocks ends on its way.
    logs = GOOD | {"method": "eth_getLogs", "params": [{"fromBlock": "0x1", "toBlock": "0x5"}]}
    assert ask_slowly(logs)["error"]["code"] == -32005
    assert "result" in ask_slowly(GOOD)


def ask_untimed(folder: Path, body: object) -> Any:
    """Under a clock that stands still, so that work alone ends it, on a busy machine too."""
    sent = json.dumps(body).encode()
    return json.loads(chain_rpc.answer(sent, lambda: ChainReader(folder, lambda: 0)) or b"")


def test_what_the_contract_answers_fits_a_whole_batch_and_its_writing_does_not(
    folder: Path,
) -> None:
    contract = call(folder, "eth_getLogs", {"fromBlock": "0x1"})[0]["address"]
    abi = Web3().eth.contract(abi=load_artifact().abi, address=contract)
    with closing(ChainReader(folder)) as reader:
        submitter = reader.submitter()
    asked = {"from": submitter, "to": contract}
    read = GOOD | {"method": "eth_call", "params": [asked | {"data": abi.encode_abi("peaks")}]}
    assert all("result" in each for each in ask_untimed(folder, [read] * 100))
    batch = abi.encode_abi("append", [SIZES[-1], reference.leaves(1_000)])
    written = GOOD | {"method": "eth_call", "params": [asked | {"data": batch}]}
    answered = ask_untimed(folder, [written] * 8)
    assert ["result" in each for each in answered] == [True] * 4 + [False] * 4
    # Not "reverted": alone it wouldn't.
    assert {each["error"]["code"] for each in answered[4:]} == {-32005}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\xff\xfe", b"[1,", b"NaN", b'{"id": NaN}', b"[" * 100_000),
        *(b"9" * 5_000, b"\x00", b'"\xed\xa0\x80"'),
    ],
)
def test_what_isnt_json_is_told(folder: Path, body: bytes) -> None:
    answered = ask(folder, body)
    assert (answered["id"], answered["error"]["code"]) == (None, -32700)


GOOD = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@pytest.mark.parametrize(
    "body",
    [
        *(1, None, "eth_chainId", {}, [], True, [1], [[]], [GOOD] * 101),
        *({**GOOD, "jsonrpc": "1.0"}, {**GOOD, "jsonrpc": 2.0}, {**GOOD, "method": 5}),
        *({**GOOD, "id": 1.5}, {**GOOD, "id": True}, {**GOOD, "id": []}, {**GOOD, "method": None}),
        b'{"jsonrpc": "2.0", "id": 1e999, "method": "eth_chainId"}',
    ],
)
def test_what_isnt_a_request_is_told(folder: Path, body: object) -> None:
    answered = ask(folder, body)
    (first,) = answered if isinstance(answered, list) else [answered]
    assert first["error"]["code"] == -32600


@pytest.mark.parametrize("key", ["method", "id", "é\ud800"])
def test_a_key_that_stands_twice_is_told(folder: Path, key: str) -> None:
    name = json.dumps(key)
    for start, end in (("", ""), ("[", "]"), ('{"params": [', "]}")):
        answered = ask(folder, f'{start}{{{name}: "eth_chainId", {name}: 1}}{end}'.encode())
        assert (answered["id"], answered["error"]["code"]) == (None, -32600)
        assert "stands twice" in answered["error"]["message"]


@pytest.mark.parametrize("params", [{"a": 1}, "latest", 5, None])
def test_parameters_by_name_are_refused(folder: Path, params: object) -> None:
    assert ask(folder, GOOD | {"params": params})["error"]["code"] == -32602


def test_ids_come_back_as_they_were(folder: Path) -> None:
    for called in (0, -5, 2**60, "", "é\ud800", None):
        assert ask(folder, GOOD | {"id": called})["id"] == called


def test_a_batch_is_answered_in_order_and_its_notifications_arent(folder: Path) -> None:
    notification = {"jsonrpc": "2.0", "method": "eth_blockNumber"}
    answered = ask(folder, [GOOD, 5, notification, GOOD | {"id": 2, "method": "evm_mine"}])
    assert [(each["id"], "result" in each) for each in answered] == [
        (1, True),
        (None, False),
        (2, False),
    ]
    assert ask(folder, notification) is None
    assert ask(folder, [notification, notification]) is None


def test_a_batch_is_bounded_in_its_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_rpc, "MOST_ANSWER_BYTES", 100)
    answered = ask(folder, [GOOD | {"id": number} for number in range(5)])
    assert ["result" in each for each in answered] == [True, True, True, False, False]
    assert answered[-1]["error"]["code"] == -32005


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_that_is_sent_breaks_it(folder: Path, data: st.DataObject) -> None:
    leaf = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.sampled_from(["0x1", "latest", "0x" + "00" * 20, "0x" + "00" * 32, "0x" + "ff" * 32])
    )
    keys = st.sampled_from(["to", "data", "fromBlock", "topics", "address", "blockHash", "x"])
    value = st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(keys, inner))
    with closing(ChainReader(folder)) as reader:
        method = data.draw(st.sampled_from(sorted(reader.methods())))
    params = data.draw(st.lists(value, max_size=4))
    answered = ask(folder, GOOD | {"method": method, "params": params})
    assert ("result" in answered) != ("error" in answered)


def test_a_chain_that_isnt_there_is_the_callers_to_tell(tmp_path: Path) -> None:
    with pytest.raises(ChainUnavailable):
        ask(tmp_path, GOOD)
