"""Heads for the draft engine's tests: made once, shared by all."""

from __future__ import annotations

import io
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from core.cameras import front_camera
from core.engines.base import GenerateResult
from core.engines.capture import Capture
from core.engines.draft.engine import DraftEngine
from core.engines.draft.portrait import FittedPortrait
from core.engines.draft.segmentation import Segmentation
from core.head.fitting import fit_head
from core.head.model import Region, load_head_model
from core.photo.decode import Photo, decode, from_array
from core.photo.prepare import Portrait
from core.progress import Reporter
from core.splats.parts import Part
from tests.helpers.photo import SAMPLE_FRONT, SHARED, astronaut

UNITS_PER_METRE = 4.8
FOV = 27.0
SKIN, HAIR = np.array([0.8, 0.6, 0.5]), np.array([0.25, 0.2, 0.15])


def portrait_photo(name: str) -> Photo:
    """A shared portrait; skips the test where the shared material is absent."""
    return file_photo(SHARED / "portraits" / f"{name}.png")


def sample_head_photo() -> Photo:
    """The sample head's front view, aligned already; skips the test where it is absent."""
    return file_photo(SAMPLE_FRONT)


def file_photo(path: Path) -> Photo:
    """A shared picture; skips the test where it is absent."""
    if not path.exists():
        pytest.skip(f"{path.name} is shared material that is not here")
    return decode(path.read_bytes(), path.name)


@lru_cache(maxsize=1)
def astronaut_head() -> tuple[GenerateResult, Portrait]:
    """The astronaut's head at default settings, and her prepared photo."""
    return head_and_photo(from_array(astronaut(), "astronaut.png"))


def head_and_photo(photo: Photo) -> tuple[GenerateResult, Portrait]:
    """A photo's head at default settings, and the prepared photo that it was made from."""
    prepared = DraftEngine().prepare(photo, {}, Reporter())
    return PreparedEngine(prepared).generate(photo, {}, Reporter()), prepared


class PreparedEngine(DraftEngine):
    """The engine with a photo that is prepared already, which takes a second or two; for heads of one photo."""

    def __init__(self, prepared: Portrait) -> None:
        self._prepared = prepared

    def prepare(self, *_: object) -> Portrait:
        return self._prepared


def astronaut_png() -> bytes:
    """The astronaut's photo as a file."""
    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def taken_head(quality: str, **options) -> tuple[GenerateResult, list[float | str]]:
    """The astronaut's head, her photo taken as the options say, and its progress and previews; each made once.

    With options, which only say what lens it was taken with, the photo is not prepared again.
    """
    events: list[float | str] = []
    reporter = Reporter(lambda progress: events.append(progress.fraction), lambda kind, png: events.append(kind))
    capture = Capture.of(decode(astronaut_png(), "astronaut.png"), **options)
    engine = PreparedEngine(astronaut_head()[1]) if options else DraftEngine()
    return engine.generate(capture, {"quality": quality}, reporter), events


@cache
def plain_portrait(turn: float = 0.0) -> FittedPortrait:
    """The mean head, looking at the camera or turned by some degrees, bald: its mask is its own outline."""
    model, camera = load_head_model(), front_camera(fov=FOV)
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    turned = model.mean @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    pixels, depths = camera.project(model.landmarks(turned) * UNITS_PER_METRE)
    landmarks = np.column_stack([pixels, depths * camera.fx / depths.mean()]).astype(np.float32)
    fit = fit_head(landmarks, camera)
    blank = FittedPortrait(
        np.tile(SKIN, (512, 512, 1)).astype(np.float32), np.ones((512, 512), np.float32), pixels, fit
    )
    alpha = (blank.region_map >= 0).astype(np.float32)
    return FittedPortrait(blank.rgb, alpha, landmarks, fit)


def with_cap(pixels: int) -> tuple[FittedPortrait, np.ndarray]:
    """The same head under a cap of hair of a known thickness in pixels, and where the cap is."""
    plain = plain_portrait()
    scalp = plain.region_map == Region.SCALP
    disk = np.hypot(*np.mgrid[-pixels : pixels + 1, -pixels : pixels + 1]) <= pixels
    cap = ndimage.binary_dilation(scalp, disk) & (scalp | ~plain.mask)
    rgb = np.where(cap[..., None], HAIR, plain.rgb).astype(np.float32)
    return FittedPortrait(rgb, np.maximum(plain.alpha, cap).astype(np.float32), plain.landmarks, plain.fit), cap


def labels(portrait: FittedPortrait, cap: np.ndarray) -> Segmentation:
    """Its parts: the cap is hair, the torso clothes, the rest skin."""
    parts = np.where(portrait.mask, Part.SKIN, Part.BACKGROUND).astype(np.int8)
    parts[portrait.region_map == Region.NECK] = Part.NECK
    parts[portrait.region_map == Region.TORSO] = Part.CLOTHES
    parts[cap] = Part.HAIR
    return Segmentation(parts, False, np.zeros_like(cap), np.zeros_like(cap))
