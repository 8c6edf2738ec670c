"""A sequence that plays: which frame is to be had at once, which one is right, what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic

from .cache import Frame, FrameCache
from .files import SplatSequence, runs_of, told


class Stream(Generic[Frame]):
    """The frames of a sequence.

    Args:
        sequence: Its files.
        load: Decodes a file; runs in threads.
        size: Bytes of what was decoded.
        limit: Bytes that frames may take in memory.
    """

    def __init__(
        self, sequence: SplatSequence, load: Callable[[Path], Frame], size: Callable[[Frame], int], limit: int
    ) -> None:
        self.sequence = sequence
        self.cache: FrameCache[Frame] = FrameCache(lambda number: load(sequence.path(number)), size, limit)

    def exact(self, number: int, ahead: Sequence[int] = ()) -> tuple[int, Frame] | None:
        """Return the frame of a number, decoded now if need be, with the number that it has.

        Where there is no such file, or it is damaged, that is the nearest good one; None where none is good.

        Args:
            number: The frame.
            ahead: Those that will be wanted next, as for :meth:`soon`.
        """
        found = self.cache.take_nearest(self.sequence.nearest(number))
        if found is not None and ahead:
            self._want(found[0], ahead)
        return found

    def soon(self, number: int, ahead: Sequence[int] = ()) -> tuple[int, Frame, bool] | None:
        """Return what can be shown for a number without waiting, and let threads decode what is better.

        Args:
            number: The frame.
            ahead: Those that will be wanted next, the next one first.

        Returns:
            The number of a frame, the frame, and whether it is the one that :meth:`exact` returns; None where
            nothing has been decoded yet.
        """
        right = self._good(number)
        if right is None:
            return None
        self._want(right, ahead)
        frame = self.cache.get(right)
        if frame is not None:
            return right, frame, True
        for other in sorted(self.cache.numbers, key=lambda other: (abs(other - number), other > number)):
            frame = self.cache.get(other)
            if frame is not None:
                return other, frame, False
        return None

    def news(self) -> list[str]:
        """Return what a person should know of the files, a sentence each."""
        found = []
        gaps, failed = self.sequence.gaps, self.cache.failed
        if gaps:
            count = sum(last - first + 1 for first, last in gaps)
            found.append(f"{_counted(count, 'file is', 'files are')} missing: {told(gaps)}")
        if failed:
            text = f"{_counted(len(failed), 'file', 'files')} can't be read: {told(runs_of(failed))}"
            found.append(f"{text}. {next(iter(self.failures.values()))}")
        return found

    @property
    def failures(self) -> dict[int, str]:
        """What was wrong with files, a sentence each that names the file, by their numbers."""
        return {
            number: f"{self.sequence.names[number]}: {error.message}" for number, error in self.cache.failed.items()
        }

    def _want(self, number: int, ahead: Sequence[int]) -> None:
        self.cache.want([number, *(self.sequence.closest(other) for other in ahead)])

    def _good(self, number: int) -> int | None:
        closest = self.sequence.closest(number)
        failed = self.cache.failed
        if closest not in failed:
            return closest
        return next((other for other in self.sequence.nearest(number) if other not in failed), None)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
