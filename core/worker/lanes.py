"""Lanes: each runs its jobs one after the other on a thread of its own, with its own engines.

The server has several, so that preparing the next photo (a second) does not wait for the head that
is being generated (minutes, with a large model) or a clip that is being captured. Heads are refined
where they are generated: both want the graphics card.
"""

from __future__ import annotations

import gc
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..engines.base import Engine
from ..engines.capture import Capture, PhotoFile
from ..engines.further import prepare_further
from ..engines.registry import create_engine
from ..errors import Cancelled
from ..performance.types import CaptureOptions, PersonFace
from ..photo.types import FaceBox
from ..processes import protocol
from ..processes.protocol import Method
from ..processes.server import Server
from ..progress import PHOTO, Reporter
from ..refine.gradients.shapes import refine_shapes
from ..refine.types import Refined, View
from ..system.pictures import png_bytes, reduced
from . import capturing, packing, refining

logger = logging.getLogger(__name__)

PHOTO_SIDE = 256
"""Pixels of the picture of a photo that is sent before anything is found in it."""


@dataclass(frozen=True, eq=False)
class Task(ABC):
    """A request for something that takes time.

    Attributes:
        id: Id of the request.
        method: What is asked for.
        cancel: Set to cancel.
    """

    id: int
    method: Method
    cancel: threading.Event = field(default_factory=threading.Event, kw_only=True)

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is about, for the log."""

    @abstractmethod
    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Do it.

        Args:
            engine_of: Returns the lane's engine with an id.
            reporter: Receives progress, and carries the cancel flag.
        """


@dataclass(frozen=True, eq=False)
class EngineTask(Task):
    """A prepare or generate request.

    Attributes:
        engine: Engine id.
        settings: The engine's settings.
        capture: The photos.
        further: Whether the photo to prepare needs no face, as it may be a further one of a person.
    """

    engine: str
    settings: Mapping[str, Any]
    capture: Capture[PhotoFile]
    further: bool = False

    @property
    def label(self) -> str:
        """The photo and the engine."""
        return f"{self.capture.portrait.photo.name} with {self.engine}"

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Prepare or generate."""
        capture = self.capture.with_photos(photo.decoded() for photo in self.capture.photos)
        engine = engine_of(self.engine)
        if self.method is Method.PREPARE:
            reporter.preview(PHOTO, png_bytes(reduced(capture.portrait.photo.rgba, PHOTO_SIDE)))
            if self.further:
                return packing.pack_prepared(prepare_further(engine, capture, self.settings, reporter))
            return packing.pack_prepared(engine.prepare(capture, self.settings, reporter))
        return packing.pack_result(engine.generate(capture, self.settings, reporter))


@dataclass(frozen=True, eq=False)
class RefiningTask(Task):
    """A refine request.

    Attributes:
        refined: What the first step made.
        views: The photos.
    """

    refined: Refined
    views: Sequence[View]

    @property
    def label(self) -> str:
        """How much there is to refine."""
        return f"{len(self.refined.gaussians):,} splats to {len(self.views)} photos"

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Change the splats' shapes."""
        return refining.pack_shapes(refine_shapes(self.refined, self.views, reporter))


@dataclass(frozen=True, eq=False)
class CaptureTask(Task):
    """A capture request.

    Attributes:
        path: Of the clip.
        face: The avatar's face, or None.
        options: How it is captured.
    """

    path: Path
    face: PersonFace | None
    options: CaptureOptions

    @property
    def label(self) -> str:
        """The clip."""
        return self.path.name

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Capture the face."""
        # Imported for this alone: workers start without the solver and its data.
        from ..performance.capturing import capture

        return capturing.pack_captured(capture(self.path, self.face, self.options, reporter))


@dataclass(frozen=True, eq=False)
class PeopleTask(Task):
    """A request for whose faces a clip shows.

    Attributes:
        path: Of the clip.
        start: Second from which on it is looked through.
        end: Second until which.
    """

    path: Path
    start: float
    end: float

    @property
    def label(self) -> str:
        """The clip."""
        return self.path.name

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Look who is there."""
        from ..performance.people import people_in
        from ..video.clip import open_clip

        with open_clip(self.path) as clip:
            return capturing.pack_people(people_in(clip, reporter, start=self.start, end=self.end))


