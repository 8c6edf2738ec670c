"""Gives the small parts of the base mesh's UV map more of the texture.

MPFB2 lays out the skin generously and keeps the eyes as four dots, 28 texels wide in a texture of
2048: an iris of 14 texels has no pupil. The lower left of the map is empty, and the skin's own
islands stay where they are, so that skins painted for MakeHuman and MPFB2 still fit.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LAYOUT = {
    "helper-r-eye": ((8.0, (0.09, 0.42)), (4.0, (0.29, 0.44))),
    "helper-l-eye": ((8.0, (0.20, 0.42)), (4.0, (0.35, 0.44))),
    "helper-upper-teeth": ((3.0, (0.13, 0.30)),),
    "helper-lower-teeth": ((3.0, (0.13, 0.22)),),
    "helper-tongue": ((2.0, (0.29, 0.28)),),
}
"""Scale and new centre of each island of a group, the uppermost first: of an eye its front."""


def enlarge_small_parts(uvs: np.ndarray, face_uvs: np.ndarray, face_groups: np.ndarray) -> np.ndarray:
    """Return texture coordinates [U, 2] with the islands of :data:`LAYOUT` scaled and moved.

    Args:
        uvs: [U, 2] the base mesh's.
        face_uvs: [F, 4] rows of ``uvs``.
        face_groups: [F] names.

    Raises:
        ValueError: a group has another number of islands.
    """
    pairs = np.concatenate([face_uvs[:, [i, (i + 1) % 4]] for i in range(4)])
    links = coo_array((np.ones(len(pairs), np.int8), pairs.T), (len(uvs),) * 2)
    island = connected_components(links, directed=False)[1]
    result = uvs.copy()
    for group, places in LAYOUT.items():
        members = [np.flatnonzero(island == number) for number in np.unique(island[face_uvs[face_groups == group]])]
        members.sort(key=lambda rows: -uvs[rows, 1].mean())
        if len(members) != len(places):
            raise ValueError(f"{group} has {len(members)} islands, expected {len(places)}")
        for rows, (scale, center) in zip(members, places, strict=True):
            middle = (uvs[rows].min(0) + uvs[rows].max(0)) / 2
            result[rows] = center + scale * (uvs[rows] - middle)
    return result
