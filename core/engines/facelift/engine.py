"""The FaceLift engine behind the common protocol. torch is imported when the first head is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...cameras import front_camera
from ...errors import EngineUnavailable
from ...photo.decode import Photo
from ...photo.lens import Lens
from ...photo.sides import PLACED
from ...photo.types import PreparedPhoto
from ...progress import Reporter
from ...version import version
from ..base import GenerateResult
from ..capture import Capture, as_capture
from ..outcomes import ShotOutcome
from ..recipe import Recipe, used
from . import location, parts, preparation
from .description import DESCRIPTION
from .settings import FaceLiftSettings

if TYPE_CHECKING:
    from .runner import Runner
    from .shots.photos import FurtherPhotos

AUTO_LENS, ONE_LENS = "auto", "The lens tells where further photos were taken; with one photo it makes no difference."


class FaceLiftEngine:
    """A head from six generated views (Lyu et al., "FaceLift", 2024): all around, in high detail.

    Further photos take the place of generated views, or come beside them.
    """

    description = DESCRIPTION

    def __init__(self) -> None:
        self._runner: Runner | None = None
        self._loaded: tuple[object, ...] = ()

    def obstacle(self) -> str:
        """Return which package or weights are missing, without importing torch or reading weights."""
        try:
            location.check_packages()
            location.find_checkpoint()
        except EngineUnavailable as error:
            return str(error)
        return ""

    def prepare(self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter) -> PreparedPhoto:
        """Find the portrait's face, matte and align, without generating.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings, or too many photos.
            Cancelled: cancelled through the reporter.
        """
        capture = as_capture(given)
        self.description.takes.check(capture)
        self.description.read(settings)
        return preparation.prepare(capture.portrait, reporter).prepared

    def generate(
        self, given: Capture[Photo] | Photo, settings: Mapping[str, Any], reporter: Reporter
    ) -> GenerateResult:
        """Make a head; the same photos, settings and seed give the same Gaussians.

        Raises:
            PhotoError: no usable face.
            SettingsError: unknown or out-of-range settings, or too many photos.
            EngineUnavailable: packages, weights or the device are missing; a CheckpointError
                names the file that is missing or damaged.
            NotFiniteError: a model returned NaN or infinity.
            OutOfMemoryError: memory ran out, in low-memory mode too.
            Cancelled: cancelled through the reporter.
        """
        capture, chosen = as_capture(given), self.description.read(settings)
        self.description.takes.check(capture)
        location.check_packages()
        several = len(capture.shots) > 1
        checking, preparing, placing, starting, running, naming = reporter.parts(2, 2, 10 * several, 2, 92, 2)
        folder = location.checked_checkpoint(chosen.checkpoint, checking)
        prepared = preparation.prepare(capture.portrait, preparing)
        further = _placed(prepared, capture, placing) if several else None
        # A stage of its own: importing the libraries takes seconds the first time.
        starting.stage("Starting PyTorch")
        runner = self._ready_runner(folder, chosen)
        outcome = runner.run(prepared.picture, chosen, running, () if further is None else further.pictures)
        naming.stage("Naming the parts")
        gaussians = outcome.gaussians()
        labels, part_notes = parts.estimate_parts(gaussians, outcome.seen.views)
        reporter.finish()
        aligned = prepared.prepared.aligned
        shots: list[ShotOutcome[np.ndarray]] = [
            ShotOutcome(PLACED, camera=front_camera(aligned.shape[0]), picture=aligned)
        ]
        lenses: tuple[Lens, ...] = ()
        notes = [*prepared.prepared.sentences, *outcome.notes, *part_notes]
        if not several and capture.portrait.options.lens != AUTO_LENS:
            notes.append(ONE_LENS)
        if further is not None:
            further = further.as_used(outcome.seen, runner.where)
            shots += further.outcomes
            notes += further.notes
            lenses = further.lenses
        return GenerateResult(
            gaussians=gaussians.replace(parts=labels),
            shots=tuple(shots),
            recipe=Recipe(
                self.description.id,
                version(),
                settings=self.description.recorded(chosen),
                capture=used(capture, lenses),
                licence=self.description.licence,
                models=runner.facts,
            ),
            views=outcome.seen.views,
            stage_seconds=dict(reporter.stage_seconds),
            notes=tuple(notes),
        )

    def unload(self) -> None:
        """Free the models' memory; the next job loads them again."""
        if self._runner is not None:
            self._runner.unload()
        self._runner, self._loaded = None, ()

    def _ready_runner(self, folder: Path, settings: FaceLiftSettings) -> Runner:
        """Return the runner for these places, keeping the loaded models where they fit."""
        from .runner import Runner

        names = ("device", "dtype", "vae_float32", "low_memory", "acceleration")
        wanted = (folder, *(getattr(settings, name) for name in names))
        if self._runner is None or self._loaded != wanted:
            self.unload()
            self._runner, self._loaded = Runner(folder, settings), wanted
        return self._runner


def _placed(prepared: preparation.Preparation, capture: Capture[Photo], reporter: Reporter) -> FurtherPhotos:
    """Return a capture's further photos in the rig's frame."""
    # It takes most of a second to load: heads of one photo don't wait for it.
    from .shots.photos import place_further

    return place_further(prepared, capture, reporter)
