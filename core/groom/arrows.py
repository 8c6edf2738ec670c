"""Which way lines run: witnesses of hair's directions agree on lines, and these on arrows from root to tip.

Pictures show lines without arrows. Taken one by one, a line that lies across the usual combing gets either arrow, and
neighbours that get different ones cancel out. So arrows are found together: neighbours that run alike agree, and all
of them lean towards the usual combing. That is an Ising model with couplings of both signs, solved by mean-field
annealing (Peterson and Anderson 1987).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from ..hair.flow import Witness, combing
from ..hair.volume import HAIRY, HairVolume, along_surface

SMOOTH_ROUNDS = 2
"""Edges over which lines are averaged: about as wide as a lock."""
LEAN, TOLD = 0.15, 0.5
"""Weights of the usual combing and of arrows that witnesses tell, against one neighbour that runs alike."""
COLD, STEPS = (0.2, 2.0), 80
"""First and last inverse temperature of the annealing, and its steps."""


def neighbors(volume: HairVolume) -> sparse.csr_matrix:
    """Return which vertices share an edge, or are the same, [V, V] of 0 and 1."""
    count = len(volume.vertices)
    pairs = np.concatenate([volume.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    links = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), (count, count))
    links = (links + links.T + sparse.identity(count)).tocsr()
    links.data[:] = 1
    return links


def agreed(volume: HairVolume, seen: Sequence[Witness], besides: Sequence[Witness]) -> Witness:
    """Return one witness, whose lines are what all tell together, and whose arrows agree with their neighbours.

    Args:
        volume: Where hair is.
        seen: What shows the hair from outside.
        besides: What counts where these see nothing.
    """
    links, hair = neighbors(volume), volume.hairiness >= HAIRY
    sight = np.clip(sum((one.trust for one in seen), np.zeros(len(hair))), 0, 1)
    tensors, arrows = np.zeros((len(hair), 9)), np.zeros((len(hair), 3))
    for one in (*seen, *besides):
        trust = one.trust * hair * (1.0 if one in seen else 1 - sight)
        tensors += trust[:, None] * (one.tangents[:, :, None] * one.tangents[:, None]).reshape(-1, 9)
        arrows += (trust * one.arrows)[:, None] * one.tangents
    for _ in range(SMOOTH_ROUNDS):
        tensors = (links @ tensors) / np.asarray(links.sum(1))
    across = np.eye(3) - volume.normals[:, :, None] * volume.normals[:, None]
    values, vectors = np.linalg.eigh(across @ tensors.reshape(-1, 3, 3) @ across)
    lines = along_surface(vectors[:, :, 2], volume.normals)
    trust = np.clip(values[:, 2] - values[:, 1], 0, 1) * hair
    lean = LEAN * trust * (lines * combing(volume)).sum(1) + TOLD * (lines * arrows).sum(1)
    signs = _signs(links, lines, trust, lean)
    return Witness(np.where(signs[:, None] < 0, -lines, lines), trust, np.ones(len(hair), bool))


def _signs(links: sparse.csr_matrix, lines: np.ndarray, trust: np.ndarray, lean: np.ndarray) -> np.ndarray:
    """Return 1 or -1 for lines [V, 3], so that neighbours agree, weighted by their trust [V], and follow a lean [V]."""
    pairs = links.tocoo()
    apart = pairs.row != pairs.col
    rows, columns = pairs.row[apart], pairs.col[apart]
    alike = (lines[rows] * lines[columns]).sum(1) * np.sqrt(trust[rows] * trust[columns])
    couplings = sparse.csr_matrix((alike, (rows, columns)), links.shape)
    mean = np.tanh(lean)
    for cold in np.geomspace(*COLD, STEPS):
        mean = np.tanh(cold * (lean + couplings @ mean))
    return np.where(mean < 0, -1, 1)
