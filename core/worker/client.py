"""The add-on's side of a worker: photos in, heads out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engines.capture import Capture, PhotoFile
from ..performance.types import CaptureOptions, PersonFace
from ..photo.types import FaceBox, corners_of
from ..processes.client import Client
from ..processes.codec import Attachment
from ..processes.job import Job
from ..processes.protocol import Method
from ..refine.types import Refined, View
from . import capturing, packing, refining

UNPACK = {
    Method.PREPARE: packing.unpack_prepared,
    Method.GENERATE: packing.unpack_result,
    Method.REFINE: refining.unpack_shapes,
    Method.CAPTURE: capturing.unpack_captured,
    Method.PEOPLE: capturing.unpack_people,
    Method.FRAMES: capturing.unpack_frames,
}


class WorkerClient(Client):
    """A client whose process serves engines."""

    lanes = (
        Method.PREPARE,
        Method.GENERATE,
        Method.REFINE,
        Method.PEOPLE,
        Method.CAPTURE,
        Method.FRAMES,
        Method.MOVING,
    )

    def prepare(
        self, capture: Capture[PhotoFile], engine: str, settings: Mapping[str, Any], further: bool = False
    ) -> Job:
        """Queue finding and aligning the face; the result is a :class:`.packing.ReceivedPreparation`.

        Args:
            capture: The photo.
            engine: Engine's id.
            settings: Its settings.
            further: The photo may be a further one of a person, and needs no face.
        """
        return self._submit_capture(Method.PREPARE, capture, engine, settings, further=further)

    def generate(self, capture: Capture[PhotoFile], engine: str, settings: Mapping[str, Any]) -> Job:
        """Queue making a head; the result is a :class:`.packing.ReceivedHead`."""
        return self._submit_capture(Method.GENERATE, capture, engine, settings)

    def refine(self, refined: Refined, views: Sequence[View]) -> Job:
        """Queue the second step of Refine to Photos; the result is a :class:`.refining.ReceivedShapes`.

        Args:
            refined: What the first step made.
            views: The photos that it was made for.
        """
        return self.submit(Method.REFINE, *refining.pack_refined(refined, views))

    def capture(self, path: Path, face: PersonFace | None, options: CaptureOptions) -> Job:
        """Queue capturing a face from a clip; the result is a :class:`~core.performance.types.Capture`.

        Args:
            path: Of the clip; the worker must be on this computer.
            face: The avatar's, where it is the face in the clip; None for somebody else's.
            options: How it is captured.
        """
        return self.submit(Method.CAPTURE, *capturing.pack_clip(path, face, options))

    def people(self, path: Path, start: float, end: float) -> Job:
        """Queue looking who is in a clip; the result is a tuple of :class:`.capturing.ReceivedPerson`, those who are
        seen long and large first.

        Args:
            path: Of the clip; the worker must be on this computer.
            start: Second of the clip from which on it is looked through.
            end: Second until which; infinite for its end.
        """
        return self.submit(Method.PEOPLE, _part(path, start, end))

    def frames(self, path: Path, start: float, end: float, whom: FaceBox | None) -> Job:
        """Queue choosing a clip's best frames; the result is a :class:`.capturing.ReceivedFrames`.

        Args:
            path: Of the clip; the worker must be on this computer.
            start: Second of the clip from which on frames are taken.
            end: Second until which; infinite for its end.
            whom: Whose: the face where it is first seen in that part, in pixels of the clip; None for the largest.
        """
        return self.submit(Method.FRAMES, {**_part(path, start, end), "whom": corners_of(whom)})

    def moving(self, path: Path, folder: Path, engine: str, settings: Mapping[str, Any], **recipe: Any) -> Job:
        """Queue making a head of each frame of a clip; the result is a dictionary, see :attr:`.Method.MOVING`.

        Args:
            path: Of the clip; the worker must be on this computer.
            folder: Where the heads go.
            engine: Engine's id.
            settings: Its settings.
            recipe: rate, start, end (infinite for the clip's), suffix and, where somebody was chosen, whom, as a
                :class:`~core.moving.manifest.Recipe` has them.
        """
        asked = {"path": str(path), "folder": str(folder), "engine": engine, "settings": dict(settings), **recipe}
        return self.submit(Method.MOVING, {**asked, "end": capturing.packed_end(recipe["end"])})

    def unpack(self, method: Method, result: dict[str, Any], attachments: Mapping[str, Attachment]) -> Any:
        """Return the value that a result stands for."""
        return UNPACK[method](result, attachments) if method in UNPACK else result

    def _submit_capture(
        self, method: Method, capture: Capture[PhotoFile], engine: str, settings: Mapping[str, Any], **more: bool
    ) -> Job:
        shots, attachments = packing.pack_capture(capture)
        return self.submit(method, {"engine": engine, "settings": dict(settings), **shots, **more}, attachments)


def _part(path: Path, start: float, end: float) -> dict[str, Any]:
    return {"path": str(path), "start": start, "end": capturing.packed_end(end)}
