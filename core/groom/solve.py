"""Scalp hair as guides, from any head's splats.

The hair's outer surface comes from the splats as they stop light; its directions from pictures of them and from their
own longest axes (:mod:`.witnesses`), flowing on where nothing tells (:mod:`core.hair.flow`). Guides grow from places
spread over the scalp into the hair, and where these leave its surface uncovered, from there back to the scalp.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..avatar.base_mesh import BaseMesh
from ..avatar.distance import head_frame
from ..avatar.views import cropped
from ..gaussians import Gaussians
from ..hair.flow import photo_witness, tangent_field
from ..hair.grid import FlowGrid
from ..hair.waves import STRAIGHT
from ..head.landmark_solver import UNITS_PER_METRE
from ..head.model import HeadModel, Region
from ..progress import Reporter
from .arrows import agreed
from .curves import HairCurves
from .groom import Tuft
from .ground import Ground, spread_on_faces
from .growing import CLEARANCE, resampled
from .guides import guide_paths
from .hairy import guessed, told, worn
from .outline import drawn_to_outline
from .roots import area_grown_on, nearest_roots
from .tinting import colors_at, radii_at
from .volume import hair_volume
from .witnesses import wave_of, witnesses_of

MOST_SPLATS = 250_000
"""More are thinned out."""
MARK = "groom:hair"
"""Column of splats that are hair."""
SURE = 0.5
"""Share from which a splat is hair."""
HAT = 0.1
"""Share of the scalp that clothes cover from which they are a hat."""
GUESSED = "Hair under the hat is guessed: it lies flat and has the colour of the hair that is seen."
HAIRLINE = 0.014
"""Metres from the scalp's border up to which face and neck may have hair, less and less."""
LEAST_DENSE = 0.1
"""Density from which a vertex has hair at all."""
SPACING, FEWEST_POINTS, MOST_POINTS = 0.03, 5, 28
"""World units between a guide's points; points of a guide."""
HAIRS, SCALP = 60_000, 0.055
"""Hairs of a full scalp, and its area in square metres."""


def hair_tuft(
    gaussians: Gaussians, base: BaseMesh, guides: int, reporter: Reporter, chosen: np.ndarray | None = None
) -> tuple[Tuft, tuple[str, ...]]:
    """Return a head's scalp hair, and what a person should know about it.

    Args:
        gaussians: The head.
        base: Its base mesh, in the same space.
        guides: How many are wanted, about.
        reporter: Progress and cancelling.
        chosen: [N] bool, which splats are hair; None to tell it by their parts.

    Raises:
        FaceLiftError: there is no hair ("no-hair"), or nothing tells what is hair ("select-hair").
        Cancelled: cancelled through the reporter.
    """
    hair = told(gaussians, chosen)
    looking, growing = reporter.parts(60, 40)
    frame = head_frame(base.pose)
    framed, hair = _cropped(gaussians, hair, frame)
    head = base.transformed(frame)
    vertices, model = head.shown.astype(np.float64), base.model
    scalp = _scalp(vertices, model)
    ground = Ground(vertices, model, (scalp > 0)[model.faces].any(1))
    if hair is None:
        hair = guessed(framed, vertices, model, ground).astype(np.float32)
    hat = worn(framed, vertices, model) & (hair < SURE)
    volume = hair_volume(framed, hair, hat.astype(np.float32), ground, head.pose)
    photos, axes = witnesses_of(framed, hair, volume, looking)
    witness = agreed(volume, [photo_witness(volume, photo) for photo in photos], [axes])
    # The picture from the front is the photo's own; the others show what an engine made of it.
    wave = wave_of(photos[0])
    growing.stage("Growing hair", steps=4)
    rng = np.random.default_rng(0)
    grid = FlowGrid(volume, tangent_field(volume, [witness]), np.zeros((len(volume.vertices), 0)), STRAIGHT, rng)
    growing.step()
    density = scalp * np.clip((grid.look_up(vertices).hairiness - 0.5) / 0.3, 0, 1)
    faces = model.faces[(density > LEAST_DENSE)[model.faces].any(1)]
    places = spread_on_faces(vertices, faces, density, guides, rng)
    paths = guide_paths(grid, ground, volume, places, wave.radius, rng)
    growing.step()
    points, counts = resampled(paths, SPACING, FEWEST_POINTS, MOST_POINTS)
    points = drawn_to_outline(points, counts, photos[0])
    curves = _curves(points, counts, base, frame, density, ground)
    growing.step()
    colors = colors_at(points, framed.select(np.flatnonzero(hair >= SURE)), grid)
    places = (np.arange(len(points)) - curves.first[curves.owners]) / (counts[curves.owners] - 1)
    curves = HairCurves(curves.points, counts, colors, radii_at(places, base.pose.scale), curves.roots)
    growing.finish()
    notes = (GUESSED,) if hat.any() and _covered(framed.select(np.flatnonzero(hat)), vertices, model) > HAT else ()
    wave = wave.scaled(base.pose.scale / UNITS_PER_METRE)
    return Tuft(curves, density.astype(np.float32), _hairs(vertices, model, density), wave), notes


