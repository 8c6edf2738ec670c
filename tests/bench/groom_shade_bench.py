"""What hair of Cycles sends back, by absorption and index of refraction, and how bright its highlights are.

Measures :data:`core.groom.shade.RESPONSES` and :data:`core.groom.shade.HIGHLIGHTS` again.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from core.colors import to_encoded
from core.groom.shade import BRIGHT, RADIAL_ROUGHNESS, RESPONSES, ROUGHNESSES, Response
from tests.bench.report import Measurement, print_table
from tests.helpers import hair_ball

SIZE, SAMPLES = 64, 48
ABSORPTIONS = np.array([0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.22, 0.3, 0.45, 0.6, 0.9, 1.3, 2.4, 100])
"""Three at a time, one a channel."""
DARK = (0.5, 2.0)
"""Absorptions of brown and black hair, whose highlights are measured."""


def main() -> None:
    """Measure and print."""
    scene = hair_ball.studio(SIZE, SAMPLES)
    scalp = hair_ball.scalp()
    hair = hair_ball.principled(hair_ball.ball(), {"Radial Roughness": RADIAL_ROUGHNESS}, "ABSORPTION")
    print_table("Hair in a white world", [row for known in RESPONSES for row in _response(scene, hair, scalp, known)])
    print_table("Hair in the sun", _highlights(scene, hair))


def _response(scene, hair, scalp, known: Response) -> list[Measurement]:
    """Measure what hair of an index of refraction sends back, and fit the law. The scalp has the colour of the hair."""
    ior = hair.inputs["IOR"].default_value = known.ior
    sent = []
    for three in ABSORPTIONS.reshape(-1, 3):
        hair.inputs["Absorption Coefficient"].default_value = three
        scalp.inputs["Color"].default_value = (*known.reflectance(three), 1)
        sent.extend(hair_ball.seen(scene).mean(0))
    ceiling, floor = sent[0], sent[-1]

    def wrong(law: np.ndarray) -> np.ndarray:
        return to_encoded(Response(ior, floor, ceiling, *law).reflectance(ABSORPTIONS)) - to_encoded(np.array(sent))

    law = least_squares(wrong, (12.0, 6.0)).x
    rows = {"floor": floor, "ceiling": ceiling, "steepness": law[0], "bend": law[1], "off": abs(wrong(law)).max()}
    return [Measurement(f"index {ior}: {name}", float(value), "") for name, value in rows.items()]


def _highlights(scene, hair) -> list[Measurement]:
    """Measure how much lighter highlights are than the middle, by roughness."""
    import bpy

    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.angle = 3.0, 0.3
    target = bpy.data.objects.new("Sun", sun)
    target.rotation_euler = np.radians((50, 0, 20))
    scene.collection.objects.link(target)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.4, 0.4, 0.4, 1)
    hair.inputs["IOR"].default_value = RESPONSES[0].ior
    rows = []
    for roughness in ROUGHNESSES:
        hair.inputs["Roughness"].default_value = roughness
        found = []
        for absorption in DARK:
            hair.inputs["Absorption Coefficient"].default_value = (absorption,) * 3
            middle, bright = np.percentile(to_encoded(hair_ball.seen(scene)).mean(1), (50, BRIGHT))
            found.append(bright - middle)
        rows.append(Measurement(f"roughness {roughness}: highlights over the middle", float(np.mean(found)), ""))
    return rows


if __name__ == "__main__":
    main()
