"""Beards: hair on lips, chin and jaw, as long as the picture shows it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ...avatar.closest import closest_on_triangles
from ...geometry.vectors import unit
from ...hair.directions import gradient_tensor, strand_directions
from ...head.landmark_solver import UNITS_PER_METRE
from ...head.model import Region
from ..groom import Tuft
from .beard_cover import BeardCover, picture_features
from .beard_length import Hanging, hanging
from .grow import hair_curves, skin_faces
from .sight import Face

STEPS = 10
"""Points of a hair."""
GUIDES, FEWEST = 0.6, 400
"""Guides of a beard against the scalp's, and how many they are at least."""
DENSITY, MOST = (60, 120), 24_000
"""Hairs for each square centimetre of a short and of a long beard, and how many they are at most."""
THIN = 0.2
"""Share of cover up to which there is no hair."""
SHORT, LACKS = (0.003, 0.006), (0.15, 0.3)
"""Metres that hairs of a short beard are long, from how much less red than skin it is."""
LONG = 0.012
"""Metres that a beard hangs below the chin from which it is a long one."""
AT_CHEEKS, AT_CHIN, AT_LIP = 0.3, 0.9, (0.35, 0.018)
"""Length on the cheeks and on the chin against what hangs; on the upper lip against it, and at most, metres."""
MOUTH, CHIN = -66.0, -100.0
"""Millimetres above eye level of the average head's mouth and chin."""
PHILTRUM = 8.0
"""Millimetres beside the middle from which a moustache runs aside in full."""
STAND, FALL, WAVER = (0.45, 0.6), (0.0, 1.5), (0.05, 0.22)
"""How far hairs stand off at their roots, how far they fall in the end, and how far they stray at each step: short and
long ones."""
UNEVEN = 0.16
"""Standard deviation of directions and lengths."""
FOLLOW, ALIKE = 0.7, 0.6
"""How far the picture's own directions are followed, where they are no further than this cosine from what beards do."""
CLEAR = 0.0006
"""Metres above the skin that hairs stay, from their second point on."""
RADIUS = (0.00004, 0.00006)
"""Metres, of short and of long hairs: what hangs is not seen before skin of its colour."""
LOCAL, KNOWN = 3.0, 0.15
"""Pixels over which the beard's colours are averaged, and how much of them has to be beard."""
LOOSE = 0.004
"""Metres before the mesh from which what the picture shows hangs there."""
DARKER = 0.4
"""Hair against its picture, in logarithms, for each that it is darker than skin."""
FACING = 0.3
"""Cosine from which the front view tells a hair's colour and direction."""


def find_beard(face: Face, guides: int) -> Tuft | None:
    """Return the beard; None where the splats show none.

    Args:
        face: The head.
        guides: How many the scalp has, about; for so many that they are all its hairs, the beard has all of its own.
    """
    cover = BeardCover.of(face)
    if cover is None:
        return None
    model, rng = face.base.model, np.random.default_rng(0)
    dense = np.clip((cover.share - THIN) / (1 - THIN), 0, 1)
    triangles, areas = _patches(face, dense)
    hang = hanging(face, cover)
    is_long = hang.length > LONG
    hairs = int(np.clip(areas.sum() * 1e4 * DENSITY[is_long], FEWEST, MOST))
    count = min(max(FEWEST, int(GUIDES * guides)), hairs)
    corners, weights = _spread(triangles, areas, count, rng)
    roots, normals, mean = (
        np.einsum("sk,skc->sc", weights, values[corners])
        for values in (face.vertices, face.normals, model.mean * 1000.0)
    )
    normals = unit(normals)
    lengths = _lengths(mean, hang.length, cover.lack) * (1 + UNEVEN * rng.standard_normal(len(roots)))
    along = _combed(face, roots, normals, _prior(mean), cover)
    paths = _paths(roots, normals, along, lengths, is_long, rng)
    paths = _outside(face, paths)
    grows = skin_faces(model, Region.FACE, Region.NECK)
    curves = hair_curves(face, paths, _colors(face, paths, normals, cover, hang, rng), RADIUS[is_long], grows)
    return Tuft(curves, (dense / dense.max()).astype(np.float32), hairs)


