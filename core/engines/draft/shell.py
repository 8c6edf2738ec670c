"""The rest: Gaussians on the closed surface wherever the photo does not reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ...parts import Part
from .photo_sheet import PhotoSheet
from .portrait import FittedPortrait
from .splats import Splats, oriented_frames, unit
from .surface import Surface

SEEN_COSINE = 0.5
"""Where the photo meets the surface at a steeper angle than this cosine, its pixels cover it alone."""
BEHIND = 0.012
"""World units by which the shell stays behind the photo's pixels."""
FACE_REACH, REACH = 9, 3
"""Side in pixels of the square that a Gaussian of the shell may cover, in the face and elsewhere:
nothing may blur the face, but further back the shell must not leave gaps at the outline."""
DEEPEST = 0.05
"""World units by which that may push it back: more is an edge between parts, not a slope."""
FACE_RADIUS = 0.009
"""Largest Gaussian of the shell behind the face, world units: about two pixels."""
FRONT = 0.12
"""World units behind the photo's pixels that count as the front."""
RIM = 2.0
"""Pixels by which the shell stays inside the photo's outline."""
OPACITY = 0.97
BACKING_DENSITY = 0.4
"""Density of samples behind well seen pixels: they close the gaps that open between pixels from near by."""
GOLDEN = (5**0.5 - 1) / 2
OVERLAP = 0.85
"""Standard deviation of a Gaussian over the distance to its neighbours."""
THICKNESS = 0.15
"""Thickness over radius."""
STRAND_LENGTH, STRAND_WIDTH = 1.6, 0.6
"""Extent of hair's Gaussians along and across the strands over the radius, where no photo could be blurred by them."""


@dataclass(frozen=True, eq=False)
class Shell:
    """Samples of the surface that the photo does not show.

    Attributes:
        positions: [N, 3] world.
        normals: [N, 3] unit, outwards.
        quads: [N] the surface's quad that each lies on.
        weights: [N, 4] shares of the quad's corners.
        radii: [N] standard deviation of the Gaussians, world units.
        backing: [N] bool: close behind the photo's pixels.
    """

    positions: np.ndarray
    normals: np.ndarray
    quads: np.ndarray
    weights: np.ndarray
    radii: np.ndarray
    backing: np.ndarray

    def interpolate(self, surface: Surface, values: np.ndarray) -> np.ndarray:
        """Return values [N, C] of the surface's vertices [V, C] at the samples."""
        return (values[surface.quads[self.quads]] * self.weights[..., None]).sum(1)

    def pick(self, surface: Surface, labels: np.ndarray) -> np.ndarray:
        """Return the labels [N] of the nearest of the surface's vertices [V]."""
        nearest = self.weights.argmax(1)
        return labels[surface.quads[self.quads, nearest]]


def sample_shell(
    portrait: FittedPortrait, sheet: PhotoSheet, surface: Surface, count: int, rng: np.random.Generator
) -> Shell:
    """Spread ``count`` samples over the surface, fewer where they only back the photo's pixels."""
    surface = _behind_photo(portrait, sheet, surface)
    centers, normals = surface.vertices[surface.quads].mean(1), surface.normals[surface.quads].mean(1)
    density = np.where(_covered(portrait, sheet, centers, unit(normals)), BACKING_DENSITY, 1.0)
    return _spare_photo(portrait, sheet, spread(surface, density, count, rng))


def _spare_photo(portrait: FittedPortrait, sheet: PhotoSheet, shell: Shell) -> Shell:
    """Mark the samples behind the photo, and keep those behind the face small: they must not spill over its edges."""
    rows, columns, inside = _pixel_index(portrait, shell.positions)
    _, depths = portrait.camera.project(shell.positions)
    backing = inside & (depths - sheet.depth[rows, columns] < FRONT)
    small = backing & _near_face(portrait)[rows, columns]
    return replace(shell, radii=np.where(small, np.minimum(shell.radii, FACE_RADIUS), shell.radii), backing=backing)


def _near_face(portrait: FittedPortrait) -> np.ndarray:
    """[512, 512] bool: the face's outline with a margin of a Gaussian of the shell."""
    return ndimage.binary_dilation(portrait.face_oval, iterations=FACE_REACH)


