"""Work done ahead in a thread, for who takes it one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from queue import Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD = 8
"""Items that are made before they are needed: so many are kept at most."""
END_SECONDS = 0.01


@dataclass(frozen=True, eq=False)
class _Made(Generic[T]):
    """An item, or what ended the row: an error, or nothing."""

    item: T | None
    is_end: bool = False
    error: BaseException | None = None


class Ahead(Generic[T]):
    """Lets an iterator work in a thread of its own, a few items ahead of who takes them.

    A context manager that gives the items; an error of the iterator comes in its place among them. Leaving early stops
    the iterator after the item that it is at, and closes it if it is a generator.

    Args:
        items: The iterator. It is used in the thread only.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._row: Queue[_Made[T]] = Queue(AHEAD)
        self._stopped = Event()
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._taken()

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        # The thread may wait for room in the row.
        while self._thread.is_alive():
            while not self._row.empty():
                self._row.get_nowait()
            self._thread.join(END_SECONDS)

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                self._row.put(_Made(item))
                if self._stopped.is_set():
                    break
        except BaseException as raised:  # Raised again where the items are taken.
            error = raised
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
        self._row.put(_Made(None, is_end=True, error=error))

    def _taken(self) -> Iterator[T]:
        while not (made := self._row.get()).is_end:
            yield made.item  # type: ignore[misc]
        if made.error is not None:
            raise made.error
