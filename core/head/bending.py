"""Smooth displacements of the head model's mesh: those of least bending energy.

After Botsch and Sorkine 2008, "On linear variational surface deformation methods". A
displacement varies smoothly along the surface, so upper and lower lip stay independent although
they are close in space.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial import cKDTree

from .model import HeadModel


@lru_cache(maxsize=1)
def adjacency(model: HeadModel) -> sparse.csr_matrix:
    """Return the matrix [V, V] of ones where triangles' edges join vertices."""
    count = len(model.mean)
    i, j = np.concatenate([model.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]).T
    matrix = sparse.coo_matrix((np.ones(len(i)), (i, j)), (count, count)).tocsr()
    return ((matrix + matrix.T) > 0).astype(np.float64)


@lru_cache(maxsize=1)
def bending(model: HeadModel) -> sparse.csr_matrix:
    """Return the bending energy [V, V] of displacements: a quadratic form."""
    edges = adjacency(model)
    degree = np.asarray(edges.sum(1)).ravel()
    laplacian = sparse.identity(len(degree)) - sparse.diags(1 / np.maximum(degree, 1)) @ edges
    return (laplacian.T @ laplacian).tocsr()


@lru_cache(maxsize=1)
def pieces(model: HeadModel) -> np.ndarray:
    """Return the number of the connected piece of each vertex [V]: body, eyes, rows of teeth and tongue."""
    return connected_components(adjacency(model), directed=False)[1]


@lru_cache(maxsize=1)
def body(model: HeadModel) -> np.ndarray:
    """Return a mask [V] of the largest piece."""
    return pieces(model) == np.bincount(pieces(model)).argmax()


@lru_cache(maxsize=1)
def carry(model: HeadModel) -> sparse.csr_matrix:
    """Return the matrix [V, V] from displacements of the body's vertices to those of all.

    Eyes, rows of teeth and the tongue, which no edge connects to the body, keep their form and
    move by the mean displacement of the nearest vertices.
    """
    count, part, is_body = len(model.mean), pieces(model), body(model)
    sizes = np.bincount(part)
    places = np.flatnonzero(is_body)
    _, nearest = cKDTree(model.mean[places]).query(model.mean)
    loose = np.flatnonzero(~is_body)
    membership = sparse.coo_matrix((np.ones(len(loose)), (loose, part[loose])), (count, len(sizes))).tocsr()
    means = sparse.coo_matrix((1 / sizes[part[loose]], (part[loose], places[nearest[loose]])), (len(sizes), count))
    return (sparse.diags(is_body.astype(np.float64)) + membership @ means.tocsr()).tocsr()


def solve(system: sparse.spmatrix, right: np.ndarray) -> np.ndarray:
    """Return the solution [V, C] of a symmetric positive definite system [V, V]."""
    return factored(system).solve(right)


def factored(system: sparse.spmatrix) -> SuperLU:
    """Return the factors of a symmetric positive definite system [V, V], to solve it for several right sides."""
    # No pivoting, and an ordering made for that.
    return splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
