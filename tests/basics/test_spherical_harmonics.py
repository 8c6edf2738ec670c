"""Spherical harmonics: the basis against scipy's, and rotation of coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import sph_harm_y

from core.splats import spherical_harmonics as harmonics
from tests.helpers.gaussian import random_rotation


def directions(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def coefficients(degree: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(degree).normal(size=(count, (degree + 1) ** 2, 3))


def test_basis_is_the_real_form_of_scipys_harmonics():
    """Real and imaginary parts with the Condon-Shortley phase left in: 3DGS's signs."""
    d = directions(50)
    polar, azimuth = np.arccos(d[:, 2]), np.arctan2(d[:, 1], d[:, 0])
    expected = []
    for degree in range(4):
        for order in range(-degree, degree + 1):
            value = sph_harm_y(degree, abs(order), polar, azimuth)
            part = value.imag if order < 0 else value.real
            expected.append(part if order == 0 else np.sqrt(2) * part)
    np.testing.assert_allclose(harmonics.basis(d, 3), np.stack(expected, axis=1), atol=1e-12)
    for degree in range(3):
        np.testing.assert_array_equal(harmonics.basis(d, degree), harmonics.basis(d, 3)[:, : (degree + 1) ** 2])


REFLECTIONS = [np.diag([-1.0, 1, 1]), -np.eye(3), random_rotation(3) @ np.diag([1.0, 1, -1])]


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("turn", [np.eye(3), *(random_rotation(seed) for seed in range(4)), *REFLECTIONS])
def test_rotated_coefficients_seen_along_turned_directions_look_the_same(degree, turn):
    sh, d = coefficients(degree), directions(5, seed=9)
    turned = harmonics.rotate(sh, turn)
    np.testing.assert_allclose(harmonics.evaluate(turned, d @ turn.T), harmonics.evaluate(sh, d), atol=1e-10)


def test_rotations_compose_and_keep_energy():
    a, b = random_rotation(1), random_rotation(2)
    sh = coefficients(3)
    np.testing.assert_allclose(harmonics.rotate(harmonics.rotate(sh, b), a), harmonics.rotate(sh, a @ b), atol=1e-10)
    matrix = harmonics.rotation_matrix(a, 3)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(16), atol=1e-12)


def test_rotation_keeps_precision_and_type():
    sh = coefficients(3).astype(np.float32)
    assert harmonics.rotate(sh, random_rotation(1)).dtype == np.float32
    flat = coefficients(0)
    np.testing.assert_array_equal(harmonics.rotate(flat, random_rotation(1)), flat)


def test_colors():
    colors = np.array([[0, 0.5, 1], [0.2, 0.3, 0.9]])
    sh = harmonics.from_colors(colors)
    assert sh.shape == (2, 1, 3)
    np.testing.assert_allclose(harmonics.to_colors(sh), colors, atol=1e-7)
    np.testing.assert_allclose(harmonics.evaluate(sh, directions(2)), colors, atol=1e-6)
    dark = harmonics.from_colors(np.array([[-0.5, 1.5, 0.5]]))
    np.testing.assert_allclose(harmonics.evaluate(dark, directions(1)), [[0, 1.5, 0.5]], atol=1e-6)


def test_degrees_and_counts():
    assert [harmonics.degree_of(count) for count in (1, 4, 9, 16)] == [0, 1, 2, 3]
    for count in (0, 2, 15, 25):
        with pytest.raises(ValueError, match="expected 1, 4, 9 or 16"):
            harmonics.degree_of(count)
