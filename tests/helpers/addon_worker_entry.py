"""A worker whose draft engine is quick and takes steps; its file is the program. ``--unhurried`` takes more of them."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from core.cameras import front_camera
from core.engines import registry
from core.engines.base import GenerateResult, PreparedPhoto
from core.engines.capture import as_capture
from core.engines.description import Takes
from core.engines.draft.settings import DraftSettings
from core.engines.recipe import Recipe, used
from core.errors import PhotoError
from core.photo.alignment import Alignment
from core.photo.sides import AUTO, THREE_QUARTER
from core.worker import lanes, server
from tests.helpers import worker_entry

UNHURRIED = "--unhurried" in sys.argv
STEPS = 20
STEP_SECONDS = 0.05 if UNHURRIED else 0.0
COUNT = 500
DARK = 16


class QuickEngine(worker_entry.StepsEngine):
    """Has the draft engine's name and settings, but returns random Gaussians. A dark photo shows no face."""

    description = worker_entry.described("draft", DraftSettings, takes=Takes(shots=9, lens=True))

    def prepare(self, given, values, reporter) -> PreparedPhoto:
        shot = as_capture(given).portrait
        if shot.photo.rgba[..., :3].max() < DARK:
            raise PhotoError("No face was found in the photo.", "Choose another one.", code="no-face")
        return dataclasses.replace(super().prepare(given, values, reporter), side=THREE_QUARTER)

    def generate(self, given, values, reporter) -> GenerateResult:
        prepared = self.prepare(given, values, reporter)
        reporter.stage("Stepping", STEPS)
        for _ in range(STEPS):
            time.sleep(STEP_SECONDS)
            reporter.step()
        settings, capture = self.description.read(values), as_capture(given)
        lenses = [shot.lens(Alignment.stretched((512, 512))) for shot in capture.shots]
        recipe = Recipe("draft", "test", dataclasses.asdict(settings), used(capture, lenses), "none")
        gaussians = worker_entry.random_gaussians(COUNT, settings.seed)
        cameras = [front_camera(fov=lens.degrees) for lens in lenses]
        return GenerateResult(gaussians, worker_entry.outcomes_of(capture, prepared.aligned, cameras), recipe)


def prepare_further(engine, capture, values, reporter) -> PreparedPhoto:
    """Prepare a photo; of a dark one nothing is known but what the user says, and in a black one is nobody."""
    try:
        return engine.prepare(capture, values, reporter)
    except PhotoError:
        side, someone = capture.portrait.options.side, bool(capture.portrait.photo.rgba[..., :3].any())
        aligned = np.zeros((512, 512, 4), np.uint8)
        told = "" if side == AUTO or not someone else side
        return PreparedPhoto(aligned, (), 0, side=told, has_face=False, has_person=someone)


if __name__ == "__main__":
    lanes.prepare_further = prepare_further
    if UNHURRIED:
        sys.argv.remove("--unhurried")
    worker_entry.register(QuickEngine)
    assert isinstance(registry.create_engine("draft"), QuickEngine)
    server.main()
