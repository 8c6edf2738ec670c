"""The server by hand, message by message: JSON-RPC's rules, the queue on its side, the ends."""

from __future__ import annotations

import subprocess

import pytest

from core.processes.codec import Message, MessageReader, encode
from core.processes.protocol import request
from core.worker.packing import pack_capture
from tests.helpers.patience import PATIENCE
from tests.helpers.worker import capture, photo_bytes, test_launch


class RawClient:
    """A worker and its pipes, without anything that helps."""

    def __init__(self) -> None:
        launch = test_launch("--heartbeat-seconds", "1000")
        self.process = subprocess.Popen(
            launch.argv,
            env=launch.env,
            cwd=launch.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.reader = MessageReader(self.process.stdout)

    def write(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, content: dict, attachments: dict | None = None) -> None:
        self.write(b"".join(encode(Message(content, attachments or {}))))

    def generate(self, request_id: int, **settings) -> None:
        shots, attachments = pack_capture(capture(photo_bytes()))
        message = request(request_id, "generate", {"engine": "steps", "settings": settings, **shots}, attachments)
        self.send(message.content, message.attachments)

    def answer(self) -> dict:
        """The next message that is no notification."""
        while "method" in (content := self.reader.read().content):
            continue
        return content

    def await_notification(self, method: str) -> dict:
        while (content := self.reader.read().content).get("method") != method:
            continue
        return content["params"]


@pytest.fixture
def raw():
    client = RawClient()
    yield client
    client.process.kill()
    client.process.communicate()


VALID = {"jsonrpc": "2.0", "id": 5, "method": "hello", "params": {}}


@pytest.mark.parametrize(
    ("changes", "rpc_code", "answered_id"),
    [
        ({"method": "format-disk"}, -32601, 5),
        ({"method": None}, -32601, 5),
        ({"method": ["hello"]}, -32601, 5),
        ({"jsonrpc": "1.0"}, -32600, 5),
        ({"id": None}, -32600, None),
        ({"id": True}, -32600, None),
        ({"params": [1]}, -32600, 5),
        ({"method": "generate"}, -32602, 5),
        ({"method": "generate", "params": {"engine": "steps", "settings": []}}, -32602, 5),
        ({"method": "generate", "params": {"engine": "steps"}}, -32602, 5),
        ({"method": "generate", "params": {"engine": "steps", "shots": [{"photo_name": "a.png"}]}}, -32602, 5),
    ],
)
def test_wrong_requests_are_answered_and_survived(raw, changes, rpc_code, answered_id):
    raw.send(VALID | changes)
    answer = raw.answer()
    assert answer["error"]["code"] == rpc_code
    assert answer["id"] == answered_id
    assert answer["error"]["data"]["message"]
    raw.send(VALID)
    assert raw.answer()["result"]["protocol"]


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"Content-Length: 3\r\n\r\n[1]", b"Content-Length: 1\r\n\r\n{"]
)
def test_an_unintelligible_stream_is_answered_and_ends_the_worker(raw, data):
    raw.write(data)
    answer = raw.answer()
    assert answer["id"] is None
    assert answer["error"]["code"] == -32700
    assert raw.process.wait(PATIENCE) == 2


def test_jobs_queue_on_the_server_and_cancelled_ones_are_answered_at_once(raw):
    raw.generate(1, steps=1_000_000, seconds=0.01)
    raw.generate(2)
    raw.generate(3)
    assert raw.await_notification("progress")["job"] == 1
    raw.send(request(4, "cancel", {"job": 2}).content)
    answers = [raw.answer(), raw.answer()]
    assert answers[0]["id"] == 2 and answers[0]["error"]["data"]["code"] == "cancelled"
    assert answers[1] == {"jsonrpc": "2.0", "id": 4, "result": {"found": True}}
    raw.send(request(5, "cancel", {"job": 1}).content)
    finished = {answer["id"]: answer for answer in (raw.answer(), raw.answer(), raw.answer())}
    assert finished[1]["error"]["data"]["code"] == "cancelled"
    assert finished[5]["result"] == {"found": True}
    assert "result" in finished[3]


def test_cancelling_what_is_not_there_finds_nothing(raw):
    for job in (99, None, "x", [1]):
        raw.send(request(1, "cancel", {"job": job}).content)
        assert raw.answer()["result"] == {"found": False}


def test_shutdown_is_answered_and_ends_the_worker_even_during_a_job(raw):
    raw.generate(1, steps=1_000_000, seconds=0.01)
    raw.await_notification("progress")
    raw.send(request(2, "shutdown", {}).content)
    assert raw.answer() == {"jsonrpc": "2.0", "id": 2, "result": {}}
    assert raw.process.wait(PATIENCE) == 0


def test_a_reader_that_went_away_ends_the_worker(raw):
    raw.generate(1, steps=1_000_000, seconds=0.01)
    raw.await_notification("progress")
    raw.process.stdout.close()
    assert raw.process.wait(PATIENCE) == 0


def test_heartbeats_come_without_being_asked():
    launch = test_launch("--heartbeat-seconds", "0.05")
    with subprocess.Popen(
        launch.argv,
        env=launch.env,
        cwd=launch.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        reader = MessageReader(process.stdout)
        assert [reader.read().content["method"] for _ in range(3)] == ["heartbeat"] * 3
        process.stdin.close()
