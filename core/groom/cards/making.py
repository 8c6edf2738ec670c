"""Makes hair cards of hair curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...avatar.base_mesh import BaseMesh
from ...errors import FaceLiftError
from ...geometry.vectors import unit
from ...progress import Reporter
from ..curves import HairCurves, concatenate
from ..groom import Growth
from ..roots import Roots
from .cap import Cap, cap_of, paint_cap
from .cards import Cards, triangle_count
from .cells import Locks, cells_of
from .clusters import Resampled, cluster
from .layout import CAP
from .painting import Picture, paint
from .ribbons import Ribbons, at, places_of, ribbons_of, segments_of, wanted_segments
from .strokes import strokes_of

TRIANGLES = (2_000, 8_000, 20_000)
"""Least, default and most."""
SIZES = (1024, 2048, 4096)
"""Of the atlas in pixels."""
SIZE = 2048
USUAL = (4, 10)
"""Least and most segments of a card, by which the number of cards is chosen: wavy hair has fewer ones, that bend."""
SHARES = {Growth.HAIR: 1.0, Growth.BEARD: 0.25, Growth.BROWS: 0.08, Growth.LASHES: 0.06}
"""How triangles are shared among what grows."""
CLEAR = 0.0018
"""Metres from the skin that cards over the cap keep: it lies between."""
HAIR_WIDTH = 2.4
"""Of a hair in the atlas of :data:`SIZE`, pixels; never less than :data:`LEAST_WIDTH`."""
LEAST_WIDTH = 1.5
COVER = 2.0
"""How often hairs would cover a card near the root if none lay over another."""
BEND = 0.4
"""How far shading normals turn from a card's own to straight outwards at its edges: a card is no board."""
SEED = 7


def cards_of(
    curves: Mapping[Growth, HairCurves],
    triangles: int,
    atlas_size: int,
    base: BaseMesh,
    reporter: Reporter | None = None,
) -> Cards:
    """Return hair cards.

    Args:
        curves: What grows, in the space of the mesh, on the face without expression.
        triangles: At most so many, :data:`TRIANGLES`, the cap among them.
        atlas_size: Of :data:`SIZES`.
        base: The mesh that the curves grow on.
        reporter: Progress and cancelling.

    Raises:
        FaceLiftError: there are no curves ("no-curves").
        Cancelled: cancelled through the reporter.
    """
    reporter = Reporter() if reporter is None else reporter
    curves = {growth: some for growth, some in curves.items() if len(some)}
    if not curves:
        raise FaceLiftError("There are no hair curves.", "Make them with Hair to Curves first.", code="no-curves")
    planning, drawing = reporter.parts(1, 3)
    planning.stage("Laying cards along the hair", steps=2)
    hair = {growth: Resampled.of(some) for growth, some in curves.items()}
    cap = cap_of(hair[Growth.HAIR], base) if Growth.HAIR in hair else None
    budget = (triangles - (triangle_count(cap.faces) if cap is not None else 0)) // 2
    owners, growths = _clusters(hair, budget, base.pose.scale)
    planning.step()
    everything = Resampled.of(concatenate(list(curves.values())))
    capped = np.array([growth == Growth.HAIR for growth in hair])
    ribbons = ribbons_of(everything, owners, base, CLEAR * capped[growths])
    pictures, picture = cells_of(everything, owners, ribbons, growths)
    planning.step()
    mesh = _mesh(ribbons, segments_of(ribbons, budget, base.pose.scale), pictures, picture, cap)
    color, normal = _atlas(pictures, cap, hair.get(Growth.HAIR), base.pose.scale, atlas_size, drawing)
    reporter.finish()
    return Cards(*mesh, len(ribbons), color, normal)


