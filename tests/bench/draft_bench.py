"""The draft engine's figures: likeness, unseen sides, closedness, hair, time. With pictures to look at.

The astronaut and heads of our own making are measured everywhere; portraits, a scan and a synthetic
head where they are at hand. ``build/bench/draft-heads.png`` shows all subjects from eight sides.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
from PIL import Image
from skimage import data

from core.cameras import front_camera, turntable
from core.engines.base import GenerateResult
from core.engines.capture import Capture
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians
from core.head.model import Region, load_head_model
from core.photo.decode import from_array
from core.photo.lens import crop_degrees
from core.progress import Reporter
from core.rasterize.cpu import render
from core.splats.spherical_harmonics import from_colors
from tests.bench.draft_quality import (
    fine_face,
    floating_count,
    front_quality,
    hair_structure,
    hole_share,
    sharpness,
    truth_quality,
)
from tests.bench.draft_subjects import ROOT, Subject, subjects
from tests.bench.novel_views import BANDS, NovelQuality, novel_quality, similarity
from tests.bench.report import Measurement, best_seconds, peak_memory_mb, print_table

SHEET = ROOT / "build" / "bench" / "draft-heads.png"
SHEET_SIDES, SHEET_SIZE = 8, 192
LENS_PHOTOS = ("photo_20.png", "photo_35.png", "photo_50.png")
"""Photos of one person with three lenses."""
SKIN = (Region.FACE, Region.SCALP, Region.EARS, Region.LIPS)
BASELINE_COUNT = 170_000
COLD_START = """
import sys
from core.engines.registry import create_engine
from core.photo.decode import decode
from core.progress import Reporter
create_engine("draft").generate(decode(sys.stdin.buffer.read(), "photo.png"), {}, Reporter())
"""


def main() -> None:
    """Measure and print; with names, only the subjects whose names contain one of them."""
    names = sys.argv[1:]
    if not names:
        print_table("Draft engine, time", _times())
    rows, novels, informed, shapes = [], {}, {}, {}
    for subject in subjects(names):
        result = DraftEngine().generate(subject.capture, subject.settings, Reporter())
        novel = novel_quality(result.gaussians, subject.truth) if subject.truth else None
        print_table(f"Draft engine, {subject.name}", _quality(subject, result, novel))
        rows.append(_sides(result.gaussians))
        if novel is not None:
            name = subject.truth.folder.name
            novels.setdefault(name, []).append(novel)
            told = _with_true_lens(subject)
            informed.setdefault(name, []).append(novel_quality(told.gaussians, subject.truth))
            if subject.photo.name in LENS_PHOTOS:
                shapes[subject.photo.name] = told.shape.vertices.astype(np.float64)
    for name, several in novels.items():
        print_table(f"Draft engine, truth head {name}, mean of {len(several)} photos", _novel(several))
        print_table(f"Draft engine, truth head {name}, the same with the true lens", _novel(informed[name]))
    if len(shapes) == len(LENS_PHOTOS):
        print_table("Draft engine, one person through three lenses", _lens_distances(shapes))
    if rows:
        SHEET.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows)).save(SHEET)
        print(f"\nAll subjects from eight sides: {SHEET.relative_to(ROOT)}")


def _quality(subject: Subject, result: GenerateResult, novel: NovelQuality | None) -> list[Measurement]:
    """Measure one head."""
    prepared = DraftEngine().prepare(subject.capture, subject.settings, Reporter())
    front = front_quality(result, prepared.landmarks.points)
    metres_per_unit = 1 / result.shape.pose.scale
    rows = [
        Measurement("front view inside the face oval", front["front_psnr"], "dB", ">= 35"),
        Measurement("silhouette IoU with the matte", front["front_iou"], "", ">= 0.985"),
        Measurement("worst see-through share of 24 azimuths", 100 * hole_share(result.gaussians), "%", "<= 0.05"),
        Measurement("Gaussians that float", floating_count(result.gaussians, metres_per_unit), "", "0"),
        Measurement("Gaussians", len(result.gaussians) / 1000, "k"),
    ]
    structure = hair_structure(result.gaussians)
    if structure is not None:
        name = "fine structure of hair from behind over that from the front"
        rows.append(Measurement(name, float(np.mean(structure)), "", "0.7 to 1.2"))
    if subject.rig:
        truth = truth_quality(result.gaussians, subject.rig)
        rows += [
            Measurement("six views against the truth", truth["six_psnr"], "dB", ">= 21.5"),
            Measurement("five unseen views against the truth", truth["unseen_psnr"], "dB", ">= 19.5"),
        ]
    truth = fine_face(prepared)
    if truth is not None:
        rows += _sharpness(subject, result, prepared.landmarks.points, truth)
    return rows + (_novel([novel]) if novel is not None else [])


def _sharpness(subject: Subject, result: GenerateResult, landmarks: np.ndarray, truth: np.ndarray) -> list[Measurement]:
    """Compare quality Ultra with the usual one."""
    ultra = DraftEngine().generate(subject.capture, subject.settings | {"quality": "ultra"}, Reporter())
    rows = [Measurement("Gaussians, Ultra", len(ultra.gaussians) / 1000, "k", "<= 500")]
    for name, head in (("High", result), ("Ultra", ultra)):
        level, likeness = sharpness(head, landmarks, truth)
        rows += [
            Measurement(f"face at 1024 pixels, {name}", level, "dB"),
            Measurement(f"face at 1024 pixels, {name}, SSIM", likeness, ""),
        ]
    front = front_quality(ultra, landmarks)["front_psnr"]
    return [*rows, Measurement("front view inside the face oval, Ultra", front, "dB")]


def _novel(heads: list[NovelQuality]) -> list[Measurement]:
    """Return the figures of heads against their true views, their mean where there are several."""
    means = {name: float(np.mean([getattr(head, name).mean() for head in heads])) for name in ("psnr", "ssim", "iou")}
    bands = {name: float(np.mean([head.band(name) for head in heads])) for name in BANDS}
    error = 100 * float(np.mean([head.landmark_error for head in heads]))
    return [
        Measurement("true views", means["psnr"], "dB", ">= 27"),
        Measurement("true views, SSIM", means["ssim"], "", ">= 0.95"),
        Measurement("true views, silhouette IoU", means["iou"], "", ">= 0.965"),
        Measurement("true views 0 to 30 degrees from the front", bands["0-30"], "dB"),
        Measurement("true views 60 to 90 degrees from the front", bands["60-90"], "dB", ">= 26.5"),
        Measurement("true views 120 to 180 degrees from the front", bands["120-180"], "dB", ">= 25"),
        Measurement("face landmarks off, of the face's radius", error, "%"),
    ]


def _with_true_lens(subject: Subject) -> GenerateResult:
    """Make a head with its photo's true lens."""
    alignment = DraftEngine().prepare(subject.photo, {}, Reporter()).alignment
    capture = Capture.of(subject.photo, lens="degrees", lens_degrees=crop_degrees(subject.focal, alignment))
    return DraftEngine().generate(capture, {}, Reporter())


