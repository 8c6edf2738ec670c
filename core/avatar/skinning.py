"""How much each bone carries each vertex of a base mesh, and the mesh in a pose.

From collar to skull the weights are harmonic: as smooth as the mesh allows. Jaw and lids follow
their bones as far as they follow the expressions: a vertex that ``jawOpen`` moves half as far as a
stiff jaw would has half the jaw's weight. So a bone and its expression give the same face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from ..head.model import HeadModel, Region
from .anatomy import vertex_groups
from .joints import (
    EYE_LEFT,
    EYE_RIGHT,
    EYEBALLS,
    HEAD,
    JAW,
    LOWER_TEETH,
    NECK,
    TONGUE,
    TORSO,
    Joints,
    rigid_motion,
)

SKULL_REGIONS = (
    Region.FACE,
    Region.SCALP,
    Region.EARS,
    Region.EYES,
    Region.MOUTH,
    Region.TEETH,
    Region.LIPS,
    Region.SOCKETS,
)
SOFT = 0.004
"""Metres: what stiffly moves less than this says little about how much a vertex follows."""
SMOOTHING = 4
"""Rounds in which weights taken from expressions become the mean of themselves and their neighbours."""
LEAST = 1e-3
"""Smaller weights are none."""
LOOKS = ("eyeLookUp", "eyeLookDown")


def bone_weights(joints: Joints) -> dict[str, np.ndarray]:
    """Return the weights [V] float32 of each bone that carries vertices; they add up to one everywhere."""
    skull = _skull_share(joints)
    jaw = np.minimum(_jaw_share(joints), 1) * skull
    eyes = [_eye_share(joints, side) for side in (0, 1)]
    rest = 1 - jaw
    # Torso, neck, head: Bernstein's polynomials add up to one, and bend where they meet.
    weights = {TORSO: rest * (1 - skull) ** 2, NECK: rest * 2 * skull * (1 - skull), HEAD: rest * skull**2, JAW: jaw}
    for name, share in zip((EYE_LEFT, EYE_RIGHT), eyes, strict=True):
        for others in weights.values():
            others *= 1 - share
        weights[name] = share
    stacked = np.stack(list(weights.values()))
    stacked[stacked < LEAST] = 0
    stacked /= stacked.sum(0)
    return dict(zip(weights, stacked.astype(np.float32), strict=True))


def posed(
    joints: Joints,
    vertices: np.ndarray,
    weights: Mapping[str, np.ndarray],
    turns: Mapping[str, Sequence[float]],
) -> np.ndarray:
    """Return vertices [V, 3] as the rig carries them (linear blend skinning).

    Args:
        joints: The rest pose.
        vertices: [V, 3] without a pose.
        weights: Of :func:`bone_weights`.
        turns: For some bones, axis times angle [3] in radians about the bone's head, in the mesh's space.
    """
    matrices: dict[str, np.ndarray] = {}
    for bone in joints.bones:
        local = np.eye(4)
        local[:3, :3] = Rotation.from_rotvec(turns.get(bone.name, (0.0, 0.0, 0.0))).as_matrix()
        local[:3, 3] = bone.head - local[:3, :3] @ bone.head
        matrices[bone.name] = matrices.get(bone.parent, np.eye(4)) @ local
    blended = sum(weight[:, None, None] * matrices[name] for name, weight in weights.items())
    return np.einsum("vij,vj->vi", blended[:, :3, :3], vertices) + blended[:, :3, 3]


def _neighbours(model: HeadModel) -> coo_array:
    """Return the adjacency [V, V] of the vertices, ones along edges."""
    corners = model.faces
    edges = np.concatenate([corners[:, [a, (a + 1) % 4]] for a in range(4)])
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1), axis=0)
    count = len(model.mean)
    half = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    return (half + half.T).tocsr()


def _skull_share(joints: Joints) -> np.ndarray:
    """Return how far up the neck each vertex is carried [V], 0 below the collar and 1 on the skull."""
    model = joints.base.model
    share = model.in_regions(*SKULL_REGIONS).astype(np.float64)
    free = np.flatnonzero(model.in_regions(Region.NECK))
    graph = _neighbours(model).tocoo()
    lengths = np.linalg.norm(joints.base.neutral[graph.row] - joints.base.neutral[graph.col], axis=1)
    graph = coo_array((1 / np.maximum(lengths, 1e-9 * joints.metre), (graph.row, graph.col)), graph.shape).tocsr()
    laplacian = (diags_array(graph.sum(1)) - graph).tocsr()
    known = np.setdiff1d(np.arange(len(share)), free)
    share[free] = spsolve(laplacian[free][:, free].tocsc(), -laplacian[free][:, known] @ share[known])
    return np.clip(_smoothed(share, graph, model.in_regions(Region.NECK, Region.TORSO)), 0, 1)


def _smoothed(share: np.ndarray, graph: csr_array, where: np.ndarray) -> np.ndarray:
    degree = graph.sum(1)
    for _ in range(SMOOTHING):
        mean = (share + (graph @ share) / np.maximum(degree, 1e-12)) / 2
        share = np.where(where, mean, share)
    return share


def _following(moved: np.ndarray, stiff: np.ndarray, soft: float) -> np.ndarray:
    """Return how much of stiff motions [M, V, 3] expressions have [V]: 0..1."""
    along = np.einsum("mvc,mvc->v", moved, stiff)
    return np.clip(along / (np.einsum("mvc,mvc->v", stiff, stiff) + soft**2), 0, 1)


def _jaw_share(joints: Joints) -> np.ndarray:
    base = joints.base
    turn = Rotation.from_rotvec(joints.jaw_turn)
    arms = base.neutral - joints.hinge
    moved = base.expressions[base.model.expression_names.index("jawOpen")]
    share = _following(moved[None], (turn.apply(arms) - arms)[None], SOFT * joints.metre)
    share = _smoothed(share, _neighbours(base.model), np.ones(len(share), bool))
    groups = vertex_groups(base.model)
    share[base.model.in_regions(Region.TEETH, Region.EYES)] = 0
    share[groups[LOWER_TEETH]] = share[groups[TONGUE]] = 1
    return share


def _eye_share(joints: Joints, side: int) -> np.ndarray:
    """Return how much each vertex follows the left (0) or right (1) eye: 1 on the eyeball, less on the lids."""
    base, suffix = joints.base, ("Left", "Right")[side]
    ball = vertex_groups(base.model)[EYEBALLS[side]]
    moved = np.stack([base.expressions[base.model.expression_names.index(look + suffix)] for look in LOOKS])
    arms = base.neutral - joints.eyes[side]
    stiff = np.stack([rigid_motion(arms[ball], arms[ball] + motion[ball])[0].apply(arms) - arms for motion in moved])
    share = _following(moved, stiff, SOFT * joints.metre)
    share = _smoothed(share, _neighbours(base.model), np.ones(len(share), bool))
    share[base.model.in_regions(Region.EYES, Region.TEETH)] = 0
    share[ball] = 1
    return share