def _cropped(gaussians: Gaussians, hair: np.ndarray | None, frame: np.ndarray) -> tuple[Gaussians, np.ndarray | None]:
    """Return the splats near the head in the engines' frame, and which are hair [N] float32, where that is known."""
    # As a column of the splats, it stays with those that are left.
    marks = {} if hair is None else {MARK: hair.astype(np.float32)}
    near = cropped(gaussians.replace(extras={**gaussians.extras, **marks}), frame, MOST_SPLATS)
    return near, near.extras.get(MARK)


def _covered(hat: Gaussians, vertices: np.ndarray, model: HeadModel) -> float:
    """Return the share of the scalp that a hat's splats lie over."""
    scalp = np.flatnonzero(model.in_regions(Region.SCALP))
    return len(np.unique(cKDTree(vertices[scalp]).query(hat.means)[1])) / len(scalp)


def _scalp(vertices: np.ndarray, model: HeadModel) -> np.ndarray:
    """Return how far hair may grow at vertices [V], 0..1: on the scalp, and a little beyond its border."""
    on = model.in_regions(Region.SCALP)
    beside = model.in_regions(Region.FACE, Region.NECK)
    distance = cKDTree(vertices[on]).query(vertices)[0] / UNITS_PER_METRE
    return np.where(on, 1.0, np.where(beside, np.clip(1 - distance / HAIRLINE, 0, 1), 0.0))


def _curves(
    points: np.ndarray, counts: np.ndarray, base: BaseMesh, frame: np.ndarray, density: np.ndarray, ground: Ground
) -> HairCurves:
    """Return guides with their roots exactly on the base mesh, in the splats' space, without colours."""
    back = np.linalg.inv(frame)
    first = np.cumsum(counts) - counts
    points = ground.lifted(points, CLEARANCE)
    moved = points @ back[:3, :3].T + back[:3, 3]
    kept = np.ones(len(base.model.faces), bool) if base.kept is None else base.kept
    faces = (density > LEAST_DENSE)[base.model.faces].any(1) & kept
    roots, _ = nearest_roots(moved[first], base.shown, base.model, faces)
    moved[first] = roots.points(base.shown)
    empty = np.zeros(len(moved), np.float32)
    return HairCurves(moved.astype(np.float32), counts, np.zeros((len(moved), 3), np.float32), empty, roots)


def _hairs(vertices: np.ndarray, model: HeadModel, density: np.ndarray) -> int:
    """Return how many hairs there are for the area that they grow on."""
    covered = area_grown_on(vertices, model.triangles, density) / UNITS_PER_METRE**2
    return max(round(HAIRS * covered / SCALP), 1)