def spread(surface: Surface, density: np.ndarray, count: int, rng: np.random.Generator) -> Shell:
    """Spread ``count`` samples over a surface.

    Systematic sampling along a space-filling curve leaves no gaps as independent draws would.

    Args:
        surface: The surface.
        density: [Q] relative number of samples per area of its quads.
        count: Number of samples.
        rng: Source of the jitter.
    """
    order = np.argsort(_morton_codes(surface.vertices[surface.quads].mean(1)))
    shares = (surface.areas() * density)[order]
    ends = np.cumsum(shares)
    marks = (np.arange(count) + 0.5) * (ends[-1] / count)
    place = np.minimum(np.searchsorted(ends, marks), len(order) - 1)
    # Within a quad, one coordinate follows from the mark, the other from a low-discrepancy sequence.
    u = np.clip((ends[place] - marks) / np.maximum(shares[place], 1e-12), 0, 1)[:, None]
    v = ((np.arange(count) * GOLDEN + rng.random()) % 1)[:, None]
    weights = np.concatenate([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    quads = order[place]
    corners = surface.quads[quads]
    positions = (surface.vertices[corners] * weights[..., None]).sum(1)
    normals = unit((surface.normals[corners] * weights[..., None]).sum(1))
    spacing = np.sqrt(ends[-1] / count / density[quads])
    return Shell(positions, normals, quads, weights, OVERLAP * spacing, np.zeros(count, bool))


def _morton_codes(points: np.ndarray) -> np.ndarray:
    """Return the place [N] of points [N, 3] along a Z-order curve (Morton 1966) of 1024 steps an axis."""
    low, high = points.min(0), points.max(0)
    cells = ((points - low) / np.maximum(high - low, 1e-12) * 1023).astype(np.int64)
    codes = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            codes |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return codes


def shell_splats(shell: Shell, colors: np.ndarray, parts: np.ndarray, strands: np.ndarray | None = None) -> Splats:
    """Return flat Gaussians for the shell's samples.

    Args:
        shell: The samples.
        colors: [N, 3] sRGB-encoded, 0..1.
        parts: [N] values of Part.
        strands: [N] 0..1, how far each is drawn out into a strand; None for no strands.
    """
    strands = np.zeros(len(parts)) if strands is None else np.where(shell.backing, 0, strands)
    extents = np.array([1, 1, THICKNESS]) + strands[:, None] * [STRAND_LENGTH - 1, STRAND_WIDTH - 1, 0]
    scales = shell.radii[:, None] * extents
    # The first axis runs up the slope: strands fall from the crown.
    frames = oriented_frames(shell.normals, np.tile([0.0, 0.0, 1.0], (len(parts), 1)))
    return Splats(shell.positions, scales, frames, colors, np.full(len(parts), OPACITY), parts)


def _pixel_index(portrait: FittedPortrait, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return clipped pixel rows and columns of world positions, and whether they lie in the photo."""
    pixels, _ = portrait.camera.project(positions)
    index = np.floor(pixels).astype(int)
    size = portrait.mask.shape[0]
    inside = ((index >= 0) & (index < size)).all(1)
    index = np.clip(index, 0, size - 1)
    return index[:, 1], index[:, 0], inside


def nearest_pixels(portrait: FittedPortrait, positions: np.ndarray) -> np.ndarray:
    """Return row and column [N, 2] of the person's pixel nearest to each position's projection."""
    rows, columns, _ = _pixel_index(portrait, positions)
    nearest = ndimage.distance_transform_edt(~portrait.mask, return_distances=False, return_indices=True)
    return nearest[:, rows, columns].T


def _behind_photo(portrait: FittedPortrait, sheet: PhotoSheet, surface: Surface) -> Surface:
    """Draw the surface inside the photo's outline and behind the photo's pixels, so that it never covers them."""
    camera = portrait.camera
    rows, columns, inside = _pixel_index(portrait, surface.vertices)
    distance = ndimage.distance_transform_edt(np.pad(portrait.mask, 1, mode="edge"))[1:-1, 1:-1]
    safe = distance > RIM
    nearest = ndimage.distance_transform_edt(~safe, return_distances=False, return_indices=True)
    pixels, depths = camera.project(surface.vertices)
    outside = inside & ~safe[rows, columns]
    target = nearest[:, rows[outside], columns[outside]]
    pixels[outside] = target[::-1].T + 0.5
    rows[outside], columns[outside] = target
    # Gaussians are sorted by their centres: one that overlaps a deeper pixel must lie behind that, too.
    deepest = np.where(
        _near_face(portrait),
        ndimage.maximum_filter(sheet.depth, FACE_REACH),
        ndimage.maximum_filter(sheet.depth, REACH),
    )
    # Hair over the face gives way altogether; elsewhere a step stays a step.
    most = np.where(sheet.parts == Part.HAIR, np.inf, DEEPEST)
    limit = np.minimum(deepest, sheet.depth + most)[rows, columns] + BEHIND
    depths = np.where(inside, np.maximum(depths, limit), depths)
    return Surface(camera.unproject(pixels, depths), surface.normals, surface.quads)


def _covered(portrait: FittedPortrait, sheet: PhotoSheet, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return where [N] the photo's pixels already cover the surface well."""
    rows, columns, inside = _pixel_index(portrait, positions)
    facing = (normals * unit(portrait.camera.position - positions)).sum(1)
    _, depths = portrait.camera.project(positions)
    near = depths - sheet.depth[rows, columns] < 4 * BEHIND
    return inside & near & (facing > SEEN_COSINE) & (sheet.facing[rows, columns] > SEEN_COSINE - 0.1)
