"""One request to a worker about a photo: what was asked for, where it stands, and its way into the scene.

A task never waits and holds no pointer into the .blend: files are read and arrays prepared in
threads, the display's groups and the point cloud are built one piece a tick.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ...core.engines.capture import Capture, PhotoFile
from ...core.engines.shot_options import ShotOptions
from ...core.errors import FaceLiftError
from ...core.photo.edits import PhotoEdits
from ...core.photo.hand_placement import HandPlacement
from ...core.processes.job import Job, JobState
from ...core.progress import CROP, PHOTO, Progress, crop_preview
from ...core.worker.packing import ReceivedHead, ReceivedPreparation
from ..interface.previews import previews
from ..photo.photos import PhotoSource
from ..reporting import explained
from ..splats.data import geometry, heads
from ..splats.scene import entrance, placement
from ..splats.scene.arrivals import Arrival
from ..splats.scene.photo_cameras import ArrivingShot
from . import connection

logger = logging.getLogger(__name__)

_makers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facelift-arrays")


class State(StrEnum):
    """Where a head is; the values are shown to the user."""

    READING = "Reading the photo"
    WAITING = "Waiting"
    RUNNING = "Starting"
    ARRIVING = "Bringing the head in"
    DONE = "Done"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


UNFINISHED = (State.READING, State.WAITING, State.RUNNING, State.ARRIVING)


@dataclass(frozen=True)
class Order:
    """What the user asked for.

    Attributes:
        capture: The photos, and how they are to be taken.
        engine: Engine's id.
        settings: The engine's settings.
        head_height: Metres from chin to crown.
        scene: Name of the scene that the head belongs to.
        replaces: Id of the head to exchange, or "" for a new one.
        replaces_name: Its object's name, to tell duplicates apart.
    """

    capture: Capture[PhotoSource]
    engine: str
    settings: dict[str, Any]
    head_height: float = placement.DEFAULT_HEAD_HEIGHT
    scene: str = ""
    replaces: str = ""
    replaces_name: str = ""

    @property
    def source(self) -> PhotoSource:
        """The portrait."""
        return self.capture.portrait.photo

    @property
    def edits(self) -> PhotoEdits:
        """What the user changed of the portrait by hand."""
        return self.capture.portrait.edits

    @property
    def options(self) -> ShotOptions:
        """What was chosen about the portrait."""
        return self.capture.portrait.options

    def with_placement(self, placement: HandPlacement | None) -> Order:
        """Return the order with the photo placed elsewhere by hand, or left to be found."""
        return replace(self, capture=self.capture.with_portrait(placement=placement))

    def with_edits(self, edits: PhotoEdits) -> Order:
        """Return the order with other changes by hand of the portrait."""
        return replace(self, capture=self.capture.with_portrait(edits=edits))

    def with_options(self, **options: Any) -> Order:
        """Return the order with something else chosen about the portrait."""
        return replace(self, capture=self.capture.with_portrait(options=replace(self.options, **options)))


@dataclass(eq=False)
class Task:
    """One request to the worker about a photo.

    Attributes:
        order: What was asked for.
        method: "prepare" or "generate".
        id: For operators and panels.
        state: Where it stands.
        error: What to show when it failed.
        arrival: The head's arrays, once they are there.
        earlier: The preparation before this one, of the same photo with other settings, or None.
        further: Whether a photo to prepare may be a further one of a person, and needs no face.
    """

    order: Order
    method: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: State = State.READING
    error: FaceLiftError | None = None
    arrival: Arrival | None = None
    earlier: Task | None = None
    further: bool = False
    _reading: tuple[Future, ...] = ()
    _digests: Future | None = None
    _making: Future | None = None
    _arriving: Arrival | None = None
    _work: Job | None = None
    _pieces: Iterator[None] | None = None
    _shown: set = field(default_factory=set)

    @property
    def progress(self) -> Progress | None:
        """The worker's latest progress."""
        return self._work.progress if self._work is not None else None

    @property
    def result(self):
        """The worker's result, once the request is done."""
        return self._work.result if self._work is not None and self._work.state is JobState.DONE else None

    @property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of every photo as recipes have it; empty before they were read."""
        return self._digests.result() if self._digests is not None and self._digests.done() else ()

    @property
    def found(self) -> ReceivedPreparation | None:
        """What was found in the photo; while it is prepared anew, what was found before."""
        return self.result if self.result is not None or self.earlier is None else self.earlier.result

    @property
    def found_id(self) -> str:
        """Id of the preparation that :attr:`found` is of."""
        return self.id if self.result is not None or self.earlier is None else self.earlier.id

    @property
    def shows_face(self) -> bool:
        """Whether a photo can be a portrait; while that isn't known, it is hoped."""
        return self.state is not State.FAILED and (self.found is None or self.found.has_face)

    @property
    def is_gone(self) -> bool:
        """Whether it failed because a photo's file is not where it was."""
        return self.error is not None and self.error.code == "photo-gone"

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop and has not stopped yet."""
        return self._work is not None and self._work.cancelling

    def start(self) -> None:
        """Begin reading the photos."""
        self._reading = tuple(photo.read() for photo in self.order.capture.photos)

    def cancel(self) -> None:
        """Stop as soon as possible."""
        if self._work is not None and not self._work.finished:
            self._work.cancel()
        elif self.state in UNFINISHED:
            self.state = State.CANCELLED
        self._drop()

    def tick(self) -> None:
        """Move on as far as possible without waiting; what fails unexpectedly fails this task alone."""
        try:
            self._proceed()
        except Exception as error:  # Raised into Blender's timer, it would end that, and everything would stand still.
            logger.exception("%s of %s failed", self.method, self.order.source.name)
            self.fail(explained(error))

    def _proceed(self) -> None:
        if self.state is State.READING and all(photo.done() for photo in self._reading):
            self._submit()
        if self._work is not None and self.state in (State.WAITING, State.RUNNING):
            self._follow()
        if self.state is State.ARRIVING and self.arrival is None:
            self._prepare_arrival()

    @property
    def has_arrived(self) -> bool:
        """Whether only the step into the scene is missing."""
        return self.state is State.ARRIVING and self.arrival is not None

    def fail(self, error: FaceLiftError) -> None:
        """End with an error; what was made for the scene goes."""
        self.state, self.error = State.FAILED, error
        self._drop()

    def _drop(self) -> None:
        for arrival in filter(None, (self._arriving, self.arrival)):
            arrival.drop()
        self.arrival = self._arriving = self._making = self._pieces = None

    def _submit(self) -> None:
        try:
            photos = tuple(photo.result() for photo in self._reading)
            self._digests = _makers.submit(lambda: tuple(hashlib.sha256(photo).hexdigest() for photo in photos))
            files = map(PhotoFile, (source.name for source in self.order.capture.photos), photos)
            capture = self.order.capture.with_photos(files)
            order = self.order
            self._work = connection.request(self.method, capture, order.engine, order.settings, self.further)
        except FaceLiftError as error:
            self.fail(error)
        except ValueError as error:
            self.fail(
                FaceLiftError(
                    f"The command in the preferences can't be read: {error}.", "Correct it there, or empty it."
                )
            )
        else:
            self.state = State.WAITING

    def _follow(self) -> None:
        for kind, png in self._work.previews.items():
            if self.method == "prepare" and kind in (PHOTO, CROP) and kind not in self._shown:
                self._shown.add(kind)
                previews.show(f"{self.id}/{kind}", png)
        match self._work.state:
            case JobState.RUNNING:
                self.state = State.RUNNING
            case JobState.CANCELLED:
                self.state = State.CANCELLED
            case JobState.FAILED:
                self.fail(self._work.error)
            case JobState.DONE if self.method == "prepare":
                previews.show(f"{self.id}/aligned", self._work.result.aligned_png)
                self.state = State.DONE
            case JobState.DONE:
                self._begin_arrival(self._work.result)

    def _begin_arrival(self, head: ReceivedHead) -> None:
        self.state = State.ARRIVING
        previews = dict(self._work.previews)
        self._making = _makers.submit(make_arrival, head, self.order, geometry.has_float4(), previews)
        self._pieces = entrance.pieces(head.gaussians.sh_degree, self._made)

    def _prepare_arrival(self) -> None:
        """Build one piece of the display or of the point cloud."""
        try:
            next(self._pieces)
        except StopIteration:
            self.arrival, self._arriving, self._making, self._pieces = self._arriving, None, None, None

    def _made(self) -> Arrival | None:
        """Return the arrays, None while the thread is at work."""
        if self._arriving is None and self._making.done():
            self._arriving = self._making.result()
        return self._arriving


def make_arrival(
    head: ReceivedHead, order: Order, float4: bool, previews: Mapping[str, bytes] = MappingProxyType({})
) -> Arrival:
    """Turn a worker's result into what the scene takes. Runs in a thread: touches no bpy.

    Args:
        head: The result.
        order: What was asked for.
        float4: Whether this Blender has the FLOAT4 attribute type.
        previews: What the worker showed meanwhile: the photos as they were aligned. Where it showed none, the
            photo's cut-out takes its place.
    """
    shots = [
        ArrivingShot(shot, previews.get(crop_preview(number)), taken.placement is not None)
        for number, (shot, taken) in enumerate(zip(head.shots, order.capture.shots, strict=True))
    ]
    return entrance.arrival_of(
        heads.name_of(order.source.name),
        head.gaussians,
        placement.reference_to_local(order.head_height),
        float4,
        recipe=head.recipe,
        capture=order.capture,
        shots=tuple(shots),
        shape=head.shape,
    )