def _lens_distances(shapes: dict[str, np.ndarray]) -> list[Measurement]:
    """Return the largest distances between heads of one person, their photos' lenses known."""
    skin, rows = load_head_model().in_regions(*SKIN), []
    for (name, first), (other, second) in itertools.combinations(shapes.items(), 2):
        first, second = first[skin], second[skin]
        matrix = similarity(first, second)
        distances = np.linalg.norm(first @ matrix[:3, :3].T + matrix[:3, 3] - second, axis=1)
        share = 100 * distances.max() / np.ptp(second[:, 2])
        rows.append(Measurement(f"skin of {name} and {other}, of the head's height", float(share), "%", "<= 3"))
    return rows


def _sides(gaussians: Gaussians) -> np.ndarray:
    """Return a row of pictures [H, W, 3] uint8 from all around."""
    return np.concatenate([render(gaussians, view).to_uint8() for view in turntable(SHEET_SIDES, SHEET_SIZE)], axis=1)


def _times() -> list[Measurement]:
    """Measure a warm head, its memory, and a cold one with its process's start."""
    engine, photo = DraftEngine(), from_array(data.astronaut(), "astronaut.png")
    engine.generate(photo, {}, Reporter())
    cpu = time.process_time()
    warm = best_seconds(lambda: engine.generate(photo, {}, Reporter()), repeats=3)
    cpu = (time.process_time() - cpu) / 3
    memory = peak_memory_mb()
    shell = _baseline()
    baseline = best_seconds(lambda: render(shell, front_camera()), repeats=3)
    ultra_cpu, ultra_memory = _ultra()
    encoded = _png(data.astronaut())
    cold = best_seconds(
        lambda: subprocess.run([sys.executable, "-c", COLD_START], input=encoded, check=True), repeats=3
    )
    return [
        Measurement("photo to head, warm", warm, "s", "", "rendering a shell of 170,000", baseline),
        Measurement("the same, processor time", cpu, "s"),
        Measurement("photo to head, peak memory", memory, "MB", "<= 600"),
        Measurement("Ultra, of a photo three times as large, processor time", ultra_cpu, "s"),
        Measurement("the same, peak memory", ultra_memory, "MB"),
        Measurement("photo to head, cold, with the process's start", cold, "s"),
    ]


def _ultra() -> tuple[float, float]:
    """Return processor seconds and peak memory in megabytes of a head in quality Ultra, its photo enlarged."""
    pixels = data.astronaut()
    larger = Image.fromarray(pixels).resize(tuple(3 * side for side in pixels.shape[:2]), Image.Resampling.BICUBIC)
    start = time.process_time()
    DraftEngine().generate(from_array(np.asarray(larger), "astronaut.png"), {"quality": "ultra"}, Reporter())
    return time.process_time() - start, peak_memory_mb()


def _baseline() -> Gaussians:
    """Return a shell of flat Gaussians about as large as a head: the same work for every engine and version."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(BASELINE_COUNT, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rotations = np.tile([1.0, 0, 0, 0], (BASELINE_COUNT, 1))
    scales = np.full((BASELINE_COUNT, 3), 0.004)
    colors = from_colors(rng.random((BASELINE_COUNT, 3)))
    return Gaussians(0.6 * directions, scales, rotations, np.full(BASELINE_COUNT, 0.97), colors)


def _png(pixels: np.ndarray) -> bytes:
    """Return pixels [H, W, 3] uint8 as a PNG file."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


if __name__ == "__main__":
    main()
