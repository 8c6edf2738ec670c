"""Pigments of hair: from colours of a photo to Blender's *Principled Hair* and back.

Under an even white world of strength 1, dense hair sends back a share of each of red, green and blue that depends on
how strongly the hair absorbs it, whatever it does with the others: :class:`Response` is that share, measured.
Absorption in turn is made of melanins and dye with the coefficients of Cycles (Chiang et al. 2016, "A Practical and
Controllable Hair and Fur Model for Production Path Tracing"). So a colour is inverted channel by channel: no search.
The materials of the add-on compute the same as nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..colors import rgb_to_lab, to_encoded, to_linear

EUMELANIN = np.array([0.506, 0.841, 1.653])
PHEOMELANIN = np.array([0.343, 0.733, 1.924])
"""Absorption of red, green and blue by brown-black and by red pigment, per unit of either."""
TINT_ROUGHNESS = (0.245, 5.574, -10.73, 2.532, -0.215, 5.969)
"""Polynomial in the radial roughness, highest power first, by which Cycles turns tints into absorption."""
LEAST = 1e-4
"""Of what can be sent back: less counts as this. Also the least that a tint lets through."""
REDNESSES = np.linspace(0, 1, 101)
ROUGHNESSES = (0.5, 0.4, 0.3, 0.2)
HIGHLIGHTS = (0.085, 0.101, 0.128, 0.168)
"""How much lighter (sRGB-encoded) the lightest 3 % of dark hair are than its middle, by longitudinal roughness, in the
sun and a grey world: measured by ``python build.py bench groom_shade_bench``."""
BRIGHT = 97
"""The percentile that stands for the highlights."""
RADIAL_ROUGHNESS = 0.3
"""Across the hair, Blender's default: what was measured is measured with it."""
CLOSE = 2.0
"""CIE76 difference from the photo's mean colour, about what an eye tells apart, up to which hair keeps its true index
of refraction and has no dye."""
QUANTITIES = np.geomspace(0.01, 9, 120)
"""Units of melanin that are tried: from next to none to all that Cycles knows."""


@dataclass(frozen=True)
class Response:
    """What dense hair sends back of a white world: floor + (ceiling - floor) exp(-s a / sqrt(1 + b a)), a absorption.

    Attributes:
        ior: The hair's index of refraction.
        floor: Sent back by the surface alone, linear.
        ceiling: Sent back by hair without pigment, linear; Cycles' default of twelve bounces takes the rest.
        steepness: s.
        bend: b.
    """

    ior: float
    floor: float
    ceiling: float
    steepness: float
    bend: float

    def reflectance(self, absorption: np.ndarray) -> np.ndarray:
        """Return linear colours, any shape, of absorptions >= 0."""
        depth = self.steepness * absorption / np.sqrt(1 + self.bend * absorption)
        return self.floor + (self.ceiling - self.floor) * np.exp(-depth)

    def absorption(self, linear: np.ndarray) -> np.ndarray:
        """Return the absorptions of linear colours, any shape; those out of reach get the nearest one's."""
        share = np.clip((linear - self.floor) / (self.ceiling - self.floor), LEAST, 1)
        depth = -np.log(share)
        bent = self.bend * depth
        return depth * (bent + np.sqrt(bent**2 + 4 * self.steepness**2)) / (2 * self.steepness**2)


RESPONSES = (
    Response(1.55, 0.0280, 0.6535, 12.55, 6.68),
    Response(1.40, 0.0181, 0.6394, 13.53, 6.61),
    Response(1.25, 0.0093, 0.6273, 14.89, 6.44),
    Response(1.15, 0.0044, 0.6208, 15.43, 5.65),
)
"""From the index of refraction of hair downwards: hair darker than its own surface shows needs a duller one. Measured
by ``python build.py bench groom_shade_bench``."""


