"""A clip of the scan turning its head, from its photos: ``python -m tests.bench.orbit_clip FOLDER``.

Between photos, a pixel is what the nearest photos to both sides show where a head made of all of them has it; where the
camera stands as it did for a photo, the frame is that photo. The scan lies beside the checkout (``shared``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize.cpu import render
from tests.bench.draft_shots_bench import SCAN, SETS, generate
from tests.bench.novel_views import TruthHead, novel_quality
from tests.helpers.performances import FPS, eased
from tests.tools.truth_clip import BACKDROP, SIZE, write_video

PHOTOS = (
    *("shot_270.png", "shot_315.png", "photo_35_left.png"),
    *("photo_35.png", "shot_045.png", "shot_090.png"),
)
"""By azimuth: degrees from which they look, from the person's right to the left."""
TURN = ((0.3, 0), (1.1, 45), (1.8, 90), (2.0, 90), (2.6, 45), (3.1, 0), (3.5, -45), (4.2, -90), (4.4, -90), (5.0, 0))
SECONDS = 5.0
ZOOM = 1.4
"""The clip's pixels are so much smaller than the photos'."""
BEHIND = 0.03
"""World units by which something is hidden from a photo, at half its weight."""


@dataclass(frozen=True, eq=False)
class Source:
    """A photo: its pixels [H, W, 4] premultiplied, the head's depth in it [H, W], its camera and azimuth."""

    pixels: np.ndarray
    depth: np.ndarray
    camera: Camera
    azimuth: float


def sources_of(head: Gaussians) -> list[Source]:
    """Return the scan's photos by azimuth.

    Args:
        head: A head made of them, in the scan's world.
    """
    entries = {entry["file"]: entry for entry in TruthHead(SCAN).entries}
    found = []
    for name in PHOTOS:
        entry = entries[name]
        rgba = np.asarray(Image.open(SCAN / name).convert("RGBA")).astype(np.float32) / 255
        camera = Camera.from_dict({key: entry[key] for key in ("width", "height", "fx", "fy", "cx", "cy", "c2w")})
        pixels = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)
        found.append(Source(pixels, _depth(head, camera), camera, entry["azimuth"]))
    return found


def _depth(head: Gaussians, camera: Camera) -> np.ndarray:
    """Return a head's depth [H, W]; beside it the depth of its border."""
    rendering = render(head, camera)
    nearest = ndimage.distance_transform_edt(rendering.alpha < 0.5, return_distances=False, return_indices=True)
    return rendering.depth[tuple(nearest)]


def frames(head: Gaussians, sources: list[Source], azimuths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pictures [H, W, 3] uint8 of a head from azimuths in degrees between the sources'."""
    known = [source.azimuth for source in sources]
    for azimuth in azimuths:
        right = int(np.clip(np.searchsorted(known, azimuth), 1, len(known) - 1))
        pair = sources[right - 1 : right + 1]
        share = (azimuth - known[right - 1]) / (known[right] - known[right - 1])
        # Mostly one photo, so that what the head gets wrong does not show double.
        share = eased(np.array([share]), ((0.25, 0), (0.75, 1)))[0]
        yield _between(head, pair, (1 - share, share), azimuth)


def _between(head: Gaussians, pair: list[Source], weights: tuple[float, float], azimuth: float) -> np.ndarray:
    middle = np.average([[*_stand(source.camera)] for source in pair], axis=0, weights=weights)
    aimed = Camera.orbit(270 + azimuth, middle[0], radius=middle[1])
    focal = ZOOM * pair[0].camera.fx
    camera = Camera(*SIZE, focal, focal, SIZE[0] / 2, SIZE[1] / 2, aimed.c2w)
    depth = _depth(head, camera)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    points = camera.unproject(np.column_stack([columns.ravel(), rows.ravel()]), depth.ravel())
    total, weight_sum = np.zeros((len(points), 4)), np.zeros((len(points), 1))
    for source, weight in zip(pair, weights, strict=True):
        places, depths = source.camera.project(points)
        at = places.T[::-1] - 0.5
        seen = ndimage.map_coordinates(source.depth, at, order=1, mode="nearest")
        weight_here = (weight + 1e-4) / (1 + np.exp(np.clip((depths - seen - BEHIND) / (BEHIND / 4), -40, 40)))[:, None]
        channels = [ndimage.map_coordinates(source.pixels[..., c], at, order=1) for c in range(4)]
        total += weight_here * np.stack(channels, axis=1)
        weight_sum += weight_here
    pixels = (total / np.maximum(weight_sum, 1e-12)).reshape(SIZE[1], SIZE[0], 4)
    picture = pixels[..., :3] + (1 - pixels[..., 3:]) * BACKDROP
    return np.clip(255 * picture, 0, 255).astype(np.uint8)


def _stand(camera: Camera) -> tuple[float, float]:
    """Return a camera's elevation in degrees and its distance from the origin."""
    radius = float(np.linalg.norm(camera.position))
    return float(np.degrees(np.arcsin(camera.position[2] / radius))), radius


def make(folder: Path) -> Path:
    """Write ``clip.mp4`` into a folder, and ``azimuths.npy`` by which it may be judged; return the clip's path."""
    folder.mkdir(parents=True, exist_ok=True)
    head = novel_quality(generate(SETS["all six"]).gaussians, TruthHead(SCAN)).head
    azimuths = eased(np.arange(round(SECONDS * FPS)) / FPS, TURN)
    np.save(folder / "azimuths.npy", azimuths)
    write_video(folder / "clip.mp4", frames(head, sources_of(head), azimuths))
    return folder / "clip.mp4"


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
