"""What the base mesh consists of: groups of vertices, and the materials of its faces."""

from __future__ import annotations

import numpy as np

from ..head import bending
from ..head.model import HeadModel, Region

OUTSIDE = (Region.FACE, Region.SCALP, Region.EARS, Region.NECK, Region.TORSO, Region.LIPS)
"""Regions of the outer skin, which splats and hair can lie on: not the inner sides of lids, lips and nostrils, which
are as near."""
MATERIALS = ("Skin", "Eyes", "Mouth", "Tongue", "Teeth")
"""Names of the base mesh's materials; faces refer to them by number."""
PLAIN_COLORS = {
    "Skin": (0.80, 0.62, 0.54),
    "Eyes": (0.86, 0.85, 0.83),
    "Mouth": (0.42, 0.16, 0.15),
    "Tongue": (0.62, 0.30, 0.29),
    "Teeth": (0.86, 0.84, 0.78),
}
"""sRGB colours, 0..1, of a mesh without a texture."""
ROUGHNESS = {"Skin": 0.5, "Eyes": 0.12, "Mouth": 0.35, "Tongue": 0.35, "Teeth": 0.25}
"""How rough the surfaces are, 0..1: what is wet shines."""
_SIDES = {".L": 1, ".R": -1}
"""Blender's endings; the head's left is at positive x."""


def tongue(model: HeadModel) -> np.ndarray:
    """Return a mask [V] of the tongue."""
    return model.in_regions(Region.MOUTH) & ~bending.body(model)


def vertex_groups(model: HeadModel) -> dict[str, np.ndarray]:
    """Return the vertices [K] of groups by their names; every vertex is in one group."""
    side, height = np.sign(model.mean[:, 0]), model.mean[:, 2]
    teeth = model.in_regions(Region.TEETH)
    # Each row is a piece; their heights overlap.
    rows = {piece: height[bending.pieces(model) == piece].mean() for piece in np.unique(bending.pieces(model)[teeth])}
    upper = teeth & (bending.pieces(model) == max(rows, key=rows.__getitem__))
    masks = {
        "Face": model.in_regions(Region.FACE),
        "Lips": model.in_regions(Region.LIPS),
        "Scalp": model.in_regions(Region.SCALP),
        "Neck": model.in_regions(Region.NECK),
        "Torso": model.in_regions(Region.TORSO),
        "Eye Sockets and Nostrils": model.in_regions(Region.SOCKETS),
        "Mouth Inside": model.in_regions(Region.MOUTH) & ~tongue(model),
        "Tongue": tongue(model),
        "Teeth Upper": upper,
        "Teeth Lower": teeth & ~upper,
    }
    for ending, sign in _SIDES.items():
        masks[f"Eye{ending}"] = model.in_regions(Region.EYES) & (side == sign)
        masks[f"Ear{ending}"] = model.in_regions(Region.EARS) & (side == sign)
    return {name: np.flatnonzero(mask) for name, mask in masks.items()}


def face_materials(model: HeadModel) -> np.ndarray:
    """Return the number of each face's material [F], in :data:`MATERIALS`."""
    of_vertices = np.zeros(len(model.mean), np.int64)
    for name, mask in (
        ("Eyes", model.in_regions(Region.EYES)),
        ("Mouth", model.in_regions(Region.MOUTH)),
        ("Tongue", tongue(model)),
        ("Teeth", model.in_regions(Region.TEETH)),
    ):
        of_vertices[mask] = MATERIALS.index(name)
    # Faces across the border of lips and mouth belong to the skin.
    return of_vertices[model.faces].min(axis=1)
