"""Ellipsoids as three vectors: those from the centre to the surface along any axes that span it."""

from __future__ import annotations

import itertools

import numpy as np

_TOLERANCE = 1e-10
"""Cosine below which two vectors are orthogonal: one more round would find nothing that float32 can hold."""
_MAX_ROUNDS = 30
"""Three or four are usual; it converges for any vectors."""


def make_orthogonal(vectors: np.ndarray) -> None:
    """Turn the three vectors of ellipsoids among themselves until they are the principal axes.

    One-sided Jacobi rotations (M. R. Hestenes, "Inversion of matrices by biorthogonalization and related
    results", 1958): several times as fast as eigenvectors of small matrices, and thin ellipsoids lose no digits,
    because nothing is squared that is subtracted later.

    Args:
        vectors: [3, 3, N] float64: which vector, which of its components; none is zero. Changed in place; a vector
            stays as near to its direction as it can.
    """
    for _ in range(_MAX_ROUNDS):
        done = True
        for first, second in itertools.combinations(range(3), 2):
            a, b = vectors[first], vectors[second]
            aa, ab, bb = (a * a).sum(axis=0), (a * b).sum(axis=0), (b * b).sum(axis=0)
            done = done and bool((ab * ab <= _TOLERANCE**2 * aa * bb).all())
            difference = bb - aa
            divisor = difference + np.copysign(np.hypot(difference, 2 * ab), difference)
            tangent = np.divide(2 * ab, divisor, out=np.zeros_like(ab), where=divisor != 0)
            cosine = 1 / np.sqrt(1 + tangent * tangent)
            sine = cosine * tangent
            vectors[first], vectors[second] = cosine * a - sine * b, sine * a + cosine * b
        if done:
            return
