"""Hair for the truth heads: strands that grow from the scalp, fall, and stay outside of the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from core.head.model import HeadModel, Region, vertex_normals

WHORL = np.array([0.01, 0.055, 0.1])
"""Metres, near the crown: hair lies away from here."""
CLEARANCE = 0.002
"""Metres that strands keep from the skin, and their layers from one another, on average."""
FALLING = 0.1
"""Metres of length from which hair is combed aside from the face."""
ASIDE = 70.0
"""How strongly, per metre."""


@dataclass(frozen=True)
class Style:
    """How hair grows.

    Attributes:
        strands: Their number.
        length: Metres, give or take a quarter.
        rise: How far strands stand up from the scalp where they leave it, 0..1.
        weight: How fast they turn downwards, per metre.
        curl: Radius of their curls in metres.
        layer: Metres of hair above the scalp.
    """

    strands: int
    length: float
    rise: float
    weight: float
    curl: float = 0.0
    layer: float = 0.008


STYLES = {
    "bald": None,
    "short": Style(16_000, 0.03, rise=0.45, weight=6.0),
    "long": Style(14_000, 0.3, rise=0.1, weight=45.0, layer=0.015),
    "curly": Style(12_000, 0.075, rise=0.7, weight=10.0, curl=0.005, layer=0.02),
}
STEP = 0.006
"""Metres between a strand's points."""
CURL_PITCH = 0.02
"""Metres of a strand along one turn of a curl."""


def grow(model: HeadModel, vertices: np.ndarray, style: Style, rng: np.random.Generator) -> list[np.ndarray]:
    """Return strands, each [P, 3] in metres, rooted on the scalp of a head's vertices [V, 3]."""
    skin = model.in_regions(Region.FACE, Region.SCALP, Region.EARS, Region.NECK, Region.TORSO)
    normals = vertex_normals(vertices, model.triangles)
    tree, surface = cKDTree(vertices[skin]), (vertices[skin], normals[skin])
    roots, outwards = _roots(model, vertices, normals, style.strands, rng)
    away = roots - WHORL
    away -= (away * outwards).sum(1, keepdims=True) * outwards
    direction = _unit(away)
    aside = np.column_stack([np.sign(roots[:, 0]), np.full(len(roots), 0.5), np.zeros(len(roots))])
    if style.length > FALLING:
        direction = direction + (roots[:, 1:2] < 0) * aside
    direction = _unit(direction + 0.15 * rng.normal(size=roots.shape))
    direction = _unit((1 - style.rise) * direction + style.rise * outwards)
    lengths = style.length * rng.uniform(0.75, 1.25, len(roots))
    height = CLEARANCE + style.layer * rng.random(len(roots)) ** 0.7
    points = [roots]
    for step in range(1, int(style.length * 1.25 / STEP) + 1):
        place = points[-1] + direction * STEP
        _, nearest = tree.query(place)
        outward = surface[1][nearest]
        above = ((place - surface[0][nearest]) * outward).sum(1)
        # Layers lie over one another: each strand rises to its own height above the skin.
        needed = np.minimum(height, CLEARANCE + step * STEP * max(style.rise, 0.25))
        place += np.maximum(needed - above, 0)[:, None] * outward
        pull = np.array([0.0, 0.0, -1.0]) * style.weight * STEP + 0.06 * rng.normal(size=place.shape)
        if style.length > FALLING:
            before_face = (place[:, 1] < -0.03) & (np.abs(place[:, 0]) < 0.085) & (place[:, 2] < 0.09)
            pull += (before_face * ASIDE * STEP)[:, None] * aside
        direction = _unit(_unit(place - points[-1]) + pull)
        points.append(place)
    paths = np.stack(points, axis=1)
    if style.curl:
        paths = _curled(paths, style.curl, rng)
    counts = np.clip(np.rint(lengths / STEP).astype(int) + 1, 3, paths.shape[1])
    return [path[:count] for path, count in zip(paths, counts, strict=True)]


def brows(model: HeadModel, vertices: np.ndarray, rng: np.random.Generator, count: int = 450) -> list[np.ndarray]:
    """Return the strands of both eyebrows, as :func:`grow` does."""
    landmarks, strands = model.landmarks(vertices).astype(np.float64), []
    for upper, lower in BROWS:
        edges = landmarks[list(upper)], landmarks[list(lower)]
        along, across = rng.random(count) ** 0.9 * (len(upper) - 1.001), rng.random(count)
        index, share = along.astype(int), (along % 1)[:, None]
        high, low = (edge[index] * (1 - share) + edge[index + 1] * share for edge in edges)
        roots = high + across[:, None] * (low - high) + [0, -0.0005, 0]
        course = _unit(edges[0][index + 1] - edges[0][index]) * -1 + [0, -0.25, 0.3]
        tips = roots + 0.007 * _unit(course + 0.15 * rng.normal(size=roots.shape))
        strands += list(np.stack([roots, (roots + tips) / 2 + [0, -0.0006, 0], tips], axis=1))
    return strands


BROWS = (((107, 66, 105, 63, 70), (55, 65, 52, 53, 46)), ((336, 296, 334, 293, 300), (285, 295, 282, 283, 276)))
"""Landmarks of both eyebrows' upper and lower edges, from the nose outwards."""


def _roots(
    model: HeadModel, vertices: np.ndarray, normals: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return points [N, 3] spread evenly over the scalp, and its normals there."""
    triangles = model.triangles[model.in_regions(Region.SCALP)[model.triangles].all(1)]
    a, b, c = np.moveaxis(vertices[triangles].astype(np.float64), 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(triangles), count, p=area / area.sum())
    u, v = rng.random((2, count))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    shares = np.stack([1 - u - v, u, v], axis=1)[..., None]
    corners = triangles[chosen]
    return (vertices[corners] * shares).sum(1), _unit((normals[corners] * shares).sum(1))


def _curled(paths: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Wind strands [N, P, 3] around their own course."""
    course = _unit(np.gradient(paths, axis=1))
    side = _unit(np.cross(course, [0.0, 0.0, 1.0]) + 1e-6)
    other = np.cross(course, side)
    turn = 2 * np.pi * np.arange(paths.shape[1]) * STEP / CURL_PITCH
    turn = turn + rng.uniform(0, 2 * np.pi, len(paths))[:, None]
    grown = radius * np.clip(np.arange(paths.shape[1]) / 4, 0, 1)[None, :, None]
    return paths + grown * (np.cos(turn)[..., None] * side + np.sin(turn)[..., None] * other)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [..., 3] at length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