@dataclass(frozen=True)
class Shade:
    """Parameters of *Principled Hair*, model Chiang, parametrization *Melanin Concentration*.

    Attributes:
        melanin: 0..1.
        redness: 0..1, share of red pigment.
        tint: Linear red, green and blue of the dye, 0..1; white where melanin alone makes the colour.
        roughness: Along the hair.
        radial_roughness: Across.
        response: What was assumed of the hair's surface; its ``ior`` is the parameter.
    """

    melanin: float
    redness: float
    tint: tuple[float, float, float]
    roughness: float
    radial_roughness: float
    response: Response

    @property
    def absorption(self) -> np.ndarray:
        """[3] absorption of red, green and blue."""
        pigment = -np.log(max(1 - self.melanin, LEAST)) * melanins(self.redness)
        dye: np.ndarray = (np.log(np.maximum(self.tint, LEAST)) / tint_factor(self.radial_roughness)) ** 2
        return pigment + dye


def melanins(redness: float) -> np.ndarray:
    """Return the absorption [3] of a unit of pigment of a redness of 0..1."""
    return (1 - redness) * EUMELANIN + redness * PHEOMELANIN


def tint_factor(radial_roughness: float) -> float:
    """Return by what the logarithm of a tint is divided to be the root of its absorption."""
    return float(np.polyval(TINT_ROUGHNESS, radial_roughness))


def shade_of(colors: np.ndarray) -> Shade:
    """Return the parameters with which hair has the mean colour that the photo shows.

    Args:
        colors: [P, 3] sRGB-encoded colours all over the hair, 0..1, at least one.
    """
    linear = to_linear(np.asarray(colors, np.float64))
    response = next((each for each in RESPONSES if _reaches(each, linear)), RESPONSES[-1])
    redness, pigment, dye = _pigments(linear.mean(0), response)
    red, green, blue = np.exp(-np.sqrt(dye) * tint_factor(RADIAL_ROUGHNESS)).tolist()
    melanin = float(1 - np.exp(-pigment))
    return Shade(melanin, redness, (red, green, blue), _roughness(linear), RADIAL_ROUGHNESS, response)


def _reaches(response: Response, linear: np.ndarray) -> bool:
    """Whether hair whose every point [P, 3] is as near to its colour as it can be has nearly the right mean."""
    reached = response.reflectance(response.absorption(linear)).mean(0)
    return float(_differences(reached, linear.mean(0))) <= CLOSE


def _differences(linear: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Return the CIE76 differences [...] of linear colours [..., 3] from one [3]."""
    difference: np.ndarray = np.linalg.norm(rgb_to_lab(to_encoded(linear)) - rgb_to_lab(to_encoded(color)), axis=-1)
    return difference


def _pigments(color: np.ndarray, response: Response) -> tuple[float, float, np.ndarray]:
    """Return the redness and quantity of melanin that make a linear colour [3], and the absorption [3] of dye.

    Where no melanin makes the colour, there is as much of it as all channels bear, and dye does the rest.
    """
    units = (1 - REDNESSES[:, None]) * EUMELANIN + REDNESSES[:, None] * PHEOMELANIN
    undyed = _differences(response.reflectance(QUANTITIES[None, :, None] * units[:, None]), color)
    best = np.unravel_index(int(np.argmin(undyed)), undyed.shape)
    if undyed[best] <= CLOSE:
        return float(REDNESSES[best[0]]), float(QUANTITIES[best[1]]), np.zeros(3)
    absorption = response.absorption(color)
    most = (absorption / units).min(1)
    rests = absorption - most[:, None] * units
    row = int(np.argmin(rests.sum(1)))
    return float(REDNESSES[row]), float(most[row]), np.maximum(rests[row], 0)


def _roughness(linear: np.ndarray) -> float:
    """Return how rough hair [P, 3] is along its length by how far its highlights are from its middle."""
    middle, bright = np.percentile(to_encoded(linear).mean(1), (50, BRIGHT))
    return float(np.interp(bright - middle, HIGHLIGHTS, ROUGHNESSES))
