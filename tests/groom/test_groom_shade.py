"""Pigments of hair: colours to *Principled Hair* and back, and what Cycles makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from core.colors import rgb_to_lab, to_encoded, to_linear
from core.groom.curves import HairCurves
from core.groom.shade import RESPONSES, ROUGHNESSES, Shade, shade_of
from tests.helpers.addon import needs_blender

COLORS = {
    "black": (0.09, 0.08, 0.08),
    "brown": (0.30, 0.21, 0.16),
    "red": (0.55, 0.27, 0.14),
    "fair": (0.71, 0.58, 0.40),
    "grey": (0.62, 0.61, 0.60),
    "blue": (0.16, 0.28, 0.55),
}
"""sRGB-encoded colours of hair, one of them dyed."""


def _hair(color: tuple[float, float, float], spread: float = 0.15) -> np.ndarray:
    """Return colours [P, 3] of hair whose points are lighter and darker than a colour."""
    lightness = np.random.default_rng(0).normal(1, spread, (500, 1))
    return np.clip(np.array(color) * lightness, 0, 1)


def _shade(colors: np.ndarray) -> Shade:
    """Return the shade of hairs of a point each in a colour, at random places."""
    places, count = np.random.default_rng(1).random((len(colors), 3)), len(colors)
    return shade_of(HairCurves(places, np.ones(count, np.int32), colors, np.ones(count), None))


def _difference(linear: np.ndarray, other: np.ndarray) -> float:
    """Return the CIE76 difference of two linear colours [3]."""
    return float(np.linalg.norm(rgb_to_lab(to_encoded(linear)) - rgb_to_lab(to_encoded(other))))


@pytest.mark.parametrize("name", COLORS)
def test_parameters_stand_for_the_mean_colour(name):
    colors = _hair(COLORS[name])
    shade = _shade(colors)

    assert _difference(shade.response.reflectance(shade.absorption), to_linear(colors).mean(0)) < 4


def test_natural_colours_need_little_dye_and_dark_ones_more_melanin():
    shades = {name: _shade(_hair(color)) for name, color in COLORS.items()}

    assert shades["fair"].melanin < shades["red"].melanin < shades["brown"].melanin < shades["black"].melanin
    assert shades["red"].redness > shades["brown"].redness
    assert shades["brown"].tint == (1, 1, 1)
    assert shades["blue"].tint[0] < shades["blue"].tint[2]


def test_only_hair_darker_than_its_surface_loses_its_shine():
    assert _shade(_hair(COLORS["fair"])).response == RESPONSES[0]
    assert _shade(_hair(COLORS["black"])).response.ior < RESPONSES[0].ior


def test_bright_highlights_are_smooth_hair():
    dull, shiny = _hair(COLORS["brown"], 0.02), _hair(COLORS["brown"], 0.02)
    shiny[:40] += 0.25

    assert _shade(dull).roughness == max(ROUGHNESSES)
    assert _shade(shiny).roughness == min(ROUGHNESSES)


def test_streaks_are_what_neighbours_differ_by():
    assert _shade(_hair(COLORS["brown"], 0.0)).streaks == pytest.approx(0, abs=1e-6)
    assert 0.2 < _shade(_hair(COLORS["brown"], 0.1)).streaks < 0.45


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: str(response.ior))
def test_absorption_inverts_reflectance(response):
    colors = np.linspace(response.floor + 0.002, response.ceiling - 0.001, 50)

    assert np.allclose(response.reflectance(response.absorption(colors)), colors, atol=1e-6)


def test_colours_out_of_reach_become_the_nearest():
    response = RESPONSES[0]

    assert response.reflectance(response.absorption(np.array([1.0, 0.0]))) == pytest.approx(
        [response.ceiling, response.floor], abs=2e-3
    )


@needs_blender
@pytest.mark.parametrize("name", COLORS)
def test_cycles_shows_the_colour(name):
    from tests.helpers import hair_ball

    scene = hair_ball.studio(size=48, samples=16)
    colors = _hair(COLORS[name])
    shade = _shade(colors)
    hair_ball.scalp().inputs["Color"].default_value = (*to_linear(colors).mean(0), 1)
    hair_ball.principled(hair_ball.ball(), shade_inputs(shade))

    assert _difference(hair_ball.seen(scene).mean(0), to_linear(colors).mean(0)) < 5


def shade_inputs(shade: Shade) -> dict:
    """Return the inputs of *Principled Hair*."""
    return {
        "Melanin": shade.melanin,
        "Melanin Redness": shade.redness,
        "Tint": (*shade.tint, 1),
        "Roughness": shade.roughness,
        "Radial Roughness": shade.radial_roughness,
        "IOR": shade.response.ior,
    }
