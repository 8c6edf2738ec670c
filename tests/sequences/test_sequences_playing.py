"""Frames in memory: the limit, what is decoded ahead, and damage."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from core import formats
from core.errors import FormatError
from core.sequences import files
from core.sequences.cache import FrameCache
from core.sequences.degrees import with_degree
from core.sequences.stream import Stream
from tests.helpers.gaussian import random_gaussians
from tests.helpers.patience import PATIENCE

SIZE = 1000


class Loader:
    """Makes frames of bytes, and counts those that are alive, as no cache counts for itself."""

    def __init__(self) -> None:
        self.loaded: list[int] = []
        self.bad: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, number: int) -> np.ndarray:
        assert self.gate.wait(PATIENCE)
        self.loaded.append(number)
        if number in self.bad:
            raise FormatError(f"{number} is damaged.", code="ply-cut")
        return np.full(SIZE, number % 256, np.uint8)


@pytest.fixture
def loader():
    return Loader()


def cache_of(loader, frames):
    return FrameCache(loader, lambda frame: frame.nbytes, frames * SIZE)


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def quiet(cache):
    until(lambda: not cache._under_way)


def test_frames_ahead_are_decoded_as_far_as_memory_goes(loader):
    cache = cache_of(loader, 5)
    cache.want(range(20))
    quiet(cache)
    # The size of the first ones was not known when they began; no more than the limit stays.
    assert cache.used <= 5 * SIZE
    cache.want(range(20))
    quiet(cache)
    assert {0, 1, 2, 3} <= cache.numbers
    assert cache.used <= 5 * SIZE
    assert set(loader.loaded) <= set(range(7))
    before = len(loader.loaded)
    cache.want(range(20))
    quiet(cache)
    assert len(loader.loaded) == before


def test_the_limit_holds_at_every_moment(loader):
    cache = cache_of(loader, 6)
    cache.take(0)
    most = []
    load = loader.__call__

    def watched(number):
        most.append(cache.used + cache._reserved)
        return load(number)

    cache._load = watched
    for number in range(60):
        cache.want([number + step for step in range(12)])
        cache.take(number)
        assert cache.used <= 6 * SIZE
    quiet(cache)
    assert max(most) <= 6 * SIZE
    assert cache.used <= 6 * SIZE
    cache.limit = 2 * SIZE
    assert cache.used <= 2 * SIZE


def test_what_was_used_last_stays(loader):
    cache = cache_of(loader, 3)
    for number in (1, 2, 3, 1, 4):
        cache.take(number)
    assert cache.numbers == {3, 1, 4}


def test_a_frame_larger_than_the_limit_is_shown_all_the_same(loader):
    cache = FrameCache(loader, lambda frame: frame.nbytes, SIZE // 2)
    assert cache.take(3) is not None
    assert cache.take(4) is not None
    assert cache.numbers == {4}
    cache.want(range(4, 9))
    quiet(cache)
    assert loader.loaded == [3, 4]


def test_earlier_wishes_give_way(loader):
    cache = cache_of(loader, 30)
    loader.gate.clear()
    cache.want(range(10))
    cache.want([50, 51])
    loader.gate.set()
    quiet(cache)
    assert {50, 51} <= cache.numbers
    assert len(loader.loaded) == 4


def test_a_frame_that_a_thread_decodes_is_waited_for_and_not_decoded_twice(loader):
    cache = cache_of(loader, 5)
    loader.gate.clear()
    cache.want([7])
    threading.Timer(0.05, loader.gate.set).start()
    assert cache.take(7)[0] == 7
    assert loader.loaded == [7]


def test_closing_and_forgetting_leave_nothing(loader):
    cache = cache_of(loader, 5)
    cache.want(range(3))
    cache.forget()
    assert not cache.numbers
    cache.take(1)
    cache.close()
    assert cache.used == 0
    cache.want(range(3))
    assert cache.used == 0


@pytest.fixture
def sequence(tmp_path):
    for number in range(1, 9):
        formats.save(random_gaussians(20 + number, number % 3, seed=number), tmp_path / f"a_{number}.ply")
    (tmp_path / "a_6.ply").unlink()
    return files.find(tmp_path / "a_1.ply")


def stream_of(sequence, load=formats.load):
    return Stream(sequence, load, lambda frame: frame.means.nbytes, 1 << 20)


def test_playback_goes_on_with_the_nearest_good_frame(sequence):
    sequence.path(3).write_bytes(sequence.path(3).read_bytes()[:-100])
    sequence.path(4).unlink()
    stream = stream_of(sequence)
    assert [stream.exact(number)[0] for number in (2, 3, 4, 5, 6, 7, 30)] == [2, 2, 5, 5, 5, 7, 8]
    assert len(stream.exact(7)[1]) == 27
    told = " ".join(stream.news())
    assert "1 file is missing: 6" in told
    assert "2 files can't be read: 3 to 4." in told
    assert "a_3.ply: The file is cut off" in told
    # A bad frame is not read again and again.
    sequence.path(3).write_bytes(sequence.path(2).read_bytes())
    assert stream.exact(3)[0] == 2
    stream.cache.forget()
    assert stream.exact(3)[0] == 3


def test_what_is_not_decoded_yet_is_the_nearest_one_at_once(sequence):
    gate = threading.Event()

    def load(path):
        assert gate.wait(PATIENCE)
        return formats.load(path)

    stream = stream_of(sequence, load)
    assert stream.soon(5) is None
    gate.set()
    until(lambda: stream.soon(5) is not None)
    gate.clear()
    number, _frame, right = stream.soon(8)
    assert (number, right) == (5, False)
    gate.set()
    until(lambda: stream.soon(8)[2])
    assert len(stream.soon(8)[1]) == 28
    until(lambda: stream.soon(1, [2, 3])[2])
    until(lambda: {1, 2, 3} <= stream.cache.numbers)


def test_a_sequence_without_a_good_frame_shows_nothing(tmp_path):
    for number in range(3):
        (tmp_path / f"a_{number}.ply").write_bytes(b"ply\n")
    stream = stream_of(files.find(tmp_path / "a_0.ply"))
    assert stream.exact(1) is None
    assert stream.soon(1) is None
    assert len(stream.failures) == 3


def test_degrees_become_one():
    gaussians = random_gaussians(30, 2)
    assert with_degree(gaussians, 2) is gaussians
    cut = with_degree(gaussians, 1)
    np.testing.assert_array_equal(cut.sh, gaussians.sh[:, :4])
    padded = with_degree(gaussians, 3)
    np.testing.assert_array_equal(padded.sh[:, :9], gaussians.sh)
    assert not padded.sh[:, 9:].any()
