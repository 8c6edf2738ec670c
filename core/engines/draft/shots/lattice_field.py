"""A smooth displacement of space, found from what pictures demand of single points.

The field is linear between the nodes of a lattice. It is the one of least bending that meets linear demands in the
sense of least squares: displacements of a point along a direction, as an outline or a landmark in a picture gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import block_diag

from ....geometry.relaxation import relaxed

SPACING = 0.12
"""World units between the lattice's nodes: about 2.5 cm."""
MARGIN = 2
"""Nodes around the points."""
BENDING = 1.0
"""Weight of a squared second difference of the nodes' displacements against a squared demand in world units."""
REST = 1e-3
"""Weight of a squared displacement: keeps still what nothing is demanded of."""
SMOOTHNESS = 3.0
"""Weight of a squared step of values between nodes against a squared difference at a place."""
ITERATIONS, TOLERANCE = 200, 1e-4


@dataclass(frozen=True, eq=False)
class Demands:
    """What a field is asked for: the displacement of a point along a direction.

    Attributes:
        points: [N, 3] world.
        directions: [N, 3]; their length counts.
        amounts: [N] what the product of direction and displacement shall be.
        weights: [N] of the squared differences.
        others: [N, E] coefficients of further unknowns, which are added to the product; E is 0 where there are none.
    """

    points: np.ndarray
    directions: np.ndarray
    amounts: np.ndarray
    weights: np.ndarray
    others: np.ndarray

    @classmethod
    def joined(cls, items: Sequence[Demands]) -> Demands:
        """Join several; each one's further unknowns are its own."""
        return cls(
            np.concatenate([item.points for item in items]),
            np.concatenate([item.directions for item in items]),
            np.concatenate([item.amounts for item in items]),
            np.concatenate([item.weights for item in items]),
            block_diag(*(item.others for item in items)),
        )


@dataclass(frozen=True, eq=False)
class LatticeField:
    """A displacement of space.

    Attributes:
        origin: [3] world position of the first node.
        moves: [X, Y, Z, 3] displacements of the nodes, world units.
    """

    origin: np.ndarray
    moves: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return the displacements [N, 3] of points [N, 3]; those outside take the border's."""
        return _interpolation(points, self.origin, self.moves.shape[:3]) @ self.moves.reshape(-1, 3)


def solve_field(around: np.ndarray, demands: Demands, stillness: np.ndarray) -> tuple[LatticeField, np.ndarray]:
    """Return the field of least bending that meets the demands, and the further unknowns [E].

    Args:
        around: [N, 3] points whose box the lattice covers.
        demands: What is asked for.
        stillness: [E] weights of the squares of the further unknowns.
    """
    origin = around.min(0) - MARGIN * SPACING
    shape = tuple(np.ceil(np.ptp(around, axis=0) / SPACING).astype(int) + 2 * MARGIN + 1)
    count = int(np.prod(shape))
    shares = _interpolation(demands.points, origin, shape)
    along = [sparse.diags(component) @ shares for component in demands.directions.T]
    system = sparse.hstack([*along, sparse.csr_matrix(demands.others)]).tocsr()
    weighted = system.T @ sparse.diags(demands.weights)
    stiffness = BENDING * _bending(shape) + REST * sparse.identity(count)
    matrix = weighted @ system + sparse.block_diag([stiffness] * 3 + [sparse.diags(stillness)])
    found = _solved(matrix, (weighted @ demands.amounts)[:, None])[:, 0]
    return LatticeField(origin, np.moveaxis(found[: 3 * count].reshape(3, *shape), 0, -1)), found[3 * count :]


def _interpolation(points: np.ndarray, origin: np.ndarray, shape: tuple[int, ...]) -> sparse.csr_matrix:
    """Return the matrix [N, X Y Z] from nodes' values to those of points [N, 3]; points outside take the border's."""
    place = np.clip((points - origin) / SPACING, 0, np.array(shape) - 1 - 1e-6)
    low = np.floor(place).astype(np.int64)
    part = place - low
    steps = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
    nodes = np.ravel_multi_index(tuple(np.moveaxis(low[:, None] + steps, -1, 0)), shape)
    shares = np.where(steps, part[:, None], 1 - part[:, None]).prod(-1)
    rows = np.arange(0, 8 * len(points) + 1, 8)
    return sparse.csr_matrix((shares.ravel(), nodes.ravel(), rows), (len(points), int(np.prod(shape))))


def spread_values(points: np.ndarray, places: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return values at points that go smoothly on from those that are known.

    Args:
        points: [N, 3] world.
        places: [M, 3] where values are known, among the points or near them.
        values: [M, C] the values there.
        weights: [M] how sure they are.

    Returns:
        [N, C].
    """
    origin = points.min(0) - SPACING
    shape = tuple(np.ceil(np.ptp(points, axis=0) / SPACING).astype(int) + 3)
    count = int(np.prod(shape))
    shares = _interpolation(places, origin, shape)
    weighted = shares.T @ sparse.diags(weights)
    matrix = weighted @ shares + SMOOTHNESS * _stretching(shape) + REST * sparse.identity(count)
    return _interpolation(points, origin, shape) @ _solved(matrix, weighted @ values)


def _solved(matrix: sparse.spmatrix, target: np.ndarray) -> np.ndarray:
    """Return the solution [M, C] of a positive definite system [M, M] for right sides [M, C]."""
    diagonal = matrix.diagonal()
    links = (sparse.diags(diagonal) - matrix).tocsr()
    return relaxed(links, diagonal, target, np.zeros(target.shape), TOLERANCE, ITERATIONS)


def _stretching(shape: tuple[int, ...]) -> sparse.csr_matrix:
    """Return the matrix [X Y Z, X Y Z] of the sum of squared steps along all axes."""
    return sum(step.T @ step for step in (_along(shape, {axis: 1}) for axis in range(3)))


def _bending(shape: tuple[int, ...]) -> sparse.csr_matrix:
    """Return the matrix [X Y Z, X Y Z] of the sum of squared second differences, along each axis and across two."""
    bent = [_along(shape, {axis: 2}) for axis in range(3)]
    twisted = [_along(shape, {first: 1, second: 1}) for first, second in ((0, 1), (0, 2), (1, 2))]
    return sum(each.T @ each for each in bent) + 2 * sum(each.T @ each for each in twisted)


def _along(shape: tuple[int, ...], orders: dict[int, int]) -> sparse.csr_matrix:
    """Return the differences of nodes' values along axes, of the orders 1 or 2 given for these."""
    steps = {0: (1.0,), 1: (-1.0, 1.0), 2: (1.0, -2.0, 1.0)}
    factors = []
    for axis, size in enumerate(shape):
        weights = steps[orders.get(axis, 0)]
        count = size - len(weights) + 1
        factors.append(sparse.diags(weights, range(len(weights)), (count, size)))
    return sparse.kron(sparse.kron(factors[0], factors[1]), factors[2]).tocsr()