@dataclass(frozen=True, eq=False)
class FramesTask(PeopleTask):
    """A request for a clip's best frames.

    Attributes:
        whom: Whose; None for the largest face.
    """

    whom: FaceBox | None = None

    @property
    def label(self) -> str:
        """The clip."""
        return self.path.name

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Choose them."""
        from ..moving.shots import capture_of_clip

        found = capture_of_clip(self.path, reporter, start=self.start, end=self.end, whom=self.whom)
        return capturing.pack_frames(*found)


@dataclass(frozen=True, eq=False)
class MovingTask(Task):
    """A request for a head of each frame of a clip.

    Attributes:
        path: Of the clip.
        folder: Where the heads go.
        engine: Engine id.
        settings: The engine's settings.
        recipe: Rate, start and end.
        suffix: Of the files.
        whom: Corners of the face to follow, as a recipe has them.
    """

    path: Path
    folder: Path
    engine: str
    settings: Mapping[str, Any]
    recipe: Mapping[str, float]
    suffix: str
    whom: list[float]

    @property
    def label(self) -> str:
        """The clip and the engine."""
        return f"{self.path.name} with {self.engine}"

    def execute(self, engine_of: Callable[[str], Engine], reporter: Reporter) -> packing.Packed:
        """Make them."""
        from ..moving.making import make_moving
        from ..moving.manifest import recipe_of

        recipe = recipe_of(self.path, self.engine, self.settings, **self.recipe, suffix=self.suffix, whom=self.whom)
        made = make_moving(self.path, self.folder, recipe, engine_of(self.engine), self.settings, reporter)
        failed = {str(number): reason for number, reason in made.failed.items()}
        facts = {name: getattr(made, name) for name in ("number", "made", "there", "frame_rate", "has_sound")}
        return {"first": str(made.first), **facts, "notes": list(made.notes), "failed": failed}, {}


class Lane:
    """A queue of tasks and the thread that runs them.

    Args:
        name: For the thread and the log.
        server: Sends what becomes of the tasks.
        idle_seconds: After this long without a task the engines' models are unloaded.
    """

    def __init__(self, name: str, server: Server, idle_seconds: float) -> None:
        self._name, self._server, self._idle_seconds = name, server, idle_seconds
        self._engines: dict[str, Engine] = {}
        self._tasks: deque[Task] = deque()
        self._running: Task | None = None
        self._unload_asked: list[Callable[[], None]] = []
        self._wake = threading.Condition()
        threading.Thread(target=self._loop, name=f"lane-{name}", daemon=True).start()

    def submit(self, task: Task) -> None:
        """Append a task."""
        with self._wake:
            self._tasks.append(task)
            self._wake.notify()

    def cancel(self, task_id: int) -> bool:
        """Cancel a task: a queued one is answered at once and never starts.

        Returns:
            Whether the task was here.
        """
        with self._wake:
            if self._running is not None and self._running.id == task_id:
                self._running.cancel.set()
                return True
            task = next((task for task in self._tasks if task.id == task_id), None)
            if task is None:
                return False
            self._tasks.remove(task)
        self._server.send(protocol.error_response(task_id, Cancelled()))
        return True

    def unload(self, done: Callable[[], None]) -> None:
        """Unload the engines' models, after the running task if there is one, then call ``done``."""
        with self._wake:
            self._unload_asked.append(done)
            self._wake.notify()

    def _loop(self) -> None:
        while True:
            with self._wake:
                patience = self._idle_seconds if self._engines else None
                woken = self._wake.wait_for(lambda: self._tasks or self._unload_asked, patience)
                asked, self._unload_asked = self._unload_asked, []
                task = None if asked or not woken else self._tasks.popleft()
                self._running = task
            if task is None:
                self._unload_engines()
                for done in asked:
                    done()
                continue
            logger.info("%s %d: %s", task.method, task.id, task.label)
            self._server.do(task.id, task.method, partial(task.execute, self._engine), task.cancel)
            with self._wake:
                self._running = None

    def _unload_engines(self) -> None:
        for engine_id, engine in self._engines.items():
            try:
                engine.unload()
                logger.info("%s: unloaded %s", self._name, engine_id)
            except Exception:
                logger.exception("%s: unloading %s failed", self._name, engine_id)
        self._engines.clear()
        gc.collect()

    def _engine(self, engine_id: str) -> Engine:
        if engine_id not in self._engines:
            self._engines[engine_id] = create_engine(engine_id)
        return self._engines[engine_id]
