"""The draft engine's figures: likeness, closedness, truth, time. Portraits are measured where they are at hand."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from core.engines.draft.engine import DraftEngine
from core.photo.decode import Photo, decode, from_array
from core.progress import Reporter
from tests.bench.draft_quality import front_quality, hole_share, truth_quality
from tests.bench.report import Measurement, best_seconds, print_table

SHARED = Path(__file__).resolve().parents[3] / "shared"
PORTRAITS = ("001", "003", "004", "006")
SAMPLE_SETTINGS = {"aligned": True, "straighten": False}
"""The sample head's photo and truth share FaceLift's camera frame, so the head must stay in it."""
COLD_START = """
import sys
from core.engines.registry import create_engine
from core.photo.decode import decode
from core.progress import Reporter
create_engine("draft").generate(decode(sys.stdin.buffer.read(), "photo.png"), {}, Reporter())
"""


def main() -> None:
    """Measure and print."""
    print_table("Draft engine, time", _times())
    for name, photo, settings in subjects():
        print_table(f"Draft engine, {name}", _quality(photo, settings))


def subjects() -> Iterator[tuple[str, Photo, dict]]:
    """Yield the name, photo and settings of every subject at hand."""
    yield "astronaut", from_array(data.astronaut(), "astronaut.png"), {}
    for name in PORTRAITS:
        path = SHARED / "portraits" / f"{name}.png"
        if path.exists():
            yield f"portrait {name}", decode(path.read_bytes(), path.name), {}
    front = SHARED / "sample-head" / "six" / "cam_000.png"
    if front.exists():
        yield "sample head", decode(front.read_bytes(), front.name), SAMPLE_SETTINGS


def _quality(photo: Photo, settings: dict) -> list[Measurement]:
    """Measure one head; the sample head also against its true views."""
    engine = DraftEngine()
    result = engine.generate(photo, settings, Reporter())
    front = front_quality(result, engine.prepare(photo, settings, Reporter()).landmarks.points)
    rows = [
        Measurement("front view inside the face oval", front["front_psnr"], "dB", ">= 30"),
        Measurement("silhouette IoU with the matte", front["front_iou"], "", ">= 0.97"),
        Measurement("worst see-through share of 24 azimuths", 100 * hole_share(result.gaussians), "%", "<= 0.3"),
        Measurement("Gaussians", len(result.gaussians) / 1000, "k", "60 to 200"),
    ]
    if settings:
        truths = [np.asarray(Image.open(path)) for path in sorted((SHARED / "sample-head" / "six").glob("*.png"))]
        truth = truth_quality(result.gaussians, truths)
        rows += [
            Measurement("six views against the truth", truth["six_psnr"], "dB", ">= 17.5"),
            Measurement("five unseen views against the truth", truth["unseen_psnr"], "dB", ">= 15.5"),
        ]
    return rows


def _times() -> list[Measurement]:
    """Measure a warm head, and a cold one with its process's start."""
    engine, photo = DraftEngine(), from_array(data.astronaut(), "astronaut.png")
    engine.generate(photo, {}, Reporter())
    cpu = time.process_time()
    warm = best_seconds(lambda: engine.generate(photo, {}, Reporter()), repeats=3)
    cpu = (time.process_time() - cpu) / 3
    encoded = _png(data.astronaut())
    cold = best_seconds(
        lambda: subprocess.run([sys.executable, "-c", COLD_START], input=encoded, check=True), repeats=3
    )
    return [
        Measurement("photo to head, warm", warm, "s", "< 4"),
        Measurement("the same, processor time", cpu, "s"),
        Measurement("photo to head, cold, with the process's start", cold, "s", "< 8"),
    ]


def _png(pixels: np.ndarray) -> bytes:
    """Return pixels [H, W, 3] uint8 as a PNG file."""
    from io import BytesIO

    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


if __name__ == "__main__":
    main()