def _patches(face: Face, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return triangles [T, 3] of the beard, and how many square metres [T] of each hair covers."""
    triangles = face.base.triangles[(share[face.base.triangles] > 0).all(axis=1)]
    edges = face.vertices[triangles[:, 1:]] - face.vertices[triangles[:, :1]]
    areas = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2 / UNITS_PER_METRE**2
    return triangles, areas * share[triangles].mean(axis=1)


def _spread(
    triangles: np.ndarray, areas: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return corners [S, 3] and weights [S, 3] of ``count`` places spread over triangles by area."""
    steps = np.cumsum(areas) / areas.sum()
    chosen = np.searchsorted(steps, (np.arange(count) + rng.uniform(size=count)) / count)
    first, second = np.sqrt(rng.uniform(size=count)), rng.uniform(size=count)
    return triangles[chosen], np.stack([1 - first, first * (1 - second), first * second], axis=1)


def _lengths(mean: np.ndarray, hang: float, lack: float) -> np.ndarray:
    """Return lengths [S] in metres of hairs at places [S, 3] of the average head, millimetres."""
    short = np.interp(lack, LACKS, SHORT)
    if hang < LONG:
        return np.full(len(mean), short)
    lengths = hang * np.interp(-mean[:, 2], (-MOUTH, -CHIN), (AT_CHEEKS, AT_CHIN))
    lip = _on_lip(mean)
    return np.maximum(lengths + lip * (min(AT_LIP[0] * hang, AT_LIP[1]) - lengths), short)


def _on_lip(mean: np.ndarray) -> np.ndarray:
    """Return how far places [S, 3] of the average head, millimetres, are on the upper lip [S], 0..1."""
    return np.clip((mean[:, 2] - MOUTH) / 4, 0, 1) * np.clip((32 - np.abs(mean[:, 0])) / 6, 0, 1)


def _prior(mean: np.ndarray) -> np.ndarray:
    """Return how beards lie [S, 3]: down, on the cheeks a little back, on the lip aside, on the chin forward."""
    lip = _on_lip(mean)[:, None]
    aside = np.clip(mean[:, :1] / PHILTRUM, -1, 1)
    chin = np.clip((35 - np.abs(mean[:, :1])) / 20, 0, 1)
    plain = np.concatenate([0.012 * mean[:, :1], 0.3 - 0.8 * chin, np.full_like(aside, -1)], axis=1)
    moustache = np.concatenate([1.1 * aside, np.zeros_like(aside), np.full_like(aside, -0.75)], axis=1)
    return unit(plain + lip * (moustache - plain))


def _combed(face: Face, roots: np.ndarray, normals: np.ndarray, prior: np.ndarray, cover: BeardCover) -> np.ndarray:
    """Return unit directions [S, 3] along the skin: the prior's, turned to the picture's where it tells them."""
    sight = face.sight(0)
    camera = sight.camera
    along = unit(prior - (prior * normals).sum(axis=1, keepdims=True) * normals)
    mask = (sight.of_vertices(cover.share) > 0.3) & (sight.alpha > 0.5)
    told = strand_directions(gradient_tensor(sight.rgb, mask), mask)
    pixels, _ = camera.project(roots)
    columns, rows = np.clip(pixels.astype(int), 0, mask.shape[0] - 1).T
    shown = unit(camera.project(roots + 0.01 * along)[0] - pixels)
    own = told.vectors(rows, columns)
    own = own * np.sign((own * shown).sum(axis=1, keepdims=True))
    near = (own * shown).sum(axis=1)
    trust = FOLLOW * told.coherence[rows, columns] * (near > ALIKE) * (camera.facing(roots, normals) > FACING)
    # The turn in the picture, which rows run down in, is one about the normal that faces the camera.
    angle = trust * np.arctan2(own[:, 0] * shown[:, 1] - own[:, 1] * shown[:, 0], near)
    return np.cos(angle)[:, None] * along + np.sin(angle)[:, None] * np.cross(normals, along)


def _paths(
    roots: np.ndarray,
    normals: np.ndarray,
    along: np.ndarray,
    lengths: np.ndarray,
    is_long: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return paths [S, STEPS, 3] that begin along the skin, stand off it and fall."""
    count = len(roots)
    along = unit(along + UNEVEN * rng.standard_normal((count, 3)))
    stand = STAND[is_long] * rng.uniform(0.7, 1.3, (count, 1))
    way, points = roots, [roots]
    for step in range(STEPS - 1):
        share = step / (STEPS - 2)
        heading = along + stand * (1 - share) * normals + FALL[is_long] * share * np.array([0, -0.12, -1.0])
        heading += WAVER[is_long] * rng.standard_normal((count, 3))
        way = way + unit(heading) * (lengths * UNITS_PER_METRE / (STEPS - 1))[:, None]
        points.append(way)
    return np.stack(points, axis=1)


def _outside(face: Face, paths: np.ndarray) -> np.ndarray:
    """Return the paths with what lies inside the head put onto its skin."""
    around = face.base.model.in_regions(Region.FACE, Region.LIPS, Region.NECK, Region.TORSO)
    triangles = face.base.triangles[around[face.base.triangles].all(axis=1)]
    points = paths[:, 1:].reshape(-1, 3)
    triangle, weights, _ = closest_on_triangles(points, face.vertices, triangles)
    corners = triangles[triangle]
    places = np.einsum("pk,pkc->pc", weights, face.vertices[corners])
    normals = unit(np.einsum("pk,pkc->pc", weights, face.normals[corners]))
    short = np.maximum(CLEAR * UNITS_PER_METRE - ((points - places) * normals).sum(axis=1), 0)
    moved = points + np.minimum(short, 0.02 * UNITS_PER_METRE)[:, None] * normals
    return np.concatenate([paths[:, :1], moved.reshape(len(paths), -1, 3)], axis=1)


def _colors(
    face: Face,
    paths: np.ndarray,
    normals: np.ndarray,
    cover: BeardCover,
    hang: Hanging,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return colours [S, STEPS, 3]: the picture's where it shows the beard, else those of the nearest hair it shows."""
    sight = face.sight(0)
    seen = picture_features(sight)
    beard = sight.of_vertices(cover.share) * (sight.of_vertices(face.normals) @ -sight.camera.c2w[:3, 2] > FACING)
    beard = np.maximum(np.where(sight.maps.depth - sight.depth < LOOSE * UNITS_PER_METRE, beard, 0), hang.mask)
    weight = (cover.hairy(seen) * beard * (sight.alpha > 0.95)) ** 2
    picture, known = _averaged(sight.rgb, weight)
    # A dark beard's picture is lightened by the skin between its hairs.
    dark = np.clip(
        np.average(seen[..., 0], weights=weight * (sight.of_vertices(cover.share) > 0)) - cover.skin[0], -1, 0
    )
    count = len(paths)
    pixels = sight.camera.project(paths.reshape(-1, 3))[0]
    at = [pixels[:, 1] - 0.5, pixels[:, 0] - 0.5]
    colors = np.stack([ndimage.map_coordinates(picture[..., c], at, order=1) for c in range(3)], axis=1)
    colors = colors.reshape(count, STEPS, 3)
    there = (ndimage.map_coordinates(known, at, order=1) > KNOWN).reshape(count, STEPS)
    there &= (sight.camera.facing(paths[:, 0], normals) > FACING)[:, None]
    # From where a hair leaves what is seen of the beard, it keeps its colour.
    last = np.maximum.accumulate(np.where(there, np.arange(STEPS), -1), axis=1)
    last = np.where(last < 0, there.argmax(axis=1)[:, None], last)
    colors = np.take_along_axis(colors, last[..., None], axis=1)
    told = there.any(axis=1)
    if told.any():
        colors[~told] = colors[told][cKDTree(paths[told, 0]).query(paths[~told, 0])[1]]
    else:
        colors[:] = np.average(sight.rgb.reshape(-1, 3), axis=0, weights=weight.ravel())
    return np.exp(DARKER * dark) * colors * (1 + 0.1 * rng.standard_normal((count, 1, 1)))


def _averaged(rgb: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture [S, S, 3] averaged over what counts around each pixel, and how much counts there [S, S]."""
    known = ndimage.gaussian_filter(weight, LOCAL)
    total = np.stack([ndimage.gaussian_filter(rgb[..., c] * weight, LOCAL) for c in range(3)], axis=-1)
    return total / np.maximum(known, 1e-6)[..., None], known
