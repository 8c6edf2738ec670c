"""Where an exported head ends below: at a closed edge loop around its neck, which is all of its border there.

The head model is a part of the MakeHuman and MPFB2 base mesh, and so are its edge loops. A body of MPFB's, of whatever
shape, has the same loop of the same vertices: where what is above them is taken away, both borders meet vertex by
vertex.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ...errors import FaceLiftError
from ...head.model import HeadModel


class End(StrEnum):
    """Where a mesh ends."""

    SPLATS = "SPLATS"
    """As it is: where the splats end."""
    COLLAR = "COLLAR"
    """Where the neck widens into the shoulders."""
    NECK = "NECK"
    """In the middle of the neck."""


EDGES = {End.COLLAR: (1519, 4142), End.NECK: (803, 3453)}
"""An edge of each loop, in front, from the head's middle to its left."""
MAKEHUMAN_NECK = (
    *(803, 7513, 7515, 7521, 7514, 7517, 10358, 7631, 7496, 7488, 7489, 7474, 7475, 7531, 7537, 7543, 7549, 7555, 7561),
    *(
        7743,
        7722,
        856,
        1030,
        1051,
        850,
        844,
        838,
        832,
        826,
        820,
        756,
        755,
        770,
        769,
        777,
        929,
        3690,
        804,
        800,
        808,
        801,
    ),
    799,
)
"""Numbers in the MakeHuman and MPFB2 base mesh of the vertices of the neck's loop, in the order of :func:`ring`."""


def ring(model: HeadModel, end: End) -> np.ndarray:
    """Return the vertices [K] of a loop, once around from the front by the head's left side."""
    faces_at: dict[frozenset[int], set[int]] = {}
    neighbours: dict[int, set[int]] = {}
    for number, face in enumerate(model.faces.tolist()):
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            if a != b:
                faces_at.setdefault(frozenset((a, b)), set()).add(number)
                neighbours.setdefault(a, set()).add(b)
                neighbours.setdefault(b, set()).add(a)
    loop = list(EDGES[end])
    while True:
        before, here = loop[-2:]
        beside = faces_at[frozenset((before, here))]
        # Straight on is the edge that shares no face with the one that led here.
        (ahead,) = [other for other in neighbours[here] if not faces_at[frozenset((here, other))] & beside]
        if ahead == loop[0]:
            return np.array(loop)
        loop.append(ahead)


def faces_above(model: HeadModel, end: End, present: np.ndarray | None) -> np.ndarray:
    """Return which of the model's faces lie above a loop [F] bool.

    Args:
        model: The head model.
        end: Which loop; not :attr:`End.SPLATS`.
        present: [F] bool, the faces that the mesh has; None for all.

    Raises:
        FaceLiftError: the mesh itself ends above the loop ("ends-above").
    """
    loop = ring(model, end)
    fence = {frozenset(edge) for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)}
    corners = model.faces
    edges = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2)
    owners = np.repeat(np.arange(len(corners)), 4)
    open_ = np.array([a != b and frozenset((a, b)) not in fence for a, b in edges.tolist()])
    keys = np.sort(edges, axis=1).astype(np.int64) @ [len(model.mean), 1]
    order = np.flatnonzero(open_)[np.argsort(keys[open_], kind="stable")]
    same = keys[order[1:]] == keys[order[:-1]]
    pairs = owners[order[:-1][same]], owners[order[1:][same]]
    graph = sparse.coo_array((np.ones(same.sum()), pairs), (len(corners), len(corners)))
    parts = connected_components(graph, directed=False)[1]
    lowest = int(model.mean[corners][..., 2].min(axis=1).argmin())
    above: np.ndarray = parts != parts[lowest]
    touching = np.isin(corners, loop).any(axis=1) & above
    if present is not None and not present[touching].all():
        raise FaceLiftError(
            "This head ends above where its mesh is to be cut.",
            "Choose the neck's ring, or let the mesh end as the head does.",
            code="ends-above",
        )
    return above if present is None else above & present
