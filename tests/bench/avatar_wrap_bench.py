"""The wrap mesh's figures: closed, not through itself, in the splats' silhouette; and its time."""

from __future__ import annotations

import time

import numpy as np

from core.avatar.wrap.wrap import TARGETS, wrap
from core.cameras import turntable
from core.engines.draft.engine import DraftEngine
from core.head.mesh_raster import rasterize_mesh
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import silhouette_iou
from tests.bench.draft_subjects import photos
from tests.bench.report import Measurement, print_table
from tests.helpers.mesh_checks import manifold_faults, self_intersecting_share

VIEWS, VIEW_SIZE = 24, 512
TEXTURE_SIZE = 2048


def main() -> None:
    """Measure and print."""
    for subject in photos():
        print_table(f"Wrap mesh, {subject.name}", _quality(subject.capture, subject.settings))


def _quality(capture, settings: dict) -> list[Measurement]:
    """Wrap one head with the usual options."""
    gaussians = DraftEngine().generate(capture, settings, Reporter()).gaussians
    start, started = time.perf_counter(), time.process_time()
    made = wrap(gaussians, TARGETS[1], "MEDIUM", TEXTURE_SIZE, Reporter())
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - started
    likeness = [
        silhouette_iou(render(gaussians, camera).alpha, rasterize_mesh(camera, made.vertices, made.triangles).mask)
        for camera in turntable(VIEWS, VIEW_SIZE)
    ]
    return [
        Measurement("faces", len(made.triangles), ""),
        Measurement("edges and vertices that are not manifold", manifold_faults(made.triangles), "", "0"),
        Measurement(
            "faces that cross others", 100 * self_intersecting_share(made.vertices, made.triangles), "%", "<= 0.1"
        ),
        Measurement(f"silhouette IoU, mean of {VIEWS} azimuths", float(np.mean(likeness)), "", ">= 0.98"),
        Measurement(f"silhouette IoU, worst of {VIEWS} azimuths", min(likeness), "", ">= 0.98"),
        Measurement("time with texture", seconds, "s"),
        Measurement("the same in processor time", processor_seconds, "s"),
    ]


if __name__ == "__main__":
    main()
