"""Placing's figures: how far the cameras found for further photos are from where they stood.

The scan and the sample head lie beside the checkout (``shared``); their true cameras are read to judge by only.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.cameras import Camera, front_camera, six_view_rig
from core.engines.capture import Shot
from core.engines.shot_options import ShotOptions
from core.head.fitting import HeadFit, fit_head
from core.head.landmark_solver import UNITS_PER_METRE
from core.head.model import load_head_model
from core.head.pose import Pose
from core.photo.decode import decode
from core.photo.prepare import Portrait, prepare_photo
from core.placing import PlacedShot, place_shots
from core.placing.pins import Pin, PinSolver, Placement
from core.progress import Reporter
from tests.bench.pose_errors import SeenHead, pose_errors
from tests.bench.report import Measurement, best_seconds, print_table

SHARED = Path(__file__).resolve().parents[3] / "shared"
SCAN, SAMPLE = SHARED / "truth-heads" / "scan", SHARED / "sample-head" / "six"
SCAN_PORTRAIT, SCAN_SIDES = "photo_35.png", ("045", "090", "180", "270", "315")
SCAN_SETS = (
    *((side,) for side in SCAN_SIDES),
    ("045", "315"),
    ("090", "270"),
    ("045", "180"),
    ("090", "180"),
    ("045", "315", "180"),
    ("090", "270", "180"),
    SCAN_SIDES,
)
"""Sides that are seen together with the portrait."""
OTHER_PORTRAITS = ("photo_20.png", "photo_50.png", "photo_35_left.png")
"""Portraits of another lens or turn, with the four-photo set's sides."""
SAMPLE_SETS = ((1,), (2,), (3,), (4,), (5,), (1, 5), (2, 4), (1, 3, 4), (1, 2, 3, 4, 5))
"""Numbers of the sample head's pictures that are seen together with its first."""
AIMS = {"front": 2.0, "three-quarter": 2.0, "left": 4.0, "right": 4.0, "back": 4.0}
"""Degrees by the side that a photo shows."""


def main() -> None:
    """Measure and print."""
    if SCAN.is_dir():
        entries = json.loads((SCAN / "cameras.json").read_text())["cameras"]
        sizes = ("width", "height", "fx", "fy", "cx", "cy")
        truth = {each["file"]: Camera(*(each[key] for key in sizes), np.array(each["c2w"])) for each in entries}
        sets = [(SCAN_PORTRAIT, *(f"shot_{side}.png" for side in sides)) for sides in SCAN_SETS]
        sets += [(portrait, "shot_045.png", "shot_315.png", "shot_180.png") for portrait in OTHER_PORTRAITS]
        for names in sets:
            print_table(f"Placing, scan: {' + '.join(names)}", measured(SCAN, names, truth))
    if SAMPLE.is_dir():
        rig = {f"cam_00{number}.png": camera for number, camera in enumerate(six_view_rig())}
        for numbers in SAMPLE_SETS:
            names = tuple(f"cam_00{number}.png" for number in (0, *numbers))
            print_table(f"Placing, sample head: {' + '.join(names)}", measured(SAMPLE, names, rig))
    print_table("Placing by hand", [_pins()])


def placed(folder: Path, names: tuple[str, ...]) -> tuple[Portrait, tuple[PlacedShot, ...], HeadFit]:
    """Return the prepared portrait, which is the first photo, what becomes of the others, and the head."""
    first, *others = (Shot(decode((folder / name).read_bytes(), name), ShotOptions()) for name in names)
    portrait = prepare_photo(first.photo, None, Reporter())
    camera = front_camera(fov=first.lens(portrait.alignment).degrees)
    fit = fit_head(portrait.landmarks.points, camera, portrait.alpha > 0.5)
    return portrait, *place_shots(portrait, fit, camera, others, Reporter())


def measured(folder: Path, names: tuple[str, ...], truth: dict[str, Camera]) -> list[Measurement]:
    """Return the errors of a set of photos."""
    start = time.process_time()
    portrait, shots, fit = placed(folder, names)
    seconds = time.process_time() - start
    rows = []
    own = SeenHead.of(fit.camera, truth[names[0]], portrait.alignment)
    seen = [SeenHead.of(shot.camera, truth[name], shot.alignment) for name, shot in zip(names[1:], shots, strict=True)]
    for name, shot, error in zip(names[1:], shots, pose_errors(own, seen), strict=True):
        label = f"{name} ({shot.side}, {shot.state})"
        rows += [
            Measurement(f"{label}: turn", error.turn, "deg", f"<= {AIMS[shot.side]:g}"),
            Measurement(f"{label}: places of the head are missed by", error.places, "% of its height", "<= 2"),
            Measurement(f"{label}: its middle by", error.centre, "% of its height", "<= 2"),
            Measurement(f"{label}: it is seen too large by", error.size, "%"),
            Measurement(f"{label}: the lens is too long by", error.lens, "%"),
        ]
    rows.append(Measurement("processor time a photo, with the portrait's", seconds / len(names), "s"))
    return rows


def _pins() -> Measurement:
    """Return the time of one step of dragging with five pins, lens and shape free."""
    model, camera = load_head_model(), front_camera(fov=27)
    fit = Placement(camera, np.zeros(len(model.identity)))
    pose = Pose(np.eye(3), np.zeros(3), UNITS_PER_METRE)
    nothing = np.zeros((len(model.mean), 3))
    solver = PinSolver(model, pose, np.zeros(len(model.expressions)), nothing, fit, lens=True, shape=True)
    pixels = camera.project(pose.apply(model.mean))[0]
    vertices = model.landmark_vertices[[1, 33, 263, 152, 234], 0]
    pins = [Pin.at_vertex(int(each), tuple((pixels[each] + [9.0, -4.0]).tolist())) for each in vertices]
    pins[0] = replace(pins[0], pixel=(pins[0].pixel[0] + 6, pins[0].pixel[1]))
    return Measurement(
        "a step with five pins, lens and shape free", 1e3 * best_seconds(lambda: solver.solve(pins)), "ms", "<= 30"
    )


if __name__ == "__main__":
    main()
