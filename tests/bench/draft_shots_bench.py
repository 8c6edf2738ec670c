"""Heads of several photos: how much further photos bring, against true views, in time and memory.

The scan lies beside the checkout (``shared``). The baseline is the head of its portrait alone, in the same process.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.cameras import turntable
from core.engines.base import GenerateResult
from core.engines.capture import FURTHER, PORTRAIT, Capture, Shot
from core.engines.draft.engine import DraftEngine
from core.engines.shot_options import ShotOptions
from core.photo.decode import decode
from core.progress import Reporter
from core.rasterize.cpu import render
from tests.bench.draft_subjects import ROOT, SHARED
from tests.bench.novel_views import TruthHead, novel_quality
from tests.bench.report import Measurement, best_seconds, peak_memory_mb, print_table

SCAN = SHARED / "truth-heads" / "scan"
SETS = {
    "front + 90": ("shot_090.png",),
    "front + 45 + 315": ("shot_045.png", "shot_315.png"),
    "front + 45 + 315 + 180": ("shot_045.png", "shot_315.png", "shot_180.png"),
    "all six": ("shot_045.png", "shot_090.png", "shot_180.png", "shot_270.png", "shot_315.png"),
}
SIDES = {"shot_090.png": "left", "shot_270.png": "right", "shot_180.png": "back"}
SHEET = ROOT / "build" / "bench" / "draft-shots.png"


def main() -> None:
    """Measure and print."""
    if not SCAN.is_dir():
        print("The scan is not at hand.")
        return
    alone, rows = generate(()), []
    rows.append(sides(alone))
    before = novels(alone, ())
    print_table("Several photos, the portrait alone", [Measurement("true views that are no input", before, "dB")])
    for title, names in SETS.items():
        result = generate(names)
        quality = novel_quality(result.gaussians, TruthHead(SCAN))
        found = novels(result, names)
        print_table(
            f"Several photos, {title}",
            [
                Measurement("photos placed", sum(shot.state == "placed" for shot in result.shots), ""),
                Measurement("true views that are no input", found, "dB", ">= 29 with four"),
                Measurement("better than the portrait alone", found - novels(alone, names), "dB", ">= 2, 4 with four"),
                Measurement("all true views, SSIM", float(quality.ssim.mean()), ""),
                Measurement("all true views, silhouette IoU", float(quality.iou.mean()), ""),
                Measurement("Gaussians", len(result.gaussians) / 1000, "k"),
            ],
        )
        rows.append(sides(result))
    four = SETS["front + 45 + 315 + 180"]
    baseline, seconds = best_seconds(lambda: generate(()), 2), best_seconds(lambda: generate(four), 2)
    print_table(
        "Several photos, time",
        [
            Measurement("four photos", seconds, "s", "<= 12"),
            Measurement("against the portrait alone", seconds / baseline, "x"),
            Measurement("peak memory", peak_memory_mb(), "MB", "<= 1000"),
        ],
    )
    SHEET.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(SHEET)
    print(f"\nThe portrait alone and all sets from eight sides: {SHEET.relative_to(ROOT)}")


def generate(names: tuple[str, ...]) -> GenerateResult:
    """Return the head of the portrait and further photos."""
    shots = [
        Shot(decode((SCAN / name).read_bytes(), name), ShotOptions(side=SIDES.get(name, "auto")), role=role)
        for name, role in (("photo_35.png", PORTRAIT), *((name, FURTHER) for name in names))
    ]
    return DraftEngine().generate(Capture(tuple(shots)), {}, Reporter())


def novels(result: GenerateResult, names: tuple[str, ...]) -> float:
    """Return the mean PSNR over the true views from where no photo was taken."""
    truth = TruthHead(SCAN)
    inputs = {"view_000.png", *(name.replace("shot", "view") for name in names)}
    chosen = [name not in inputs for name in truth.view_names]
    return float(novel_quality(result.gaussians, truth).psnr[chosen].mean())


def sides(result: GenerateResult) -> np.ndarray:
    """Return a head from eight sides, [192, 1536, 3] uint8."""
    return np.concatenate([render(result.gaussians, camera).to_uint8() for camera in turntable(8, 192)], axis=1)


if __name__ == "__main__":
    main()
