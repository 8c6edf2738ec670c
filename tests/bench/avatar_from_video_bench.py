"""Avatar from Video on a clip of the scan turning its head: against its true views, in time and memory.

The clip is that of :mod:`.orbit_clip`, drawn once; the scan lies beside the checkout (``shared``). The baseline is the
head of the clip's best frame alone, in the same process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.engines.base import GenerateResult
from core.engines.draft.engine import DraftEngine
from core.moving.shots import FEW, capture_of_clip
from core.progress import Reporter
from tests.bench.draft_shots_bench import SCAN, sides
from tests.bench.novel_views import BANDS, NovelQuality, TruthHead, novel_quality
from tests.bench.report import Measurement, peak_memory_mb, print_table

FOLDER = Path("build/bench/orbit")
SHEET = Path("build/bench/avatar-from-video.png")
COUNTS = (3, 4, 5, 6)
"""Frames of which heads are made, besides the best one alone."""


@dataclass(frozen=True, eq=False)
class Made:
    """A head of some frames of the clip, the seconds that it took, of which some went into looking for frames."""

    result: GenerateResult
    quality: NovelQuality
    seconds: float
    looking: float

    @property
    def psnr(self) -> float:
        """Mean over the true views, in dB."""
        return float(self.quality.psnr.mean())


def main() -> None:
    """Measure and print."""
    if not SCAN.is_dir():
        print("The scan is not at hand.")
        return
    clip = _clip()
    alone, rows = _made(clip, 1), []
    for count in COUNTS:
        made = _made(clip, count)
        print_table(f"Avatar from Video, {count} frames", _rows(made, alone, count))
        rows.append(sides(made.result))
    SHEET.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate([sides(alone.result), *rows])).save(SHEET)
    print(f"\nOne frame and {', '.join(map(str, COUNTS))} from eight sides: {SHEET}")


def _clip() -> Path:
    """Return the clip, which is drawn once, elsewhere: its memory is not that of making heads."""
    path = FOLDER / "clip.mp4"
    if not path.is_file():
        unfinished = FOLDER.with_name("orbit.unfinished")
        subprocess.run([sys.executable, "-m", "tests.bench.orbit_clip", str(unfinished)], check=True)
        unfinished.rename(FOLDER)
    return path


def _made(clip: Path, count: int) -> Made:
    start = time.perf_counter()
    capture, _ = capture_of_clip(clip, Reporter(), most=count)
    looking = time.perf_counter() - start
    result = DraftEngine().generate(capture, {}, Reporter())
    seconds = time.perf_counter() - start
    return Made(result, novel_quality(result.gaussians, TruthHead(SCAN)), seconds, looking)


def _rows(made: Made, alone: Made, count: int) -> list[Measurement]:
    aim = ">= 2" if count == FEW else ""
    placed = sum(shot.state == "placed" for shot in made.result.shots[1:])
    quality, before = made.quality, alone.quality
    return [
        Measurement("further frames placed", placed, f"of {count - 1}"),
        Measurement("true views", made.psnr, "dB", "", "one frame", alone.psnr),
        Measurement("better than one frame", made.psnr - alone.psnr, "dB", aim),
        *(
            Measurement(
                f"  {band} degrees from the front", quality.band(band), "dB", "", "one frame", before.band(band)
            )
            for band in BANDS
        ),
        Measurement("SSIM", float(quality.ssim.mean()), "", "", "one frame", float(before.ssim.mean())),
        Measurement("outline, IoU", float(quality.iou.mean()), "", "", "one frame", float(before.iou.mean())),
        Measurement("time", made.seconds, "s", "", "one frame", alone.seconds),
        Measurement("of it looking for frames", made.looking, "s"),
        Measurement("peak memory so far", peak_memory_mb(), "MB"),
    ]


if __name__ == "__main__":
    main()
