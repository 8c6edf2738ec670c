"""A worker whose second step of refining needs no card; its first argument says how it goes.

``moves`` moves all splats by SHIFT, ``waits`` never ends by itself, ``lost`` and ``memory`` fail as cards do,
``old`` knows nothing of it, and ``plain`` does the real thing with the tests' own rasterizer.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from core.processes.protocol import Method
from core.refine.gradients.rasterizer import Rasterizer
from core.refine.gradients.shapes import refine_shapes
from core.worker import lanes, server

STEPS, PLAIN_STEPS = 8, 10
SHIFT = np.array([0.0, 0.0, 0.01], np.float32)
FAILURES = {
    "lost": "CUDA error: unspecified launch failure",
    "memory": "CUDA out of memory. Tried to allocate 2.00 GiB.",
}


def moved(refined, views, reporter):
    """Move everything."""
    reporter.stage("Fitting shapes", steps=STEPS)
    for number in range(STEPS):
        if number == STEPS // 2 and HOW in FAILURES:
            raise RuntimeError(FAILURES[HOW])
        time.sleep(0.02)
        reporter.step()
        while HOW == "waits" and number == STEPS // 2:
            time.sleep(0.02)
            reporter.check()
    gaussians = refined.gaussians
    return replace(refined, gaussians=gaussians.replace(means=gaussians.means + SHIFT), after=refined.after + 1)


def plainly(refined, views, reporter):
    """Do the real thing."""
    from tests.helpers.torch_rasterizer import rasterization

    return refine_shapes(refined, views, reporter, Rasterizer(rasterization, "cpu"), PLAIN_STEPS)


class OldServer(server.Server):
    """Answers what workers answered before there was this step."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        del self.methods[Method.REFINE]


if __name__ == "__main__":
    HOW = sys.argv.pop(1)
    if HOW == "old":
        server.Server = OldServer
    lanes.refine_shapes = plainly if HOW == "plain" else moved
    server.main()
