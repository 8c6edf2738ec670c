"""What a picture tells of hair, on pictures whose hair is known."""

from __future__ import annotations

import numpy as np
import pytest

from core.hair.directions import gradient_tensor, strand_directions
from core.hair.look import PLAIN, SCORES, measure_look
from core.hair.strands import grow
from core.hair.waves import STRAIGHT, measure_wave
from tests.helpers.hair import ball, photo_of_ball, stripes, waves


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2, 2.5])
def test_strands_run_along_stripes(angle):
    picture = stripes(angle)
    hair = np.ones(picture.shape[:2], bool)
    directions = strand_directions(gradient_tensor(picture, hair), hair)
    inner = np.zeros_like(hair)
    inner[16:-16, 16:-16] = True
    rows, columns = np.nonzero(inner)
    vectors = directions.vectors(rows, columns)
    off = np.abs(vectors @ [-np.sin(angle), np.cos(angle)])
    assert np.degrees(np.arcsin(off.max())) < 2
    assert directions.coherence[inner].min() > 0.95


def test_outlines_are_no_strands():
    """A dark blob before a bright background has a strong edge all around, and tells nothing."""
    hair = np.zeros((120, 120), bool)
    hair[30:90, 30:90] = True
    picture = np.where(hair, 0.1, 0.9)[..., None].repeat(3, axis=2)
    assert strand_directions(gradient_tensor(picture, hair), hair).coherence.max() < 0.05


@pytest.mark.parametrize(("radius", "length"), [(2.0, 40.0), (4.0, 30.0), (8.0, 60.0), (10.0, 70.0)])
def test_waves_are_measured(radius, length):
    picture = waves(radius, length)
    hair = np.ones(picture.shape[:2], bool)
    wave = measure_wave(gradient_tensor(picture, hair), hair)
    angles = np.arctan(radius * 2 * np.pi / length * np.cos(np.linspace(0, 2 * np.pi, 100)))
    assert wave.swing == pytest.approx(np.sqrt((angles**2).mean()), rel=0.35)
    assert wave.length == pytest.approx(length, rel=0.35)


def test_straight_hair_does_not_wave():
    picture = stripes(0.3)
    hair = np.ones(picture.shape[:2], bool)
    wave = measure_wave(gradient_tensor(picture, hair), hair)
    assert wave.radius == 0
    assert wave.disorder < 0.05
    assert measure_wave(gradient_tensor(picture, hair), np.zeros_like(hair)) is STRAIGHT


def test_curly_hair_swings_more_than_straight_hair():
    """Rings of strands, as a curly head shows them."""
    rows, columns = np.mgrid[:256, :256]
    distance = np.hypot(rows % 32 - 16, columns % 32 - 16)
    picture = (0.5 + 0.3 * np.sin(distance * 2 * np.pi / 6))[..., None].repeat(3, axis=2)
    hair = np.ones((256, 256), bool)
    wave = measure_wave(gradient_tensor(picture, hair), hair)
    assert wave.curliness == 1
    # 16 pixels is the rings' largest radius.
    assert 3 < wave.radius < 16


def test_contrasts_are_those_of_the_picture():
    random = np.random.default_rng(0)
    noise = random.normal(size=(256, 256))
    look, twice = (
        measure_look([photo_of_ball(np.clip(0.5 + strength * noise, 0, 1)[..., None] * [1.0, 0.8, 0.6])])
        for strength in (0.08, 0.16)
    )
    assert twice.contrasts == pytest.approx(2 * look.contrasts, rel=0.1)
    # White noise has most of its contrast in the finest band, and a symmetrical distribution.
    assert look.contrasts[0] > look.contrasts[1] > look.contrasts[2]
    assert look.tones == pytest.approx(SCORES, abs=0.3)
    tint = np.array([1.0, 0.8, 0.6]) / (np.array([1.0, 0.8, 0.6]) @ [0.2126, 0.7152, 0.0722])
    assert look.tint == pytest.approx(tint, rel=0.05)


def test_no_photo_gives_a_plain_look():
    assert measure_look([]) is PLAIN


def test_streaks_of_dye_are_measured_and_invented():
    rng = np.random.default_rng(2)
    streaks = np.where(np.arange(256) // 10 % 2, 1.0, -1.0)[None, :, None] * np.array([0.2, -0.08, 0.1])
    grain = rng.normal(0, 0.02, (256, 256, 1))
    dyed, plain = (photo_of_ball(np.clip(0.45 + grain + by, 0, 1)) for by in (streaks, 0 * streaks))
    hues = measure_look([dyed]).hues
    # Red and green change against each other; what of that is lightness belongs to the tones.
    assert 0.08 < np.linalg.norm(hues[0]) < 0.3 and hues[0][0] * hues[0][1] < 0
    assert np.abs(measure_look([plain]).hues).max() < 0.01
    grown = grow(ball(), [], np.full((len(ball().vertices), 3), 0.45), measure_look([dyed]), 8000, rng)
    colors = grown.colors[grown.paths.alive]
    assert (colors[:, 0] - colors[:, 1]).std() > 0.5 * (streaks[..., 0] - streaks[..., 1]).std()
