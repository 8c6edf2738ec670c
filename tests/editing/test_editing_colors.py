"""Grading and painting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import colors
from core.editing import grading, painting
from core.editing.grading import Grade, grade
from core.splats import spherical_harmonics as harmonics
from core.splats.spherical_harmonics import from_colors
from tests.helpers.gaussian import random_gaussians

amounts = st.floats(-1, 1)
factors = st.floats(0, 2)
grades = st.builds(Grade, st.floats(-3, 3), amounts, amounts, factors, factors)


def of_colors(*colors):
    return random_gaussians(len(colors)).replace(sh=from_colors(np.array(colors)))


@settings(max_examples=60)
@given(how=grades, seed=st.integers(0, 1000))
def test_higher_harmonics_follow_the_grades_derivative(how, seed):
    """A small view-dependent change, graded, is the change of the graded colour."""
    random = np.random.default_rng(seed)
    colors = random.uniform(0.1, 0.9, (20, 3))
    step = 1e-3
    changes = random.normal(size=(20, 3))
    base, moved = (of_colors(*(colors + sign * step * changes)) for sign in (-1, 1))
    expected = (grade(moved, how).colors.astype(np.float64) - grade(base, how).colors) / (2 * step)
    sh = np.concatenate([from_colors(colors), changes[:, None], np.zeros((20, 2, 3))], axis=1)
    result = grade(of_colors(*colors).replace(sh=sh), how).sh[:, 1]
    # Near black the transfer function bends too sharply for a finite difference.
    graded = grade(of_colors(*colors), replace(how, contrast=1.0)).colors
    smooth = (np.abs(graded) > 0.3).all(axis=1)
    np.testing.assert_allclose(result[smooth], expected[smooth], rtol=2e-2, atol=2e-2)


def test_neutral_grade_is_the_same_value():
    gaussians = random_gaussians(10, 2)
    assert grade(gaussians, Grade()) is gaussians
    assert Grade().is_neutral and not Grade(tint=0.1).is_neutral


def test_exposure_is_in_stops_of_linear_light():
    graded = grade(of_colors((0.3, 0.4, 0.5)), Grade(exposure=1)).colors
    np.testing.assert_allclose(grading.to_linear(graded), 2 * grading.to_linear(np.array([[0.3, 0.4, 0.5]])), rtol=1e-5)


def test_temperature_and_tint_go_the_right_way_and_keep_brightness():
    grey = of_colors((0.5, 0.5, 0.5))
    red, green, blue = grade(grey, Grade(temperature=0.5)).colors[0]
    assert red > green > blue
    red, green, blue = grade(grey, Grade(tint=0.5)).colors[0]
    assert green < min(red, blue)
    for how in (Grade(temperature=1), Grade(tint=-1)):
        linear = grading.to_linear(grade(grey, how).colors[0].astype(np.float64))
        assert linear @ grading.LUMINANCE == pytest.approx(grading.to_linear(np.array(0.5)), rel=1e-4)


def test_saturation_and_contrast_at_their_ends():
    colors = grade(of_colors((0.8, 0.3, 0.1)), Grade(saturation=0)).colors[0]
    np.testing.assert_allclose(colors, colors[0], atol=1e-5)
    np.testing.assert_allclose(grade(of_colors((0.8, 0.3, 0.1)), Grade(contrast=0)).colors, 0.5, atol=1e-6)


@settings(max_examples=40)
@given(values=st.lists(st.floats(-0.5, 2), min_size=1, max_size=20))
def test_transfer_function_and_its_inverse_meet_everywhere(values):
    values = np.array(values)
    np.testing.assert_allclose(colors.to_encoded(colors.to_linear(values)), values, atol=1e-6)


@settings(max_examples=30)
@given(a=grades, b=grades)
def test_grades_combine_in_any_order(a, b):
    assert a.combined(b) == b.combined(a)
    assert a.combined(Grade()) == a


def test_only_the_mask_is_graded_and_painted():
    gaussians = random_gaussians(20, 1)
    mask = np.arange(20) < 5
    for changed in (grade(gaussians, Grade(exposure=1), mask), painting.paint(gaussians, mask, (1, 0, 0))):
        np.testing.assert_array_equal(changed.sh[5:], gaussians.sh[5:])
        assert not np.allclose(changed.sh[:5], gaussians.sh[:5])


def test_paint_covers_or_keeps_the_shading():
    gaussians = of_colors(*([gray] * 3 for gray in (0.1, 0.2, 0.3, 0.4, 0.6)))
    everything = np.ones(5, bool)
    flat = painting.paint(gaussians, everything, (0.5, 0.1, 0.1), keep_shading=False)
    np.testing.assert_allclose(flat.colors, np.tile([0.5, 0.1, 0.1], (5, 1)), atol=1e-6)
    shaded = painting.paint(gaussians, everything, (0.5, 0.1, 0.1)).colors
    assert (np.diff(shaded[:, 0]) > 0).all()
    # What is in the light, not what is in the middle, has the color chosen.
    np.testing.assert_allclose(shaded[3], (0.5, 0.1, 0.1), atol=1e-5)
    half = painting.paint(gaussians, everything, (0.5, 0.1, 0.1), strength=0.5, keep_shading=False)
    np.testing.assert_allclose(half.colors, (gaussians.colors + np.array([0.5, 0.1, 0.1])) / 2, atol=1e-6)


def test_full_paint_leaves_no_old_highlights():
    painted = painting.paint(random_gaussians(6, 3), np.ones(6, bool), (0.2, 0.4, 0.6), keep_shading=False)
    np.testing.assert_array_equal(painted.sh[:, 1:], 0)
    assert harmonics.degree_of(painted.sh.shape[1]) == 3
