"""The matte's outline is drawn anew from the colours on both sides of it."""

from __future__ import annotations

import numpy as np
import pytest

from core.photo.outline import redraw_outline

SIZE = 400
FRONT = np.array([0.12, 0.09, 0.08])


def disc(radius: float, softness: float = 3.0) -> np.ndarray:
    """Return the true alpha of a disc with a soft edge."""
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
    return np.clip((radius - np.hypot(rows, columns)) / softness + 0.5, 0, 1).astype(np.float32)


def picture(alpha: np.ndarray, front: np.ndarray, back: np.ndarray, noise: float = 0.01) -> np.ndarray:
    mixed = alpha[..., None] * front + (1 - alpha[..., None]) * back
    return np.clip(mixed + np.random.default_rng(1).normal(0, noise, mixed.shape), 0, 1).astype(np.float32)


def blinds() -> np.ndarray:
    """A bright, cluttered background."""
    bars = (np.arange(SIZE) // 25 % 2)[:, None, None] * np.array([0.0, -0.2, -0.5])
    return np.broadcast_to(np.array([0.85, 0.95, 1.0]) + bars, (SIZE, SIZE, 3))


@pytest.mark.parametrize("wrong", [2, -2])
def test_an_outline_comes_closer_to_the_truth(wrong):
    truth, guess = disc(100), disc(100 + wrong)
    result = redraw_outline(picture(truth, FRONT, blinds()), guess)
    assert np.abs(result - truth).sum() < 0.35 * np.abs(guess - truth).sum()


def test_rim_light_stays():
    """Light on the edge whose colour is none between the person's and the background's."""
    truth = disc(100)
    rim = (disc(100, 1) - disc(96, 1))[..., None]
    front = FRONT + rim * (np.array([0.95, 0.5, 0.1]) - FRONT)
    result = redraw_outline(picture(truth, front, np.array([0.1, 0.25, 0.5])), truth)
    assert np.abs(result - truth).sum() < 0.05 * rim.sum()


@pytest.mark.parametrize("tone", [0.08, 0.95], ids=["dark before dark", "white before white"])
def test_like_before_like_is_not_eaten(tone):
    truth = disc(100)
    result = redraw_outline(picture(truth, np.full(3, tone), np.full(3, tone + 0.01)), truth)
    assert np.abs(result - truth).sum() < 0.01 * truth.sum()


def test_nothing_to_redraw_without_two_sides():
    image = picture(disc(100), FRONT, blinds())
    for alpha in (np.zeros((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)):
        np.testing.assert_array_equal(redraw_outline(image, alpha), alpha)
