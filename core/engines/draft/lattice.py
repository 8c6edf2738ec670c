"""The coarse frustum grid on which depths are modelled: the photo's pixels in cells, with room around."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image
from scipy import ndimage

from ...cameras import RIG_HALF_WIDTH, RIG_SIZE, Camera
from ...head.mesh_raster import rasterize_mesh
from ...system import blocks

CELL = 4
"""Pixels of the photo per cell."""
SIDE_CELLS, BOTTOM_CELLS = 20, 30
"""Cells added left and right of the photo, and below it: the bust goes on where the photo ends."""
PHOTO_CELLS = RIG_SIZE // CELL
POINTS = 1 << 14
"""Points at which maps are interpolated at once."""
SHOULDER_CELLS = 11
"""Cells by which a shoulder that the photo's side cuts goes on."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Maps of the coarse grid are [rows, columns], row-major, one value per cell's ray."""

    camera: Camera

    @classmethod
    def of_photo(cls, camera: Camera) -> Lattice:
        """Return the lattice of the aligned photo's camera."""
        photo = camera.resized(PHOTO_CELLS)
        return cls(
            Camera(
                PHOTO_CELLS + 2 * SIDE_CELLS,
                PHOTO_CELLS + BOTTOM_CELLS,
                photo.fx,
                photo.fy,
                photo.cx + SIDE_CELLS,
                photo.cy,
                photo.c2w,
            )
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.camera.height, self.camera.width

    @property
    def cell_size(self) -> float:
        """World size of a cell at the head's distance."""
        return 2 * RIG_HALF_WIDTH / PHOTO_CELLS

    @property
    def photo_window(self) -> tuple[slice, slice]:
        """The cells that lie inside the photo."""
        return slice(0, PHOTO_CELLS), slice(SIDE_CELLS, SIDE_CELLS + PHOTO_CELLS)

    def centers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel coordinates (x, y) of the cells' centres in the photo, each [rows, columns]."""
        rows, columns = np.mgrid[: self.shape[0], : self.shape[1]]
        return (columns + 0.5 - SIDE_CELLS) * CELL, (rows + 0.5) * CELL

    def shrink(self, values: np.ndarray) -> np.ndarray:
        """Average a photo-sized map [512, 512] over cells; zeros beyond the photo."""
        inner = np.asarray(values, np.float32).reshape(PHOTO_CELLS, CELL, PHOTO_CELLS, CELL).mean((1, 3))
        result = np.zeros(self.shape, np.float32)
        result[self.photo_window] = inner
        return result

    def enlarge(self, values: np.ndarray) -> np.ndarray:
        """Interpolate a coarse map to the photo's pixels [512, 512], bilinearly."""
        # Enlarged with its surroundings, so that the photo's border does not repeat its last cell.
        rows = slice(0, PHOTO_CELLS + 1)
        columns = slice(SIDE_CELLS - 1, SIDE_CELLS + PHOTO_CELLS + 1)
        window = Image.fromarray(np.ascontiguousarray(values[rows, columns], np.float32))
        size = (window.width * CELL, window.height * CELL)
        return np.asarray(window.resize(size, Image.Resampling.BILINEAR))[:RIG_SIZE, CELL : CELL + RIG_SIZE]

    def continued(self, mask: np.ndarray) -> np.ndarray:
        """Return the person's mask [R, C], continued below and beside the photo where the photo cuts it.

        Beside the photo the outline goes on at 45 degrees and rounds down, as shoulders do.
        """
        # Single locks are left to the photo's pixels: as volumes they would be sticks.
        result = ndimage.binary_opening(self.shrink(mask) > 0.5, iterations=2)
        bottom = np.flatnonzero(result.any(1)).max(initial=0)
        result[bottom + 1 :] = result[bottom]
        columns = result[:, SIDE_CELLS : SIDE_CELLS + PHOTO_CELLS]
        for step in range(1, SHOULDER_CELLS + 1):
            # Falls faster and faster, and upright at the end.
            drop = round(step / np.sqrt(1 - (step / (SHOULDER_CELLS + 1)) ** 2))
            right = SIDE_CELLS + PHOTO_CELLS - 1 + step
            for edge, place in ((columns[:, 0], SIDE_CELLS - step), (columns[:, -1], right)):
                result[drop:, place] = edge[:-drop]
        return result

    def repeated(self, values: np.ndarray) -> np.ndarray:
        """Return a map [R, C] that repeats the photo's border beyond it."""
        rows, columns = self.photo_window
        inner = values[rows, columns]
        beyond = [(rows.start, self.shape[0] - rows.stop), (columns.start, self.shape[1] - columns.stop)]
        return np.pad(inner, beyond, mode="edge")

    def mesh_depths(self, vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest and farthest depth of a mesh along each cell's ray; NaN where it misses."""
        near = rasterize_mesh(self.camera, vertices, triangles)
        # 1/z is linear on the screen, and so is 1 - 1/z: rendering with that inverse depth turns
        # the order round and leaves the silhouette where it is (all depths are above 1).
        pixels, depths = self.camera.project(vertices)
        flipped = self.camera.unproject(pixels, 1 / (1 - 1 / depths))
        far = rasterize_mesh(self.camera, flipped, triangles)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (
                np.where(near.mask, near.depth, np.nan).astype(np.float32),
                np.where(far.mask, 1 / (1 - 1 / far.depth), np.nan).astype(np.float32),
            )


@dataclass(frozen=True, eq=False)
class Rays:
    """Where points lie on the lattice's rays.

    Attributes:
        depth: [N] float32 along the camera's z.
        place: [2, N] float32 row and column.
        shape: Of the lattice.
    """

    depth: np.ndarray
    place: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, lattice: Lattice, points: np.ndarray) -> Rays:
        """Project points [N, 3]."""
        pixels, depth = lattice.camera.project(points)
        return cls(depth.astype(np.float32), (pixels[:, ::-1] - 0.5).T.astype(np.float32), lattice.shape)

    def select(self, index: np.ndarray) -> Rays:
        """Return the rays of a mask [N] of the points."""
        return replace(self, depth=self.depth[index], place=self.place[:, index])

    @cached_property
    def _corners(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flat index [N] of the cell before each place, and the place's shares of the next row and column, 0..1."""
        sizes = np.array(self.shape)[:, None]
        place = np.clip(self.place, 0, sizes - 1, dtype=np.float64)
        before = np.minimum(place.astype(np.int64), sizes - 2)
        row, column = place - before
        return before[0] * self.shape[1] + before[1], row, column

    def sample(self, values: np.ndarray) -> np.ndarray:
        """Return a map's values [N] float32 on the points' rays, bilinearly; the border's beyond it."""
        before, row, column = self._corners
        flat, width = values.astype(np.float32).ravel().astype(np.float64), self.shape[1]
        result = np.empty(len(before), np.float32)

        def interpolate(part: slice) -> None:
            first, down, right = before[part], row[part], column[part]
            up, left = 1 - down, 1 - right
            total = flat[first] * up * left
            total += flat[first + 1] * up * right
            total += flat[first + width] * down * left
            total += flat[first + width + 1] * down * right
            result[part] = total

        blocks.fill(interpolate, len(result), POINTS)
        return result
