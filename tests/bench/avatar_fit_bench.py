"""The base mesh's figures: its face's distance to the splats' surface, and the time of the fit.

Every subject twice: as the engine hands it over, with its own fit, and as a scan of which nothing
is known: no labels, no fit, turned by 70 degrees and tilted, of another size, somewhere else.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.distance import face_distances
from core.avatar.fit import fit_base_mesh
from core.engines.base import GenerateResult
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians, concatenate
from core.head.shape import HeadShape
from core.progress import Reporter
from tests.bench.draft_subjects import photos
from tests.bench.report import Measurement, peak_memory_mb, print_table

MANY = 2_000_000


def main() -> None:
    """Measure and print."""
    for subject in photos():
        result = DraftEngine().generate(subject.capture, subject.settings, Reporter())
        matrix = _somewhere_else()
        unknown = result.gaussians.replace(parts=None).transform(matrix)
        labelled = result.gaussians.transform(matrix)
        rows = _fitted("with its own fit", result.gaussians, result.shape, result.gaussians)
        rows += _fitted("as an unknown scan", unknown, None, labelled)
        print_table(f"Base mesh, {subject.name}", rows)
        if subject.name == "astronaut":
            print_table("Base mesh, many splats", _many(result))


def _somewhere_else() -> np.ndarray:
    """Return a similarity [4, 4] that leads far away from the engines' frame."""
    matrix = np.eye(4)
    turn = Rotation.from_euler("z", 70, degrees=True) * Rotation.from_euler("xy", [6, -5], degrees=True)
    matrix[:3, :3] = 37 * turn.as_matrix()
    matrix[:3, 3] = 20, -50, 7
    return matrix


def _fitted(label: str, gaussians: Gaussians, known: HeadShape | None, compared: Gaussians) -> list[Measurement]:
    """Fit, and compare with the same splats with their labels, where hair does not count as the face's surface."""
    cpu = time.process_time()
    base = fit_base_mesh(gaussians, known)
    cpu = time.process_time() - cpu
    distances = face_distances(compared, base)
    millimetres = 1e3 * distances.metres
    return [
        Measurement(f"{label}: mean distance of the face", float(millimetres.mean()), "mm", "<= 1.5"),
        Measurement(f"{label}: the same, 95th percentile", float(np.percentile(millimetres, 95)), "mm"),
        Measurement(f"{label}: share of the face that is bare skin", 100 * distances.coverage, "%"),
        Measurement(f"{label}: processor time of the fit", cpu, "s"),
    ]


def _many(result: GenerateResult) -> list[Measurement]:
    """Fit to as many splats as a large scan has."""
    one = result.gaussians.replace(parts=None)
    many = concatenate([one] * (MANY // len(one)))
    before, cpu = peak_memory_mb(), time.process_time()
    fit_base_mesh(many)
    return [
        Measurement(f"{len(many) / 1e6:.1f} million splats: processor time of the fit", time.process_time() - cpu, "s"),
        Measurement("the same, memory on top of the splats' own", peak_memory_mb() - before, "MB"),
    ]


if __name__ == "__main__":
    main()
