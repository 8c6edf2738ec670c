"""Face capture against known truth: clips of a head of our own making, moved by known expressions, turns and gazes.

``python build.py bench capture_bench [FOLDER...]``: further folders hold ``clip.mp4`` and ``truth.npz`` of the
astronaut's head, such as those that :mod:`tests.tools.lit_truth_clip` renders in Blender under light. Each clip is
captured with her own face, and with the face found in the clip, as anybody's. The baseline is a face that does nothing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.turns import to_turns
from core.performance.capturing import capture
from core.performance.faces import face_of
from core.performance.types import Capture, CaptureOptions, PersonFace
from core.progress import Reporter
from tests.bench.report import Measurement, peak_memory_mb, print_table
from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.truth import FORWARD, Truth
from tests.tools.truth_clip import PERFORMANCES, TruthHead, camera_of, film, write_video

FOLDER = Path("build/bench/capture")
MADE = ("quick", "acting")
GROUPS = {
    "jaw": ("jawOpen",),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "browDownLeft", "browDownRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Expressions of which correlations are told; the mean of a group."""
OPEN = 0.4
"""Of a blink, up to which an eye shows where it looks."""
NEAR = 6
"""Frames around a true blink in which the captured one is looked for."""


def main() -> None:
    """Measure and print."""
    folders = [_made(name) for name in MADE] + [Path(argument) for argument in sys.argv[1:]]
    face = face_of(astronaut_base())
    for folder in folders:
        rows = [
            row for words, own in (("her own face", face), ("anybody's", None)) for row in _rows(folder, own, words)
        ]
        rows.append(Measurement("peak memory of the process so far", peak_memory_mb(), "MB"))
        print_table(f"Face capture, {folder.name}", rows)


def _made(name: str) -> Path:
    """Return the folder of a clip, which is drawn once."""
    folder = FOLDER / name
    if not (folder / "truth.npz").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        head = TruthHead(bound_astronaut(), astronaut_base())
        pictures, truth = film(head, PERFORMANCES[name](), camera_of(head.base))
        write_video(folder / "clip.mp4", pictures)
        truth.save(folder / "truth.npz")
    return folder


def _rows(folder: Path, face: PersonFace | None, words: str) -> list[Measurement]:
    truth = Truth.load(folder / "truth.npz")
    wall, processor = time.perf_counter(), time.process_time()
    found = capture(folder / "clip.mp4", face, CaptureOptions(), Reporter())
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    count = len(found.frames)
    true = truth.values[found.frames]
    values = found.recording.values
    rows = []
    for group, names in GROUPS.items():
        places = [truth.names.index(name) for name in names if np.ptp(true[:, truth.names.index(name)]) > 0.1]
        correlation = np.mean([np.corrcoef(values[:, place], true[:, place])[0, 1] for place in places])
        rows.append(Measurement(f"{words}: correlation of {group}", float(correlation), "", ">= 0.9"))
    error, nothing = float(np.abs(values - true).mean()), float(np.abs(true).mean())
    rows.append(Measurement(f"{words}: mean error of 52", error, "", "<= 0.08", "a face at rest", nothing))
    apart = to_turns(found.recording.rotations["head"]).inv() * to_turns(truth.head[found.frames])
    rows.append(Measurement(f"{words}: head, mean", float(np.degrees(apart.magnitude()).mean()), "deg", "<= 2"))
    rows.append(Measurement(f"{words}: gaze, mean", _gaze_error(found, truth), "deg", "<= 4"))
    rows.append(Measurement(f"{words}: blinks, farthest off", _blink_frames(values, true, truth), "frames", "<= 1"))
    rows.append(Measurement(f"{words}: frames a second, all included", count / wall, "", ">= 15"))
    rows.append(Measurement(f"{words}: processor time of a frame", 1e3 * processor / count, "ms"))
    return rows


def _gaze_error(found: Capture, truth: Truth) -> float:
    """Return the mean angle between the eyes' directions, captured and true, while they are open."""
    shut = truth.values[found.frames][:, [truth.names.index(name) for name in GROUPS["blink"]]].max(axis=1) > OPEN
    errors = []
    for eye, part in enumerate(("leftEye", "rightEye")):
        looks = Rotation.from_euler("YXZ", found.recording.rotations[part][~shut]).apply(FORWARD)
        cosines = (looks * truth.gazes[found.frames][~shut, eye]).sum(axis=1)
        errors.append(np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean())
    return float(np.mean(errors))


def _blink_frames(values: np.ndarray, true: np.ndarray, truth: Truth) -> float:
    """Return by how many frames the peaks of blinks are off at most."""
    place = truth.names.index("eyeBlinkLeft")
    column, blinks = values[:, place], true[:, place]
    peaks = [t for t in range(1, len(blinks) - 1) if blinks[t] > 0.8 and blinks[t - 1] < blinks[t] >= blinks[t + 1]]
    off = []
    for peak in peaks:
        begin = max(0, peak - NEAR)
        near = column[begin : peak + NEAR + 1]
        # A lid that stays shut for some frames is shut in their middle.
        off.append(abs(begin + float(np.flatnonzero(near >= near.max() - 0.02).mean()) - peak))
    return max(off, default=0.0)


if __name__ == "__main__":
    main()