def _clusters(hair: Mapping[Growth, Resampled], budget: int, metre: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the card [S] of each curve, and the growth [N] of each card.

    Args:
        hair: What grows.
        budget: Segments for all cards.
        metre: A metre's length.
    """
    weights = np.array([SHARES[growth] for growth in hair])
    owners, growths = [], []
    begin = 0
    for index, (some, weight) in enumerate(zip(hair.values(), weights, strict=True)):
        segments = np.clip(np.median(wanted_segments(some.points, metre)), *USUAL)
        number = max(1, int(budget * weight / weights.sum() / segments))
        # Every second point tells as much; roots must be there, as they hold the cards.
        features = some.points[:, 1::2] / metre
        features = np.concatenate([some.points[:, :1] / metre, features], axis=1).reshape(len(features), -1)
        found = cluster(features, number)
        owners.append(found + begin)
        growths.append(np.full(int(found.max()) + 1, index))
        begin += len(growths[-1])
    return np.concatenate(owners), np.concatenate(growths)


def _mesh(
    ribbons: Ribbons, segments: np.ndarray, pictures: list[Locks], picture: np.ndarray, cap: Cap | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Roots, np.ndarray]:
    """Return vertices, normals, faces, texture coordinates, roots and their owners of cards and cap."""
    owner, along = places_of(ribbons, segments)
    middles, sides = at(ribbons.middles, owner, along), unit(at(ribbons.sides, owner, along))
    outwards, halves = unit(at(ribbons.normals, owner, along)), at(ribbons.halves, owner, along)[:, None]
    # Left and right of each row: two vertices one after the other.
    vertices = np.stack([middles - sides * halves, middles + sides * halves], axis=1).reshape(-1, 3)
    normals = unit(np.stack([outwards - BEND * sides, outwards + BEND * sides], axis=1).reshape(-1, 3))
    row = np.flatnonzero(np.diff(owner) == 0)
    faces = 2 * row[:, None] + np.array([[2, 3, 1, 0]])
    rects = [pictures[index].rect.inner for index in picture]
    left, bottom, right, top = (
        np.array([getattr(rect, name) for rect in rects]) for name in ("left", "bottom", "right", "top")
    )
    # Every second card shows its picture mirrored: neighbours with the same one look less alike.
    mirrored = np.arange(len(ribbons)) % 2 == 1
    left, right = np.where(mirrored, right, left), np.where(mirrored, left, right)
    height = top[owner] - along * (top - bottom)[owner]
    uvs = np.stack([np.stack([edge[owner], height], axis=1) for edge in (left, right)], axis=1).reshape(-1, 2)
    roots, owners = ribbons.roots, np.repeat(owner, 2)
    if cap is not None:
        faces = np.concatenate([faces, cap.faces + len(vertices)])
        owners = np.concatenate([owners, len(roots) + np.arange(len(cap.vertices))])
        vertices, normals = np.concatenate([vertices, cap.vertices]), np.concatenate([normals, cap.normals])
        uvs, roots = np.concatenate([uvs, cap.uvs]), Roots.concatenate([roots, cap.roots])
    return (
        vertices.astype(np.float32),
        normals.astype(np.float32),
        faces.astype(np.int32),
        uvs.astype(np.float32),
        roots,
        owners.astype(np.int32),
    )


def _atlas(
    pictures: list[Locks], cap: Cap | None, hair: Resampled | None, metre: float, size: int, reporter: Reporter
) -> tuple[np.ndarray, np.ndarray]:
    """Return colour with opacity, and normals, as uint8."""
    reporter.stage("Painting the hair", steps=len(pictures) + 1)
    rng = np.random.default_rng(SEED)
    color = np.zeros((size, size, 4), np.uint8)
    normal = np.full((size, size, 3), (128, 128, 255), np.uint8)
    width = max(HAIR_WIDTH * size / SIZE, LEAST_WIDTH)
    for locks in pictures:
        rows, columns = locks.rect.pixels(size)
        shape = rows.stop - rows.start, columns.stop - columns.start
        number = max(6, int(COVER * shape[1] / width))
        _put(color, normal, paint(strokes_of(locks, number, rng), shape, width), (rows, columns))
        reporter.step()
    if cap is not None and hair is not None:
        rows, columns = CAP.pixels(size)
        _put(color, normal, paint_cap(cap.plane, hair, metre, rows.stop - rows.start, rng), (rows, columns))
    reporter.step()
    return color, normal


def _put(color: np.ndarray, normal: np.ndarray, picture: Picture, place: tuple[slice, slice]) -> None:
    color[place] = np.round(255 * np.dstack([picture.color, picture.alpha])).astype(np.uint8)
    normal[place] = np.round(127.5 * (picture.normal + 1)).astype(np.uint8)
