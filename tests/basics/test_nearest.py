"""The nearest neighbours of all points of a cloud, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest

from core.geometry.nearest import nearest_neighbors


@pytest.fixture
def cloud() -> np.ndarray:
    """A thin shell with a cluster, a flat piece and far strays."""
    random = np.random.default_rng(1)
    shell = random.normal(size=(6000, 3))
    shell /= np.linalg.norm(shell, axis=1, keepdims=True)
    flat = random.random((500, 3)) * [1, 1, 0]
    return np.concatenate([shell, 0.01 * shell[:2000], flat, [[1e4, 0, 0], [0, -3e4, 5]]]).astype(np.float32)


def all_distances(points: np.ndarray) -> np.ndarray:
    points = points.astype(np.float64)
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def test_as_a_search_among_all_points(cloud):
    cloud = cloud[::5]
    apart = all_distances(cloud)
    nearest = np.argsort(apart, axis=1)[:, :6]
    near = nearest_neighbors(cloud, 6)
    assert sorted(near.order) == list(range(len(cloud)))
    found = np.empty((len(cloud), 6), int)
    found[near.order] = near.order[near.places]
    assert (np.sort(found, axis=1) == np.sort(nearest, axis=1)).all()
    np.testing.assert_allclose(near.distances, np.sort(apart, axis=1)[:, 1:6].mean(axis=1), rtol=1e-12)
    values = np.random.default_rng(2).random((len(cloud), 3))
    assert (near.prevailing(values) == values[nearest].mean(axis=1).argmax(axis=1)).all()


def test_the_order_keeps_near_points_together(cloud):
    """Strays may not spoil it: the way through all points stays short."""
    order = nearest_neighbors(cloud, 2).order
    steps = np.linalg.norm(np.diff(cloud, axis=0), axis=1)
    assert np.median(np.linalg.norm(np.diff(cloud[order], axis=0), axis=1)) < 0.1 * np.median(steps)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_fewer_points_than_wanted(count):
    points = np.arange(3.0 * count).reshape(count, 3)
    near = nearest_neighbors(points, 8)
    assert near.places.shape == (count, count)
    expected = all_distances(points).sum(axis=1) / max(1, count - 1)
    np.testing.assert_allclose(near.distances, expected, atol=1e-12)


def test_points_in_one_place_are_neighbours_without_distance():
    points = np.concatenate([np.full((5000, 3), 0.25), [[1e9, 1e9, 1e9]]]).astype(np.float32)
    distances = nearest_neighbors(points, 4).distances
    assert (distances[:-1] == 0).all() and distances[-1] > 1e8
