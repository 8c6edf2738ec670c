"""The smoothest values on a graph, against scipy's direct solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from core.geometry.relaxation import relaxed


def _ring(count: int) -> sparse.csr_matrix:
    links = sparse.diags([np.ones(count - 1)] * 2, [1, -1]).tolil()
    links[0, -1] = links[-1, 0] = 1
    return links.tocsr()


@pytest.mark.parametrize("columns", (1, 3))
def test_it_solves_the_system_to_its_tolerance(columns: int) -> None:
    rng = np.random.default_rng(3)
    links, held = _ring(300), rng.uniform(0.01, 0.5, 300)
    diagonal, target = 2 + held, rng.normal(size=(300, columns))
    exact = spsolve((sparse.diags(diagonal) - links).tocsc(), target).reshape(300, columns)
    start = np.zeros_like(target)
    for tolerance, error in ((1e-2, 0.1), (1e-6, 1e-5)):
        found = relaxed(links, diagonal, target, start, tolerance, 1000)
        assert np.abs(found - exact).max() < error * np.abs(exact).max()
    assert not start.any(), "what it starts with is the caller's"


def test_it_stops_at_once_where_nothing_is_left_to_do() -> None:
    links = _ring(10)
    exact = np.full((10, 2), 0.5)
    assert (relaxed(links, np.full(10, 3.0), exact.copy(), exact, 1e-3, 5) == exact).all()
