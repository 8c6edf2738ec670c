"""A clip of the scan turning its head, from its photos: ``python -m tests.bench.orbit_clip FOLDER``.

Its outline is that of the visual hull of all its pictures (Laurentini 1994), so nothing shows double there; inside, a
pixel is what the nearest photos to both sides show where a head made of all of them has it. Where the camera stands as
it did for a photo, the frame is that photo. The scan lies beside the checkout (``shared``).
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
UNSURE = 17
"""Pixels of a photo within which something nearer hides it: so far off is the head's outline before itself."""
REACH, CELLS = 1.3, 160
"""World units from the origin to the sides of the hull's grid, and its cells along them."""
NEAREST_STEP = 0.002
STEPS = 40


class Hull:
    """Where pictures with mattes allow a head to be: a grid of distances from its surface, positive outside."""

    def __init__(self, pictures: list[tuple[np.ndarray, Camera]], cells: int = CELLS) -> None:
        """Carve it out of mattes [H, W] and their cameras."""
        self._cell = 2 * REACH / (cells - 1)
        axis = np.linspace(-REACH, REACH, cells)
        points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        field = np.full(len(points), -np.inf)
        for matte, camera in pictures:
            inside = matte > 0.5
            distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
            places, depths = camera.project(points)
            # Beyond a picture's border anything may be.
            found = ndimage.map_coordinates(distance, places.T[::-1] - 0.5, order=1, cval=-np.inf)
            np.maximum(field, found * depths / camera.fx, out=field)
        self._field = field.reshape(cells, cells, cells)

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Return how far points [N, 3] are outside, at most; negative inside."""
        return ndimage.map_coordinates(self._field, (points + REACH).T / self._cell, order=1, mode="nearest")

    def seen(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Return the depth [H, W] at which a camera sees it, infinite beside it, and how much of a pixel it covers."""
        rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
        pixels = np.column_stack([columns.ravel(), rows.ravel()])
        ones = np.ones(len(pixels))
        rays = camera.unproject(pixels, ones) - camera.position
        away = float(np.linalg.norm(camera.position))
        depths, found = np.full(len(pixels), away - 1.5 * REACH), np.full(len(pixels), np.inf)
        # In pixels: how far a ray stays from the hull.
        closest, going = np.full(len(pixels), np.inf), np.arange(len(pixels))
        for _ in range(STEPS):
            at = camera.position + depths[going, None] * rays[going]
            distance = self.distances(at)
            beside = np.maximum(distance, 0) * camera.fx / depths[going]
            is_closer = beside < closest[going]
            closer = going[is_closer]
            closest[closer], found[closer] = beside[is_closer], depths[closer]
            is_on = (distance > 0) & (depths[going] < away + 1.5 * REACH)
            depths[going[is_on]] += np.maximum(distance[is_on], NEAREST_STEP)
            going = going[is_on]
        covered = np.clip(1 - closest, 0, 1)
        depths = np.where(covered > 0, found, np.inf)
        return depths.reshape(camera.height, camera.width), covered.reshape(camera.height, camera.width)


@dataclass(frozen=True, eq=False)
class Source:
    """A photo: its pixels [H, W, 4] premultiplied, the head's depth in it [H, W], its camera and azimuth."""

    pixels: np.ndarray
    depth: np.ndarray
    camera: Camera
    azimuth: float


class Scan:
    """The scan as far as its pictures and a head made of them tell."""

    def __init__(self, head: Gaussians) -> None:
        """Read the pictures; the head stands in the scan's world."""
        self._head = head
        pictures = {entry["file"]: (_pixels(entry["file"]), _camera(entry)) for entry in TruthHead(SCAN).entries}
        self.hull = Hull([(pixels[..., 3], camera) for pixels, camera in pictures.values()])
        azimuths = {entry["file"]: entry["azimuth"] for entry in TruthHead(SCAN).entries}
        self.sources = [
            Source(
                pictures[name][0],
                ndimage.minimum_filter(self.seen(pictures[name][1])[0], UNSURE),
                pictures[name][1],
                azimuths[name],
            )
            for name in PHOTOS
        ]

    def seen(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Return the depth [H, W] of the head where a camera sees the hull, infinite beside, and the hull's share."""
        depths, covered = self.hull.seen(camera)
        rendering = render(self._head, camera)
        rows, columns = np.nonzero((covered > 0) & (rendering.alpha > 0.5))
        points = camera.unproject(np.column_stack([columns, rows]) + 0.5, rendering.depth[rows, columns])
        # Elsewhere the head is wrong.
        inside = self.hull.distances(points) < 0
        rows, columns = rows[inside], columns[inside]
        depths[rows, columns] = rendering.depth[rows, columns]
        return depths, covered


def _pixels(name: str) -> np.ndarray:
    rgba = np.asarray(Image.open(SCAN / name).convert("RGBA")).astype(np.float32) / 255
    return np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)


