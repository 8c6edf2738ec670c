"""The wire format: everything comes back bit for bit, anything else is a named error."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.cameras import front_camera
from core.engines.base import GenerateResult
from core.engines.capture import Capture, Shot
from core.engines.outcomes import ShotOutcome
from core.engines.recipe import Recipe, UsedPhoto
from core.gaussians import Gaussians
from core.head.pose import Pose
from core.head.shape import HeadShape
from core.photo.sides import HELP, PLACED
from core.processes import codec
from core.processes.codec import Message, MessageReader, ProtocolError, StreamEnded, encode
from core.processes.protocol import received_error
from core.worker.packing import pack_result, unpack_prepared, unpack_result

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
CONTENTS = st.dictionaries(st.text().filter(lambda key: key != "attachments"), JSON_VALUES, max_size=5)
ARRAYS = npst.arrays(
    st.sampled_from([np.dtype(order + name[0] + name[1:]) for name in ("f4", "f8", "i8", "u2") for order in "<>"])
    | st.sampled_from([np.dtype(bool), np.dtype(np.int8), np.dtype(np.float16)]),
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
ATTACHMENTS = st.dictionaries(st.text(), ARRAYS | st.binary(max_size=300), max_size=5)


def empty_gaussians() -> Gaussians:
    return Gaussians(np.zeros((0, 3)), np.ones((0, 3)), np.ones((0, 4)), np.ones(0), np.zeros((0, 1, 3)))


def wire(message: Message) -> bytes:
    return b"".join(encode(message))


def read_all(data: bytes) -> list[Message]:
    reader = MessageReader(io.BytesIO(data))
    messages = []
    while (message := reader.read()) is not None:
        messages.append(message)
    assert reader.bytes_read == len(data)
    return messages


def frame(content: object, payload: bytes = b"") -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"Content-Length: %d\r\n\r\n" % len(text) + text + payload


def attachment(**changes: object) -> bytes:
    entry = {"name": "a", "dtype": "float32", "shape": [2, 3], "bytes": 24} | changes
    return frame({"attachments": [entry]}, bytes(24))


@given(st.lists(st.tuples(CONTENTS, ATTACHMENTS), max_size=3))
def test_messages_come_back_bit_for_bit(pairs):
    received = read_all(b"".join(wire(Message(*pair)) for pair in pairs))
    assert len(received) == len(pairs)
    for message, (content, attachments) in zip(received, pairs, strict=True):
        assert message.content == content
        assert list(message.attachments) == list(attachments)
        for name, sent in attachments.items():
            got = message.attachments[name]
            if isinstance(sent, bytes):
                assert got == sent
            else:
                assert got.dtype == sent.dtype.newbyteorder("=") and got.dtype.isnative
                assert got.shape == sent.shape
                assert got.tobytes() == sent.astype(got.dtype).tobytes()


def test_strided_arrays_are_sent_in_c_order():
    array = np.arange(24, dtype=np.int16).reshape(4, 6)[::2, ::-3]
    (message,) = read_all(wire(Message({}, {"a": array})))
    np.testing.assert_array_equal(message.attachments["a"], array)


@settings(max_examples=300)
@given(st.binary(max_size=400))
@example(b"Content-Length: -1\r\n\r\n")
@example(b"Content-Length: 999999999999999999999\r\n\r\n")
@example("Content-Length: ٣\r\n\r\n{}".encode())
@example(b"\r\n\r\n")
@example(frame(b"[" * 100_000))
@example(frame(b"1" * 10_000))
@example(frame(b'{"a":NaN}'))
@example(frame(b"\xff\xfe"))
@example(frame([]))
def test_any_bytes_give_messages_or_a_protocol_error(data):
    try:
        read_all(data)
    except ProtocolError as error:
        assert error.message


@settings(max_examples=300)
@given(st.data())
def test_damaged_messages_give_messages_or_a_protocol_error(data):
    good = wire(Message({"id": 1, "method": "x"}, {"a": np.zeros((2, 3), np.float32), "b": b"blob"}))
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_all(bytes(damaged))
    except ProtocolError as error:
        assert error.message


@given(st.data())
def test_a_cut_stream_is_told_from_a_finished_one(data):
    good = wire(Message({"id": 1}, {"a": np.arange(9.0)}))
    cut = data.draw(st.integers(1, len(good) - 1))
    with pytest.raises(StreamEnded):
        read_all(good[:cut])


@pytest.mark.parametrize(
    "data",
    [
        attachment(bytes=23),
        attachment(shape=[2, 2]),
        attachment(shape=[-2, -3]),
        attachment(shape=[2.0, 3]),
        attachment(shape=[True, 6]),
        attachment(shape=6),
        attachment(shape=[1] * 30 + [2, 3]),
        attachment(dtype="object"),
        attachment(dtype="float128"),
        attachment(dtype=["float32"]),
        attachment(dtype="bytes"),
        attachment(name=3),
        attachment(offset=0),
        attachment(shape=[1 << 62, 0], bytes=0),
        attachment(dtype="uint8", shape=[(1 << 30) + 1], bytes=(1 << 30) + 1),
        frame({"attachments": {}}),
        frame({"attachments": [{"name": "a", "dtype": "uint8", "shape": [0], "bytes": 0}] * 2}),
        frame(
            {"attachments": [{"name": str(i), "dtype": "bytes", "shape": [1 << 30], "bytes": 1 << 30} for i in (1, 2)]}
        ),
        b"Content-Length: %d\r\n\r\n" % (codec.MAX_JSON_BYTES + 1),
        b"X: y\r\n" * 20,
        b"Content-Type: x\r\n\r\n{}",
        b"x" * 1000,
    ],
)
def test_impossible_claims_are_refused_before_memory_is_taken(data):
    with pytest.raises(ProtocolError) as caught:
        read_all(data)
    assert not isinstance(caught.value, StreamEnded)


def test_other_text_in_the_stream_is_shown():
    with pytest.raises(ProtocolError, match="Loading model: 42%"):
        read_all(b"Loading model: 42%\n" + wire(Message({})))


@pytest.mark.parametrize(
    "message",
    [
        Message({}, {"a": np.array([object()])}),
        Message({}, {"a": np.array(["text"])}),
        Message({}, {str(i): b"" for i in range(codec.MAX_ATTACHMENTS + 1)}),
        Message({"a": float("nan")}),
        Message({"a": "x" * codec.MAX_JSON_BYTES}),
        Message({}, {"a": np.broadcast_to(np.uint8(0), codec.MAX_ATTACHMENT_BYTES // 2 + 1), "b": bytes(1 << 29)}),
    ],
)
def test_what_cannot_travel_is_refused_by_the_sender(message):
    with pytest.raises(ProtocolError, match="be passed on"):
        encode(message)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered in cast:RuntimeWarning")
@given(CONTENTS, ATTACHMENTS, st.data())
def test_results_that_are_not_what_was_agreed_are_protocol_errors(content, attachments, data):
    shape = HeadShape(np.zeros((4, 3)), np.zeros(2), Pose(np.eye(3), np.zeros(3), 1.0))
    shots = (Shot(UsedPhoto("a.png", "00")), Shot(UsedPhoto("b.png", "01"), role="further"))
    recipe = Recipe("steps", "", {}, Capture(shots))
    good_result, good_attachments = pack_result(
        GenerateResult(
            empty_gaussians(),
            (
                ShotOutcome(PLACED, camera=front_camera(), picture=np.zeros((2, 2, 4), np.uint8)),
                ShotOutcome(HELP, "Say which side it shows."),
            ),
            recipe,
            shape=shape,
        )
    )
    for name in data.draw(st.lists(st.sampled_from([*good_result, *good_attachments]), min_size=1)):
        if name in good_result:
            good_result[name] = data.draw(JSON_VALUES | st.just(float("inf")))
        else:
            good_attachments[name] = data.draw(ARRAYS | st.binary(max_size=20))
    for unpack in (unpack_result, unpack_prepared):
        for pair in ((content, attachments), (good_result, good_attachments)):
            try:
                unpack(*pair)
            except ProtocolError as error:
                assert error.message


@given(JSON_VALUES | st.fixed_dictionaries({"data": st.fixed_dictionaries(dict.fromkeys(
    ("code", "message", "advice", "details", "traceback"), JSON_VALUES
))}))  # fmt: skip
def test_errors_that_are_not_what_was_agreed_are_protocol_errors(value):
    try:
        assert isinstance(received_error(value).details, dict)
    except ProtocolError as error:
        assert error.message
