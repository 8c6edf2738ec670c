"""Whom the draft engine's measurements are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from core.engines.capture import Capture
from core.photo.decode import Photo, decode, from_array
from tests.bench import truth_heads
from tests.bench.novel_views import TruthHead

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
PORTRAITS = ("001", "003", "004", "006")
SAMPLE_OPTIONS, SAMPLE_SETTINGS = {"aligned": True}, {"straighten": False}
"""The sample head's photo and truth share FaceLift's camera frame, so the head must stay in it."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo to make a head of.

    Attributes:
        name: Shown in the tables.
        photo: Its photo.
        options: How the photo is taken, see :class:`~core.engines.shot_options.ShotOptions`.
        settings: The engine's.
        truth: True views of the same head, where there are some.
        focal: The photo's true focal length in pixels, where it is known.
        rig: Pictures [H, W, 4] of the same head from the six-view rig.
    """

    name: str
    photo: Photo
    options: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    truth: TruthHead | None = None
    focal: float | None = None
    rig: tuple[np.ndarray, ...] = ()

    @property
    def capture(self) -> Capture[Photo]:
        """What the engine is given."""
        return Capture.of(self.photo, **self.options)


def subjects(names: Sequence[str] = ()) -> Iterator[Subject]:
    """Yield every subject at hand, or those whose names contain one of some words."""
    for subject in photos():
        if _wanted(subject.name, names):
            yield subject
    scan = SHARED / "truth-heads" / "scan"
    if scan.exists():
        for subject in _photographed(scan):
            if _wanted(subject.name, names):
                yield subject
    if find_spec("bpy"):
        for made in truth_heads.SUBJECTS:
            # Photographed the first time that they are asked for, which takes minutes.
            if _wanted(f"truth head {made.name}", names):
                yield from _photographed(*truth_heads.folders((made.name,)))


def _wanted(label: str, names: Sequence[str]) -> bool:
    return not names or any(name in label for name in names)


def photos() -> Iterator[Subject]:
    """Yield those of which there is a photo alone: the astronaut, portraits and the sample head where at hand."""
    yield Subject("astronaut", from_array(data.astronaut(), "astronaut.png"))
    for name in PORTRAITS:
        path = SHARED / "portraits" / f"{name}.png"
        if path.exists():
            yield Subject(f"portrait {name}", _read(path))
    front = SHARED / "sample-head" / "six" / "cam_000.png"
    if front.exists():
        rig = tuple(np.asarray(Image.open(path)) for path in sorted(front.parent.glob("*.png")))
        yield Subject("sample head", _read(front), SAMPLE_OPTIONS, SAMPLE_SETTINGS, rig=rig)


def _photographed(folder: Path) -> Iterator[Subject]:
    """Yield the photos of a head whose every side is known."""
    truth = TruthHead(folder)
    for name, focal in truth.photos.items():
        label = folder.name if len(truth.photos) == 1 else f"{folder.name} {Path(name).stem}"
        yield Subject(f"truth head {label}", _read(folder / name), truth=truth, focal=focal)


def _read(path: Path) -> Photo:
    return decode(path.read_bytes(), path.name)
