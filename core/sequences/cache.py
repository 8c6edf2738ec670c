"""Frames in memory: decoded in threads, ahead of when they are shown, within a limit of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import RLock
from typing import Generic, TypeVar

from ..errors import FaceLiftError, FormatError

Frame = TypeVar("Frame")

WORKERS = 2
"""Threads that decode: numpy lets go of Python's lock for most of the time, and disks read ahead."""


class FrameCache(Generic[Frame]):
    """Keeps what was used last, and what is wanted next.

    What is decoded in a thread counts from its beginning, as much as the largest frame seen so far, so the limit
    holds at any time. One exception: a frame that alone is larger than the limit is kept until the next one comes,
    as it can't be shown otherwise.

    Args:
        load: Decodes a frame; runs in threads. Errors other than :class:`.FaceLiftError` count as damage too.
        size: Bytes of a decoded one.
        limit: Bytes that frames may take.
    """

    def __init__(self, load: Callable[[int], Frame], size: Callable[[Frame], int], limit: int) -> None:
        self._load, self._size, self._limit = load, size, limit
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="facelift-sequence")
        self._lock = RLock()
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._under_way: dict[int, Future[None]] = {}
        self._wanted: list[int] = []
        self._failed: dict[int, FaceLiftError] = {}
        self._largest, self._reserved = 0, 0
        self._closed = False

    @property
    def used(self) -> int:
        """Bytes of the frames that are kept."""
        return sum(self._sizes.values())

    @property
    def limit(self) -> int:
        """Bytes that frames may take; a smaller one lets go of frames at once."""
        return self._limit

    @limit.setter
    def limit(self, value: int) -> None:
        with self._lock:
            self._limit = value
            self._make_room(0)

    @property
    def failed(self) -> dict[int, FaceLiftError]:
        """What was wrong with frames that could not be decoded, by their numbers."""
        with self._lock:
            return dict(sorted(self._failed.items()))

    @property
    def numbers(self) -> set[int]:
        """The frames that are kept."""
        with self._lock:
            return set(self._frames)

    def get(self, number: int) -> Frame | None:
        """Return a frame if it is kept; it counts as used."""
        with self._lock:
            if number in self._frames:
                self._frames.move_to_end(number)
            return self._frames.get(number)

    def want(self, numbers: Sequence[int]) -> None:
        """Decode frames in threads, the first one first; wishes of before that no thread has begun are dropped.

        Of those ahead only as many are decoded as the limit has room for.
        """
        with self._lock:
            self._wanted = list(dict.fromkeys(numbers))
            self._go_on()

    def take(self, number: int) -> Frame | None:
        """Return a frame, decoded now if it has to be; None where that fails."""
        frame = self.get(number)
        if frame is not None or number in self._failed:
            return frame
        with self._lock:
            running = self._under_way.get(number)
        if running is not None:
            wait([running])
            frame = self.get(number)
            if frame is not None or number in self._failed:
                return frame
        return self._decode(number)

    def take_nearest(self, numbers: Iterable[int]) -> tuple[int, Frame] | None:
        """Return the first of some frames that can be decoded, with its number; None where none can."""
        for number in numbers:
            frame = self.take(number)
            if frame is not None:
                return number, frame
        return None

    def forget(self) -> None:
        """Let go of all frames and failures, as files may be others now."""
        with self._lock:
            self._wanted, running = [], list(self._under_way.values())
        wait(running)
        with self._lock:
            self._frames.clear()
            self._sizes.clear()
            self._failed.clear()

    def close(self) -> None:
        """Decode no more, and let go of everything; a thread that is at work ends with its frame."""
        with self._lock:
            self._closed, self._wanted = True, []
            self._frames.clear()
            self._sizes.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _go_on(self) -> None:
        """Give threads what is wanted next; the lock is held."""
        for place, number in enumerate(self._wanted):
            if self._closed or len(self._under_way) >= WORKERS:
                return
            if number in self._frames or number in self._under_way or number in self._failed:
                continue
            # The first one is waited for: it takes the room of any other.
            if place and not self._has_room(self._wanted[:place]):
                return
            self._under_way[number] = self._pool.submit(self._work, number)

    def _has_room(self, nearer: list[int]) -> bool:
        """Whether one more frame fits in beside those that are wanted before it, and those under way."""
        kept = sum(self._sizes.get(number, 0) for number in nearer)
        return kept + (len(self._under_way) + 1) * self._largest <= self._limit

    def _work(self, number: int) -> None:
        """A thread's work."""
        try:
            if not self._closed:
                self._decode(number)
        finally:
            with self._lock:
                self._under_way.pop(number, None)
                self._go_on()

    def _decode(self, number: int) -> Frame | None:
        with self._lock:
            reserved = self._largest
            self._make_room(reserved)
            self._reserved += reserved
        try:
            frame = self._load(number)
        except FaceLiftError as error:
            self._fail(number, error)
            return None
        except Exception as error:  # a damaged frame must not end playback, whatever a reader says to it
            self._fail(number, FormatError(f"Frame {number} can't be read: {error}", "Make the file again."))
            return None
        finally:
            with self._lock:
                self._reserved -= reserved
        with self._lock:
            size = self._size(frame)
            self._largest = max(self._largest, size)
            self._frames.pop(number, None)
            self._sizes.pop(number, None)
            self._make_room(size)
            if not self._closed:
                self._frames[number], self._sizes[number] = frame, size
        return frame

    def _fail(self, number: int, error: FaceLiftError) -> None:
        with self._lock:
            self._failed[number] = error

    def _make_room(self, size: int) -> None:
        """Let go of frames until there is room for so many bytes: first of what is not wanted, the oldest first."""
        wanted = set(self._wanted)
        order = [n for n in self._frames if n not in wanted] + [n for n in reversed(self._wanted) if n in self._frames]
        used = self.used + self._reserved
        for number in order:
            if used + size <= self._limit:
                return
            del self._frames[number]
            used -= self._sizes.pop(number)
