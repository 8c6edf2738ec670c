"""Face capture against known truth: clips of a head of our own making, moved by known expressions, turns and gazes.

``python -m tests.bench.capture_bench [--lit] [FOLDER...]``: the clips of :mod:`tests.tools.truth_clip` are drawn once,
in a few minutes; ``--lit`` renders the acting by Cycles with hair, in half an hour. Further folders hold such a
``clip.mp4`` and ``truth.npz``. Each clip is captured twice, in a process of its own: with the astronaut's face, and
with the face found in the clip, as anybody's. Baselines are a face and a head that do nothing, and reading the clip.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.turns import to_turns
from core.performance.capturing import capture
from core.performance.faces import face_of
from core.performance.types import Capture, CaptureOptions, PersonFace
from core.progress import Reporter
from core.video.clip import open_clip
from tests.bench.report import Measurement, peak_memory_mb, print_table
from tests.helpers.avatar import astronaut_base
from tests.helpers.truth import FORWARD, Truth

FOLDER = Path("build/bench/capture")
MADE = {name: ("tests.tools.truth_clip", "--performance", name) for name in ("quick", "acting", "singles")}
LIT = "lit"
RENDERED = ("tests.tools.lit_truth_clip", "--performance", "acting", "--hair")
GROUPS = {
    "jaw": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "browDownLeft", "browDownRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Expressions of which correlations are told; the mean of a group."""
MOVES = 0.1
"""By how much an expression changes in a clip that is to tell something about it."""
WORST = 10
OPEN = 0.4
"""Of a blink, up to which an eye shows where it looks."""
NEAR = 6
"""Frames around a true blink in which the captured one is looked for."""
STILL = "at rest"


@dataclass(frozen=True, eq=False)
class Run:
    """A capture, what it took, and what reading the clip takes: seconds, of the clock and of the processor."""

    found: Capture
    wall: float
    following: float
    processor: float
    reading: float
    peak_mb: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lit", action="store_true")
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    # As in the worker; processes that are begun here inherit it.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    folders = [_made(name, *command) for name, command in MADE.items()]
    if options.lit and find_spec("bpy") is not None:
        folders.append(_made(LIT, *RENDERED))
    elif (FOLDER / LIT / "clip.mp4").is_file():
        folders.append(FOLDER / LIT)
    else:
        print("No clip that Cycles renders: --lit makes it, with Blender as a module.")
    face = face_of(astronaut_base())
    for folder in [*folders, *options.folders]:
        truth = Truth.load(folder / "truth.npz")
        for words, own in (("her own face", face), ("anybody's", None)):
            print_table(f"Face capture, {folder.name}, {words}", _rows(_apart(folder, own), truth))


def _made(name: str, module: str, *arguments: str) -> Path:
    """Return the folder of a clip, which is made once, elsewhere."""
    folder = FOLDER / name
    if not (folder / "clip.mp4").is_file():
        unfinished = FOLDER / f"{name}.unfinished"
        subprocess.run([sys.executable, "-m", module, str(unfinished), *arguments], check=True)
        unfinished.rename(folder)
    return folder


