"""Whom the draft engine's measurements are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from core.photo.decode import Photo, decode, from_array
from tests.bench import truth_heads
from tests.bench.novel_views import TruthHead

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
PORTRAITS = ("001", "003", "004", "006")
SAMPLE_SETTINGS = {"aligned": True, "straighten": False}
"""The sample head's photo and truth share FaceLift's camera frame, so the head must stay in it."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo to make a head of.

    Attributes:
        name: Shown in the tables.
        photo: Its photo.
        settings: The engine's.
        truth: True views of the same head, where there are some.
        focal: The photo's true focal length in pixels, where it is known.
        rig: Pictures [H, W, 4] of the same head from the six-view rig.
    """

    name: str
    photo: Photo
    settings: dict = field(default_factory=dict)
    truth: TruthHead | None = None
    focal: float | None = None
    rig: tuple[np.ndarray, ...] = ()


def photos() -> Iterator[Subject]:
    """Yield the astronaut, and portraits and the sample head where they are at hand."""
    yield Subject("astronaut", from_array(data.astronaut(), "astronaut.png"))
    for name in PORTRAITS:
        path = SHARED / "portraits" / f"{name}.png"
        if path.exists():
            yield Subject(f"portrait {name}", _read(path))
    front = SHARED / "sample-head" / "six" / "cam_000.png"
    if front.exists():
        rig = tuple(np.asarray(Image.open(path)) for path in sorted(front.parent.glob("*.png")))
        yield Subject("sample head", _read(front), SAMPLE_SETTINGS, rig=rig)


def truths() -> Iterator[Subject]:
    """Yield photos of heads whose every side is known: those of our own making, and a scan where it is at hand."""
    folders = truth_heads.folders() if find_spec("bpy") else []
    scan = SHARED / "truth-heads" / "scan"
    for folder in [*folders, *([scan] if scan.exists() else [])]:
        truth = TruthHead(folder)
        for name, focal in truth.photos.items():
            label = folder.name if len(truth.photos) == 1 else f"{folder.name} {Path(name).stem}"
            yield Subject(f"truth head {label}", _read(folder / name), truth=truth, focal=focal)


def _read(path: Path) -> Photo:
    return decode(path.read_bytes(), path.name)
