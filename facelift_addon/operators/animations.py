"""Animations as splat files, one a frame: Blender sets and reads a frame, a thread writes it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Event
from typing import Any

import bpy
import numpy as np

from ...core.progress import Reporter
from ..making import errands
from ..splats.data import exchange
from ..splats.data.columns import Column

TITLE = "Writing the animation"
TICK_SECONDS = 0.02
PATIENCE_SECONDS = 0.2
"""Between looks at whether writing was cancelled, while a frame is awaited."""

Pieces = list[tuple[dict[str, Column], np.ndarray]]


class Animation:
    """One export of an animation.

    Args:
        scene: Whose frames; its current frame comes back at the end.
        frames: Their numbers.
        read: Returns the splats of the frame that is set, as :func:`exchange.write` takes them.
        path: The file without a number.
        options: Of the format.
        skip_existing: Whether to leave out frames whose file is there.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        frames: Sequence[int],
        read: Callable[[], Pieces],
        path: Path,
        options: dict[str, Any],
        skip_existing: bool = False,
    ) -> None:
        self._scene, self._before = scene.name, scene.frame_current
        there = {frame for frame in frames if skip_existing and exchange.numbered(path, frame).exists()}
        self._frames, self._read = [frame for frame in frames if frame not in there], read
        self._skipped = len(there)
        self._path, self._options = path, options
        # One frame is read ahead while the one before is written.
        self._ready: Queue[Pieces | Exception] = Queue(maxsize=1)
        self._ended = Event()
        self._next = 0

    def run(self) -> str:
        """Write everything now; return what to tell."""
        try:
            for frame in self._frames:
                bpy.data.scenes[self._scene].frame_set(frame)
                exchange.write(self._read(), exchange.numbered(self._path, frame), self._options, Reporter())
        finally:
            self._restore()
        return self._news()

    def start(self) -> None:
        """Write in a thread that asks for one frame after the other."""
        errands.start(TITLE, self._write, lambda _: self._news(), belongs_to_file=True, prominent=True)
        bpy.app.timers.register(self._supply, first_interval=0.0, persistent=True)

    def _write(self, reporter: Reporter) -> None:
        """The thread's work."""
        try:
            reporter.stage(TITLE, len(self._frames))
            for frame in self._frames:
                pieces = self._await(reporter)
                path = exchange.numbered(self._path, frame)
                exchange.write(pieces, path, self._options, Reporter(cancel=reporter.cancel_event))
                reporter.step()
        finally:
            self._ended.set()

    def _await(self, reporter: Reporter) -> Pieces:
        while True:
            reporter.check()
            try:
                result = self._ready.get(timeout=PATIENCE_SECONDS)
            except Empty:
                continue
            if isinstance(result, Exception):
                raise result
            return result

    def _supply(self) -> float | None:
        """The main thread's part: set and read the next frame when there is room for it."""
        if self._ended.is_set():
            self._restore()
            return None
        if self._next < len(self._frames) and not self._ready.full() and not bpy.app.is_job_running("RENDER"):
            try:
                bpy.data.scenes[self._scene].frame_set(self._frames[self._next])
                self._ready.put(self._read())
            except Exception as error:  # told by the thread that waits for the frame
                self._ready.put(error)
                self._next = len(self._frames)
            self._next += 1
        return TICK_SECONDS

    def _restore(self) -> None:
        scene = bpy.data.scenes.get(self._scene)
        if scene is not None:
            scene.frame_set(self._before)

    def _news(self) -> str:
        news = f"{len(self._frames)} frames written to {self._path.parent.name}"
        return f"{news}; {self._skipped} were there already" if self._skipped else news