def _apart(folder: Path, face: PersonFace | None) -> Run:
    """Capture in a process of its own, whose memory is nothing else's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_run, folder / "clip.mp4", face).result()


def _run(clip: Path, face: PersonFace | None) -> Run:
    wall, processor = time.perf_counter(), time.process_time()
    reporter = Reporter()
    found = capture(clip, face, CaptureOptions(), reporter)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = peak_memory_mb()
    reading = time.perf_counter()
    with open_clip(clip) as opened:
        assert sum(1 for _ in opened.frames()) >= len(found.frames)
    reading = time.perf_counter() - reading
    return Run(found, wall, reporter.stage_seconds["Capturing the face"], processor, reading, peak)


def _rows(run: Run, truth: Truth) -> Iterator[Measurement]:
    found, count = run.found, len(run.found.frames)
    true, values = truth.values[found.frames], found.recording.values
    moving = [name for place, name in enumerate(truth.names) if np.ptp(true[:, place]) > MOVES]
    alike = {name: _correlation(values, true, truth.names.index(name)) for name in moving}
    yield Measurement("frames with a face", 100 * count / len(truth.times), "%")
    for group, names in GROUPS.items():
        yield Measurement(f"correlation of {group}", _mean(alike, names), "", ">= 0.9")
    yield Measurement(f"correlation of all {len(moving)} that move", _mean(alike, moving), "")
    errors, nothing = np.abs(values - true).mean(axis=0), np.abs(true).mean(axis=0)
    yield Measurement("mean error of 52", float(errors.mean()), "", "<= 0.08", STILL, float(nothing.mean()))
    for place in np.argsort(-errors)[:WORST]:
        yield Measurement(
            f"  error of {truth.names[place]}", float(errors[place]), "", "", STILL, float(nothing[place])
        )
    head = to_turns(truth.head[found.frames])
    apart = np.degrees((to_turns(found.recording.rotations["head"]).inv() * head).magnitude())
    ahead = np.degrees(head.magnitude())
    yield Measurement("head, mean", float(apart.mean()), "deg", "<= 2", STILL, float(ahead.mean()))
    yield Measurement("head, 95 %", float(np.quantile(apart, 0.95)), "deg")
    gaze, level = _gaze_errors(found, truth)
    yield Measurement("gaze of open eyes, mean", gaze, "deg", "<= 4", STILL, level)
    off = _blinks(values, true, truth)
    yield Measurement("blinks, farthest off", max(off, default=0.0), "frames", "<= 1")
    yield Measurement("frames a second, all included", count / run.wall, "", ">= 15", "reading", count / run.reading)
    yield Measurement("frames a second, once it captures", count / run.following, "", ">= 15")
    yield Measurement("processor time a frame, all included", 1e3 * run.processor / count, "ms")
    yield Measurement("peak memory of the capture's process", run.peak_mb, "MB")


def _correlation(values: np.ndarray, true: np.ndarray, place: int) -> float:
    """Return how alike two curves are; 0 where nothing was captured."""
    if np.ptp(values[:, place]) == 0:
        return 0.0
    return float(np.corrcoef(values[:, place], true[:, place])[0, 1])


def _mean(correlations: dict[str, float], names: tuple[str, ...] | list[str]) -> float:
    return float(np.mean([correlations[name] for name in names if name in correlations]))


def _gaze_errors(found: Capture, truth: Truth) -> tuple[float, float]:
    """Return the mean angle of the true gaze against the captured one and against one straight ahead, lids open."""
    shut = truth.values[found.frames][:, [truth.names.index(name) for name in GROUPS["blink"]]].max(axis=1) > OPEN
    errors, level = [], []
    for eye, part in enumerate(("leftEye", "rightEye")):
        looks = Rotation.from_euler("YXZ", found.recording.rotations[part][~shut]).apply(FORWARD)
        true = truth.gazes[found.frames][~shut, eye]
        errors.append(_angles((looks * true).sum(axis=1)))
        level.append(_angles(true @ FORWARD))
    return float(np.mean(errors)), float(np.mean(level))


def _angles(cosines: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def _blinks(values: np.ndarray, true: np.ndarray, truth: Truth) -> list[float]:
    """Return by how many frames the peaks of blinks are off."""
    place = truth.names.index("eyeBlinkLeft")
    column, blinks = values[:, place], true[:, place]
    peaks = [t for t in range(1, len(blinks) - 1) if blinks[t] > 0.8 and blinks[t - 1] < blinks[t] >= blinks[t + 1]]
    off = []
    for peak in peaks:
        begin = max(0, peak - NEAR)
        near = column[begin : peak + NEAR + 1]
        # A lid that stays shut for some frames is shut in their middle.
        off.append(abs(begin + float(np.flatnonzero(near >= near.max() - 0.02).mean()) - peak))
    return off


if __name__ == "__main__":
    main()
