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
from scipy.spatial import cKDTree

from ..colors import LUMINANCE, rgb_to_lab, to_encoded, to_linear
from .curves import HairCurves

EUMELANIN = np.array([0.506, 0.841, 1.653])
PHEOMELANIN = np.array([0.343, 0.733, 1.924])
"""Absorption of red, green and blue by brown-black and by red pigment, per unit of either."""
TINT_ROUGHNESS = (0.245, 5.574, -10.73, 2.532, -0.215, 5.969)
"""Polynomial in the radial roughness, highest power first, by which Cycles turns tints into absorption."""
LEAST = 1e-4
"""The least that a tint or melanin lets through, as Cycles has it."""
DARKEST = 0.002
"""Of what can be sent back: less counts as this. More absorption shows at thin edges alone, and makes them garish."""
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
of refraction."""
UNDYED = 4.0
"""The same up to which it has no dye: the photo's light has a colour of its own."""
ASKED, AROUND, FEWEST = 4000, 24, 4
"""Points whose light is compared; the nearest that it is compared with; how many of them must be other guides'."""
BETWEEN_GUIDES = 1.3
"""Contrast of a photo's hair at 2 to 16 pixels over that between neighbouring guides: six heads have 1.2 to 1.6."""
MOST_STREAKS = 0.6
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
        share = np.clip((linear - self.floor) / (self.ceiling - self.floor), DARKEST, 1)
        depth = -np.log(share)
        bent = self.bend * depth
        return depth * (bent + np.sqrt(bent**2 + 4 * self.steepness**2)) / (2 * self.steepness**2)


RESPONSES = (
    Response(1.55, 0.0280, 0.558, 13.24, 8.44),
    Response(1.40, 0.0181, 0.511, 15.01, 9.65),
    Response(1.25, 0.0093, 0.446, 18.38, 12.26),
    Response(1.15, 0.0044, 0.391, 21.71, 14.30),
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
        streaks: Standard deviation of the light of wisps, over its mean: how much neighbours differ.
        response: What was assumed of the hair's surface; its ``ior`` is the parameter.
    """

    melanin: float
    redness: float
    tint: tuple[float, float, float]
    roughness: float
    radial_roughness: float
    streaks: float
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


def shade_of(guides: HairCurves) -> Shade:
    """Return the parameters with which hair has the mean colour and the streaks that the photo shows.

    Args:
        guides: Hair with the photo's colours; at least one.
    """
    linear = to_linear(guides.colors.astype(np.float64))
    misses = [_miss(response, linear) for response in RESPONSES]
    response = next((each for each, miss in zip(RESPONSES, misses, strict=True) if miss <= CLOSE), None)
    response = response or RESPONSES[int(np.argmin(misses))]
    redness, pigment, dye = _pigments(linear.mean(0), response)
    red, green, blue = np.exp(-np.sqrt(dye) * tint_factor(RADIAL_ROUGHNESS)).tolist()
    melanin = float(1 - np.exp(-pigment))
    streaks = _streaks(guides, linear @ LUMINANCE)
    return Shade(melanin, redness, (red, green, blue), _roughness(linear), RADIAL_ROUGHNESS, streaks, response)


def _miss(response: Response, linear: np.ndarray) -> float:
    """Return how far the mean of hair is off whose every point [P, 3] is as near to its colour as it can be."""
    reached = response.reflectance(response.absorption(linear)).mean(0)
    return float(_differences(reached, linear.mean(0)))


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
    if undyed[best] <= UNDYED:
        return float(REDNESSES[best[0]]), float(QUANTITIES[best[1]]), np.zeros(3)
    absorption = response.absorption(color)
    most = (absorption / units).min(1)
    rests = absorption - most[:, None] * units
    row = int(np.argmin(rests.sum(1)))
    return float(REDNESSES[row]), float(most[row]), np.maximum(rests[row], 0)


def _streaks(guides: HairCurves, light: np.ndarray) -> float:
    """Return how much points' light [P] differs from that of other guides around, over its mean."""
    some = np.unique(np.linspace(0, len(light) - 1, ASKED).astype(int))
    count = min(AROUND, len(light))
    _, near = cKDTree(guides.points).query(guides.points[some], k=range(1, count + 1))
    owners = guides.owners
    others = owners[near] != owners[some][:, None]
    enough = others.sum(1) >= FEWEST
    if not enough.any():
        return 0.0
    around = (light[near] * others).sum(1)[enough] / others.sum(1)[enough]
    spread = float((light[some][enough] - around).std() / max(light.mean(), LEAST))
    return min(BETWEEN_GUIDES * spread, MOST_STREAKS)


def _roughness(linear: np.ndarray) -> float:
    """Return how rough hair [P, 3] is along its length by how far its highlights are from its middle."""
    middle, bright = np.percentile(to_encoded(linear).mean(1), (50, BRIGHT))
    return float(np.interp(bright - middle, HIGHLIGHTS, ROUGHNESSES))