def _camera(entry: dict) -> Camera:
    return Camera.from_dict({key: entry[key] for key in ("width", "height", "fx", "fy", "cx", "cy", "c2w")})


def frames(scan: Scan, azimuths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pictures [H, W, 3] uint8 of the scan from azimuths in degrees between the sources'."""
    known = [source.azimuth for source in scan.sources]
    for azimuth in azimuths:
        right = int(np.clip(np.searchsorted(known, azimuth), 1, len(known) - 1))
        pair = scan.sources[right - 1 : right + 1]
        share = (azimuth - known[right - 1]) / (known[right] - known[right - 1])
        # Mostly one photo, so that what the head gets wrong does not show double.
        share = eased(np.array([share]), ((0.25, 0), (0.75, 1)))[0]
        yield _between(scan, pair, (1 - share, share), azimuth)


def _between(scan: Scan, pair: list[Source], weights: tuple[float, float], azimuth: float) -> np.ndarray:
    middle = np.average([[*_stand(source.camera)] for source in pair], axis=0, weights=weights)
    aimed = Camera.orbit(270 + azimuth, middle[0], radius=middle[1])
    focal = ZOOM * pair[0].camera.fx
    camera = Camera(*SIZE, focal, focal, SIZE[0] / 2, SIZE[1] / 2, aimed.c2w)
    depth, covered = scan.seen(camera)
    rows, columns = np.nonzero(covered)
    points = camera.unproject(np.column_stack([columns, rows]) + 0.5, depth[rows, columns])
    total = np.zeros((len(points), 4))
    for source, weight in zip(pair, weights, strict=True):
        places, depths = source.camera.project(points)
        at = places.T[::-1] - 0.5
        near = np.rint(at).astype(int).clip(0, np.array(source.depth.shape)[:, None] - 1)
        hidden = np.clip((depths - source.depth[tuple(near)] - BEHIND) / (BEHIND / 4), -40, 10)
        channels = [ndimage.map_coordinates(source.pixels[..., c], at, order=1) for c in range(4)]
        total += ((weight + 1e-4) / (1 + np.exp(hidden)))[:, None] * np.stack(channels, axis=1)
    share = covered[rows, columns, None]
    picture = np.broadcast_to(np.array(BACKDROP), (*covered.shape, 3)).copy()
    picture[rows, columns] += share * (total[:, :3] / np.maximum(total[:, 3:], 1e-12) - BACKDROP)
    return np.clip(255 * picture, 0, 255).astype(np.uint8)


def _stand(camera: Camera) -> tuple[float, float]:
    """Return a camera's elevation in degrees and its distance from the origin."""
    radius = float(np.linalg.norm(camera.position))
    return float(np.degrees(np.arcsin(camera.position[2] / radius))), radius


def make(folder: Path) -> Path:
    """Write ``clip.mp4`` into a folder, and ``azimuths.npy`` by which it may be judged; return the clip's path."""
    folder.mkdir(parents=True, exist_ok=True)
    scan = Scan(novel_quality(generate(SETS["all six"]).gaussians, TruthHead(SCAN)).head)
    azimuths = eased(np.arange(round(SECONDS * FPS)) / FPS, TURN)
    np.save(folder / "azimuths.npy", azimuths)
    write_video(folder / "clip.mp4", frames(scan, azimuths))
    return folder / "clip.mp4"


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
