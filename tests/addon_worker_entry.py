"""A worker whose draft engine is quick and takes steps: ``python tests/addon_worker_entry.py [--unhurried]``."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.cameras import front_camera
from core.engines import registry
from core.engines.base import GenerateResult
from core.engines.draft.settings import DraftSettings
from core.photo.alignment import Alignment
from core.photo.lens import lens_of
from core.worker import server
from tests import worker_entry

UNHURRIED = "--unhurried" in sys.argv
STEPS = 20
STEP_SECONDS = 0.05 if UNHURRIED else 0.0
COUNT = 500


class QuickEngine(worker_entry.StepsEngine):
    """Has the draft engine's name and settings, but returns random Gaussians."""

    id = "draft"
    settings_type = DraftSettings

    def generate(self, photo, values, reporter) -> GenerateResult:
        prepared = self.prepare(photo, values, reporter)
        reporter.stage("Stepping", STEPS, 1.0)
        for _ in range(STEPS):
            time.sleep(STEP_SECONDS)
            reporter.step()
        settings = dataclasses.asdict(DraftSettings(**values))
        recipe = {"engine": self.id, "settings": settings, "photo": photo.name, "sha256": photo.sha256}
        recipe["seed"] = settings["seed"]
        lens = lens_of(Alignment.stretched((512, 512)), None, settings["lens"], settings["lens_degrees"])
        recipe["lens"] = dataclasses.asdict(lens)
        gaussians = worker_entry.random_gaussians(COUNT, settings["seed"])
        return GenerateResult(gaussians, prepared.aligned, front_camera(fov=lens.degrees), recipe)


if __name__ == "__main__":
    if UNHURRIED:
        sys.argv.remove("--unhurried")
    worker_entry.register(QuickEngine)
    assert registry.ENGINES["draft"][1] == "QuickEngine"
    server.main()
