"""The direction of hair all over its surface: the witnesses' where they show it, flowing on from there.

Photos show lines without arrows; roots and tips are told by the usual combing, away from the crown and down.
What no witness shows follows from a screened Laplace equation over the surface's edges, held by the witnesses'
directions and, weakly, by the combing (the smoothest field that agrees with both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..geometry.relaxation import relaxed
from ..geometry.vectors import unit
from .volume import HAIRY, HairPhoto, HairVolume, along_surface

WHORL, WHORL_TURN = 0.22, 0.9
"""World units around the crown within which hair turns, and radians of the turn in the middle."""
FALLING = (0.3, 0.8)
"""World units from the crown between which hair that grew away from it comes to hang."""
NEAR = 0.07
"""World units between surface and photo within which the photo shows the surface."""
GRAZING, FACING = 0.12, 0.4
"""Cosine between normal and ray up to which a photo tells nothing of the surface's directions, and from which all."""
TRUST, HABIT = 2.0, 0.02
"""Weights of a witness' directions and of the combing against an edge's smoothness of 1. A habit of 0.02
is felt some seven edges away from what holds the field (1 / sqrt(0.02))."""
SOLVER_STEPS, TOLERANCE = 150, 1e-3


@dataclass(frozen=True, eq=False)
class Witness:
    """What a photo, or anything else, tells of directions.

    Attributes:
        tangents: [V, 3] unit tangents at the volume's vertices.
        trust: [V] 0..1, how far to trust them.
        arrows: [V] bool, which point from root to tip; the others are lines, of either sign.
    """

    tangents: np.ndarray
    trust: np.ndarray
    arrows: np.ndarray


def combing(volume: HairVolume) -> np.ndarray:
    """Return the unit tangents [V, 3] of hair that no photo shows: a whorl at the crown, falling further on."""
    away = volume.vertices - volume.crown
    distance = np.sqrt((away * away).sum(1, keepdims=True))
    turn = WHORL_TURN * np.exp(-((distance / WHORL) ** 2))
    radial = along_surface(away, volume.normals)
    swirl = np.cos(turn) * radial + np.sin(turn) * np.cross(volume.normals, radial)
    fall = np.clip((distance - FALLING[0]) / (FALLING[1] - FALLING[0]), 0, 1)
    usual = along_surface(swirl * (1 - fall) + np.array([0.0, 0.0, -1.0]) * fall, volume.normals)
    if volume.combing is None:
        return usual
    given = along_surface(volume.combing, volume.normals)
    return np.where((volume.combing * volume.combing).sum(1, keepdims=True) > 0, given, usual)


def photo_witness(volume: HairVolume, photo: HairPhoto) -> Witness:
    """Return what a photo tells: lines without arrows."""
    directions = photo.directions
    pixels, depths = photo.camera.project(volume.vertices)
    rows, columns, _, inside = photo.look_up(volume.vertices)
    ray = unit(photo.camera.position - volume.vertices)
    facing = (volume.normals * ray).sum(1)
    seen = inside & photo.hair[rows, columns] & (np.abs(depths - photo.depth[rows, columns]) < NEAR)
    trust = directions.coherence[rows, columns] * np.clip((facing - GRAZING) / (FACING - GRAZING), 0, 1) * seen
    ahead = photo.camera.unproject(pixels + directions.vectors(rows, columns), depths)
    flat = ahead - photo.camera.unproject(pixels, depths)
    # What the picture shows as a line may run to or from the camera as far as the surface does.
    slope = (flat * volume.normals).sum(1) / np.where(np.abs(facing) > GRAZING, facing, GRAZING)
    return Witness(along_surface(flat - slope[:, None] * ray, volume.normals), trust, np.zeros(len(trust), bool))


def tangent_field(volume: HairVolume, witnesses: Sequence[Witness]) -> np.ndarray:
    """Return the unit tangents [V, 3] from root to tip of the hair at each vertex; 0 where there is no hair.

    Args:
        volume: Where hair is.
        witnesses: What tells of its directions.
    """
    hair = volume.hairiness >= HAIRY
    usual = combing(volume)
    field = np.zeros_like(volume.vertices)
    if not hair.any():
        return field
    index = np.cumsum(hair) - 1
    edges = np.concatenate([volume.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    first, second = index[edges[hair[edges].all(1)]].T
    count = int(hair.sum())
    links = sparse.csr_matrix((np.ones(len(first)), (first, second)), (count, count))
    links = links + links.T
    links.data[:] = 1
    usual, normals = usual[hair], volume.normals[hair]
    shown = [(one.tangents[hair], TRUST * one.trust[hair], one.arrows[hair]) for one in witnesses]
    held = HABIT + sum((weight for _, weight, _ in shown), np.zeros(count))
    diagonal = np.asarray(links.sum(1)).ravel() + held
    solution = usual
    # Once with arrows from the combing, once more with those of the field that came out.
    for _ in range(2):
        target = HABIT * usual
        for tangents, weight, arrows in shown:
            backwards = ((tangents * solution).sum(1) < 0) & ~arrows
            target = target + tangents * (np.where(backwards, -1, 1) * weight)[:, None]
        solution = along_surface(relaxed(links, diagonal, target, solution, TOLERANCE, SOLVER_STEPS), normals)
    field[hair] = solution
    return field
