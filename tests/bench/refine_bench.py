"""Refine to Photos on a head whose look from everywhere is known: how near it comes, unseen sides, time.

The truth is the draft engine's head. What is refined is the same, blurred to half its resolution: splats widened, their
colours averaged. The photo is the truth's picture at 1024 pixels.
"""

from __future__ import annotations

import time

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

from core.cameras import RIG_HALF_WIDTH, RIG_SIZE, Camera
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians, decompose_covariances
from core.photo.landmarks import FACE_OVAL
from core.photo.prepare import prepare_photo
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr
from core.refine.refine import RefineOptions, refine_to_views
from core.refine.types import View
from tests.bench.draft_subjects import photos
from tests.bench.report import Measurement, print_table

SIZE, UNSEEN_SIZE = 1024, 512
UNSEEN = ((20, 0), (-45, 0), (60, 10), (90, 0), (180, 0), (-90, -10))
"""Azimuths from the photo's camera and elevations, in degrees, from which no photo is."""
BLUR = 1.2 * 2 * RIG_HALF_WIDTH / RIG_SIZE
"""World units: as much as a pixel of half the aligned picture's resolution blurs."""
NEIGHBORS = 24


def main() -> None:
    """Measure and print; the sample head where it is at hand, else the astronaut."""
    subject = list(photos())[-1]
    made = DraftEngine().generate(subject.capture, subject.settings, Reporter())
    truth, camera = made.gaussians, made.photo_camera.resized(SIZE)
    blurred = blurred_head(truth)
    view = photo_of(truth, camera)
    start, started = time.perf_counter(), time.process_time()
    refined = refine_to_views(blurred, [view], RefineOptions(), Reporter()).gaussians
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - started
    start = time.process_time()
    render(blurred, camera)
    drawing = time.process_time() - start
    shot = subject.capture.portrait
    prepared = prepare_photo(shot.photo, shot.options.face, Reporter(), aligned=shot.options.aligned)
    oval = face_oval(prepared.landmarks.points[list(FACE_OVAL), :2] * SIZE / RIG_SIZE)
    before, after = (
        psnr(np.clip(render(each, camera).image, 0, 1), true_picture(truth, camera), oval)
        for each in (blurred, refined)
    )
    middle = np.median(truth.means, axis=0)
    unseen = [orbit(camera.resized(UNSEEN_SIZE), middle, *turn) for turn in UNSEEN]
    changes = [
        psnr(np.clip(render(refined, each).image, 0, 1), picture)
        - psnr(np.clip(render(blurred, each).image, 0, 1), picture)
        for each in unseen
        for picture in [true_picture(truth, each)]
    ]
    rows = [
        Measurement("splats before", len(blurred), ""),
        Measurement("splats after", len(refined), ""),
        Measurement("face oval from the front, 1024 pixels, before", before, "dB"),
        Measurement("the same after", after, "dB", f">= {before + 6:.1f}"),
        Measurement(f"{len(UNSEEN)} unseen views, mean change", float(np.mean(changes)), "dB", ">= -0.2"),
        Measurement("the worst of them", min(changes), "dB"),
        Measurement("time", seconds, "s", "<= 30"),
        Measurement("processor time", processor_seconds, "s", "", "drawing the head once", drawing),
    ]
    print_table(f"Refine to Photos, {subject.name}", rows)


def blurred_head(gaussians: Gaussians) -> Gaussians:
    """Return a head at half its resolution: wider splats, with the mean colours of those around them."""
    scales, rotations = decompose_covariances(gaussians.covariances() + np.eye(3) * BLUR**2)
    distances, near = cKDTree(gaussians.means).query(gaussians.means, NEIGHBORS)
    weights = np.exp(-0.5 * (distances / BLUR) ** 2) * gaussians.opacities[near]
    weights /= weights.sum(axis=1, keepdims=True)
    return gaussians.replace(
        scales=scales, rotations=rotations, sh=np.einsum("nk,nkac->nac", weights, gaussians.sh[near])
    )


def photo_of(truth: Gaussians, camera: Camera) -> View:
    """Return the picture of a head as a photo with its matte."""
    rendering = render(truth, camera, (0, 0, 0))
    alpha = np.clip(rendering.alpha, 0, 1)
    image = np.clip(rendering.image / np.maximum(alpha, 1e-2)[..., None], 0, 1)
    return View(camera, image.astype(np.float32), alpha)


def true_picture(truth: Gaussians, camera: Camera) -> np.ndarray:
    """Return the picture of a head over white, 0..1."""
    return np.clip(render(truth, camera).image, 0, 1)


def face_oval(points: np.ndarray) -> np.ndarray:
    """Return the inside of the face's outline [N, 2], [SIZE, SIZE] bool."""
    mask = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(mask).polygon([tuple(point) for point in points.tolist()], fill=1)
    return np.asarray(mask) > 0


def orbit(camera: Camera, middle: np.ndarray, azimuth: float, elevation: float) -> Camera:
    """Return a camera as far from the middle [3] as another one, turned around it by degrees."""
    offset = camera.position - middle
    around = np.degrees(np.arctan2(offset[1], offset[0])) + azimuth
    turned = Camera.orbit(around, elevation, radius=float(np.linalg.norm(offset)), size=camera.width)
    c2w = turned.c2w.copy()
    c2w[:3, 3] += middle
    return Camera(camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, c2w)


if __name__ == "__main__":
    main()
